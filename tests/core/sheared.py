"""Sheared stacks that need no test data."""

from typing import Any

import numpy as np

from dicube import DicomCubeImage, PixelDataHeader

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


def with_meta(image: DicomCubeImage, **elements: Any) -> DicomCubeImage:
    """The image with new CT metadata and these elements in all slices."""
    meta = image.init_meta("CT")
    for keyword, value in elements.items():
        meta.set_shared_item(keyword, value)
    return image
