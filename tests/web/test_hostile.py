"""Requests of other sites, of strangers and of bad intent; and what ends up in logs."""

import io
import zipfile

import httpx
import pytest

from dicube.web.app import create_app
from dicube.web.security import SecuritySettings
from dicube.web.settings import settings_for
from tests.web.conftest import made_image
from tests.web.page_server import job_in_state, process, running, send_files, serving

EVIL_NAME = "<script>alert(1)</script><b>^\"'"
TOKEN = "a token of enough length"


def test_a_page_of_another_site_can_change_nothing(shared_client, shared_library):
    before = shared_client.get("/api/jobs").json()
    for headers in (
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
    ):
        for method, path in (
            ("POST", "/api/uploads"),
            ("POST", "/api/jobs"),
            ("PUT", "/api/uploads/x/files"),
            ("DELETE", "/api/jobs/x"),
            ("POST", "/api/servers/x/search"),
        ):
            answer = shared_client.request(
                method, path, json={"files": 1, "bytes": 1}, headers=headers
            )
            assert answer.status_code == 403, (method, path, headers)
    assert shared_client.get("/api/jobs").json() == before


def test_a_form_of_another_site_is_no_json(shared_client):
    """What a form can send without asking first: the body is no JSON, whatever it looks like."""
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data"):
        answer = shared_client.post(
            "/api/uploads", content=b'{"files": 1, "bytes": 1}', headers={"Content-Type": kind}
        )
        assert answer.status_code == 422, kind


def test_a_name_pointed_at_this_machine_is_refused(shared_client):
    assert shared_client.get("/api/library", headers={"Host": "evil.example"}).status_code == 421


@pytest.mark.parametrize(
    "path",
    [
        "/static/../app.py",
        "/static/%2e%2e/app.py",
        "/static/..%2fapp.py",
        "/static/viewer/../../app.py",
        "/static//etc/passwd",
        "/view/..%2f..%2fetc%2fpasswd",
        "/api/library/..%2f..%2fetc%2fpasswd/file",
        "/api/library/%2e%2e/file",
        "/api/cubes/..%2fct.dcbs/values?volume=0&axis=0&first=0&count=1",
        "/api/jobs/..%2f..%2fjobs.sqlite/items/1/results/0",
        "/api/templates/..%2f..%2fjobs",
        "/.dicube/jobs.sqlite",
    ],
)
def test_shared_addresses_lead_to_nothing_outside(shared_address, path):
    # httpx tidies shared_addresses up; the server has to see them as they are.
    import http.client

    host = shared_address.removeprefix("http://")
    connection = http.client.HTTPConnection(host, timeout=30)
    connection.request("GET", path)
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    assert answer.status in (400, 404, 405, 422)
    assert b"root:" not in body
    assert b"SQLite" not in body
    assert b"import" not in body


def test_a_result_that_points_out_of_the_library_is_not_given(library, tmp_path):
    """Even if the database said so."""
    from dicube.web.jobs.states import NewItem, State

    (tmp_path / "secret").write_text("secret")
    (library / "link").symlink_to(tmp_path / "secret")
    app = create_app(settings_for(library, SecuritySettings("127.0.0.1", 0)))
    store = app.state.services.store
    job = store.add("pull", "x", [NewItem("none", "x", {})])
    store.end(store.take(), State.DONE, results=["../secret", "link", str(tmp_path / "secret")])
    with serving(app) as address:
        for number in (0, 1, 2, 3, -1):
            path = f"/api/jobs/{job.id}/items/{job.items[0].id}/results/{number}"
            answer = httpx.get(address + path)
            assert answer.status_code == 404
            assert "secret" not in answer.text


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/api/uploads", {"files": "many", "bytes": 1}),
        ("/api/uploads", {"files": 1, "bytes": 1, "more": "x"}),
        ("/api/uploads", []),
        ("/api/jobs", {"server": "x", "series": []}),
        ("/api/jobs", {"server": "x", "format": "exe", "series": [{"study_uid": "1"}]}),
        ("/api/servers/x/search", {"level": "everything"}),
        ("/api/servers/x/search", {"level": "study", "patient_name": "x" * 5000}),
        ("/api/servers/x/search", {"level": "study", "patient_name": {"$gt": ""}}),
    ],
)
def test_malformed_requests_are_refused_without_quoting_them(shared_client, path, body):
    answer = shared_client.post(path, json=body)
    assert answer.status_code == 422
    assert set(answer.json()) == {"error", "hint"}
    assert "xxxxx" not in answer.text


def test_bodies_that_are_no_uploads_are_short(shared_client):
    answer = shared_client.post("/api/uploads", content=b" " * (5 << 20))
    assert answer.status_code == 413


@pytest.mark.parametrize(
    "query",
    [
        "volume=0&axis=0&first=0&count=999999",
        "volume=-1&axis=0&first=0&count=1",
        "volume=0&axis=7&first=0&count=1",
        "volume=0&axis=0&first=99999999999999999999&count=1",
        "volume=9&axis=0&first=0&count=1",
        "volume=0&axis=0&first=6&count=1",
        "axis=0",
    ],
)
def test_values_that_are_not_there_are_an_error(shared_client, key, query):
    answer = shared_client.get(f"/api/cubes/{key('ct.dcbs')}/values?{query}")
    assert answer.status_code in (400, 422)


def test_every_answer_has_a_strict_policy(shared_client, key):
    for path in ("/", "/library", f"/view/{key('ct.dcbs')}", "/static/page.js", "/api/jobs", "/no"):
        headers = shared_client.get(path).headers
        policy = headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Cache-Control"] in ("no-store", "no-cache")


def test_pages_have_no_script_or_style_inside(shared_client, key):
    import re

    for path in ("/", "/convert", "/jobs", "/library", "/templates", f"/view/{key('ct.dcbs')}"):
        text = shared_client.get(path).text
        assert not re.search(r"<script(?![^>]*src=)|<style|\son\w+=|\sstyle=|javascript:", text)
        assert not re.search(r"""(?:src|href|action)=["'](?:https?:)?//""", text), path


def test_markup_in_a_name_is_text(library):
    made_image(name=EVIL_NAME).to_file(library / "evil<b>.dcbs")
    with running(library) as address, httpx.Client(base_url=address) as client:
        (cube,) = [c for c in client.get("/api/library").json()["cubes"] if "evil" in c["path"]]
        text = client.get(f"/view/{cube['key']}").text
        assert "<script>" not in text
        assert "&lt;script&gt;" in text
        assert client.get("/api/library").headers["Content-Type"] == "application/json"


def test_with_a_token_nothing_is_given_without_it(library):
    with (
        running(library, token=TOKEN) as address,
        httpx.Client(base_url=address, follow_redirects=False) as client,
    ):
        for path in ("/", "/api/library", "/api/jobs", "/static/page.js", "/api/jobs/events"):
            assert client.get(path).status_code == 401, path
            assert client.get(path, headers={"Authorization": "Bearer no"}).status_code == 401
        assert client.post("/api/uploads", json={"files": 1, "bytes": 1}).status_code == 401
        page = client.get("/", headers={"Accept": "text/html"})
        assert (page.status_code, page.headers["Location"]) == (303, "/login")
        headers = {"Authorization": f"Bearer {TOKEN}"}
        assert client.get("/api/library", headers=headers).status_code == 200
        assert client.post("/login", data={"token": "wrong"}).status_code == 403
        cookie = client.post("/login", data={"token": TOKEN}).headers["Set-Cookie"]
        assert "HttpOnly" in cookie
        assert "SameSite=strict" in cookie
        assert TOKEN not in cookie
        assert client.get("/").status_code == 200


def test_other_machines_need_a_token(tmp_path):
    from typer.testing import CliRunner

    from dicube.cli.app import app

    done = CliRunner().invoke(app, ["web", str(tmp_path), "--host", "0.0.0.0"], env={})
    assert done.exit_code == 2
    assert "token" in done.output


@pytest.mark.parametrize("name", ["../x", "/x", "a/../../x", "..%2fx", "a\\b", "%00", "%ff"])
def test_names_of_uploaded_files_lead_nowhere(shared_client, shared_library, name):
    from urllib.parse import quote

    upload = shared_client.post("/api/uploads", json={"files": 1, "bytes": 1}).json()["upload"]
    before = set(shared_library.parent.rglob("*"))
    sent = name if name.startswith("%") else quote(name, safe="%")
    answer = shared_client.put(
        f"/api/uploads/{upload}/files", content=b"x", headers={"X-File-Name": sent}
    )
    assert answer.status_code == 400
    assert set(shared_library.parent.rglob("*")) == before
    answer = shared_client.put("/api/uploads/../files", content=b"x", headers={"X-File-Name": "x"})
    assert answer.status_code in (404, 405)


def test_a_bomb_fails_its_job_and_leaves_nothing(client, library):
    memory = io.BytesIO()
    with zipfile.ZipFile(memory, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("zeros.dcm", bytes(50_000_000))
    job = job_in_state(client, send_files(client, {"x.zip": memory.getvalue()}), "done", "failed")
    assert "far more than it holds" in job["items"][0]["error"]
    sizes = [path.stat().st_size for path in library.rglob("*") if path.is_file()]
    assert sum(sizes) < 10_000_000


def test_logs_hold_nothing_of_patients(tmp_path):
    """A whole session, with failures, at the level that the program logs at, and in debug."""
    library = tmp_path / "cubes"
    library.mkdir()
    secrets = ("Secretname", "SECRET-ID", "Secret description")
    image = made_image(name="Secretname^Jane")
    image.dicom_meta.set_shared_item("PatientID", "SECRET-ID")
    image.dicom_meta.set_shared_item("StudyDescription", "Secret description")
    image.to_file(library / "x.dcbs")
    with (
        process(str(library), log=tmp_path / "log") as (_, address),
        httpx.Client(base_url=address, timeout=60) as client,
    ):
        cubes = client.get("/api/library").json()["cubes"]
        assert cubes[0]["patientName"].startswith("Secretname")
        client.get(f"/view/{cubes[0]['key']}?patient=Secretname")
        client.get(f"/api/cubes/{cubes[0]['key']}/elements")
        client.get("/api/nothing/Secretname?id=SECRET-ID")
        client.post("/api/servers/none/search", json={"level": "study", "patient_id": "SECRET-ID"})
        client.post("/api/jobs", json={"server": "Secretname", "series": [{"study_uid": "1"}]})
        job = send_files(client, {"Secretname.txt": b"SECRET-ID"})
        job_in_state(client, job, "failed")
    text = (tmp_path / "log").read_text()
    assert "failed" in text  # something was logged
    assert not [secret for secret in secrets if secret in text]


def test_errors_of_ours_show_no_values(library, capfd):
    """An exception that nobody expected is answered without its text."""
    app = create_app(settings_for(library, SecuritySettings("127.0.0.1", 0)))

    @app.get("/broken")
    def broken():
        raise ValueError("Secretname")

    with serving(app) as address:
        answer = httpx.get(f"{address}/broken")
    assert answer.status_code == 500
    assert "Secretname" not in answer.text
    assert "Secretname" not in capfd.readouterr().err
