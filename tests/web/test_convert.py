"""Folders and archives from the browser to cubes of the library."""

import io
import zipfile

import httpx
import pytest

import dicube
from dicube.web.uploads import UploadLimits
from tests.series import requires_data, series_folder
from tests.web.conftest import made_image
from tests.web.page_server import job_in_state, running, send_files


def files_of(folder, prefix=""):
    return {
        f"{prefix}{path.relative_to(folder)}": path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def zip_of(files):
    memory = io.BytesIO()
    with zipfile.ZipFile(memory, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return memory.getvalue()


@pytest.fixture
def folder(tmp_path):
    return made_image().to_dicom_folder(tmp_path / "series")[0].parent


@pytest.mark.parametrize("kind", ["folder", "zip"])
def test_an_upload_becomes_a_cube_that_gives_the_files_back(
    client, library, folder, tmp_path, kind
):
    files = files_of(folder, "My series/")
    sent = {"all.zip": zip_of(files)} if kind == "zip" else files
    job = job_in_state(client, send_files(client, sent), "done", "failed")
    assert job["state"] == "done", job
    (result,) = [result for item in job["items"] for result in item["results"]]
    download = client.get(f"/api/library/{result['key']}/file")  # before any refresh
    if download.status_code == 404:
        client.get("/api/library")
        download = client.get(f"/api/library/{result['key']}/file")
    (tmp_path / "copy.dcbs").write_bytes(download.content)
    back = dicube.load(tmp_path / "copy.dcbs").to_dicom_folder(tmp_path / "back")
    assert {path.name: path.read_bytes() for path in back} == files_of(folder)
    # And as a zip, straight from the page.
    archive = client.get(f"/api/library/{result['key']}/dicom").content
    with zipfile.ZipFile(io.BytesIO(archive)) as opened:
        found = {name.rpartition("/")[2]: opened.read(name) for name in opened.namelist()}
    assert found == files_of(folder)


def test_a_second_upload_replaces_nothing(client, library, folder):
    for _ in range(2):
        job_in_state(client, send_files(client, files_of(folder)), "done")
    paths = [path.read_bytes() for path in (library / "uploads").iterdir()]
    assert len(paths) == 2
    assert dicube.load(next((library / "uploads").iterdir())).dicom_meta is not None


def test_what_is_no_image_is_named(client, folder):
    files = files_of(folder) | {"notes.txt": b"hello", "empty.dcm": b""}
    job = job_in_state(client, send_files(client, files), "done", "failed")
    assert job["state"] == "done"
    named = " ".join(job["items"][0]["findings"])
    assert "notes.txt" in named
    assert "empty.dcm" in named


def test_an_upload_without_images_fails_with_the_reason(client):
    job = job_in_state(client, send_files(client, {"a.txt": b"hello"}), "failed")
    assert "no DICOM images" in job["items"][0]["error"]


def test_files_of_an_upload_go_when_its_job_is_taken_off_the_list(client, library, folder):
    job = send_files(client, files_of(folder))
    job_in_state(client, job, "done")
    staging = library / ".dicube" / "uploads"
    assert len(list(staging.iterdir())) == 1
    client.delete(f"/api/jobs/{job}").raise_for_status()
    assert list(staging.iterdir()) == []
    assert len(list((library / "uploads").iterdir())) == 1


@requires_data
@pytest.mark.parametrize("name", ["mr_multiecho_mag", "broken_mixed_series", "broken_junk"])
def test_real_folders_become_one_cube_for_each_volume_set(client, library, name):
    search = dicube.find_series(series_folder(name))
    job = job_in_state(client, send_files(client, files_of(series_folder(name))), "done", "failed")
    assert job["state"] == "done", job
    results = [result for item in job["items"] for result in item["results"]]
    assert len(results) == len(search)


def test_an_upload_that_is_never_completed_is_gone_after_a_restart(library, folder):
    staging = library / ".dicube" / "uploads"
    with running(library) as address, httpx.Client(base_url=address) as client:
        client.post("/api/uploads", json={"files": 1, "bytes": 3}).raise_for_status()
        assert len(list(staging.iterdir())) == 1
    with running(library):
        assert list(staging.iterdir()) == []


def test_an_upload_can_be_abandoned(client, library):
    upload = client.post("/api/uploads", json={"files": 1, "bytes": 3}).json()["upload"]
    client.delete(f"/api/uploads/{upload}").raise_for_status()
    assert list((library / ".dicube" / "uploads").iterdir()) == []
    assert client.delete(f"/api/uploads/{upload}").status_code == 400


def test_limits_hold_for_what_is_announced_and_for_what_comes(library):
    limits = UploadLimits(most_bytes=1000, most_files=2)
    with running(library, limits=limits) as address, httpx.Client(base_url=address) as client:
        assert client.post("/api/uploads", json={"files": 3, "bytes": 1}).status_code == 400
        assert client.post("/api/uploads", json={"files": 1, "bytes": 1001}).status_code == 400
        upload = client.post("/api/uploads", json={"files": 1, "bytes": 10}).json()["upload"]

        def put(name, content):
            headers = {"X-File-Name": name}
            return client.put(f"/api/uploads/{upload}/files", content=content, headers=headers)

        def in_pieces():
            for _ in range(20):
                yield bytes(100)

        assert put("long", bytes(1001)).status_code == 413
        assert put("long", in_pieces()).status_code in (400, 413)
        assert put("one", bytes(600)).status_code == 201
        assert put("one", b"again").status_code == 400
        assert put("two", bytes(600)).status_code == 400
        assert put("two", bytes(400)).status_code == 201
        assert put("three", b"").status_code == 400
        files = [path for path in (library / ".dicube" / "uploads").rglob("*") if path.is_file()]
        assert sorted(path.stat().st_size for path in files) == [400, 600]
