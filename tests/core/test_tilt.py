"""Straightening sheared stacks: the grid, the values, and what is beside them."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dicube import DicomCubeImage
from dicube.core.tilt import checked_fill, straightened, straightening_of, tilt_degrees
from dicube.dicom.geometry import space_of
from dicube.dicom.series.axis import Axis
from dicube.exceptions import DataConsistencyError
from tests.core.sheared import AXIAL, image_of, noise, sheared, with_meta


def places(affine: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Patient coordinates of all voxels, (3, z, y, x)."""
    index = np.indices(shape).reshape(3, -1)
    return (affine[:3, :3] @ index + affine[:3, 3:]).reshape(3, *shape)


def between_centres(plan: Any, shape: tuple[int, ...]) -> np.ndarray:
    """The voxels of the new grid among pixel centres of their slice, (z, rows, columns) bool."""
    rows, columns = (np.arange(size) for size in plan.shape)
    masks = []
    for down, along in plan.shifts:
        inside_rows = (rows >= down) & (rows <= down + shape[1] - 1)
        inside_columns = (columns >= along) & (columns <= along + shape[2] - 1)
        masks.append(inside_rows[:, None] & inside_columns)
    return np.stack(masks)


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
