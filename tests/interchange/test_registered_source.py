"""The DICOM series that a registered one comes from: what is taken over, frame by frame."""

from pathlib import Path

import numpy as np
import pydicom
import pytest

from dicube import MetaDataError, load_registered_dicom_series, save_registered_as_dicom_series
from tests.dicom.multi_frame.conftest import made_series
from tests.interchange.made import SPACING, info_of
from tests.series import requires_data, series_folder


class TestSource:
    @pytest.fixture
    def source(self, tmp_path):
        """Twelve files: three volumes of four slices."""
        made_series().to_dicom_folder(tmp_path / "source")
        return tmp_path / "source"

    def saved(self, source, tmp_path, shape=(12, 10, 4, 3), spacing=(1.5, 1.5, 5.0)):
        return Path(
            save_registered_as_dicom_series(
                np.zeros(shape, np.int16), spacing, tmp_path / "out", source_dicom=source
            )
        )

    @pytest.mark.parametrize("kind", ["folder", "file"])
    def test_patient_and_study_are_copied_and_the_series_is_new(self, source, tmp_path, kind):
        files = sorted(source.iterdir())
        given_source = source if kind == "folder" else files[0]
        folder = self.saved(given_source, tmp_path)
        before, after = (
            pydicom.dcmread(path) for path in (files[0], folder / "registered_t000.dcm")
        )
        for keyword in ("PatientName", "PatientID", "StudyInstanceUID", "FrameOfReferenceUID"):
            assert after[keyword].value == before[keyword].value
        assert after.SeriesInstanceUID != before.SeriesInstanceUID
        assert after.SeriesNumber == before.SeriesNumber + 1000
        assert info_of(folder)["source_dicom"] == str(given_source)
        shared = after.SharedFunctionalGroupsSequence[0]
        orientation = shared.PlaneOrientationSequence[0].ImageOrientationPatient
        np.testing.assert_allclose(orientation, before.ImageOrientationPatient, atol=1e-7)
        first = after.PerFrameFunctionalGroupsSequence[0].PlanePositionSequence[0]
        np.testing.assert_allclose(first.ImagePositionPatient, before.ImagePositionPatient)

    def test_each_frame_lies_where_its_source_lies_and_names_it(self, source, tmp_path):
        folder = self.saved(source, tmp_path)
        files = [pydicom.dcmread(path) for path in sorted(source.iterdir())]
        for volume in range(3):
            after = pydicom.dcmread(folder / f"registered_t{volume:03d}.dcm")
            for z, group in enumerate(after.PerFrameFunctionalGroupsSequence):
                before = files[volume * 4 + z]
                np.testing.assert_allclose(
                    group.PlanePositionSequence[0].ImagePositionPatient,
                    before.ImagePositionPatient,
                    atol=1e-5,
                )
                (reference,) = group.DerivationImageSequence[0].SourceImageSequence
                assert reference.ReferencedSOPInstanceUID == before.SOPInstanceUID

    def test_spacing_is_the_one_given(self, source, tmp_path):
        folder = self.saved(source, tmp_path, spacing=SPACING)
        (folder / "series_info.json").unlink()
        assert load_registered_dicom_series(folder)[1] == SPACING

    def test_another_number_of_slices_starts_at_the_first_one(self, source, tmp_path):
        folder = self.saved(source, tmp_path, shape=(5, 4, 7, 2))
        after = pydicom.dcmread(folder / "registered_t001.dcm")
        before = pydicom.dcmread(min(source.iterdir()))
        first = after.PerFrameFunctionalGroupsSequence[0].PlanePositionSequence[0]
        np.testing.assert_allclose(first.ImagePositionPatient, before.ImagePositionPatient)

    @requires_data
    @pytest.mark.parametrize("name", ["mr_fmri_ge_4d", "enh_mr_siemens_xa10", "mr_t1_sts"])
    def test_real_sources(self, tmp_path, name):
        folder = self.saved(series_folder(name), tmp_path)
        array, _ = load_registered_dicom_series(folder)
        assert array.shape == (12, 10, 4, 3)

    def test_series_of_an_image_in_a_layout_is_loaded_too(self, tmp_path):
        image = made_series()
        image.to_dicom_folder(tmp_path, layout="per_timepoint")
        array, _ = load_registered_dicom_series(tmp_path)
        np.testing.assert_array_equal(array, image.raw_image.T)

    def test_missing_source_is_an_error_before_anything_is_written(self, tmp_path):
        with pytest.raises(MetaDataError, match=r"none\.dcm: cannot be read"):
            self.saved(tmp_path / "none.dcm", tmp_path)
        (tmp_path / "text.dcm").write_text("no DICOM")
        with pytest.raises(MetaDataError, match=r"text\.dcm"):
            self.saved(tmp_path / "text.dcm", tmp_path)
        assert not (tmp_path / "out").exists()
