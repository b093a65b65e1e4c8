"""Grids of the same voxels, counted from another corner or along other axes.

Tools differ in the direction of slices, rows and columns. Two affines tell whether one grid lies in
another one voxel by voxel, and how to turn an array from the one to the other without touching a
value. Nothing is ever resampled.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Self

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
Affine = npt.NDArray[np.float64]
Corner = tuple[int, int, int]

# How far corners of two grids of one series may be apart, in voxels (z, y, x): slices of a real
# stack lie up to a tenth beside their places, and positions may be written with few digits.
STACK_TOLERANCE: Final = (0.1, 0.05, 0.05)


@dataclass(frozen=True)
class GridTurn:
    """How a grid lies in another one.

    Attributes
    ----------
    order : (3,) tuple of int
        For each axis of the other grid the axis of this one that runs along it.
    signs : (3,) tuple of int
        For each axis of the other grid 1, or -1 where this one runs against it.
    start : (3,) tuple of int
        Where the first voxel of this grid lies in the other one.
    """

    order: Corner
    signs: Corner
    start: Corner

    @classmethod
    def between(
        cls,
        own: Affine,
        other: Affine,
        shape: Sequence[int],
        tolerance: float | Sequence[float],
    ) -> Self | None:
        """How a grid of this shape lies in another one; None where voxels do not coincide.

        Parameters
        ----------
        own, other : (4, 4) float64
            From (z, y, x, 1) to patient coordinates, mm.
        shape : three ints
            Of the own grid.
        tolerance : float or three floats
            How far corners may be off, in voxels along the axes of the other grid.
        """
        try:
            to_other = np.linalg.solve(other, own)
        except np.linalg.LinAlgError:
            return None
        steps = to_other[:3, :3]
        if not np.isfinite(to_other).all():
            return None
        along = np.argmax(np.abs(steps), axis=0)  # for each own axis, that of the other grid
        if sorted(along) != [0, 1, 2]:
            return None
        turn = np.zeros((3, 3))
        turn[along, range(3)] = np.sign(steps[along, range(3)])
        if not turn[along, range(3)].all():
            return None  # an axis of no length
        start = np.rint(to_other[:3, 3])
        last = np.array(shape) - 1
        corners = np.indices((2, 2, 2)).reshape(3, 8) * last[:, None]
        found = steps @ corners + to_other[:3, 3:]
        aside = np.abs(found - (turn @ corners + start[:, None])).max(axis=1)
        if (aside > tolerance).any():
            return None
        order = np.argsort(along)
        signs = turn[range(3), order]
        return cls(_triple(order), _triple(signs), _triple(start))

    def array(self, values: Array) -> Array:
        """An array of the own grid with its last three axes as those of the other one; a view."""
        leading = values.ndim - 3
        turned = values.transpose(*range(leading), *(leading + axis for axis in self.order))
        backwards = tuple(axis - 3 for axis in range(3) if self.signs[axis] < 0)
        flipped: Array = np.flip(turned, backwards)
        return flipped

    def shape(self, shape: Sequence[int]) -> Corner:
        """The shape of an array of the own grid once it is turned."""
        return _triple([shape[axis] for axis in self.order])

    def corner(self, corner: Sequence[int], shape: Sequence[int]) -> Corner:
        """Where a box of the own grid begins in the other one.

        Parameters
        ----------
        corner, shape : three ints
            First voxel and size of the box in the own grid.
        """
        first = []
        for axis, sign, start in zip(self.order, self.signs, self.start, strict=True):
            low = corner[axis] if sign > 0 else -(corner[axis] + shape[axis] - 1)
            first.append(start + low)
        return _triple(first)


def _triple(numbers: Sequence[Any] | Array) -> Corner:
    z, y, x = (int(number) for number in numbers)
    return z, y, x
