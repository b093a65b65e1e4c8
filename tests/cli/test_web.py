"""`dicube web` as a program of its own: what its options change."""

import shlex
import sys
from pathlib import Path

import httpx
import pytest

pytest.importorskip("fastapi", reason='the web page needs the extra "web"')

from tests.web.page_server import eventually, process


def test_a_name_that_is_allowed_is_answered_and_others_are_not(tmp_path: Path) -> None:
    names = ("--allow-host", "cubes.example", "--allow-host", "archive.example")
    with process(str(tmp_path), *names, log=tmp_path / "log") as (_, address):
        status = {
            name: httpx.get(f"{address}/api/library", headers={"Host": name}).status_code
            for name in ("cubes.example", "archive.example", "other.example")
        }
    assert status == {"cubes.example": 200, "archive.example": 200, "other.example": 421}


def test_an_upload_has_no_more_megabytes_than_allowed(tmp_path: Path) -> None:
    with (
        process(str(tmp_path), "--max-upload", "2", log=tmp_path / "log") as (_, address),
        httpx.Client(base_url=address) as client,
    ):
        too_much = client.post("/api/uploads", json={"files": 1, "bytes": 2_000_001})
        assert too_much.is_client_error
        assert "at most 2000000" in too_much.text
        begun = client.post("/api/uploads", json={"files": 2, "bytes": 2_000_000})
        upload = f"/api/uploads/{begun.raise_for_status().json()['upload']}/files"
        client.put(
            upload, content=bytes(2_000_000), headers={"X-File-Name": "a"}
        ).raise_for_status()
        # One that sends more than it said is stopped, too.
        assert client.put(upload, content=b"1", headers={"X-File-Name": "b"}).is_client_error


def test_the_browser_is_opened_at_the_address_that_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = tmp_path / "opened"
    browser = tmp_path / "browser.py"
    browser.write_text(
        "import sys, urllib.request\n"
        "page = urllib.request.urlopen(sys.argv[1])\n"
        f"open({str(opened)!r}, 'w').write(f'{{page.status}} {{sys.argv[1]}}\\n')\n"
    )
    command = [sys.executable, str(browser)]
    monkeypatch.setenv("BROWSER", f"{shlex.join(command)} %s")
    with process(str(tmp_path / "cubes"), "--open", log=tmp_path / "log") as (_, address):
        assert eventually(lambda: opened.exists() and opened.read_text()) == f"200 {address}/\n"
