"""Images of every dtype and shape, and their bits."""

from pathlib import Path
from typing import Any

import numpy as np

from dicube import DicomCubeImage, PixelDataHeader

FORMATS = ("dcbs", "dcba")
INTEGERS = ("uint8", "int8", "uint16", "int16", "uint32", "int32")
DTYPES = (*INTEGERS, "int64", "uint64", "float16", "float32", "float64")
SHAPES = {
    "one slice": (1, 5, 7),
    "3D": (3, 8, 6),
    "4D": (2, 3, 6, 5),
    "colour": (2, 6, 5, 3),
    "4D colour": (2, 2, 4, 5, 3),
    "alpha": (2, 5, 4, 4),
    "one row": (2, 1, 9),
    "one pixel": (1, 1, 1),
}


def every_bit_pattern(shape: tuple[int, ...], dtype: str) -> np.ndarray:
    """Random bytes seen as `dtype`; for floats that includes NaN, infinity and subnormals."""
    size = np.dtype(dtype).itemsize
    words = np.random.default_rng(5).integers(0, 256, (*shape[:-1], shape[-1] * size))
    return words.astype(np.uint8).view(dtype)


def image_of(values: np.ndarray, **header: Any) -> DicomCubeImage:
    return DicomCubeImage(values, PixelDataHeader(OriginalPixelDtype=values.dtype.name, **header))


def copied(image: DicomCubeImage, path: Path, **options: Any) -> DicomCubeImage:
    image.to_file(path, **options)
    return DicomCubeImage.from_file(path)


def same_values(first: np.ndarray, second: np.ndarray) -> bool:
    """Equal bit patterns: unlike `==` it tells zeros and NaNs apart."""
    return (first.dtype, first.shape) == (second.dtype, second.shape) and (
        first.tobytes() == second.tobytes()
    )
