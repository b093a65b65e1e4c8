"""Cubes that hold the same SOP Instance UIDs: copies are fine, contradictions are findings."""

import logging
from pathlib import Path

import pytest

import dicube
from dicube.library import CubeLibrary
from tests.library.made import SERIES, write_cube, write_series

CT, IMPLICIT, MULTI, COLOUR = SERIES


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "cubes"
    for made in SERIES:
        write_cube(made, folder)
    return folder


def changed_value(path: Path, number: int) -> dicube.DicomCubeImage:
    """The image with one other stored value."""
    image = dicube.load(path)
    values = image.raw_image.copy()
    values.reshape(-1)[number] ^= 1
    image.raw_image = values
    return image


def findings(folder: Path) -> list[tuple[str, str]]:
    return [(found.relative_path, found.reason) for found in CubeLibrary(folder).findings]


def contradicts(other: str) -> str:
    return f"holds other instances under the same SOP Instance UIDs as {other}, which is served"


@pytest.mark.parametrize("made", SERIES, ids=lambda made: made.name)
@pytest.mark.parametrize("keep_sources", [True, False])
def test_copies_do_not_contradict_each_other(folder, made, keep_sources):
    image = dicube.load(folder / f"{made.name}.dcbs")
    image.to_file(folder / "copy.dcba", keep_sources=keep_sources)
    image.to_file(folder / "again.dcbs", keep_sources=keep_sources)
    assert findings(folder) == []


@pytest.mark.parametrize("made", SERIES, ids=lambda made: made.name)
@pytest.mark.parametrize("number", [0, -1])
def test_one_other_stored_value_is_a_finding(folder, made, number):
    changed_value(folder / f"{made.name}.dcbs", number).to_file(folder / "other.dcba")
    assert findings(folder) == [("other.dcba", contradicts(f"{made.name}.dcbs"))]


def test_another_element_is_a_finding_that_tells_nothing_of_the_patient(folder, caplog):
    image = dicube.load(folder / "ct.dcbs")
    image.dicom_meta.set_shared_item("PatientName", "Verysecret^Person")
    (folder / "deep").mkdir()
    image.to_file(folder / "deep" / "other.dcbs")
    with caplog.at_level(logging.WARNING):
        assert findings(folder) == [("deep/other.dcbs", contradicts("ct.dcbs"))]
    (record,) = caplog.records
    assert record.getMessage() == f"deep/other.dcbs: {contradicts('ct.dcbs')}"
    assert "Verysecret" not in caplog.text
    assert "1.2.3" not in caplog.text


def test_a_part_of_a_series_does_not_contradict_the_whole(folder, tmp_path):
    source = write_series(CT, tmp_path / "part")
    (source / "3.dcm").unlink()
    dicube.load_from_dicom_folder(source).to_file(folder / "part.dcbs")
    assert findings(folder) == []


def test_parts_of_a_series_with_instances_of_their_own_are_all_served(folder, tmp_path):
    source = write_series(CT, tmp_path / "part")
    for name in ("2.dcm", "3.dcm"):
        (source / name).unlink()
    dicube.load_from_dicom_folder(source).to_file(folder / "ct.dcbs")
    source = write_series(CT, tmp_path / "rest")
    for name in ("0.dcm", "1.dcm"):
        (source / name).unlink()
    dicube.load_from_dicom_folder(source).to_file(folder / "rest.dcbs")
    assert findings(folder) == []


def test_cubes_that_do_not_change_are_compared_and_logged_once(folder, caplog):
    changed_value(folder / "ct.dcbs", 0).to_file(folder / "other.dcbs")
    with caplog.at_level(logging.WARNING):
        library = CubeLibrary(folder)
        found, revision = library.findings, library.revision
        library.refresh()
        assert (library.findings, library.revision) == (found, revision)
        assert len(caplog.records) == 1
        changed_value(folder / "ct.dcbs", 1).to_file(folder / "other.dcbs")
        library.refresh()
        assert len(caplog.records) == 2
    (folder / "other.dcbs").unlink()
    library.refresh()
    assert library.findings == ()


def test_a_cube_that_cannot_be_compared_is_a_finding(folder):
    image = dicube.load(folder / "ct.dcbs")
    path = image.to_file(folder / "other.dcbs", keep_sources=False)
    data = bytearray(path.read_bytes())
    data[116 + 200] ^= 0xFF  # frames follow the header of 116 bytes
    path.write_bytes(data)
    ((name, reason),) = findings(folder)
    assert name == "other.dcbs"
    assert reason.startswith("cannot be compared with other cubes of its series: ")
