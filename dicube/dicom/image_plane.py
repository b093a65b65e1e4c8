"""Writing the Image Plane module (PS3.3 C.7.6.2); `dicube.dicom.geometry` reads it."""

from collections.abc import Iterable

import numpy as np

from dicube.dicom.dicom_meta import DicomMeta
from dicube.dicom.geometry import Float64Array


def set_plane(meta: DicomMeta, affine: Float64Array, volume_slices: int) -> None:
    """Set orientation, spacing, thickness (that of a slice step) and positions of all slices."""
    set_image_plane(meta, affine)
    set_positions(meta, affine, volume_slices)
    thickness = float(np.linalg.norm(affine[:3, 0]))
    meta.set_shared_item("SliceThickness", decimals([thickness])[0])


def set_image_plane(meta: DicomMeta, affine: Float64Array) -> None:
    """Set Image Orientation (Patient) and Pixel Spacing of all slices.

    Parameters
    ----------
    meta : DicomMeta
        Changed.
    affine : (4, 4) float64, mm
        From (z, y, x, 1) to patient coordinates.
    """
    spacing = np.linalg.norm(affine[:3, :3], axis=0)
    axes = affine[:3, :3] / spacing
    meta.set_shared_item("ImageOrientationPatient", decimals([*axes[:, 2], *axes[:, 1]]))
    meta.set_shared_item("PixelSpacing", decimals([spacing[1], spacing[2]]))


def set_positions(meta: DicomMeta, affine: Float64Array, volume_slices: int) -> None:
    """Set Image Position (Patient); the volumes of a 4D image lie in one place."""
    places = [affine[:3, 3] + (i % volume_slices) * affine[:3, 0] for i in range(meta.slice_count)]
    meta.set_nonshared_item("ImagePositionPatient", [decimals(place) for place in places])


def decimals(numbers: Iterable[float]) -> list[float]:
    """Numbers that fit the 16 characters of a DS (PS3.5 6.2)."""
    return [float(f"{float(number):.9g}") for number in numbers]
