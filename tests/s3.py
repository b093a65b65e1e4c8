"""A server with the interface of S3, from moto."""

import contextlib
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator

import pytest


@contextlib.contextmanager
def s3_server() -> Iterator[str]:
    """Its URL, while the block runs; skips where moto is not installed."""
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


def use_s3(monkeypatch: pytest.MonkeyPatch, endpoint: str) -> None:
    """Let s3:// be this server."""
    import s3fs

    s3fs.S3FileSystem.clear_instance_cache()  # which knows the server of another test
    for name, value in (
        ("AWS_ACCESS_KEY_ID", "x"),
        ("AWS_SECRET_ACCESS_KEY", "x"),
        ("AWS_ENDPOINT_URL", endpoint),
        ("AWS_DEFAULT_REGION", "us-east-1"),
    ):
        monkeypatch.setenv(name, value)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
