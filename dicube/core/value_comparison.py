"""Whether an image that went through another format still has the values it had before."""

import math
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from dicube.core.contents import Array
from dicube.core.image import DicomCubeImage
from dicube.core.rescale import apply_rescale


def has_same_values(image: DicomCubeImage, again: DicomCubeImage) -> bool:
    """Whether an image that was read again has the values of the one it was made of.

    Stored values are compared bit for bit where both images have the same dtype and the same
    rescale, in single precision as NIfTI keeps it. Where a format holds output values instead,
    those are compared as float64. Only one frame of each is converted at a time.

    Parameters
    ----------
    image : DicomCubeImage
    again : DicomCubeImage
        Its frames have to follow each other in the same order; its leading axes may be others.
    """
    if _frame_count(image) != _frame_count(again):
        return False
    if image.dtype == again.dtype and _has_same_rescale(image, again):
        return all(map(_is_same_bits, _stored(image), _stored(again)))
    return all(map(_is_same_output, _outputs(image), _outputs(again)))


def _frame_count(image: DicomCubeImage) -> int:
    return math.prod(axis.size for axis in image.axes)


def _has_same_rescale(image: DicomCubeImage, again: DicomCubeImage) -> bool:
    pairs = zip(_slopes_and_intercepts(image), _slopes_and_intercepts(again), strict=True)
    with np.errstate(over="ignore"):
        return all(np.array_equal(np.float32(one), np.float32(other)) for one, other in pairs)


def _slopes_and_intercepts(image: DicomCubeImage) -> tuple[npt.NDArray[np.float64], ...]:
    """Of each frame, (frames,) each."""
    if image.frame_rescale is not None:
        return image.frame_rescale
    header, count = image.pixel_header, _frame_count(image)
    return np.full(count, header.RescaleSlope), np.full(count, header.RescaleIntercept)


def _stored(image: DicomCubeImage) -> Iterator[Array]:
    values = image.raw_image
    for index in np.ndindex(values.shape[: len(image.axes)]):
        yield values[index]


def _outputs(image: DicomCubeImage) -> Iterator[Array]:
    slopes, intercepts = _slopes_and_intercepts(image)
    for frame, slope, intercept in zip(_stored(image), slopes, intercepts, strict=True):
        yield apply_rescale(frame, slope, intercept, "float64")


def _is_same_bits(first: Array, second: Array) -> bool:
    return first.shape == second.shape and first.tobytes() == second.tobytes()


def _is_same_output(first: Array, second: Array) -> bool:
    return np.array_equal(first, second, equal_nan=True)
