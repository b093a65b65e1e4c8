"""The web page as it runs: on a free port of this machine, in a thread or in a process."""

import contextlib
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

pytest.importorskip("fastapi", reason='the web page needs the extra "web"')

from fastapi import FastAPI

from dicube.pacs import PacsServer
from dicube.web.app import create_app
from dicube.web.security import SecuritySettings
from dicube.web.server import listening_socket, web_server
from dicube.web.settings import settings_for
from dicube.web.uploads import UploadLimits

_MAIN = "from dicube.cli import main; main()"


@contextlib.contextmanager
def running(
    library: Path,
    servers: dict[str, PacsServer] | None = None,
    limits: UploadLimits | None = None,
    token: str | None = None,
) -> Iterator[str]:
    """The address of the page; the server stops with the block."""
    security = SecuritySettings("127.0.0.1", 0, token=token)
    app = create_app(settings_for(library, security, servers=servers, limits=limits))
    with serving(app) as address:
        yield address


@contextlib.contextmanager
def serving(app: FastAPI) -> Iterator[str]:
    """The address of an application that `create_app` made."""
    security = app.state.services.settings.security
    server = web_server(app, security)
    server.config.timeout_graceful_shutdown = 2
    app.state.services.events.is_stopping = lambda: server.should_exit
    with listening_socket(security) as listening:
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join(30)
            assert not thread.is_alive(), "the server does not stop"


@contextlib.contextmanager
def process(*arguments: str, log: Path) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """`dicube web` in a process of its own, and its address; killed at the end if it still runs."""
    with open(log, "wb") as output:
        started = subprocess.Popen(
            [sys.executable, "-c", _MAIN, "web", "--port", "0", *arguments],
            stdout=output,
            stderr=subprocess.STDOUT,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )
    try:
        yield started, address_in(log, started)
    finally:
        started.kill()
        started.wait(30)


def address_in(log: Path, started: subprocess.Popen[bytes]) -> str:
    found = eventually(
        lambda: re.search(r"http://\S+", log.read_text()) or started.poll() is not None
    )
    assert started.poll() is None, log.read_text()
    return found.group().rstrip("/")


def eventually(check, within_s: float = 60.0):
    """What `check` returns once it is true; it is asked again and again."""
    end = time.monotonic() + within_s
    while not (found := check()):
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.02)
    return found


def job_in_state(client: httpx.Client, job: str, *states: str) -> dict:
    """A job once it is in one of these states."""

    def check():
        found = client.get(f"/api/jobs/{job}").raise_for_status().json()
        return found if found["state"] in states else None

    return eventually(check)


def send_files(client: httpx.Client, files: dict[str, bytes]) -> str:
    """Upload files by their relative path; the id of the job."""
    from urllib.parse import quote

    size = sum(map(len, files.values()))
    begun = client.post("/api/uploads", json={"files": len(files), "bytes": size})
    upload = begun.raise_for_status().json()["upload"]
    for name, content in files.items():
        client.put(
            f"/api/uploads/{upload}/files",
            content=content,
            headers={"X-File-Name": quote(name, safe="")},
        ).raise_for_status()
    done = client.post(f"/api/uploads/{upload}/complete", json={"title": "test"})
    return done.raise_for_status().json()["id"]
