"""The library of the page: its cubes, and what is odd about them."""

from tests.web.conftest import made_image


def test_a_cube_that_contradicts_another_one_is_named(client, library):
    assert client.get("/api/library").json()["findings"] == []
    image = made_image()
    image.to_file(library / "one.dcbs")
    image.dicom_meta.set_shared_item("PatientID", "ID-2")
    image.to_file(library / "two.dcbs")
    found = client.get("/api/library").json()
    assert {"one.dcbs", "two.dcbs"} < {cube["path"] for cube in found["cubes"]}
    assert found["findings"] == [
        {
            "path": "two.dcbs",
            "reason": "holds other instances under the same SOP Instance UIDs as one.dcbs,"
            " which is served",
        }
    ]
