"""What a library finds in a folder, and when it looks again."""

import os
from pathlib import Path

import numpy as np
import pytest

import dicube
from dicube.library import CubeLibrary, LibraryError
from tests.library.made import SERIES, write_cube

CT, IMPLICIT, MULTI, COLOUR = SERIES


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for made in SERIES:
        write_cube(made, tmp_path)
    return tmp_path


def names(library: CubeLibrary) -> list[str]:
    return [entry.relative_path for entry in library.entries]


def test_an_entry_says_what_is_in_the_file(folder: Path):
    entry = next(e for e in CubeLibrary(folder).entries if e.relative_path == "ct_implicit.dcbs")
    assert entry.path == folder.resolve() / "ct_implicit.dcbs"
    assert entry.bytes == entry.path.stat().st_size
    assert entry.modified.timestamp() == pytest.approx(entry.path.stat().st_mtime, abs=1e-3)
    assert (entry.format, entry.shape, entry.axes, entry.dtype) == (
        "dcbs", (4, 24, 20), ("z",), "int16",
    )  # fmt: skip
    assert (entry.patient_name, entry.patient_id) == ("Müller^Zoë", "P2")
    assert (entry.patient_birth_date, entry.patient_sex) == ("19700101", "F")
    assert (entry.study_uid, entry.series_uid) == ("1.2.3.2", "1.2.3.9.2")
    assert (entry.study_date, entry.study_time) == ("20210630", "101530.25")
    assert (entry.accession_number, entry.study_description) == ("A17", "Chest *special*")
    assert (entry.series_number, entry.series_description) == ("3", "ct_implicit")
    assert (entry.modality, entry.instance_count, entry.frame_count) == ("CT", 4, 4)
    assert entry.has_sources


def test_frames_and_instances_are_counted_apart(folder: Path):
    entry = next(e for e in CubeLibrary(folder).entries if e.relative_path == "multi.dcbs")
    assert (entry.instance_count, entry.frame_count) == (2, 10)


def test_a_key_stays_the_same_and_is_safe_in_an_address(folder: Path):
    first, again = CubeLibrary(folder), CubeLibrary(folder)
    assert [e.key for e in first.entries] == [e.key for e in again.entries]
    assert len({e.key for e in first.entries}) == len(SERIES)
    for entry in first.entries:
        assert set(entry.key) <= set("0123456789abcdef")
        assert first.entry(entry.key) is entry


def test_an_unknown_key_is_an_error(folder: Path):
    with pytest.raises(LibraryError, match="no cube of this key"):
        CubeLibrary(folder).entry("0" * 16)


def test_a_missing_folder_is_an_error(tmp_path: Path):
    with pytest.raises(LibraryError, match="no such folder"):
        CubeLibrary(tmp_path / "nowhere")


def test_nothing_is_read_again_where_nothing_changed(folder: Path):
    library = CubeLibrary(folder)
    before, revision = library.entries, library.revision
    library.refresh()
    assert all(a is b for a, b in zip(before, library.entries, strict=True))
    assert library.revision == revision


def test_new_changed_and_vanished_files_are_noticed(folder: Path):
    library = CubeLibrary(folder)
    kept = {entry.relative_path: entry for entry in library.entries}
    (folder / "deep" / "er").mkdir(parents=True)
    (folder / "ct.dcbs").rename(folder / "deep" / "er" / "moved.dcbs")
    (folder / "multi.dcbs").unlink()
    image = dicube.load(folder / "colour.dcbs")
    image.dicom_meta.set_shared_item("PatientID", "P9")
    image.to_file(folder / "colour.dcbs")
    library.refresh()
    assert names(library) == ["colour.dcbs", "ct_implicit.dcbs", "deep/er/moved.dcbs"]
    by_name = {entry.relative_path: entry for entry in library.entries}
    assert by_name["colour.dcbs"].patient_id == "P9"
    assert by_name["ct_implicit.dcbs"] is kept["ct_implicit.dcbs"]
    with pytest.raises(LibraryError):
        library.entry(kept["multi.dcbs"].key)


def test_a_damaged_file_is_a_finding_until_it_is_whole_again(folder: Path):
    library = CubeLibrary(folder)
    whole = (folder / "ct.dcbs").read_bytes()
    for damaged in (whole[:60], whole[: len(whole) // 2], b"", b"DCMCUBEL" + whole[8:]):
        (folder / "ct.dcbs").write_bytes(damaged)
        library.refresh()
        assert "ct.dcbs" not in names(library)
        (finding,) = library.findings
        assert finding.relative_path == "ct.dcbs"
        assert finding.reason
        assert "Doe" not in finding.reason
    (folder / "ct.dcbs").write_bytes(whole)
    library.refresh()
    assert library.findings == ()
    assert "ct.dcbs" in names(library)


def test_hidden_files_and_others_are_passed_over(folder: Path):
    whole = (folder / "ct.dcbs").read_bytes()
    (folder / ".ab12.part.ct.dcbs").write_bytes(whole[:99])
    (folder / ".trash").mkdir()
    (folder / ".trash" / "ct.dcbs").write_bytes(whole)
    (folder / "ct.dcbs.bak").write_bytes(whole)
    (folder / "folder.dcbs").mkdir()
    os.mkfifo(folder / "pipe.dcbs")
    library = CubeLibrary(folder)
    assert len(library.entries) == len(SERIES)
    assert library.findings == ()


def test_links_are_followed_inside_of_the_folder_only(folder: Path, tmp_path_factory):
    outside = tmp_path_factory.mktemp("outside")
    (outside / "secret.dcbs").write_bytes((folder / "ct.dcbs").read_bytes())
    (folder / "out.dcbs").symlink_to(outside / "secret.dcbs")
    (folder / "folder_out").symlink_to(outside)
    (folder / "loop").symlink_to(folder)
    (folder / "nowhere.dcbs").symlink_to(folder / "gone.dcbs")
    (folder / "inside.dcbs").symlink_to(folder / "ct.dcbs")
    library = CubeLibrary(folder)
    assert names(library) == sorted([*(f"{m.name}.dcbs" for m in SERIES), "inside.dcbs"])
    assert library.findings == ()


def test_an_image_without_metadata_is_listed_without_instances(tmp_path: Path):
    values = np.zeros((2, 3, 4), np.uint8)
    dicube.DicomCubeImage(values, dicube.PixelDataHeader()).to_file(tmp_path / "plain.dcba")
    (entry,) = CubeLibrary(tmp_path).entries
    assert (entry.format, entry.shape, entry.instance_count) == ("dcba", (2, 3, 4), 0)
    assert (entry.study_uid, entry.patient_name, entry.attributes) == ("", "", {})


def test_an_entry_shown_somewhere_tells_nothing_of_the_patient(folder: Path):
    shown = repr(CubeLibrary(folder).entries)
    assert "Doe" not in shown
    assert "P1" not in shown
