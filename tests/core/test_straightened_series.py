"""A straightened stack as a series: its metadata, and real series."""

import shutil
from typing import Any

import numpy as np
import pydicom
import pytest

import dicube
from dicube import DicomCubeImage, DicomMeta, PixelDataHeader
from dicube.dicom.dicom_tags import tag_key
from dicube.exceptions import DataConsistencyError
from tests.core.sheared import AXIAL, image_of, noise, sheared, with_meta
from tests.series import requires_data, series_folder


class TestMetadata:
    def straight(self, **elements: Any) -> tuple[DicomMeta, DicomMeta]:
        """Before and after."""
        image = with_meta(image_of(noise((4, 12, 10)), (-0.5, 0)), **elements)
        return image.dicom_meta, image.resample_tilt().dicom_meta

    def test_is_that_of_a_derived_series(self):
        before, after = self.straight(ImageType=["ORIGINAL", "PRIMARY", "AXIAL"])
        assert after.get("ImageType") == ["DERIVED", "PRIMARY", "AXIAL"]
        assert "sheared by 8.5 degrees" in after.get("DerivationDescription")
        (code,) = after.get_values("DerivationCodeSequence")[0]
        assert code[tag_key("CodeValue")]["Value"] == ["113085"]
        uids = after.get_values("SOPInstanceUID")
        assert len({*uids, *before.get_values("SOPInstanceUID")}) == 8
        assert after.get("SeriesInstanceUID") != before.get("SeriesInstanceUID")
        assert after.is_shared("SeriesInstanceUID")
        for index, items in enumerate(after.get_values("SourceImageSequence")):
            (uid,) = items[0][tag_key("ReferencedSOPInstanceUID")]["Value"]
            assert uid == before.get_values("SOPInstanceUID")[index]
        for kept in ("StudyInstanceUID", "FrameOfReferenceUID", "InstanceNumber", "PixelSpacing",
                     "ImageOrientationPatient", "SliceThickness", "SOPClassUID"):  # fmt: skip
            assert after.get(kept) == before.get(kept)

    def test_same_job_gives_the_same_uids_and_another_one_others(self):
        image = with_meta(image_of(noise((4, 12, 10)), (-0.5, 0)))
        one, again = image.resample_tilt(), image.resample_tilt()
        other = image.resample_tilt(fill=-9)
        for keyword in ("SOPInstanceUID", "SeriesInstanceUID"):
            assert one.dicom_meta.get(keyword) == again.dicom_meta.get(keyword)
            uids = one.dicom_meta.get_values(keyword)
            assert not set(uids) & set(other.dicom_meta.get_values(keyword))
            assert all(pydicom.uid.UID(uid).is_valid for uid in uids)

    def test_geometry_is_that_of_the_new_grid(self):
        _, after = self.straight(GantryDetectorTilt=8.5, SliceLocation=1, SpacingBetweenSlices=2.52)
        assert (after.get("Rows"), after.get("Columns")) == (14, 10)
        assert after.get("GantryDetectorTilt") == 0
        assert after.get("SpacingBetweenSlices") == 2.5
        # The grid begins two rows of 0.75 mm before the first slice.
        expected = [[-10, 18.5, -30 + 2.5 * k] for k in range(4)]
        np.testing.assert_allclose(after.get("ImagePositionPatient"), expected)
        # The normal, row x column, points along z of the patient.
        np.testing.assert_allclose(after.get("SliceLocation"), [-30 + 2.5 * k for k in range(4)])

    def test_what_was_not_there_is_not_added(self):
        _, after = self.straight()
        for keyword in ("GantryDetectorTilt", "SliceLocation", "SpacingBetweenSlices"):
            assert keyword not in after

    def test_overlays_and_extremes_of_the_old_pixels_go_and_losses_stay(self):
        _, after = self.straight(
            LossyImageCompression="01", SmallestImagePixelValue=0, **{"60000010": 12, "60020011": 7}
        )
        assert after.get("LossyImageCompression") == "01"
        assert not {"60000010", "60020011", "00280106"} & set(after.keys())

    def test_region_of_interest_goes_and_its_losses_stay(self, tmp_path):
        image = with_meta(image_of(noise((4, 32, 32)), (0.5, 0)))
        mask = np.zeros((32, 32), bool)
        mask[8:24, 8:24] = True
        image.to_file(tmp_path / "x.dcbr", roi=mask, background_error=9)
        straight = dicube.load(tmp_path / "x.dcbr").resample_tilt()
        assert straight.roi is None
        assert straight.dicom_meta.get("LossyImageCompression") == "01"
        texts = straight.dicom_meta.get("DerivationDescription").split("; ")
        assert [text.split()[0] for text in texts] == ["Straightened:", "JPEG"]

    def test_is_edited_and_has_no_source_files(self, tmp_path):
        with_meta(image_of(noise((4, 12, 10)), (0.5, 0))).to_dicom_folder(tmp_path / "tilted")
        image = DicomCubeImage.from_dicom_folder(tmp_path / "tilted")
        straight = image.resample_tilt()
        assert straight.is_edited
        assert not image.is_edited
        assert straight.skipped_files == straight.findings == []
        straight.to_file(tmp_path / "x.dcbs")
        assert dicube.load(tmp_path / "x.dcbs").is_edited

    def test_affine_that_is_not_that_of_the_metadata_gets_its_plane_written(self):
        image = with_meta(image_of(noise((4, 12, 10)), (0, 0)))
        turned = AXIAL[[1, 2, 0]]
        image.affine = sheared((0.5, 0), turned, (2, 3, 4))
        after = image.resample_tilt().dicom_meta
        assert after.get("PixelSpacing") == [3, 4]
        assert after.get("ImageOrientationPatient") == [*turned[:, 2], *turned[:, 1]]

    def test_volumes_of_a_4d_image_lie_in_one_place(self):
        image = with_meta(image_of(noise((2, 3, 8, 6)), (0.5, 0)))
        places = image.resample_tilt().dicom_meta.get("ImagePositionPatient")
        assert places[:3] == places[3:]
        assert places[0] != places[1]

    def test_header_keeps_what_holds(self):
        image = image_of(noise((4, 12, 10)), (0.5, 0))
        image.pixel_header.RescaleIntercept, image.pixel_header.MinVal = -1024.0, 0.0
        straight = image.resample_tilt(fill=-50)
        assert straight.pixel_header.RescaleIntercept == -1024
        assert (straight.pixel_header.MinVal, image.pixel_header.MinVal) == (-50, 0)

    def test_palette_and_slices_that_are_no_frames_are_refused(self):
        image = with_meta(
            image_of(noise((4, 12, 10), "uint8"), (0.5, 0)),
            PhotometricInterpretation="PALETTE COLOR",
        )
        with pytest.raises(DataConsistencyError, match="palette"):
            image.resample_tilt()
        image.dicom_meta = image.dicom_meta.index(0)
        image.dicom_meta.set_shared_item("PhotometricInterpretation", "MONOCHROME2")
        with pytest.raises(DataConsistencyError, match="1 slices, the image has 4 frames"):
            image.resample_tilt()

    def test_without_an_affine_the_error_says_how_to_go_on(self):
        image = DicomCubeImage(noise((2, 8, 6)), PixelDataHeader())
        with pytest.raises(DataConsistencyError, match=r"no affine.*findings"):
            image.resample_tilt()


@requires_data
class TestRealSeries:
    def test_head_is_as_large_as_before_and_padding_is_not_mixed_with_it(self, tmp_path):
        for number in range(9, 15):
            shutil.copy(series_folder("ct_ge_int16_tilt") / f"{number:02d}.dcm", tmp_path)
        image = DicomCubeImage.from_dicom_folder(tmp_path)
        straight = image.resample_tilt()
        assert straight.shape == (6, 526, 512)
        assert straight.space.spacing == pytest.approx((4.00193, 0.4882812, 0.4882812), abs=1e-5)
        before, after = image.raw_image, straight.raw_image
        assert set(np.unique(after)[:2]) == {-1500, np.unique(before)[1]}
        np.testing.assert_array_equal(after[0, -512:], before[0])
        head = (before > -200).sum(axis=(1, 2))
        assert np.abs((after > -200).sum(axis=(1, 2)) / head - 1).max() < 0.002

    def test_series_whose_slice_distance_changes_is_refused(self):
        image = DicomCubeImage.from_dicom_folder(series_folder("ct_ge_int16_tilt"))
        with pytest.raises(DataConsistencyError, match="one distance alone"):
            image.resample_tilt()

    def test_series_that_is_not_tilted_is_refused(self):
        image = DicomCubeImage.from_dicom_folder(series_folder("mr_t1_sts"))
        with pytest.raises(DataConsistencyError, match="nothing to straighten"):
            image.resample_tilt()
