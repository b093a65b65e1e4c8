"""OME-Zarr 0.5: the attribute that tells viewers what the axes are and where voxels lie.

The standard knows up to one axis of time and one of another kind before two or three of space, each
with a scale and an offset; rotations and shears it does not know, and anatomical directions only as
a proposal (RFC 4), which readers of 0.5 skip.
"""

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from dicube.dicom.series.axis import Axis

VALUES: Final = "0"  # path of the array; levels of lower resolution would be 1, 2...
_VERSION: Final = "0.5"
_SPACE: Final = ("z", "y", "x")
_TIME_UNITS: Final = {"s": "second", "ms": "millisecond", "us": "microsecond"}
_EVEN_STEPS: Final = 1e-6  # of a step
# Directions of the patient axes (LPS), negative and positive (RFC 4).
_DIRECTIONS: Final = (
    ("left-to-right", "right-to-left"),
    ("posterior-to-anterior", "anterior-to-posterior"),
    ("superior-to-inferior", "inferior-to-superior"),
)


def ome_attribute(
    name: str,
    axes: Sequence[Axis],
    affine: npt.NDArray[np.float64] | None,
    *,
    has_samples: bool,
) -> dict[str, Any] | None:
    """The value of `ome`; None for axes that OME-Zarr 0.5 has no words for.

    Parameters
    ----------
    name : str
    axes : sequence of Axis
        Before rows and columns.
    affine : (4, 4) float64 or None
        From (z, y, x, 1) to patient coordinates (LPS), mm.
    has_samples : bool
        Whether there is an axis of colours, before the axes of space.
    """
    outer = axes_before_space(axes)
    is_stack = len(outer) < len(axes)
    members = [_outer_member(axis) for axis in outer]
    if has_samples:
        members.append({"name": "c", "type": "channel"})
    times = [member["name"] for member in members].count("t")
    is_time_first = not times or members[0]["name"] == "t"
    if times > 1 or len(members) - times > 1 or not is_time_first:
        return None
    space = _SPACE if is_stack else _SPACE[1:]
    scales, offsets = _places(affine, len(space))
    scales = [*(_step(axis) for axis in outer), *([1.0] if has_samples else []), *scales]
    offsets = [*(_start(axis) for axis in outer), *([0.0] if has_samples else []), *offsets]
    members += [_space_member(axis, affine) for axis in space]
    transformations = [
        {"type": "scale", "scale": scales},
        {"type": "translation", "translation": offsets},
    ]
    dataset = {"path": VALUES, "coordinateTransformations": transformations}
    return {
        "version": _VERSION,
        "multiscales": [{"name": name, "axes": members, "datasets": [dataset]}],
    }


def axes_before_space(axes: Sequence[Axis]) -> list[Axis]:
    """All but the slices of a stack, which are an axis of space."""
    return list(axes[:-1] if axes and axes[-1].name == "z" else axes)


def dimension_names(axes: Sequence[Axis], *, has_samples: bool) -> list[str]:
    """The names of the axes in the order of OME-Zarr, where colour comes before space."""
    outer = axes_before_space(axes)
    is_stack = len(outer) < len(axes)
    return [
        *(axis.name for axis in outer),
        *(["c"] if has_samples else []),
        *(_SPACE if is_stack else _SPACE[1:]),
    ]


def _outer_member(axis: Axis) -> dict[str, Any]:
    if axis.name != "t":
        return {"name": axis.name}  # a custom axis, without a type
    unit = _TIME_UNITS.get(axis.unit)
    return {"name": "t", "type": "time", **({} if unit is None else {"unit": unit})}


def _space_member(name: str, affine: npt.NDArray[np.float64] | None) -> dict[str, Any]:
    member: dict[str, Any] = {"name": name, "type": "space", "unit": "millimeter"}
    if affine is None:
        del member["unit"]
        return member
    column = affine[:3, _SPACE.index(name)]
    nearest = int(np.abs(column).argmax())
    direction = _DIRECTIONS[nearest][int(column[nearest] > 0)]
    return {**member, "orientation": {"type": "anatomical", "value": direction}}


def _places(affine: npt.NDArray[np.float64] | None, count: int) -> tuple[list[float], list[float]]:
    """Scale and offset along the last `count` axes: distances from the origin of the patient."""
    if affine is None:
        return [1.0] * count, [0.0] * count
    steps = affine[:3, 3 - count : 3]
    lengths = np.linalg.norm(steps, axis=0)
    offsets = affine[:3, 3] @ (steps / np.where(lengths > 0, lengths, 1))
    return np.where(lengths > 0, lengths, 1.0).tolist(), offsets.tolist()


def _step(axis: Axis) -> float:
    """Between coordinates that are evenly spaced; 1 for others, which are in `dicube`."""
    if axis.name != "t" or axis.coordinates is None or axis.size < 2:
        return 1.0
    steps = np.diff(axis.coordinates)
    is_even = steps[0] > 0 and np.ptp(steps) <= _EVEN_STEPS * steps[0]
    return float(steps.mean()) if is_even else 1.0


def _start(axis: Axis) -> float:
    return axis.coordinates[0] if axis.coordinates is not None and _step(axis) != 1.0 else 0.0
