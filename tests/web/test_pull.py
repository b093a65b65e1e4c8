"""Pulling from the page: other formats, actions while it runs, and servers that are not there."""

import io
import zipfile

import httpx
import pydicom
import pytest

pytest.importorskip("pynetdicom", reason='pulling needs the extra "pacs"')

from dicube.pacs import PacsServer
from dicube.web.demo import demo_server
from tests.web.page_server import job_in_state, running


@pytest.fixture(scope="module")
def client(tmp_path_factory):
    library = tmp_path_factory.mktemp("pulls")
    with demo_server() as server:
        # Nobody listens on port 1 of this machine.
        servers = {"demo": server, "gone": PacsServer("gone", "127.0.0.1", 1, "GONE", timeout_s=2)}
        with running(library, servers) as address, httpx.Client(base_url=address) as found:
            found.timeout = 60
            yield found


def series_called(client, name):
    asked = {"level": "series", "patient_name": "Demo*"}
    matches = client.post("/api/servers/demo/search", json=asked).raise_for_status().json()
    (found,) = [s for s in matches["matches"] if s["series_description"] == name]
    return {key: value for key, value in found.items() if isinstance(value, (str, int))}


def start(client, series, file_format="dcbs", **options):
    body = {"server": "demo", "format": file_format, "series": [series], **options}
    return client.post("/api/jobs", json=body).raise_for_status().json()["id"]


def downloads(client, job):
    for item in job["items"]:
        for number, result in enumerate(item["results"]):
            path = f"/api/jobs/{job['id']}/items/{item['id']}/results/{number}"
            yield result["name"], client.get(path).raise_for_status().content


def test_files_are_as_the_server_has_them(client):
    series = series_called(client, "Chest 10 mm")
    job = job_in_state(client, start(client, series, "dicom"), "done", "failed")
    assert job["state"] == "done", job
    ((_, content),) = downloads(client, job)
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        found = [pydicom.dcmread(io.BytesIO(archive.read(name))) for name in archive.namelist()]
    assert len({data_set.SOPInstanceUID for data_set in found}) == 24
    assert {data_set.SeriesInstanceUID for data_set in found} == {series["series_uid"]}


def test_a_format_is_what_was_asked_for(client):
    pytest.importorskip("nibabel")
    job = job_in_state(
        client, start(client, series_called(client, "Chest 10 mm"), "nifti"), "done", "failed"
    )
    assert job["state"] == "done", job
    assert [name.endswith((".nii", ".nii.gz")) for name, _ in downloads(client, job)] == [True]


def test_series_come_without_names_on_request(client):
    jobs = [
        job_in_state(
            client,
            start(client, series_called(client, name), "dicom", deidentify=True),
            "done",
            "failed",
        )
        for name in ("Chest 10 mm", "Chest 2.5 mm")
    ]
    patients = set()
    for job in jobs:
        assert job["state"] == "done", job
        files = dict(downloads(client, job))
        (folder,) = [name for name in files if not name.endswith(".json")]
        with zipfile.ZipFile(io.BytesIO(files[folder])) as archive:
            first = pydicom.dcmread(io.BytesIO(archive.read(archive.namelist()[0])))
        assert b"DEMO-1" not in files[folder]
        assert first.PatientIdentityRemoved == "YES"
        patients.add((first.PatientID, first.StudyInstanceUID))
    assert len(patients) == 1


def test_a_pull_is_cancelled_and_retried(client):
    job = start(client, series_called(client, "T1 sagittal"))
    client.post(f"/api/jobs/{job}", json={"action": "cancel"}).raise_for_status()
    assert job_in_state(client, job, "cancelled", "done")["state"] == "cancelled"
    client.post(f"/api/jobs/{job}", json={"action": "retry"}).raise_for_status()
    done = job_in_state(client, job, "done", "failed")
    assert done["state"] == "done", done
    client.delete(f"/api/jobs/{job}").raise_for_status()
    assert client.get(f"/api/jobs/{job}").status_code == 404
    cubes = client.get("/api/library").json()["cubes"]
    assert [cube["instances"] for cube in cubes if cube["modality"] == "MR"] == [128]


def test_a_server_that_is_not_there_is_explained(client):
    answer = client.post("/api/servers/gone/echo", json={})
    assert answer.status_code == 502
    assert answer.json()["error"]
    assert client.post("/api/servers/demo/echo", json={}).json() == {"ok": True}
    answer = client.post("/api/servers/gone/search", json={"level": "study"})
    assert answer.status_code == 502


def test_a_date_that_is_none_is_explained(client):
    answer = client.post(
        "/api/servers/demo/search", json={"level": "study", "study_date": "Secretname"}
    )
    assert answer.status_code in (400, 502)
    assert "Secretname" not in answer.text


def test_servers_are_told_by_name_alone(client):
    assert client.get("/api/servers").json() == {"servers": ["demo", "gone"]}
