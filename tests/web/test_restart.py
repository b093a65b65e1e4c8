"""Jobs survive the server: killed while they run, they are done after the next start."""

import json

import httpx
import pytest

pytest.importorskip("pynetdicom", reason='pulling needs the extra "pacs"')

from dicube import load
from dicube.web.demo import demo_server
from tests.web.conftest import made_image
from tests.web.page_server import eventually, job_in_state, process, running, send_files

CONFIG = """
[servers.demo]
host = "127.0.0.1"
port = {port}
called_aet = "{aet}"
"""


@pytest.fixture(scope="module")
def archive():
    with demo_server() as server:
        yield server


@pytest.fixture
def config(archive, tmp_path):
    path = tmp_path / "servers.toml"
    path.write_text(CONFIG.format(port=archive.port, aet=archive.called_aet))
    return path


def all_series(client):
    found = client.post("/api/servers/demo/search", json={"level": "series"}).json()["matches"]
    return [
        {name: value for name, value in series.items() if isinstance(value, (str, int))}
        for series in found
    ]


def test_a_pull_that_is_killed_goes_on_after_the_next_start(config, tmp_path):
    library = tmp_path / "cubes"
    arguments = (str(library), "--config", str(config))
    with (
        process(*arguments, log=tmp_path / "first") as (started, address),
        httpx.Client(base_url=address, timeout=60) as client,
    ):
        series = all_series(client)
        assert len(series) == 4
        body = {"server": "demo", "series": series}
        job = client.post("/api/jobs", json=body).raise_for_status().json()["id"]
        # Once something has arrived, and before everything has.
        eventually(lambda: any(item["done"] for item in items_of(client, job)))
        started.kill()
        started.wait(30)
    with (
        process(*arguments, log=tmp_path / "second") as (_, address),
        httpx.Client(base_url=address, timeout=60) as client,
    ):
        done = job_in_state(client, job, "done", "failed")
        assert done["state"] == "done", done
        cubes = client.get("/api/library").json()["cubes"]
        assert sorted(cube["instances"] for cube in cubes) == [24, 96, 120, 128]
        keys = {cube["key"] for cube in cubes}
        results = {result["key"] for item in done["items"] for result in item["results"]}
        assert results == keys
    assert sorted(len(load(path).dicom_meta) > 0 for path in library.rglob("*.dcbs")) == [True] * 4


def items_of(client, job):
    return client.get(f"/api/jobs/{job}").json()["items"]


def test_a_conversion_that_is_killed_goes_on_after_the_next_start(tmp_path):
    library = tmp_path / "cubes"
    library.mkdir()
    files = made_image((60, 256, 256)).to_dicom_folder(tmp_path / "series")
    with (
        process(str(library), log=tmp_path / "first") as (started, address),
        httpx.Client(base_url=address, timeout=60) as client,
    ):
        job = send_files(client, {path.name: path.read_bytes() for path in files})
        eventually(lambda: len(items_of(client, job)) == 2)
        started.kill()
        started.wait(30)
    with (
        process(str(library), log=tmp_path / "second") as (_, address),
        httpx.Client(base_url=address, timeout=60) as client,
    ):
        assert job_in_state(client, job, "done", "failed")["state"] == "done"
    paths = list(library.rglob("*.dcbs"))
    assert len(paths) == 1
    assert not list((library / ".dicube" / "scratch").iterdir())
    assert load(paths[0]).shape == (60, 256, 256)


def test_a_job_that_is_paused_stays_so_and_can_be_resumed(archive, tmp_path):
    servers = {"demo": archive}
    (tmp_path / "cubes").mkdir()
    with (
        running(tmp_path / "cubes", servers) as address,
        httpx.Client(base_url=address, timeout=60) as client,
    ):
        body = {"server": "demo", "series": all_series(client)}
        job = client.post("/api/jobs", json=body).json()["id"]
        client.post(f"/api/jobs/{job}", json={"action": "pause"}).raise_for_status()
    with (
        running(tmp_path / "cubes", servers) as address,
        httpx.Client(base_url=address, timeout=60) as client,
    ):
        assert client.get(f"/api/jobs/{job}").json()["state"] == "paused"
        client.post(f"/api/jobs/{job}", json={"action": "resume"}).raise_for_status()
        assert job_in_state(client, job, "done", "failed")["state"] == "done"


def test_pages_are_told_as_jobs_change(archive, tmp_path):
    with (
        running(tmp_path, {"demo": archive}) as address,
        httpx.Client(base_url=address, timeout=60) as client,
        client.stream("GET", "/api/jobs/events") as stream,
    ):
        lines = stream.iter_lines()
        assert next(lines).startswith("retry:")
        body = {"server": "demo", "series": all_series(client)[:1]}
        job = client.post("/api/jobs", json=body).json()["id"]
        seen = []
        for line in lines:
            if line.startswith("data: "):
                told = json.loads(line.removeprefix("data: "))
                assert told["id"] == job
                seen.append(told["state"])
                if told["state"] in ("done", "failed"):
                    break
        assert seen[-1] == "done"
        assert "running" in seen
