"""Images that were read again: one other value is noticed, whatever a format keeps of them."""

import math
import tracemalloc

import numpy as np
import pytest

from dicube import Axis, DicomCubeImage, PixelDataHeader
from dicube.core.rescale import FrameRescale
from dicube.core.value_comparison import has_same_values


def image_of(values: np.ndarray, slope: float = 1.0, intercept: float = 0.0) -> DicomCubeImage:
    return DicomCubeImage(values, PixelDataHeader(slope, intercept, values.dtype.name))


def with_frame_rescale(image: DicomCubeImage, slopes: list[float]) -> DicomCubeImage:
    contents = image.contents()
    contents.rescale = FrameRescale(np.array(slopes), np.zeros(len(slopes)))
    return DicomCubeImage.from_contents(contents)


def values(dtype: str = "int16") -> np.ndarray:
    return np.arange(60).reshape(3, 4, 5).astype(dtype)


def changed(array: np.ndarray, place: tuple[int, ...]) -> np.ndarray:
    """The same but for one voxel, by the smallest step."""
    array = array.copy()
    array[place] = np.nextafter(array[place], np.inf) if array.dtype.kind == "f" else 1
    return array


@pytest.mark.parametrize("dtype", ["uint8", "int16", "int32", "float32", "float64"])
def test_one_stored_value_that_differs_is_noticed_in_any_frame(dtype: str) -> None:
    image = image_of(values(dtype), 0.1, -1024)
    assert has_same_values(image, image_of(values(dtype), 0.1, -1024))
    for frame in range(3):
        other = image_of(changed(values(dtype), (frame, 3, 4)), 0.1, -1024)
        assert not has_same_values(image, other)


def test_a_rescale_in_single_precision_is_the_same_and_another_one_is_not() -> None:
    image = image_of(values(), 0.1, 1e-3)
    assert has_same_values(image, image_of(values(), float(np.float32(0.1)), 1e-3))
    assert not has_same_values(image, image_of(values(), 0.1001, 1e-3))


@pytest.mark.parametrize("dtype", ["int16", "float64"])
def test_output_values_are_those_of_stored_values(dtype: str) -> None:
    image = with_frame_rescale(image_of(values(dtype)), [1.0, 0.1, 0.3])
    output = image.get_fdata("float64")
    assert has_same_values(image, image_of(output))
    assert not has_same_values(image, image_of(changed(output, (2, 0, 1))))
    # A value that was rounded to single precision is another one.
    assert not has_same_values(image, image_of(output.astype("float32").astype("float64")))


def test_frames_with_rescales_of_their_own_are_compared_as_stored() -> None:
    image = with_frame_rescale(image_of(values()), [1.0, 0.1, 0.3])
    other = with_frame_rescale(image_of(changed(values(), (1, 1, 1))), [1.0, 0.1, 0.3])
    assert has_same_values(image, image)
    assert not has_same_values(image, other)


def test_what_is_no_number_is_the_same_as_itself() -> None:
    stored = values("float32")
    stored[1, 1, 1:4] = math.nan, math.inf, -math.inf
    image = image_of(stored, 2.0)
    assert has_same_values(image, image_of(stored.copy(), 2.0))
    assert has_same_values(image, image_of(image.get_fdata("float64")))
    assert not has_same_values(image, image_of(values("float32"), 2.0))


def test_leading_axes_may_be_others_and_frames_may_not_lack() -> None:
    stored = np.arange(2 * 3 * 4 * 5, dtype=np.int16).reshape(2, 3, 4, 5)
    image = image_of(stored)
    assert [axis.name for axis in image.axes] == ["t", "z"]
    assert has_same_values(image, image_of(stored.reshape(6, 4, 5)))
    assert not has_same_values(image, image_of(stored[1]))
    assert not has_same_values(image, image_of(stored.reshape(6, 5, 4)))


def test_colour_is_compared_with_its_samples() -> None:
    stored = np.arange(2 * 4 * 5 * 3, dtype=np.uint8).reshape(2, 4, 5, 3)
    image, other = (
        DicomCubeImage(array, PixelDataHeader(OriginalPixelDtype="uint8"), axes=(Axis("z", 2),))
        for array in (stored, changed(stored, (1, 0, 0, 2)))
    )
    assert has_same_values(image, image)
    assert not has_same_values(image, other)


@pytest.mark.parametrize("slope", [1.0, 0.1])
def test_memory_for_a_few_frames_is_enough(slope: float) -> None:
    stored = np.zeros((100, 64, 64), np.int16)
    image = image_of(stored, slope)
    again = image_of(stored.copy() if slope == 1 else image.get_fdata("float64"))
    tracemalloc.start()
    try:
        assert has_same_values(image, again)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < 8 * 64 * 64 * 8
