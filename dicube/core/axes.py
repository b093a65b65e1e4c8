"""Axes: what the dimensions of an image mean."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy.typing as npt

from dicube.exceptions import DataConsistencyError, InvalidCubeFileError


class Axis(NamedTuple):
    """One leading dimension of an image: (z,) of a stack, (t, z) of a series of volumes.

    Attributes
    ----------
    name : str
        "z" for slices, "t" for time, "frame" where frames are no regular stack.
    size : int
    unit : str
        "mm", "ms"...; "" where there is none.
    coordinates : tuple of float, or None
        One for each index; None where they follow from the geometry.
    """

    name: str
    size: int
    unit: str = ""
    coordinates: tuple[float, ...] | None = None

    def to_json(self) -> dict[str, Any]:
        """The axis as a JSON object (docs/format.md, section 4)."""
        coordinates = None if self.coordinates is None else list(self.coordinates)
        return {
            "Name": self.name, "Size": self.size, "Unit": self.unit, "Coordinates": coordinates
        }  # fmt: skip


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
    return Axis(str(member["Name"]), size, str(member["Unit"]), coordinates)


def leading_axes(shape: Sequence[int], *, is_stack: bool) -> tuple[Axis, ...]:
    """The axes of frames that nobody has described: slices of a stack, or just frames."""
    if len(shape) == 1:
        return (Axis("z", shape[0], "mm") if is_stack else Axis("frame", shape[0]),)
    return (Axis("t", shape[0]), Axis("z", shape[1], "mm"))


def default_axes(values: npt.NDArray[Any]) -> tuple[Axis, ...]:
    """What the leading dimensions of an array mean if nobody says.

    A last dimension of 3 or 4 after three others is colour; else four dimensions are (t, z, y, x).
    """
    if values.ndim <= 2:
        return ()
    colour = values.ndim == 5 or (values.ndim == 4 and values.shape[-1] in (3, 4))
    return leading_axes(values.shape[: values.ndim - 2 - colour], is_stack=True)


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
    """(z, y, x) of one volume of an image."""
    return shape[len(axes) - 1 :][:3] if axes else (1, *shape[:2])
