"""Axis: what one leading dimension of an image means, with its coordinates."""

from typing import NamedTuple

Number = float | tuple[float, ...]


class Coordinate(NamedTuple):
    """Something else that is known for each index of an axis, such as a gradient direction.

    Attributes
    ----------
    name : str
        "direction", or the keyword of an element.
    unit : str
    values : tuple of float, of tuples of float, or of str
        One for each index.
    """

    name: str
    unit: str
    values: tuple[Number, ...] | tuple[str, ...]


class Axis(NamedTuple):
    """One leading dimension of an image: (z,) of a stack, (t, z) of a series of volumes.

    Attributes
    ----------
    name : str
        "z" for slices, "t" for time, "frame" where frames are no regular stack; else what tells
        volumes apart: "echo", "diffusion", "inversion", "flip", "phase", "segment", "kind".
    size : int
    unit : str
        "mm", "ms", "s/mm2"...; "" where there is none.
    coordinates : tuple of float, or None
        One for each index; None where they follow from the geometry, or are not known.
    along : tuple of Coordinate
        What else changes along the axis.
    """

    name: str
    size: int
    unit: str = ""
    coordinates: tuple[float, ...] | None = None
    along: tuple[Coordinate, ...] = ()
