"""What is said about the series below a folder."""

import shutil

import numpy as np
import pytest

from dicube.dicom import native_scan
from dicube.dicom.dicom_io import read_series
from dicube.dicom.dicom_status import get_dicom_findings
from dicube.dicom.findings import DicomStatus
from dicube.dicom.tree_scan import scan_tree
from dicube.exceptions import DicomCubeError, MetaDataError
from tests.dicom.made import write_slice
from tests.series import DATA, requires_data


@pytest.fixture
def tree(tmp_path):
    """Two series in one folder, one below it at two times, and files that are none."""
    root = tmp_path / "tree"
    (root / "b" / "deep").mkdir(parents=True)
    pixels = np.zeros((6, 4), np.uint16)
    for number in range(5):
        uid = "1.2.3" if number < 3 else "1.2.4"
        write_slice(root / "b" / f"{number}.dcm", {"SeriesInstanceUID": uid}, pixels)
    for number in range(4):
        where = {"ImagePositionPatient": [0, 0, number % 2], "InstanceNumber": number}
        write_slice(root / "b" / "deep" / f"{number}.dcm", where, pixels)
    (root / "readme.txt").write_text("no DICOM")
    (root / "b" / "cut.dcm").write_bytes((root / "b" / "0.dcm").read_bytes()[:200])
    return root


def test_every_file_is_in_one_place(tree):
    folders = list(scan_tree(tree))
    assert [folder.folder for folder in folders] == [tree, tree / "b", tree / "b" / "deep"]
    assert [file.path.name for folder in folders for file in folder.skipped] == ["readme.txt"]
    assert [file.path.name for folder in folders for file in folder.damaged] == ["cut.dcm"]
    assert sum(series.files for folder in folders for series in folder.series) == 9


def test_series_are_described(tree):
    first, second = list(scan_tree(tree))[1].series
    assert (first.series_uid, second.series_uid) == ("1.2.3", "1.2.4")
    assert (first.modality, first.study_uid) == ("CT", "")
    assert first.shape == (3, 6, 4)
    assert first.is_one_shape
    assert first.transfer_syntaxes == ("1.2.840.10008.1.2.1",)
    files = [tree / "b" / f"{number}.dcm" for number in range(3)]
    assert first.length_bytes == sum(file.stat().st_size for file in files)
    assert first.status is DicomStatus.MISSING_INSTANCE_NUMBER


def test_positions_that_repeat_are_timepoints(tree):
    (series,) = list(scan_tree(tree))[2].series
    assert series.timepoints == 2


def test_shapes_that_differ_are_noticed(tree):
    write_slice(tree / "b" / "deep" / "9.dcm", {}, np.zeros((7, 4), np.uint16))
    (series,) = list(scan_tree(tree))[2].series
    assert not series.is_one_shape
    assert series.timepoints == 1


def test_missing_folder_is_named(tmp_path):
    with pytest.raises(MetaDataError, match="no such folder"):
        list(scan_tree(tmp_path / "nothing"))


def test_empty_tree_has_no_folders(tmp_path):
    assert list(scan_tree(tmp_path)) == []


@requires_data
def test_all_the_data_gets_the_findings_of_one_folder_read_alone():
    compared = 0
    for folder in scan_tree(DATA):
        for series in folder.series:
            try:
                alone = read_series(folder.folder, series_uid=series.series_uid, on_damaged="skip")
            except DicomCubeError:
                continue
            assert series.findings == tuple(get_dicom_findings(alone.meta))
            assert series.files == len(alone.instances)
            compared += 1
    assert compared > 130


@requires_data
def test_all_the_data_is_described_alike_without_the_native_scanner(monkeypatch):
    native = list(scan_tree(DATA))
    monkeypatch.setattr(native_scan, "_missing", ImportError("not built"))
    assert list(scan_tree(DATA)) == native


def test_pixels_are_not_read(tree, monkeypatch):
    monkeypatch.setattr(native_scan, "read_pixels", None)
    shutil.rmtree(tree / "b" / "deep")
    assert [series.files for folder in scan_tree(tree) for series in folder.series] == [3, 2]
