"""Metadata of a stack that was straightened: a series of derived images in another grid.

What does not follow from the grid stays as it was: Slice Thickness, Frame of Reference UID, display
window, private elements. What would be wrong on the new grid and cannot be moved to it goes.
"""

import re
from typing import Final, NamedTuple

import numpy as np

from dicube.dicom.derivation import Derivation, derivative, new_uid, set_values
from dicube.dicom.dicom_meta import DicomMeta
from dicube.dicom.dicom_tags import CommonTags
from dicube.dicom.geometry import Float64Array, slice_locations, stack_geometry
from dicube.dicom.image_plane import decimals, set_image_plane, set_positions
from dicube.exceptions import DataConsistencyError

_RESAMPLING: Final = Derivation(
    code=("113085", "Spatial resampling"),
    purpose=("121322", "Source image for image processing operation"),
)
_SAME_PLANE_MM: Final = 1e-6  # per pixel
# Extremes of the pixels as they were (PS3.3 C.7.6.3); fill values lie beyond them.
_STALE: Final = (
    "SmallestImagePixelValue",
    "LargestImagePixelValue",
    "SmallestPixelValueInSeries",
    "LargestPixelValueInSeries",
)
_PADDING: Final = "00280120"
_OVERLAY: Final = re.compile("60[01][02468ACE]")  # PS3.5 7.6: groups 6000 to 601E


class StraightGrid(NamedTuple):
    """Where a straightened stack lies.

    Attributes
    ----------
    affine : (4, 4) float64, mm
        From (z, y, x, 1) to patient coordinates.
    shape : (slices, rows, columns)
        Of one volume.
    degrees : float
        By how much the stack was sheared.
    """

    affine: Float64Array
    shape: tuple[int, int, int]
    degrees: float


class NewPadding(NamedTuple):
    """A Pixel Padding Value (PS3.3 C.7.5.1.1.2), and whether stored values have a sign."""

    value: int
    is_signed: bool


def straightened_meta(
    meta: DicomMeta, grid: StraightGrid, *, result: str, padding: NewPadding | None
) -> DicomMeta:
    """The metadata of a straightened stack, made from those of the sheared one.

    Parameters
    ----------
    meta : DicomMeta
        Of the sheared stack, one slice for each frame; not changed.
    grid : StraightGrid
    result : str
        Names the new pixels; see `new_uid`.
    padding : NewPadding or None
        None: what the metadata say about padding stays.

    Returns
    -------
    DicomMeta
        That of a `derivative`, of another series, with the new image plane (PS3.3 C.7.6.2), no
        Gantry/Detector Tilt, and without overlays (PS3.3 C.9.2), whose pixels are those of the old
        grid.
    """
    description = (
        f"Straightened: a stack sheared by {grid.degrees:.1f} degrees (gantry tilt), "
        "slices shifted in their planes, linear interpolation"
    )
    derived = derivative(meta, _RESAMPLING, description=description, result=result)
    if not derived.is_missing(CommonTags.SeriesInstanceUID):
        uids = [new_uid(result, uid) for uid in meta.get_values(CommonTags.SeriesInstanceUID)]
        set_values(derived, CommonTags.SeriesInstanceUID, uids)
    _set_grid(derived, meta, grid)
    if padding is not None:
        vr = "SS" if padding.is_signed else "US"
        entry = {"vr": vr, "shared": True, "Value": [padding.value]}
        derived = DicomMeta(
            {**dict(derived.items()), _PADDING: entry},
            derived.filenames,
            slice_count=derived.slice_count,
        )
    return derived


def padding_value(meta: DicomMeta) -> int | None:
    """Pixel Padding Value (PS3.3 C.7.5.1.1.2), if all slices have the same."""
    if not meta.is_shared("PixelPaddingValue"):
        return None
    value = meta.get_shared_value("PixelPaddingValue")
    return value if isinstance(value, int) else None


def check_can_be_resampled(meta: DicomMeta, frames: int) -> None:
    """Refuse images of which interpolated values or new positions would be wrong.

    Raises
    ------
    DataConsistencyError
        Values are numbers of colours, or slices are not frames.
    """
    if "PALETTE COLOR" in meta.get_values(CommonTags.PhotometricInterpretation):
        raise DataConsistencyError(
            "values are places in a palette, and nothing lies between two of them",
            where="tag 00280004",
            hint="convert the image to RGB first",
        )
    if meta.slice_count != frames:
        raise DataConsistencyError(
            f"the metadata describe {meta.slice_count} slices, the image has {frames} frames",
            hint="give the image metadata with one slice for each frame, or none",
        )


def _set_grid(derived: DicomMeta, meta: DicomMeta, grid: StraightGrid) -> None:
    """Everything that says where the pixels lie."""
    slices, rows, columns = grid.shape
    before = stack_geometry(meta).affine
    if before is None or np.abs(before - grid.affine)[:3, 1:3].max() > _SAME_PLANE_MM:
        set_image_plane(derived, grid.affine)  # else it stays as it is written
    set_positions(derived, grid.affine, slices)
    derived.set_shared_item(CommonTags.Rows, rows)
    derived.set_shared_item(CommonTags.Columns, columns)
    if CommonTags.SliceLocation in derived:
        places = [place for place in slice_locations(derived) if place is not None]
        derived.set_nonshared_item(CommonTags.SliceLocation, decimals(places))
    if CommonTags.SpacingBetweenSlices in derived:
        spacing = float(np.linalg.norm(grid.affine[:3, 0]))
        derived.set_shared_item(CommonTags.SpacingBetweenSlices, decimals([spacing])[0])
    if "GantryDetectorTilt" in derived:
        derived.set_shared_item("GantryDetectorTilt", 0)
    overlays = [key for key, _ in derived.items() if _OVERLAY.match(key)]
    for tag in (*overlays, *_STALE):
        derived.remove_item(tag)
