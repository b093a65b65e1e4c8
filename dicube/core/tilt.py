"""Straightening a sheared stack: the arithmetic, on arrays and affines alone.

In a stack that a gantry tilt shears, every slice lies shifted within its own plane against the one
before, by the same part of a pixel along rows and columns. The planes themselves are parallel and
evenly spaced. So nothing has to be interpolated between slices: slice k is shifted by k times that
part, and the grid that results is right-angled, in the same planes as before.

The grid keeps the pixels of the first slice where they are, and grows by whole rows and columns on
the sides to which slices move, so that no slice is cut. Each slice has as many voxels of its own
as it had pixels; the others are filled. docs/decisions/0013-gantry-tilt.md says what else was
considered.
"""

import math
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from dicube.codecs.parallel import map_frames, useful_threads
from dicube.dicom.geometry import Float64Array, space_of
from dicube.exceptions import DataConsistencyError

Array = npt.NDArray[Any]

_WHOLE_PIXEL: Final = 1e-3  # a shift this near to whole pixels is rounding of decimal positions
_SHIFT_DECIMALS: Final = 6  # what comes after them is rounding, and differs between machines
_FLATTEST: Final = 1e-6  # slice distance, relative to the step, below which there is no stack
_MOST_GROWTH: Final = 16  # pixels of a slice after and before; beyond that, the positions are wrong
_EXACT_INTEGERS: Final = 1 << 53  # what float64 holds


class Straightening(NamedTuple):
    """The right-angled grid of a sheared stack, and the way there.

    Attributes
    ----------
    affine : (4, 4) float64, mm
        Of the new grid: (z, y, x, 1) to patient coordinates, z along the normal of the planes.
    shape : (rows, columns)
        Of a slice in the new grid.
    shifts : (slices, 2) float64, pixels
        Row and column of the new grid at which the first pixel of each slice lies; not below 0.
    degrees : float
        Angle between the stacking direction and the normal.
    """

    affine: Float64Array
    shape: tuple[int, int]
    shifts: Float64Array
    degrees: float


def straightening_of(affine: Float64Array, shape: Sequence[int]) -> Straightening:
    """How to straighten a stack.

    Parameters
    ----------
    affine : (4, 4) float64, mm
        From (z, y, x, 1) to patient coordinates (PS3.3 C.7.6.2.1.1).
    shape : three ints
        Voxels along z, y and x.

    Raises
    ------
    DataConsistencyError
        The stack is not sheared, or no shift within the planes makes it right-angled.
    """
    step, down, along = affine[:3, :3].T
    upright = _upright_step(affine)
    if space_of(affine, shape) is not None:
        raise DataConsistencyError(
            "the stack is not sheared, there is nothing to straighten", hint="use it as it is"
        )
    plane = np.column_stack([down, along])
    shifts, first, size = _shifts_in_plane(plane, step - upright, shape)
    straight = affine.copy()
    straight[:3, 0] = upright + 0.0  # no negative zeros
    straight[:3, 3] += plane @ first
    if space_of(straight, (shape[0], *size)) is None:
        raise DataConsistencyError(
            "rows and columns are not at right angles, which no shift of slices can mend",
            hint="resample the image with a tool for general affines",
        )
    return Straightening(straight, size, shifts, tilt_degrees(affine))


def tilt_degrees(affine: Float64Array) -> float:
    """Angle between the stacking direction and the normal of the slices; 90 if there is none."""
    step, down, along = affine[:3, :3].T
    normal = np.cross(along, down)
    lengths = float(np.linalg.norm(step) * np.linalg.norm(normal))
    cosine = abs(float(step @ normal)) / lengths if lengths > 0 else 0.0
    return math.degrees(math.acos(min(1.0, cosine)))


def straightened(
    frames: Array,
    plan: Straightening,
    fill: float,
    *,
    padding: float | None = None,
    num_threads: int | None = None,
) -> Array:
    """All slices in the new grid.

    Values are interpolated linearly along rows and columns, in float64; of integers the nearest is
    taken, ties to even. Where a shift is a whole number of pixels values are copied. In the outer
    half of the pixels at the border, beyond the last centres, they have no second neighbour and
    count alone.

    Parameters
    ----------
    frames : (frames, rows, columns[, samples]) array
        Integers or floats; frame i is slice i modulo the number of slices.
    plan : Straightening
    fill : number
        For voxels outside of the slice; see `checked_fill`.
    padding : number, optional
        A value that is no measurement (PS3.3 C.7.5.1.1.2): next to it the nearest pixel is taken,
        since nothing between it and a measurement means anything.
    num_threads : int, optional

    Returns
    -------
    (frames, *plan.shape[, samples]) array, dtype of `frames`

    Raises
    ------
    DataConsistencyError
        64-bit integers are too large to be interpolated in float64.
    """
    _check_exact(frames)
    rows, columns = frames.shape[1:3]
    result = np.full((len(frames), *plan.shape, *frames.shape[3:]), fill, frames.dtype)
    starts = np.ceil(plan.shifts - 0.5).astype(int)

    def place(index: int) -> None:
        number = index % len(starts)
        row, column = starts[number]
        down, along = starts[number] - plan.shifts[number]
        block = _between(_between(frames[index], down, 0, padding), along, 1, padding)
        if block.dtype != frames.dtype and frames.dtype.kind != "f":
            block = np.rint(block)
        result[index, row : row + rows, column : column + columns] = block

    map_frames(place, len(frames), useful_threads(rows * columns, num_threads))
    return result


def checked_fill(fill: float, dtype: np.dtype[Any]) -> float:
    """A fill value that the dtype holds as it is, or for floats as the nearest there is.

    Raises
    ------
    DataConsistencyError
        It is out of range, or a fraction or NaN for integers; or the values are no numbers.
    """
    if dtype.kind not in "iuf":
        raise DataConsistencyError(
            f"{dtype.name} values cannot be interpolated", hint="convert them to integers or floats"
        )
    if dtype.kind == "f":
        lowest, highest = float(np.finfo(dtype).min), float(np.finfo(dtype).max)
        fits = lowest <= fill <= highest or not math.isfinite(fill)
    else:
        lowest, highest = np.iinfo(dtype).min, np.iinfo(dtype).max
        fits = lowest <= fill <= highest and fill == int(fill)
    if not fits:
        raise DataConsistencyError(
            f"fill is {fill}, stored values are {dtype.name}: {lowest} to {highest}",
            hint="give a stored value, before slope and intercept",
        )
    return fill


def _upright_step(affine: Float64Array) -> Float64Array:
    """The part of the step from slice to slice that is along the normal, (3,) mm."""
    if np.isfinite(affine).all():
        step, down, along = affine[:3, :3].T
        normal = np.cross(along, down)
        area = float(np.linalg.norm(normal))
        distance = float(step @ normal) / area if area > 0 else 0.0  # below 0: against the normal
        if abs(distance) > _FLATTEST * float(np.linalg.norm(step)):
            upright: Float64Array = normal / area * distance
            return upright
    raise DataConsistencyError(
        "the affine is not that of a stack: its axes lie in one plane, or are no numbers",
        hint="check `image.affine`",
    )


def _shifts_in_plane(
    plane: Float64Array, aside: Float64Array, shape: Sequence[int]
) -> tuple[Float64Array, Float64Array, tuple[int, int]]:
    """Shift of each slice in the new grid, first row and column of the grid, and its size.

    Parameters
    ----------
    plane : (3, 2) float64, mm
        The steps from row to row and from column to column.
    aside : (3,) float64, mm
        The part of the step from slice to slice that lies in the plane.
    shape : three ints
    """
    per_slice = np.linalg.lstsq(plane, aside, rcond=None)[0]
    shifts = np.round(np.arange(shape[0])[:, None] * per_slice, _SHIFT_DECIMALS)
    whole = np.rint(shifts)
    shifts = np.where(np.abs(shifts - whole) <= _WHOLE_PIXEL, whole, shifts)
    first = np.floor(shifts.min(axis=0))
    growth = np.ceil(shifts.max(axis=0)) - first
    size = int(shape[1] + growth[0]), int(shape[2] + growth[1])
    if size[0] * size[1] > _MOST_GROWTH * shape[1] * shape[2]:
        raise DataConsistencyError(
            f"slices of {shape[1]} x {shape[2]} would become {size[0]} x {size[1]}",
            hint="check `image.affine`, or straighten a part of the slices",
        )
    return shifts - first, first, size


def _between(block: Array, offset: float, axis: int, padding: float | None) -> Array:
    """Values this part of a pixel further along an axis, -0.5 to 0.5; float64 unless it is 0."""
    if offset == 0:
        return block
    last = block.shape[axis] - 1
    beside = np.clip(np.arange(last + 1) + (1 if offset > 0 else -1), 0, last)
    near: Float64Array = block.astype(np.float64)
    far = near.take(beside, axis)
    weight = abs(offset)
    with np.errstate(invalid="ignore"):  # infinities of both signs
        mixed: Float64Array = near * (1 - weight) + far * weight
    alone = near == far  # exact, also where rounding of the weights would show
    if padding is not None:
        alone |= (near == padding) | (far == padding)
    np.copyto(mixed, near, where=alone)
    return mixed


def _check_exact(frames: Array) -> None:
    if frames.dtype.kind == "f" or frames.dtype.itemsize < 8:
        return
    if int(frames.max()) > _EXACT_INTEGERS or int(frames.min()) < -_EXACT_INTEGERS:
        raise DataConsistencyError(
            "the values go beyond 2^53, too large to be interpolated exactly",
            hint="convert them to float64 first if that is close enough",
        )
