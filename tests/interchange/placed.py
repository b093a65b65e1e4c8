"""Images anywhere in space, for property tests."""

import numpy as np
from hypothesis import strategies as st

from dicube import Axis, DicomCubeImage, PixelDataHeader
from tests.core.made import every_bit_pattern

INTEGERS = ["uint8", "int8", "uint16", "int16", "uint32", "int32", "uint64", "int64"]
_ANGLES = st.floats(-np.pi, np.pi)
_SPACINGS = st.floats(0.05, 20)


@st.composite
def placed_images(draw, dtypes=(*INTEGERS, "float32", "float64")) -> DicomCubeImage:
    """Any array in any place: rotated, mirrored, of any spacing, near or far."""
    shape = draw(st.lists(st.integers(1, 6), min_size=3, max_size=4))
    values = every_bit_pattern(tuple(shape), draw(st.sampled_from(dtypes)))
    header = PixelDataHeader(
        RescaleSlope=draw(st.sampled_from([1.0, 0.1, -2.5])),
        RescaleIntercept=draw(st.sampled_from([0.0, -1024.0, 0.7])),
        OriginalPixelDtype=values.dtype.name,
    )
    axes = [Axis("t", shape[0])] * (len(shape) - 3) + [Axis("z", shape[-3], "mm")]
    image = DicomCubeImage(values, header, axes=axes)
    affine = np.eye(4)
    turn = _rotation(draw(_ANGLES), 0) @ _rotation(draw(_ANGLES), 1) @ _rotation(draw(_ANGLES), 2)
    affine[:3, :3] = turn * [draw(_SPACINGS), draw(_SPACINGS), draw(_SPACINGS)]
    affine[:3, 0] *= draw(st.sampled_from([-1, 1]))
    affine[:3, 3] = [draw(st.floats(-3000, 3000)) for _ in range(3)]
    image.affine = affine
    return image


def _rotation(angle: float, axis: int) -> np.ndarray:
    matrix = np.eye(3)
    i, j = (k for k in range(3) if k != axis)
    matrix[i, i] = matrix[j, j] = np.cos(angle)
    matrix[i, j], matrix[j, i] = -np.sin(angle), np.sin(angle)
    return matrix
