"""Servers that give files, on free ports of this machine: HTTP, and the interface of S3."""

import contextlib
import math
import os
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest


@contextlib.contextmanager
def serving(handler: type) -> Iterator[str]:
    """The URL of a server on a free port of this machine, while the block runs."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def plain_handler(folder: Path) -> type[SimpleHTTPRequestHandler]:
    """Lists folders as pages, and gives whole files: it ignores ranges."""

    class Handler(SimpleHTTPRequestHandler):
        def __init__(self, *arguments: object) -> None:
            super().__init__(*arguments, directory=str(folder))  # type: ignore[arg-type]

        def log_message(self, *arguments: object) -> None:
            """Say nothing."""

    return Handler


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def s3_server() -> Iterator[str]:
    """A server with the interface of S3, from moto; skipped where that is not installed."""
    pytest.importorskip("moto", reason="needs moto[server]: pip install 'dicube[s3-tests]'")
    pytest.importorskip("s3fs", reason="needs s3fs: pip install 'dicube[s3-tests]'")
    port = _free_port()
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    environment = {**os.environ, "AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "x"}
    server = subprocess.Popen(
        command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    endpoint = f"http://127.0.0.1:{port}"
    try:
        for _ in range(200):
            with contextlib.suppress(OSError):
                urllib.request.urlopen(endpoint, timeout=5).close()
                break
            time.sleep(0.1)
        else:
            pytest.fail("the server did not start")
        yield endpoint
    finally:
        server.terminate()
        server.wait(20)


def use_s3(endpoint: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make s3:// mean this server."""
    fsspec = pytest.importorskip("fsspec", reason='needs the extra "remote"')
    fsspec.get_filesystem_class("s3").clear_instance_cache()  # of the server before
    for name, value in (
        ("AWS_ACCESS_KEY_ID", "x"),
        ("AWS_SECRET_ACCESS_KEY", "x"),
        ("AWS_ENDPOINT_URL", endpoint),
        ("AWS_DEFAULT_REGION", "us-east-1"),
    ):
        monkeypatch.setenv(name, value)


class Network:
    """The way to a server, which can be cut, at once or in the middle of what goes over it.

    Attributes
    ----------
    url : str
        Of the server, by this way.
    """

    def __init__(self, url: str) -> None:
        self._target = ("127.0.0.1", int(url.rpartition(":")[2]))
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listening.getsockname()[1]}"
        self._left_bytes = math.inf
        self._lock = threading.Lock()
        threading.Thread(target=self._accept, daemon=True).start()

    def cut_after(self, count: int) -> None:
        """Break all connections when so many bytes went over them, in both directions."""
        self._left_bytes = count

    def mend(self) -> None:
        """Let everything through again."""
        self._left_bytes = math.inf

    @property
    def is_cut(self) -> bool:
        return self._left_bytes <= 0

    def close(self) -> None:
        self._left_bytes = 0
        self._listening.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):  # closed
            while True:
                ours, _ = self._listening.accept()
                if self.is_cut:
                    ours.close()
                    continue
                theirs = socket.create_connection(self._target)
                for ends in ((ours, theirs), (theirs, ours)):
                    threading.Thread(target=self._forward, args=ends, daemon=True).start()

    def _forward(self, source: socket.socket, target: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(1 << 14):
                with self._lock:
                    self._left_bytes -= len(data)
                if self.is_cut:
                    break
                target.sendall(data)
        for end in (source, target):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)


@contextlib.contextmanager
def network_to(url: str) -> Iterator[Network]:
    """A way to a server that is there while the block runs."""
    network = Network(url)
    try:
        yield network
    finally:
        network.close()
