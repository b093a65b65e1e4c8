"""The grid that the frames of a segmentation lie on, and on which slice of it each of them is.

Empty slices have no frames, so that positions alone may not tell how far slices are apart; writers
print positions with six digits; and stacks may be sheared. All that is settled here.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from dicube.dicom.geometry import slice_normal
from dicube.exceptions import DataConsistencyError, MetaDataError

Vector = npt.NDArray[np.float64]
Affine = npt.NDArray[np.float64]

_ASIDE: Final = 0.05  # pixels by which a frame may lie beside its place in rows and columns
_EVEN: Final = 0.1  # of the slice distance
# The slices of a source may lie a tenth beside their places themselves, the first one included.
_EVEN_IN_SOURCE: Final = 0.25
_SAME_PLACE_MM: Final = 1e-2
_SAME: Final = 1e-4  # of direction cosines, or of a pixel spacing
_MAX_SLICES: Final = 1 << 16


class FrameGrid(NamedTuple):
    """The grid of some frames.

    Attributes
    ----------
    affine : (4, 4) float64
        From (z, y, x, 1) to patient coordinates, mm; slices ascend along the normal.
    slices : int
    slice_of : (frames,) int
        The slice that each frame is.
    """

    affine: Affine
    slices: int
    slice_of: npt.NDArray[np.intp]


def frame_grid(
    positions: Vector,
    orientations: Vector,
    spacings: Vector,
    distances: Sequence[float],
    source: Affine | None,
    *,
    where: str,
) -> FrameGrid:
    """The grid of frames.

    Parameters
    ----------
    positions : (frames, 3) float64, mm
    orientations : (frames, 6) float64
    spacings : (frames, 2) float64, mm
        Between rows, between columns.
    distances : sequence of float
        What the file says about the distance of slices, most trusted first; NaN for nothing.
    source : (4, 4) float64 or None
        Affine of the source, which knows how far its slices are apart.
    where : str
        The file, for messages.

    Raises
    ------
    MetaDataError
        Frames have no place.
    DataConsistencyError
        They have several orientations, or are no part of an even stack.
    """
    if np.isnan(positions).any() or np.isnan(orientations).any() or np.isnan(spacings).any():
        raise MetaDataError(
            "frames do not say where they are",
            where=where,
            hint="only segmentations in patient coordinates are read",
        )
    for values in (orientations, spacings):
        if np.abs(values - values[0]).max() > _SAME:
            raise DataConsistencyError("frames differ in orientation or pixel spacing", where=where)
    cosines = orientations[0] / np.repeat(
        [np.linalg.norm(orientations[0, :3]), np.linalg.norm(orientations[0, 3:])], 3
    )
    normal = slice_normal(cosines)
    along = positions @ normal
    order = np.argsort(along, kind="stable")
    first = positions[order[0]]
    if source is None:
        step = _step(positions[order], along[order], normal, distances, where)
    else:
        step = _step_of_source(source, normal)
    slice_of = np.rint((along - along[order[0]]) / (step @ normal)).astype(np.intp)
    aside = positions - (first + slice_of[:, None] * step)
    tolerance = _EVEN if source is None else _EVEN_IN_SOURCE
    in_plane = np.abs(aside @ cosines.reshape(2, 3).T) / spacings[0, ::-1]
    if in_plane.max() > _ASIDE or np.abs(aside @ normal).max() > tolerance * abs(step @ normal):
        raise DataConsistencyError(
            "the frames are no part of one even stack"
            + ("" if source is None else " with the slice distance of the source"),
            where=where,
            hint="give the images that were segmented as source" if source is None else None,
        )
    slices = int(slice_of.max()) + 1
    if slices > _MAX_SLICES:
        raise DataConsistencyError(f"the frames span {slices} slices", where=where)
    affine = np.eye(4)
    affine[:3, 0] = step
    affine[:3, 1] = cosines[3:] * spacings[0, 0]
    affine[:3, 2] = cosines[:3] * spacings[0, 1]
    affine[:3, 3] = first
    return FrameGrid(affine, slices, slice_of)


def _step_of_source(source: Affine, normal: Vector) -> Vector:
    """From slice to slice, along the axis of the source that is closest to the normal."""
    axes = source[:3, :3]
    cosines = normal @ (axes / np.linalg.norm(axes, axis=0))
    axis = int(np.argmax(np.abs(cosines)))
    step: Vector = axes[:, axis] * np.sign(cosines[axis])
    return step


def _step(
    positions: Vector, along: Vector, normal: Vector, distances: Sequence[float], where: str
) -> Vector:
    """From slice to slice as positions, sorted along the normal, and the file tell."""
    said = [distance for distance in distances if distance > 0]
    offsets = along - along[0]
    steps = np.diff(offsets)
    steps = steps[steps > _SAME_PLACE_MM]
    if not steps.size:
        return normal * (said[0] if said else 1.0)
    # Of a sheared stack the slice distance may be said along the shear instead of the normal.
    for distance in (*said, float(steps.min())):
        count = np.rint(offsets / distance)
        if count[-1] >= 1 and np.abs(offsets - count * (offsets[-1] / count[-1])).max() <= (
            _EVEN * distance
        ):
            if np.unique(count).size >= steps.size + 1:
                step: Vector = (positions[-1] - positions[0]) / count[-1]
                return step
    raise DataConsistencyError(
        f"the slices are not evenly spaced: {steps.min():.4g} to {steps.max():.4g} mm from one to"
        " the next",
        where=where,
        hint="give the images that were segmented as source",
    )
