"""The axes of an image: made, checked, and as JSON."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from dicube.dicom.series.axis import Axis, Coordinate
from dicube.dicom.series.grid import Rival
from dicube.exceptions import DataConsistencyError, InvalidCubeFileError


def axis_members(axis: Axis) -> dict[str, Any]:
    """An axis as a JSON object (docs/format.md, section 4)."""
    members: dict[str, Any] = {
        "Name": axis.name,
        "Size": axis.size,
        "Unit": axis.unit,
        "Coordinates": None if axis.coordinates is None else list(axis.coordinates),
    }
    if axis.along:
        members["Along"] = [
            {"Name": each.name, "Unit": each.unit, "Values": list(each.values)}
            for each in axis.along
        ]
    return members


def parse_axes(members: Any, *, where: str) -> tuple[Axis, ...]:
    """Axes from their JSON objects.

    Raises
    ------
    InvalidCubeFileError
        They are malformed.
    """
    try:
        return tuple(_parse_axis(member) for member in members)
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise InvalidCubeFileError("the axes are malformed", where=where) from error


def _parse_axis(member: Any) -> Axis:
    size, coordinates = int(member["Size"]), member["Coordinates"]
    if coordinates is not None:
        coordinates = tuple(float(coordinate) for coordinate in coordinates)
        if len(coordinates) != size:
            raise ValueError("there is not one coordinate for each index")
    along = tuple(_parse_coordinate(each, size) for each in member.get("Along", ()))
    return Axis(str(member["Name"]), size, str(member["Unit"]), coordinates, along)


def _parse_coordinate(member: Any, size: int) -> Coordinate:
    values = member["Values"]
    if len(values) != size:
        raise ValueError("there is not one value for each index")
    if all(isinstance(value, str) for value in values):
        return Coordinate(str(member["Name"]), str(member["Unit"]), tuple(values))
    numbers = tuple(
        tuple(map(float, value)) if isinstance(value, list) else float(value) for value in values
    )
    return Coordinate(str(member["Name"]), str(member["Unit"]), numbers)


def leading_axes(shape: Sequence[int]) -> tuple[Axis, ...]:
    """The axes of one or two dimensions that nobody has described: slices, or times and slices."""
    z = Axis("z", shape[-1], "mm")
    return (z,) if len(shape) == 1 else (Axis("t", shape[0]), z)


def default_axes(values: npt.NDArray[Any]) -> tuple[Axis, ...]:
    """What the leading dimensions of an array mean if nobody says.

    A last dimension of 3 or 4 after three others is colour; else four dimensions are (t, z, y, x).
    """
    if values.ndim <= 2:
        return ()
    colour = values.ndim == 5 or (values.ndim == 4 and values.shape[-1] in (3, 4))
    return leading_axes(values.shape[: values.ndim - 2 - colour])


def check_axes(values: npt.NDArray[Any], axes: tuple[Axis, ...]) -> None:
    """Make sure that an array is an image with these leading axes.

    Raises
    ------
    DataConsistencyError
        Sizes differ, or what is left is not rows, columns and perhaps samples.
    """
    sizes = tuple(axis.size for axis in axes)
    fits = values.ndim - len(axes) in (2, 3) and values.shape[: len(axes)] == sizes
    if not fits or not values.size:
        raise DataConsistencyError(
            f"an array of shape {values.shape} is no image with leading axes of {sizes}",
            hint="give (z, y, x), (t, z, y, x), or either with 3 or 4 samples as last axis",
        )


def volume_shape(shape: tuple[int, ...], axes: tuple[Axis, ...]) -> tuple[int, ...]:
    """(z, y, x) of one volume of an image; a frame without slices around it is one."""
    if not axes or axes[-1].name == "t":
        return (1, *shape[len(axes) :][:2])
    return shape[len(axes) - 1 :][:3]


def volume_axes(axes: Sequence[Axis]) -> tuple[Axis, ...]:
    """The axes on which volumes follow each other: all but the slices, or the frames of a stack."""
    return tuple(axes) if axes and axes[-1].name == "t" else tuple(axes[:-1])


def as_volumes(values: npt.NDArray[Any], axes: Sequence[Axis]) -> npt.NDArray[Any]:
    """(z, y, x), or (t, z, y, x) where t runs through all volumes in C order; samples stay last."""
    inner = (*volume_shape(values.shape, tuple(axes)), *values.shape[len(axes) + 2 :])
    return values.reshape(-1, *inner) if volume_axes(axes) else values.reshape(inner)


def axis_coordinates(axes: Sequence[Axis]) -> dict[str, npt.NDArray[Any]]:
    """Coordinates by name, those of an axis before what else changes along it."""
    found: dict[str, Any] = {
        axis.name: axis.coordinates for axis in axes if axis.coordinates is not None
    }
    for axis in axes:
        for each in axis.along:
            found.setdefault(each.name, each.values)
    return {name: np.array(values) for name, values in found.items()}


class AxesRule(NamedTuple):
    """How the volumes of a series were told apart.

    Attributes
    ----------
    rule : str
        Keywords of DICOM elements, joined by " x "; "" where there was one volume.
    rivals : tuple of Rival
        The other rules that say anything, and what each makes of the frames.
    """

    rule: str
    rivals: tuple[Rival, ...] = ()
