"""Requests that nobody honest sends, and what must never be told."""

import http.client
import logging
import os
import shutil
from contextlib import closing
from pathlib import Path

import pytest

from dicube.library import CubeLibrary
from dicube.storage.dcb_file import DcbFile
from dicube.web.dicomweb import dicomweb_app
from dicube.web.security import SecuritySettings
from tests.library.made import SERIES, write_cube
from tests.web.dicomweb.conftest import Served
from tests.web.servers import HTTP, running

STUDY = "studies/1.2.3.1"
SERIES_PATH = f"{STUDY}/series/1.2.3.9.1"
INSTANCE = f"{SERIES_PATH}/instances/1.2.3.9.1.1"


@pytest.mark.parametrize(
    "path",
    ["studies/1.2.3.4", "studies/..", "studies/%2e%2e%2f%2e%2e%2fetc%2fpasswd", "studies/%00",
     "studies/../../../../etc/passwd", "studies/1.2.3.2/series/1.2.3.9.1",
     f"{SERIES_PATH}/instances/1.2.3.9.2.1", f"{SERIES_PATH}/instances/..",
     f"{INSTANCE}/frames/2", f"{INSTANCE}/frames/0", f"{INSTANCE}/frames/1,99999999",
     f"{INSTANCE}/bulkdata/..", f"{INSTANCE}/bulkdata/../../etc/passwd", f"{INSTANCE}/bulkdata/",
     f"{INSTANCE}/bulkdata/00100010/0/00100010", f"{INSTANCE}/bulkdata/00082218/9/00080100",
     f"{INSTANCE}/bulkdata/00082218/-1/00080100", f"{INSTANCE}/bulkdata/00082218/0",
     f"{INSTANCE}/bulkdata/00082218", f"{INSTANCE}/bulkdata/" + "00082218/0/" * 100,
     "ct.dcbs", ".source/ct/0.dcm", "%2e%2e/ct.dcbs"],
)  # fmt: skip
def test_names_that_lead_nowhere_are_not_found(served: Served, path: str):
    host, _, port = served.address.removeprefix("http://").partition(":")
    connection = http.client.HTTPConnection(host, int(port))  # sends the path as it is
    with closing(connection):
        connection.request("GET", f"/dicomweb/{path}")
        answer = connection.getresponse()
        text = answer.read().decode()
    assert answer.status == 404
    assert "root:" not in text
    assert str(served.folder) not in text


@pytest.mark.parametrize(
    "frames", ["x", "1,", "-1", "1;2", "1,,2", "٣", "9" * 40, "0x1", "1-3", "%201"]
)
def test_frames_that_are_no_numbers_are_refused(served: Served, frames: str):
    answer = HTTP.get(f"{served.url}/{INSTANCE}/frames/{frames}")
    assert answer.status_code == 400
    assert answer.text == "Frames are numbers from 1, with commas between them.\n"


@pytest.mark.parametrize(
    "accept",
    ['multipart/related; type="', "a" * 5000, ",;,;=" * 500, "*/*; q=nan, x", 'x;"' * 1000,
     "multipart/related;" + "type=a;" * 900],
)  # fmt: skip
def test_accept_fields_of_nonsense_are_answered(served: Served, accept: str):
    answer = HTTP.get(f"{served.url}/{INSTANCE}/frames/1", headers={"Accept": accept}, timeout=5)
    assert answer.status_code in (200, 406)


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
@pytest.mark.parametrize("path", ["studies", STUDY, INSTANCE, f"{INSTANCE}/frames/1"])
def test_nothing_is_stored_or_deleted(served: Served, method: str, path: str):
    before = sorted(served.folder.rglob("*"))
    assert HTTP.request(method, f"{served.url}/{path}", content=b"x").status_code == 405
    assert sorted(served.folder.rglob("*")) == before


def test_an_address_that_is_too_long_is_refused(served: Served):
    assert HTTP.get(f"{served.url}/studies?PatientID={'x' * 9000}").status_code == 414


def test_a_body_that_is_too_long_is_refused(served: Served):
    answer = HTTP.post(f"{served.url}/studies", content=b"x" * (2 << 20))
    assert answer.status_code == 413


def test_a_page_of_another_site_reads_nothing(served: Served):
    headers = {"Origin": "https://evil.example"}
    for method, path in (("GET", "studies"), ("OPTIONS", "studies"), ("POST", "studies")):
        answer = HTTP.request(method, f"{served.url}/{path}", headers=headers)
        assert answer.status_code == 403
        assert "access-control-allow-origin" not in answer.headers
        assert "Doe" not in answer.text


def test_a_name_that_was_pointed_here_reads_nothing(served: Served):
    answer = HTTP.get(f"{served.url}/studies", headers={"Host": "evil.example"})
    assert answer.status_code == 421


def test_nothing_is_given_without_the_token(served: Served):
    settings = SecuritySettings("127.0.0.1", 0, token="0123456789abcdef")
    with running(dicomweb_app(served.library, settings), settings) as address:
        url = f"{address}/dicomweb/studies"
        assert HTTP.get(url).status_code == 401
        assert HTTP.get(url, headers={"Authorization": "Bearer wrong"}).status_code == 401
        assert HTTP.get(f"{url}?token=0123456789abcdef").status_code == 401
        given = HTTP.get(url, headers={"Authorization": f"Bearer {settings.token}"})
        assert given.status_code == 200
        assert given.json()


@pytest.fixture
def lone(tmp_path: Path) -> Path:
    """A library of one cube, free to be damaged."""
    path = write_cube(SERIES[0], tmp_path)
    shutil.rmtree(tmp_path / ".source")
    return path


def damage_frames(path: Path) -> None:
    """Overwrite the frames of a cube in place, behind the back of whoever has it open."""
    with DcbFile(path) as file:
        frames = [extent for name, extent in file.extents() if name.startswith("frame ")]
    about = path.stat()
    with path.open("rb+") as writable:
        for extent in frames:
            writable.seek(extent.offset + extent.length // 2)
            writable.write(b"damaged")
    os.utime(path, ns=(about.st_atime_ns, about.st_mtime_ns))


def test_no_patient_data_are_logged(lone: Path, caplog: pytest.LogCaptureFixture, capfd):
    """Neither of requests, nor of a file that turns out to be damaged."""
    caplog.set_level(logging.DEBUG)
    settings = SecuritySettings("127.0.0.1", 0)
    with running(dicomweb_app(CubeLibrary(lone.parent), settings), settings) as address:
        base = f"{address}/dicomweb"
        HTTP.get(f"{base}/studies?PatientName=Doe*&PatientID=P1")
        HTTP.get(f"{base}/studies?Doe^Jane=P1")
        HTTP.get(f"{base}/{SERIES_PATH}/metadata")
        damage_frames(lone)
        answer = HTTP.get(f"{base}/{SERIES_PATH}")
        assert (answer.status_code, answer.text) == (500, "frame 0 fails its checksum\n")
    written = capfd.readouterr()
    ours = [r.getMessage() for r in caplog.records if not r.name.startswith(("httpx", "httpcore"))]
    assert any("fails its checksum" in message for message in ours)
    for text in (*ours, written.out, written.err):
        for secret in ("Doe", "Jane", "P1", "1.2.3.9.1.1"):
            assert secret not in text


def test_an_unexpected_error_is_logged_without_its_text(capfd):
    """A bug, for once: what it quotes may be a patient's."""
    from starlette.applications import Starlette
    from starlette.routing import Route

    def broken(request: object) -> None:
        raise RuntimeError("Doe^Jane")

    settings = SecuritySettings("127.0.0.1", 0)
    with running(Starlette(routes=[Route("/", broken)]), settings) as address:
        assert HTTP.get(address).status_code == 500
    written = capfd.readouterr()
    assert "Doe" not in written.err + written.out
    assert "RuntimeError" in written.err
    assert "test_hostile.py" in written.err


def test_a_link_that_leads_out_of_the_folder_is_no_part_of_the_library(lone: Path, tmp_path: Path):
    inside = tmp_path / "library"
    inside.mkdir()
    (inside / "out.dcbs").symlink_to(lone)
    settings = SecuritySettings("127.0.0.1", 0)
    with running(dicomweb_app(CubeLibrary(inside), settings), settings) as address:
        assert HTTP.get(f"{address}/dicomweb/studies").json() == []
