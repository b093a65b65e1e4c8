"""Turning volumes without touching a value: axes exchanged and reversed, nothing between voxels."""

import itertools
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
Float64Array = npt.NDArray[np.float64]

# Patient coordinates are LPS: (z, y, x) of a supine axial view run to the feet, to the back and to
# the left, so that slices come head first and show the patient as seen from the feet.
_SUPINE: Final = np.array([[0, 0, 1], [0, 1, 0], [-1, 0, 0]], dtype=np.float64)


class Turn(NamedTuple):
    """How the axes of a volume become those of another.

    Attributes
    ----------
    order : three ints
        For each new axis, z, y and x, the old one.
    reversed_axes : three bools
        Of the new axes, which run against the old ones.
    """

    order: tuple[int, int, int]
    reversed_axes: tuple[bool, bool, bool]

    @classmethod
    def to_supine(cls, affine: Float64Array) -> "Turn":
        """Slices from head to foot, rows from front to back, columns from right to left.

        Of oblique volumes the axes that come nearest, so that no value is interpolated.

        Parameters
        ----------
        affine : (4, 4) float64
            From (z, y, x, 1) to patient coordinates (LPS), mm.
        """
        steps = affine[:3, :3]
        lengths = np.linalg.norm(steps, axis=0)
        cosines = _SUPINE.T @ (steps / np.where(lengths > 0, lengths, 1))  # new axis, old axis
        orders = itertools.permutations(range(3))
        z, y, x = max(orders, key=lambda order: float(np.abs(cosines[range(3), order]).sum()))
        backwards = cosines[range(3), (z, y, x)] < 0
        return cls((z, y, x), (bool(backwards[0]), bool(backwards[1]), bool(backwards[2])))

    def turned(self, volumes: Array, z_axis: int) -> Array:
        """A view of volumes whose axes z, y and x are `z_axis` and the two after it."""
        order = (z_axis + old for old in self.order)
        turned: Array = np.moveaxis(volumes, tuple(order), range(z_axis, z_axis + 3))
        return np.flip(turned, self._backwards(z_axis))

    def turned_back(self, volumes: Array, z_axis: int) -> Array:
        """The inverse of `turned`; a view."""
        order = (z_axis + old for old in self.order)
        straight = np.flip(volumes, self._backwards(z_axis))
        back: Array = np.moveaxis(straight, range(z_axis, z_axis + 3), tuple(order))
        return back

    def turned_affine(self, affine: Float64Array, shape: tuple[int, ...]) -> Float64Array:
        """The affine of the turned volume; `shape` is (z, y, x) before."""
        turn = np.zeros((4, 4))
        turn[3, 3] = 1
        for new, old in enumerate(self.order):
            turn[old, new] = -1 if self.reversed_axes[new] else 1
            turn[old, 3] = shape[old] - 1 if self.reversed_axes[new] else 0
        turned: Float64Array = affine @ turn
        return turned

    def _backwards(self, z_axis: int) -> tuple[int, ...]:
        return tuple(z_axis + new for new, back in enumerate(self.reversed_axes) if back)
