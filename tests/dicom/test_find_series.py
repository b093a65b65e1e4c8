"""What is found below a folder."""

import shutil
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from dicube.dicom import native_scan
from dicube.dicom.dicom_io import SeriesOptions, read_series
from dicube.dicom.find_series import find_series
from dicube.dicom.findings import DicomStatus
from dicube.dicom.judgement import image_findings
from dicube.exceptions import DicomCubeError, MetaDataError
from tests.dicom.made import write_slice
from tests.series import DATA, requires_data

PIXELS = np.zeros((6, 4), np.uint16)


def placed(z: float, **values):
    """Elements of an axial slice."""
    return {
        "ImagePositionPatient": [0, 0, z],
        "ImageOrientationPatient": [1, 0, 0, 0, 1, 0],
        "PixelSpacing": [1, 1],
        **values,
    }


@pytest.fixture
def tree(tmp_path):
    """Two series in one folder, one below it at two times, and files that are none."""
    root = tmp_path / "tree"
    (root / "b" / "deep").mkdir(parents=True)
    for number in range(5):
        uid = "1.2.3" if number < 3 else "1.2.4"
        write_slice(root / "b" / f"{number}.dcm", {"SeriesInstanceUID": uid}, PIXELS)
    for number in range(4):
        values = placed(number % 2, InstanceNumber=number, SeriesInstanceUID="1.2.5")
        write_slice(root / "b" / "deep" / f"{number}.dcm", values, PIXELS)
    (root / "readme.txt").write_text("no DICOM")
    (root / "b" / "cut.dcm").write_bytes((root / "b" / "0.dcm").read_bytes()[:200])
    return root


def test_every_file_is_in_one_place(tree):
    search = find_series(tree)
    files = [path for found in search for path in found.files]
    files += [skipped.path for skipped in (*search.not_images, *search.damaged)]
    assert Counter(files) == Counter(path for path in tree.rglob("*") if path.is_file())
    assert [file.path.name for file in search.not_images] == ["readme.txt"]
    assert [file.path.name for file in search.damaged] == ["cut.dcm"]


def test_series_are_described(tree):
    first, second, _ = find_series(tree)
    assert (first.series_uid, second.series_uid) == ("1.2.3", "1.2.4")
    assert (first.modality, first.study_uid, first.folder) == ("CT", "", tree / "b")
    assert first.shape == (3, 6, 4)
    assert first.transfer_syntaxes == ("1.2.840.10008.1.2.1",)
    assert first.length_bytes == sum(path.stat().st_size for path in first.files)
    assert first.status is DicomStatus.MISSING_INSTANCE_NUMBER
    assert first.names == ("0.dcm", "1.dcm", "2.dcm")


def test_positions_that_repeat_are_timepoints(tree):
    found = find_series(tree)[2]
    assert (found.shape, found.n_timepoints, found.rule) == ((2, 2, 6, 4), 2, "InstanceNumber")
    assert [axis.name for axis in found.axes] == ["t", "z"]
    np.testing.assert_array_equal(found.affine[:3, 0], [0, 0, 1])


def test_images_that_share_no_grid_are_groups(tree):
    write_slice(tree / "b" / "deep" / "9.dcm",
                placed(0, SeriesInstanceUID="1.2.5"), np.zeros((7, 4), np.uint16))  # fmt: skip
    first, second = find_series(tree / "b" / "deep")
    assert [(each.group, each.groups) for each in (first, second)] == [(0, 2), (1, 2)]
    assert (first.shape, second.shape) == ((2, 2, 6, 4), (1, 7, 4))


def scattered(root: Path, uids: list[str]) -> None:
    """A series of four slices in two folders."""
    for number in range(4):
        folder = root / str(number // 2)
        folder.mkdir(parents=True, exist_ok=True)
        values = placed(number % len(set(uids)), InstanceNumber=number, SOPInstanceUID=uids[number])
        write_slice(folder / f"{number}.dcm", values, PIXELS)


def test_series_in_several_folders_is_one(tmp_path):
    scattered(tmp_path, ["1.1", "1.2", "1.3", "1.4"])
    (found,) = find_series(tmp_path)
    assert (found.shape, found.folder) == ((4, 6, 4), tmp_path)
    assert found.names == ("0/0.dcm", "0/1.dcm", "1/2.dcm", "1/3.dcm")


def test_copies_of_a_series_stay_apart(tmp_path):
    scattered(tmp_path, ["1.1", "1.2", "1.1", "1.2"])
    assert [found.shape for found in find_series(tmp_path)] == [(2, 6, 4), (2, 6, 4)]


def test_variants_of_one_image_stay_apart(tmp_path):
    """Compressed in several ways: other SOP Instance UIDs, but the same number and place."""
    for name in ("raw", "lossy"):
        (tmp_path / name).mkdir()
        values = placed(0, InstanceNumber=1, SOPInstanceUID=f"1.{len(name)}")
        write_slice(tmp_path / name / "x.dcm", values, PIXELS)
    assert len(find_series(tmp_path)) == 2


def test_missing_folder_is_named(tmp_path):
    with pytest.raises(MetaDataError, match="no such folder"):
        find_series(tmp_path / "nothing")


def test_empty_tree_holds_nothing(tmp_path):
    search = find_series(tmp_path)
    assert (len(search), list(search), search.not_images) == (0, [], [])


def test_progress_counts_files(tree):
    calls = []
    find_series(tree, progress=lambda *call: calls.append(call))
    assert calls == [("scanning", 1, 11), ("scanning", 7, 11), ("scanning", 11, 11)]


@requires_data
def test_all_the_data_gets_the_findings_of_one_folder_read_alone():
    compared = 0
    for found in find_series(DATA):
        options = SeriesOptions(series_uid=found.series_uid, group=found.group, on_damaged="skip")
        try:
            alone = read_series(found.folder, options)
        except DicomCubeError:
            continue
        assert found.files == tuple(instance.path for instance in alone.instances)
        axes = alone.arrangement.axes
        expected = image_findings(alone.meta, axes, alone.frame_order)
        assert (found.axes, found.findings) == (axes, tuple(expected))
        compared += 1
    assert compared > 140


@requires_data
def test_all_the_data_is_in_one_place():
    search = find_series(DATA)
    files = [path for found in search for path in found.files]
    files += [skipped.path for skipped in (*search.not_images, *search.damaged)]
    assert Counter(files) == Counter(path for path in DATA.rglob("*") if path.is_file())


@requires_data
def test_all_the_data_is_described_alike_without_the_native_scanner(monkeypatch):
    native = [_comparable(found) for found in find_series(DATA)]
    monkeypatch.setattr(native_scan, "_missing", ImportError("not built"))
    assert [_comparable(found) for found in find_series(DATA)] == native


def _comparable(found):
    return (found.files, found.axes, found.findings, found.shape, repr(found.affine), found.rivals)


def test_pixels_are_not_read(tree, monkeypatch):
    monkeypatch.setattr(native_scan, "read_pixels", None)
    shutil.rmtree(tree / "b" / "deep")
    assert [len(found.files) for found in find_series(tree)] == [3, 2]
