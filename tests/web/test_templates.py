"""Templates: ours are read, the user's are checked, saved and used."""

import io
import json

import pytest

pytest.importorskip("jsonschema", reason='templates need the extra "tables"')


def document(client, name):
    return json.loads(client.get(f"/api/templates/{name}").raise_for_status().json()["text"])


def test_ours_are_listed_and_cannot_be_changed(shared_client):
    names = {
        each["name"]: each["isOwn"]
        for each in shared_client.get("/api/templates").json()["templates"]
    }
    assert {"mr", "ct", "dx", "mg"} <= set(names)
    assert not any(names.values())
    text = json.dumps(document(shared_client, "ct"))
    assert shared_client.put("/api/templates/ct", json={"text": text}).status_code == 400
    assert shared_client.delete("/api/templates/ct").status_code == 400


def test_a_copy_is_saved_changed_used_and_removed(client, library, key):
    openpyxl = pytest.importorskip("openpyxl")
    template = document(client, "ct") | {"tags": ["PatientID", "SOPInstanceUID"]}
    body = {"text": json.dumps(template), "isNew": True}
    assert client.put("/api/templates/mine", json=body).status_code == 204
    assert client.put("/api/templates/mine", json=body).status_code == 400  # it is there already
    assert document(client, "mine") == template
    assert (library / ".dicube" / "templates" / "mine.json").is_file()
    asked = {"cubes": [key("ct.dcbs")], "templates": {"ct": "mine"}}
    answer = client.post("/api/tables", json=asked).raise_for_status()
    sheet = openpyxl.load_workbook(io.BytesIO(answer.content))["DICOM_Metadata"]
    header = [cell.value for cell in sheet[1]]
    assert header[-2:] == ["PatientID", "SOPInstanceUID"]
    assert [row[-2].value for row in sheet.iter_rows(min_row=2)] == ["ID-1"] * 6
    assert client.delete("/api/templates/mine").status_code == 204
    assert client.get("/api/templates/mine").status_code == 400


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"tags": ["NoSuchKeyword"]}', '{"tags": "PatientID"}', "[" * 100_000]
)
def test_what_is_no_template_is_not_saved(shared_client, shared_library, text):
    answer = shared_client.put("/api/templates/mine", json={"text": text, "isNew": True})
    assert answer.status_code == 400
    assert answer.json()["error"]
    assert not (shared_library / ".dicube" / "templates").exists()


@pytest.mark.parametrize("name", ["..", "a.b", "A", "a b", "ä", "x" * 41, "-a", "..%2fx", "%2e%2e"])
def test_names_that_are_no_file_names_are_refused(shared_client, shared_library, name):
    text = json.dumps(document(shared_client, "ct"))
    before = set(shared_library.rglob("*.json"))
    answer = shared_client.put(f"/api/templates/{name}", json={"text": text, "isNew": True})
    assert answer.status_code in (400, 404, 405)
    assert set(shared_library.rglob("*.json")) == before
