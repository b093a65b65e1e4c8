"""Loading registered series: what lacks, is damaged or does not fit is named."""

import json
import shutil
from pathlib import Path

import pydicom
import pytest

from dicube import (
    DataConsistencyError,
    MetaDataError,
    load_registered_dicom_series,
    save_registered_as_dicom_series,
)
from tests.interchange.made import INTEGERS, SPACING, info_of, same_bits


class TestLoading:
    @pytest.fixture
    def folder(self, tmp_path):
        return Path(save_registered_as_dicom_series(INTEGERS, SPACING, tmp_path))

    @pytest.mark.parametrize("with_info", [True, False])
    def test_order_is_that_of_the_tags_and_not_of_the_names(self, folder, with_info):
        for old, new in ((0, "z"), (3, "a"), (1, "m")):
            (folder / f"registered_t{old:03d}.dcm").rename(folder / f"{new}.dcm")
        if not with_info:
            (folder / "series_info.json").unlink()
        assert same_bits(load_registered_dicom_series(folder)[0], INTEGERS)

    @pytest.mark.parametrize("with_info", [True, False])
    @pytest.mark.parametrize("missing", [0, 2, 3])
    def test_missing_timepoints_are_named(self, folder, missing, with_info):
        (folder / f"registered_t{missing:03d}.dcm").unlink()
        if not with_info:
            (folder / "series_info.json").unlink()
        with pytest.raises(DataConsistencyError, match=f"1 of 4 timepoints are missing: {missing}"):
            load_registered_dicom_series(folder)

    def test_file_that_is_there_twice_is_named(self, folder):
        shutil.copy(folder / "registered_t001.dcm", folder / "copy.dcm")
        with pytest.raises(DataConsistencyError, match=r"slice 1 of timepoint 1 is in .*dcm"):
            load_registered_dicom_series(folder)

    def test_missing_slice_of_classic_files_is_noticed(self, tmp_path):
        folder = Path(
            save_registered_as_dicom_series(INTEGERS, SPACING, tmp_path, layout="classic")
        )
        (folder / "registered_t002_z001.dcm").unlink()
        with pytest.raises(DataConsistencyError, match="fewer than 5 slices: 2"):
            load_registered_dicom_series(folder)

    def test_volumes_of_different_shape_are_named(self, folder, tmp_path):
        other = save_registered_as_dicom_series(INTEGERS[:5], SPACING, tmp_path / "other")
        file = pydicom.dcmread(Path(other) / "registered_t001.dcm")
        file.SeriesInstanceUID = info_of(folder)["series_instance_uid"]
        file.save_as(folder / "registered_t001.dcm")
        with pytest.raises(DataConsistencyError, match=r"registered_t001\.dcm"):
            load_registered_dicom_series(folder)

    def test_damaged_file_is_named(self, folder):
        path = folder / "registered_t002.dcm"
        path.write_bytes(path.read_bytes()[:-100])
        with pytest.raises((DataConsistencyError, MetaDataError), match=r"registered_t002\.dcm"):
            load_registered_dicom_series(folder)

    def test_file_without_a_timepoint_is_named(self, tmp_path):
        folder = Path(
            save_registered_as_dicom_series(INTEGERS, SPACING, tmp_path, layout="classic")
        )
        path = folder / "registered_t001_z003.dcm"
        file = pydicom.dcmread(path)
        del file.TemporalPositionIdentifier
        file.save_as(path)
        with pytest.raises(DataConsistencyError, match=r"t001_z003\.dcm: .*which timepoint"):
            load_registered_dicom_series(folder)

    @pytest.mark.parametrize(
        "change",
        [b"{", b"[]", {"shape": "x"}, {"dtype": "object"}, {"dtype": "nonsense"}, {"spacing": [1]},
         {"files": [1]}, {"shape": None}],
    )  # fmt: skip
    def test_damaged_information_is_an_error_that_names_it(self, folder, change):
        path = folder / "series_info.json"
        text = (
            change if isinstance(change, bytes) else json.dumps(info_of(folder) | change).encode()
        )
        path.write_bytes(text)
        with pytest.raises(DataConsistencyError, match=r"series_info\.json"):
            load_registered_dicom_series(folder)

    def test_information_of_another_shape_is_an_error(self, folder):
        path = folder / "series_info.json"
        path.write_text(json.dumps(info_of(folder) | {"shape": [6, 7, 5, 4]}))
        with pytest.raises(DataConsistencyError, match=r"series_info\.json says"):
            load_registered_dicom_series(folder)

    def test_no_folder_and_empty_folder(self, tmp_path):
        with pytest.raises(MetaDataError, match="no such folder"):
            load_registered_dicom_series(tmp_path / "none")
        with pytest.raises(MetaDataError, match="no DICOM image"):
            load_registered_dicom_series(tmp_path)

    def test_another_series_in_the_folder_does_not_matter(self, folder, small_image):
        small_image.to_dicom_folder(folder)
        assert same_bits(load_registered_dicom_series(folder)[0], INTEGERS)
