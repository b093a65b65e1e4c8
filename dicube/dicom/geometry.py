"""Where the slices of a series lie in the patient (PS3.3 C.7.6.2).

Patient coordinates are LPS in mm. Voxel indices are (z, y, x), as the arrays are.
"""

from collections.abc import Sequence
from typing import Any, Final, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt
from spacetransformer import Space
from spacetransformer.core.exceptions import ValidationError

from dicube.dicom.dicom_tags import CommonTags, TagLike
from dicube.dicom.findings import DicomStatus, Finding
from dicube.exceptions import MetaDataError

Float64Array = npt.NDArray[np.float64]

RAS_FROM_LPS: Final = np.diag([-1.0, -1.0, 1.0, 1.0])  # and back: it is its own inverse
_ROUNDING: Final = 1e-4  # by which slices may differ in a direction cosine, or in mm of spacing
_UNIT_TOLERANCE: Final = 1e-3  # length and angle of direction cosines, written with few digits
# A slice may lie this part of the slice distance beside its place in an even stack; beyond that one
# affine would put it visibly wrong.
_POSITION_TOLERANCE: Final = 0.1
_SHEAR_TOLERANCE: Final = 1e-2  # what Space takes as perpendicular
_SAME_DIRECTION: Final = (
    5e-3  # of direction cosines: steps of a tilted stack, written with few digits
)


class MetaView(Protocol):
    """What geometry and status need of a DicomMeta."""

    slice_count: int

    def get_values(self, tag: TagLike) -> list[Any]: ...
    def get_shared_value(self, tag: TagLike) -> Any: ...
    def is_shared(self, tag: TagLike) -> bool: ...
    def is_missing(self, tag: TagLike) -> bool: ...


class StackGeometry(NamedTuple):
    """Geometry of a series as far as it has one.

    Attributes
    ----------
    affine : (4, 4) float64 or None
        Takes (z, y, x, 1) to patient coordinates in mm; None without regular positions.
    findings : tuple of Finding
        Why there is no affine, or no `Space`.
    """

    affine: Float64Array | None
    findings: tuple[Finding, ...] = ()


def slice_normal(orientation: Float64Array) -> Float64Array:
    """Unit normal of the image plane: row cosines x column cosines."""
    normal: Float64Array = np.cross(orientation[:3], orientation[3:])
    return normal


def slice_positions(meta: MetaView) -> list[Float64Array | None]:
    """Image Position (Patient) of each slice, mm; None where it is missing or malformed."""
    return [_vector(value, 3) for value in meta.get_values(CommonTags.ImagePositionPatient)]


def shared_orientation(meta: MetaView) -> Float64Array | None:
    """Image Orientation (Patient) if all slices share one pair of perpendicular unit vectors.

    Slices may differ in the last digits; the first one's is taken.
    """
    cosines = _common_vector(meta, CommonTags.ImageOrientationPatient, 6)
    if cosines is None:
        return None
    row, column = cosines[:3], cosines[3:]
    lengths = np.array([np.linalg.norm(row), np.linalg.norm(column)])
    if np.abs(lengths - 1).max() > _UNIT_TOLERANCE or abs(row @ column) > _UNIT_TOLERANCE:
        return None
    return cosines


def shared_spacing(meta: MetaView) -> Float64Array | None:
    """Pixel Spacing, mm, if all slices share one (nearly) and both numbers are positive."""
    spacing = _common_vector(meta, CommonTags.PixelSpacing, 2)
    return None if spacing is None or spacing.min() <= 0 else spacing


def slice_locations(meta: MetaView) -> list[float | None]:
    """Signed distance of each slice along the stack normal, mm; None without a position.

    Raises
    ------
    MetaDataError
        The slices do not share one valid Image Orientation (Patient).
    """
    orientation = shared_orientation(meta)
    if orientation is None:
        raise MetaDataError(
            "the slices do not share one valid Image Orientation (Patient)",
            where="tag 00200037",
            hint="sort by instance number instead",
        )
    normal = slice_normal(orientation)
    return [None if p is None else float(p @ normal) for p in slice_positions(meta)]


def stack_geometry(meta: MetaView) -> StackGeometry:
    """The affine of an evenly spaced stack, sheared by a tilt or not, or why there is none.

    `meta` has one slice for each frame of one volume (see `frame_meta`).
    """
    orientation = shared_orientation(meta)
    if orientation is None:
        return _none(DicomStatus.MISSING_ORIENTATION, "no valid orientation shared by all slices")
    spacing = shared_spacing(meta)
    if spacing is None:
        return _none(DicomStatus.MISSING_SPACING, "no valid pixel spacing shared by all slices")
    found = slice_positions(meta)
    lacking = tuple(i for i, position in enumerate(found) if position is None)
    if lacking:
        return _none(DicomStatus.MISSING_LOCATION, "slices without a position", lacking)
    positions = np.array(found)
    if len(positions) == 1:
        thickness = _number(meta.get_values(CommonTags.SliceThickness)[0]) or 1.0
        step = slice_normal(orientation) * (thickness if thickness > 0 else 1.0)
    else:
        step = (positions[-1] - positions[0]) / (len(positions) - 1)
        uneven = _uneven_slices(positions, step)
        if uneven is not None:
            return _uneven_stack(positions, orientation, uneven)
    affine = np.eye(4)
    affine[:3, 0] = step
    affine[:3, 1] = orientation[3:] * spacing[0]  # down a column: PixelSpacing[0], between rows
    affine[:3, 2] = orientation[:3] * spacing[1]
    affine[:3, 3] = positions[0]
    return StackGeometry(affine, _shear_finding(affine))


def space_of(affine: Float64Array, shape: Sequence[int]) -> Space | None:
    """The `Space` of a (z, y, x) grid; None for what it cannot say: a shear, an axis of no length.

    Parameters
    ----------
    affine : (4, 4) float64, mm
        From (z, y, x, 1) to patient coordinates.
    shape : three ints
        Voxels along z, y and x.
    """
    spacing = np.linalg.norm(affine[:3, :3], axis=0)
    if not (spacing > 0).all():
        return None
    axes = affine[:3, :3] / spacing
    try:
        return Space(
            shape=(int(shape[0]), int(shape[1]), int(shape[2])),
            origin=_triple(affine[:3, 3]),
            spacing=_triple(spacing),
            x_orientation=_triple(axes[:, 0]),
            y_orientation=_triple(axes[:, 1]),
            z_orientation=_triple(axes[:, 2]),
        )
    except ValidationError:
        return None


def affine_of(space: Space) -> Float64Array:
    """The affine of a `Space`: from index to patient coordinates, mm."""
    affine = np.eye(4)
    axes = np.column_stack([space.x_orientation, space.y_orientation, space.z_orientation])
    affine[:3, :3] = axes * np.asarray(space.spacing, dtype=np.float64)
    affine[:3, 3] = space.origin
    return affine


def _triple(vector: Float64Array) -> tuple[float, float, float]:
    x, y, z = (float(v) for v in vector)
    return x, y, z


def _uneven_slices(positions: Float64Array, step: Float64Array) -> tuple[int, ...] | None:
    """Slices away from their place in an even stack; None if there are none."""
    distance = float(np.linalg.norm(step))
    places = positions[0] + np.arange(len(positions))[:, None] * step
    aside = np.linalg.norm(positions - places, axis=1)
    if distance > 0 and aside.max() <= _POSITION_TOLERANCE * distance:
        return None
    return tuple(int(i) for i in np.flatnonzero(aside > _POSITION_TOLERANCE * distance))


def _uneven_stack(
    positions: Float64Array, orientation: Float64Array, slices: tuple[int, ...]
) -> StackGeometry:
    """No affine: by how much the distances differ, and whether the stack is sheared, too."""
    steps = np.diff(positions, axis=0)
    distances = np.linalg.norm(steps, axis=1)
    why = (
        f"the slices are not evenly spaced: {distances.min():.4g} to {distances.max():.4g} mm from "
        "one to the next"
    )
    found = [Finding(DicomStatus.INCONSISTENT, f"no space: {why}", slices)]
    along = distances > 0
    directions = steps[along] / distances[along, None]
    if along.any() and np.abs(directions - directions[0]).max() <= _SAME_DIRECTION:
        cosine = abs(float(directions[0] @ slice_normal(orientation)))
        if np.sqrt(max(0.0, 1 - cosine**2)) > _SHEAR_TOLERANCE:
            degrees = float(np.degrees(np.arccos(min(1.0, cosine))))
            message = f"the stack is sheared by {degrees:.1f} degrees (gantry tilt)"
            found.append(Finding(DicomStatus.INCONSISTENT, message))
    return StackGeometry(None, tuple(found))


def _shear_finding(affine: Float64Array) -> tuple[Finding, ...]:
    axes = affine[:3, :3] / np.linalg.norm(affine[:3, :3], axis=0)
    cosines = np.abs(axes.T @ axes - np.eye(3))
    if cosines.max() <= _SHEAR_TOLERANCE:
        return ()
    degrees = float(np.degrees(np.arcsin(min(1.0, cosines.max()))))
    message = (
        f"the stack is sheared by {degrees:.1f} degrees (gantry tilt): `affine` is right,"
        " `space` cannot express it"
    )
    return (Finding(DicomStatus.INCONSISTENT, message),)


def _none(status: DicomStatus, why: str, slices: tuple[int, ...] = ()) -> StackGeometry:
    return StackGeometry(None, (Finding(status, f"no space: {why}", slices),))


def _common_vector(meta: MetaView, tag: TagLike, length: int) -> Float64Array | None:
    """The value of the first slice, if all others agree with it but for rounding."""
    if meta.is_shared(tag):
        return _vector(meta.get_shared_value(tag), length)
    vectors = [_vector(value, length) for value in meta.get_values(tag)]
    found = [vector for vector in vectors if vector is not None]
    if len(found) < len(vectors):
        return None
    differences = np.abs(np.array(found) - found[0]).max()
    return found[0] if differences <= _ROUNDING else None


def _vector(value: Any, length: int) -> Float64Array | None:
    if not isinstance(value, list) or len(value) != length:
        return None
    numbers = [_number(item) for item in value]
    if any(number is None or not np.isfinite(number) for number in numbers):
        return None
    return np.array(numbers, dtype=np.float64)


def _number(value: Any) -> float | None:
    try:
        return float(value)
    except (TypeError, ValueError):
        return None
