"""A real server on a free port of this machine, in a thread of the test."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
from starlette.applications import Starlette

from dicube.web.security import SecuritySettings
from dicube.web.server import listening_socket, web_server

# One for all tests: each new client loads the certificates of the system, for 50 ms.
HTTP = httpx.Client(timeout=60)


@contextmanager
def running(app: Starlette, settings: SecuritySettings) -> Iterator[str]:
    """The address of an application that is served while the block runs."""
    with listening_socket(settings) as listening:
        server = web_server(app, settings)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
        thread.start()  # the socket listens already, so nobody has to wait
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join(timeout=30)
            assert not thread.is_alive()
