"""Straightening sheared stacks: the grid, the values, the metadata, and corners that stay put."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import dicube
from dicube import DicomCubeImage, DicomMeta, PixelDataHeader
from dicube.core.tilt import checked_fill, straightened, straightening_of, tilt_degrees
from dicube.dicom.dicom_tags import tag_key
from dicube.dicom.geometry import space_of
from dicube.dicom.series.axis import Axis
from dicube.exceptions import DataConsistencyError
from tests.series import requires_data, series_folder

AXIAL = np.array([[0, 0, 1], [0, 1, 0], [1, 0, 0]], dtype=np.float64)  # columns: z, y, x
SPACING = (2.5, 0.75, 0.5)  # mm along z, y, x; z along the normal
ORIGIN = (-10.0, 20.0, -30.0)


def sheared(
    per_slice: tuple[float, float], axes: np.ndarray = AXIAL, spacing: tuple = SPACING
) -> np.ndarray:
    """The affine of a stack whose slices move by so many rows and columns each."""
    affine = np.eye(4)
    affine[:3, :3] = axes * spacing
    affine[:3, 0] += affine[:3, 1:3] @ per_slice
    affine[:3, 3] = ORIGIN
    return affine


def image_of(values: np.ndarray, per_slice: tuple[float, float], **options: Any) -> DicomCubeImage:
    image = DicomCubeImage(values, PixelDataHeader(OriginalPixelDtype=values.dtype.name), **options)
    image.affine = sheared(per_slice)
    return image


def noise(shape: tuple[int, ...], dtype: str = "int16") -> np.ndarray:
    values = np.random.default_rng(3).uniform(0, 200, shape)
    return values.astype(dtype)


def places(affine: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Patient coordinates of all voxels, (3, z, y, x)."""
    index = np.indices(shape).reshape(3, -1)
    return (affine[:3, :3] @ index + affine[:3, 3:]).reshape(3, *shape)


def corners(affine: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Patient coordinates of the eight corners, (3, 8)."""
    index = np.indices((2, 2, 2)).reshape(3, 8) * (np.array(shape)[:, None] - 1)
    return affine[:3, :3] @ index + affine[:3, 3:]


def between_centres(plan: Any, shape: tuple[int, ...]) -> np.ndarray:
    """The voxels of the new grid among pixel centres of their slice, (z, rows, columns) bool."""
    rows, columns = (np.arange(size) for size in plan.shape)
    masks = []
    for down, along in plan.shifts:
        inside_rows = (rows >= down) & (rows <= down + shape[1] - 1)
        inside_columns = (columns >= along) & (columns <= along + shape[2] - 1)
        masks.append(inside_rows[:, None] & inside_columns)
    return np.stack(masks)


def with_meta(image: DicomCubeImage, **elements: Any) -> DicomCubeImage:
    """The image with new CT metadata and these elements in all slices."""
    meta = image.init_meta("CT")
    for keyword, value in elements.items():
        meta.set_shared_item(keyword, value)
    return image


class TestGrid:
    @pytest.mark.parametrize("degrees", [18.5, -18.5, 30.0])
    @pytest.mark.parametrize("axis", [0, 1], ids=["along rows", "along columns"])
    def test_known_angle(self, degrees, axis):
        """Slices 5 mm apart along the table, their planes tilted about the x or the y axis."""
        angle = np.radians(degrees)
        axes = np.array([[0, 0, 1], [0, np.cos(angle), 0], [1, -np.sin(angle), 0]])
        if axis == 1:
            axes = np.array([[0, 0, np.cos(angle)], [0, 1, 0], [1, 0, -np.sin(angle)]])
        affine = np.eye(4)
        affine[:3, :3] = axes * (5, 0.75, 0.5)
        plan = straightening_of(affine, (9, 40, 30))
        assert plan.degrees == tilt_degrees(affine) == pytest.approx(abs(degrees))
        space = space_of(plan.affine, (9, *plan.shape))
        assert space.spacing == pytest.approx((5 * np.cos(angle), 0.75, 0.5))
        shift = 5 * np.sin(abs(angle)) / (0.75, 0.5)[axis] * 8
        growth = [0, 0]
        growth[axis] = int(np.ceil(shift))
        assert plan.shape == (40 + growth[0], 30 + growth[1])

    def test_grid_keeps_the_pixels_of_the_first_slice(self):
        affine = sheared((-1.3, 0.4))
        plan = straightening_of(affine, (5, 12, 10))
        assert plan.shape == (18, 12)  # 4 x 1.3 and 4 x 0.4 pixels, rounded up
        np.testing.assert_allclose(plan.shifts[0], [6, 0])
        np.testing.assert_allclose(plan.affine @ [0, 6, 0, 1], affine @ [0, 0, 0, 1])
        np.testing.assert_allclose(plan.affine[:3, 1:3], affine[:3, 1:3])

    def test_slices_against_the_normal_keep_their_order(self):
        axes = AXIAL * (-1, 1, 1)
        plan = straightening_of(sheared((0.5, 0), axes), (4, 12, 10))
        np.testing.assert_allclose(plan.affine[:3, 0], [0, 0, -2.5])

    def test_shifts_that_are_whole_but_for_rounding_are_whole(self):
        plan = straightening_of(sheared((1.000004, 1e-6)), (20, 12, 10))
        assert plan.shape == (12 + 19, 10)
        np.testing.assert_array_equal(plan.shifts, [[k, 0] for k in range(20)])

    @settings(max_examples=40)
    @given(
        seed=st.integers(0, 2**32 - 1),
        per_slice=st.tuples(st.floats(-3, 3), st.floats(-3, 3)).filter(
            lambda shift: np.hypot(*shift) > 0.1
        ),
        spacing=st.tuples(st.floats(0.5, 5), st.floats(0.2, 3), st.floats(0.2, 3)).filter(
            lambda spacing: spacing[0] < 8 * min(spacing[1:])
        ),
        mirrored=st.booleans(),
    )
    def test_every_pixel_stays_where_it_is_in_the_patient(self, seed, per_slice, spacing, mirrored):
        axes, _ = np.linalg.qr(np.random.default_rng(seed).normal(size=(3, 3)))
        affine = sheared(per_slice, axes * (-1 if mirrored else 1), spacing)
        shape = (5, 11, 9)
        plan = straightening_of(affine, shape)
        assert space_of(plan.affine, (5, *plan.shape)) is not None
        np.testing.assert_allclose(plan.affine[:3, 1:3], affine[:3, 1:3])
        index = np.indices(shape).astype(float)
        index[1:] += plan.shifts.T[:, :, None, None]
        moved = plan.affine[:3, :3] @ index.reshape(3, -1) + plan.affine[:3, 3:]
        # A shift within 0.001 pixel of a whole one counts as whole.
        tolerance = 0.0015 * max(spacing[1:])
        np.testing.assert_allclose(moved, places(affine, shape).reshape(3, -1), atol=tolerance)
        first, last = plan.shifts.min(axis=0), plan.shifts.max(axis=0)
        assert (first >= 0).all()
        assert (last + shape[1:] <= plan.shape).all()
        # An oblique function that is linear in the patient stays linear: no place, no direction
        # and no sign is mixed up.
        slope = np.random.default_rng(seed + 1).normal(size=3)
        ramp = np.tensordot(slope, places(affine, shape), 1)
        found = straightened(ramp, plan, np.nan)
        expected = np.tensordot(slope, places(plan.affine, (5, *plan.shape)), 1)
        inside = between_centres(plan, shape)
        assert inside.sum() >= 5 * 10 * 8
        np.testing.assert_allclose(found[inside], expected[inside], atol=6 * tolerance)
        assert np.isnan(found).sum() == found.size - ramp.size

    @pytest.mark.parametrize(
        ("affine", "why"),
        [
            (sheared((0, 0)), "not sheared"),
            (sheared((0.01, 0)), "not sheared"),
            (np.diag([1.0, 1.0, 0.0, 1.0]), "one plane"),
            (np.diag([0.0, 1.0, 1.0, 1.0]), "one plane"),
            (np.diag([np.nan, 1.0, 1.0, 1.0]), "no numbers"),
            (np.diag([1.0, np.inf, 1.0, 1.0]), "no numbers"),
            (sheared((300, 0)), "would become"),
            (sheared((0.5, 0)) @ np.array(
                [[1, 0, 0, 0], [0, 1, 0.2, 0], [0, 0, 1, 0], [0, 0, 0, 1]]), "right angles"),
        ],
    )  # fmt: skip
    def test_what_cannot_be_straightened_says_why(self, affine, why):
        with pytest.raises(DataConsistencyError, match=why):
            straightening_of(affine, (4, 12, 10))


class TestValues:
    @pytest.mark.parametrize("per_slice", [(0.8, 0), (-0.8, 0), (0, 0.8), (0, -0.8), (0.7, -1.4)])
    @pytest.mark.parametrize("dtype", ["uint8", "int16", "uint16", "int32", "float32", "float64"])
    def test_smooth_function_of_the_patient_keeps_its_values(self, per_slice, dtype):
        def field(place: np.ndarray) -> np.ndarray:
            """Second derivatives are below 4 a mm², so linear interpolation is off by < 0.6."""
            x, y, z = place
            return 120 + 60 * np.sin(x / 4) + 40 * np.cos(y / 5 + z / 10)

        shape = (6, 40, 36)
        whole = np.rint if np.dtype(dtype).kind in "iu" else np.asarray
        image = image_of(whole(field(places(sheared(per_slice), shape))).astype(dtype), per_slice)
        straight = image.resample_tilt()
        assert (straight.dtype, straight.space.shape) == (dtype, straight.shape)
        plan = straightening_of(image.affine, shape)
        inside = between_centres(plan, shape)
        error = np.abs(straight.raw_image - field(places(straight.affine, straight.shape)))[inside]
        assert error.max() < (1.6 if np.dtype(dtype).kind in "iu" else 0.6)

    @pytest.mark.parametrize("per_slice", [(1, 0), (-2, 0), (0, 3), (2, -1)])
    def test_whole_pixels_are_copied(self, per_slice):
        values = noise((4, 12, 10))
        straight = image_of(values, per_slice).resample_tilt(fill=-7)
        first = np.minimum(0, 3 * np.array(per_slice))
        expected = np.full_like(straight.raw_image, -7)
        for k, frame in enumerate(values):
            row, column = k * np.array(per_slice) - first
            expected[k, row : row + 12, column : column + 10] = frame
        np.testing.assert_array_equal(straight.raw_image, expected)

    @pytest.mark.parametrize("dtype", ["uint8", "int8", "uint16", "int16", "uint32", "int64"])
    @pytest.mark.parametrize("shift", [0.25, 0.5, -0.375, 1.5])
    def test_integers_are_the_nearest_of_a_line_between_two(self, dtype, shift):
        limits = np.iinfo(dtype)
        top = min(limits.max, 1 << 40)
        values = np.random.default_rng(1).integers(max(limits.min, -top), top, (3, 9, 4), dtype)
        values[:, :2] = top
        straight = image_of(values, (shift, 0)).resample_tilt(fill=1).raw_image
        first = min(0, np.floor(2 * shift))
        for k, frame in enumerate(values):
            source = np.arange(straight.shape[1]) + first - k * shift
            inside = (source >= -0.5) & (source < 8.5)
            for column in range(4):
                line = np.interp(source, np.arange(9), frame[:, column].astype(float))
                expected = np.where(inside, np.rint(line), 1)
                np.testing.assert_array_equal(straight[k, :, column], expected)

    def test_every_slice_has_as_many_voxels_as_before_and_the_others_are_filled(self):
        values = noise((7, 12, 10)) + 1
        straight = image_of(values, (0.37, -0.81)).resample_tilt(fill=0).raw_image
        assert [(slice_ > 0).sum() for slice_ in straight] == [120] * 7

    def test_colour_and_volumes_are_straightened_each_for_itself(self):
        values = noise((2, 4, 12, 10, 3), "uint8")
        axes = (Axis("t", 2, "ms", (0.0, 40.0)), Axis("z", 4, "mm", (0.0, 3.0, 6.0, 9.0)))
        image = image_of(values, (0.6, 0.3), axes=axes)
        straight = image.resample_tilt(fill=9)
        assert straight.shape == (2, 4, 14, 11, 3)
        assert straight.axes == (axes[0], Axis("z", 4, "mm"))
        for volume in range(2):
            for sample in range(3):
                alone = image_of(values[volume, ..., sample], (0.6, 0.3)).resample_tilt(fill=9)
                np.testing.assert_array_equal(
                    straight.raw_image[volume, ..., sample], alone.raw_image
                )

    def test_threads_agree(self):
        image = image_of(noise((9, 160, 150)), (0.4, 0.2))
        one = image.resample_tilt(num_threads=1).raw_image
        for threads in (4, 7):
            np.testing.assert_array_equal(image.resample_tilt(num_threads=threads).raw_image, one)

    def test_what_is_no_number_stays_so_and_spreads_to_neighbours_only(self):
        values = np.full((2, 8, 6), 0.1)
        values[1, 3, 2], values[1, 5, 3:5] = np.nan, np.inf
        straight = image_of(values, (0.25, 0)).resample_tilt(fill=-1).raw_image
        np.testing.assert_array_equal(np.argwhere(np.isnan(straight)), [[1, 3, 2], [1, 4, 2]])
        assert set(straight[np.isfinite(straight)]) == {-1, 0.1}
        assert np.isinf(straight).sum() == 4

    def test_infinities_of_both_signs_meet_without_a_warning(self):
        values = np.zeros((2, 8, 6), np.float32)
        values[1, 3], values[1, 4] = np.inf, -np.inf
        straight = image_of(values, (0.25, 0)).resample_tilt().raw_image
        assert np.isnan(straight[1, 4]).all()

    def test_integers_beyond_double_precision_are_refused(self):
        image = image_of(np.full((2, 8, 6), (1 << 53) + 1), (0.5, 0))
        with pytest.raises(DataConsistencyError, match=r"2\^53"):
            image.resample_tilt()

    def test_image_itself_does_not_change(self):
        values = noise((4, 12, 10))
        image = with_meta(image_of(values.copy(), (0.5, 0)))
        text, affine = image.dicom_meta.to_json(), image.affine
        image.resample_tilt().raw_image[:] = 0
        np.testing.assert_array_equal(image.raw_image, values)
        np.testing.assert_array_equal(image.affine, affine)
        assert image.dicom_meta.to_json() == text


class TestFill:
    def filled(self, image: DicomCubeImage, **options: Any) -> Any:
        """The value in a corner that the first slice does not reach."""
        return image.resample_tilt(**options).raw_image[0, -1, -1].tolist()

    def test_smallest_stored_value_unless_told(self):
        image = image_of(noise((3, 8, 6)) - 5, (0.5, 0))
        assert self.filled(image) == image.raw_image.min()
        assert self.filled(image, fill=-3) == -3
        floats = image_of(noise((3, 8, 6), "float32"), (0.5, 0))
        floats.raw_image[0, 0, 0] = np.nan
        assert self.filled(floats) == np.nanmin(floats.raw_image)
        assert np.isnan(self.filled(floats, fill=np.nan))

    def test_padding_value_of_the_metadata(self):
        image = with_meta(image_of(noise((3, 8, 6), "uint16"), (0.5, 0)), PixelPaddingValue=4000)
        assert self.filled(image) == 4000
        assert image.resample_tilt().dicom_meta.get("PixelPaddingValue") == 4000
        assert image.resample_tilt(fill=0).dicom_meta.get("PixelPaddingValue") == 4000

    def test_padding_value_that_no_stored_value_can_have_is_left_alone(self):
        image = with_meta(image_of(noise((3, 8, 6), "uint8") + 4, (0.5, 0)), PixelPaddingValue=4000)
        assert self.filled(image) == image.raw_image.min()

    def test_fill_that_no_pixel_has_becomes_the_padding_value(self):
        image = with_meta(image_of(noise((3, 8, 6)), (0.5, 0)))
        straight = image.resample_tilt(fill=-2000)
        assert straight.dicom_meta.get("PixelPaddingValue") == -2000
        assert straight.dicom_meta.get_vr("PixelPaddingValue") == "SS"
        unsigned = with_meta(image_of(noise((3, 8, 6), "uint16"), (0.5, 0)))
        filled = unsigned.resample_tilt(fill=60000).dicom_meta
        assert (filled.get("PixelPaddingValue"), filled.get_vr("PixelPaddingValue")) == (
            60000,
            "US",
        )
        assert "PixelPaddingValue" not in image.resample_tilt().dicom_meta

    def test_nothing_is_made_up_between_padding_and_tissue(self):
        values = np.full((2, 8, 6), 50, np.uint16)
        values[:, :4] = 4000
        image = with_meta(image_of(values, (0.25, 0.25)), PixelPaddingValue=4000)
        assert set(np.unique(image.resample_tilt().raw_image)) == {50, 4000}

    @pytest.mark.parametrize("fill", [-1, 256, 0.5, np.nan, np.inf])
    def test_integers_that_the_dtype_lacks_are_refused(self, fill):
        with pytest.raises(DataConsistencyError, match="uint8: 0 to 255"):
            image_of(noise((2, 8, 6), "uint8"), (0.5, 0)).resample_tilt(fill=fill)

    def test_floats_take_what_is_not_finite_and_nothing_out_of_range(self):
        assert checked_fill(-np.inf, np.dtype("float32")) == -np.inf
        with pytest.raises(DataConsistencyError, match="float32"):
            checked_fill(1e39, np.dtype("float32"))

    def test_values_that_are_no_numbers_are_refused(self):
        with pytest.raises(DataConsistencyError, match="bool"):
            image_of(np.zeros((2, 8, 6), bool), (0.5, 0)).resample_tilt()


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


def dicom_corners(folder: Path) -> np.ndarray:
    """The eight corners as the equation of PS3.3 C.7.6.2.1.1 gives them, (3, 8)."""
    files = sorted(folder.iterdir())
    found = []
    for path in (files[0], files[-1]):
        data = pydicom.dcmread(path)
        cosines = np.array(data.ImageOrientationPatient, dtype=float)
        between_rows, between_columns = map(float, data.PixelSpacing)
        for row in (0, data.Rows - 1):
            for column in (0, data.Columns - 1):
                place = cosines[:3] * between_columns * column + cosines[3:] * between_rows * row
                found.append(place + np.array(data.ImagePositionPatient, dtype=float))
    return np.transpose(found)


class TestCorners:
    """All eight corners within 0.0001 mm, sheared and straightened, on every way out."""

    @pytest.fixture(params=["oblique", "09-14", "15-18"])
    def tilted(self, request, tmp_path) -> Path:
        """A folder of a sheared stack; two of them are the even parts of a real CT."""
        folder = tmp_path / "tilted"
        if request.param == "oblique":
            axes, _ = np.linalg.qr(np.random.default_rng(5).normal(size=(3, 3)))
            image = DicomCubeImage(noise((20, 64, 48)), PixelDataHeader(OriginalPixelDtype="int16"))
            image.affine = sheared((1.23, -0.4), axes, (4.0, 0.9765625, 0.7))
            image.init_meta("CT")
            image.to_dicom_folder(folder)
            return folder
        source = series_folder("ct_ge_int16_tilt")
        if not source.is_dir():
            pytest.skip("real series not found: set DICUBE_TEST_DATA to the folder that holds them")
        folder.mkdir()
        first, last = map(int, request.param.split("-"))
        for number in range(first, last + 1):
            shutil.copy(source / f"{number:02d}.dcm", folder)
        return folder

    @staticmethod
    def check(image: DicomCubeImage, expected: np.ndarray) -> None:
        found = corners(image.affine, image.shape)
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-4)

    def check_everywhere(self, image: DicomCubeImage, expected: np.ndarray, folder: Path) -> None:
        self.check(image, expected)
        for suffix in ("dcbs", "dcba"):
            path = image.to_file(folder / f"x.{suffix}")
            loaded = dicube.load(path)
            np.testing.assert_array_equal(loaded.raw_image, image.raw_image)
            assert (loaded.space is None) == (image.space is None)
            self.check(loaded, expected)
            with dicube.open(path) as cube:
                np.testing.assert_allclose(cube.affine, loaded.affine, rtol=0, atol=1e-9)
        self.check_nifti(image, expected, folder)

    def check_nifti(self, image: DicomCubeImage, expected: np.ndarray, folder: Path) -> None:
        nib = pytest.importorskip("nibabel", reason="nibabel is not installed (extra nifti)")
        image.to_nifti(folder / "x.nii")
        nifti = nib.load(folder / "x.nii")
        assert int(nifti.header["sform_code"]) == 1
        assert int(nifti.header["qform_code"]) == (0 if image.space is None else 1)
        ras = corners(nifti.affine[:, [2, 1, 0, 3]], image.shape)
        np.testing.assert_allclose(ras * [[-1], [-1], [1]], expected, rtol=0, atol=1e-4)
        again = DicomCubeImage.from_nifti(folder / "x.nii")
        assert (again.space is None) == (image.space is None)
        self.check(again, expected)

    def test_of_the_sheared_stack(self, tilted, tmp_path):
        image = DicomCubeImage.from_dicom_folder(tilted)
        assert image.space is None
        self.check_everywhere(image, dicom_corners(tilted), tmp_path)

    def test_of_the_straightened_stack(self, tilted, tmp_path):
        straight = DicomCubeImage.from_dicom_folder(tilted).resample_tilt()
        straight.to_dicom_folder(tmp_path / "straight")
        expected = dicom_corners(tmp_path / "straight")
        assert straight.space is not None
        self.check_everywhere(straight, expected, tmp_path)
        again = DicomCubeImage.from_dicom_folder(tmp_path / "straight")
        np.testing.assert_array_equal(again.raw_image, straight.raw_image)
        np.testing.assert_allclose(again.affine, straight.affine, rtol=0, atol=1e-6)
        assert again.space.shape == straight.space.shape
        with pytest.raises(DataConsistencyError, match="not sheared"):
            again.resample_tilt()

    def test_slices_stay_in_their_planes(self, tilted):
        """The corners of each slice lie in the plane that they lay in, and within its frame."""
        image = DicomCubeImage.from_dicom_folder(tilted)
        straight = image.resample_tilt()
        last = len(image.raw_image) - 1
        back = np.linalg.inv(straight.affine)
        for number in (0, last):
            pixels = [[number, row, column, 1] for row in (0, image.shape[1] - 1)
                      for column in (0, image.shape[2] - 1)]  # fmt: skip
            index = back @ image.affine @ np.transpose(pixels)
            np.testing.assert_allclose(index[0], number, atol=1e-4)
            assert (index[1:3] > -1e-3).all()
            assert (index[1:3].max(axis=1) < np.array(straight.shape[1:]) - 1 + 1e-3).all()


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
