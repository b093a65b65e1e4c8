"""The usual way up: volumes turned to a supine axial view, nothing between voxels."""

import itertools
from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

Affine = npt.NDArray[np.float64]

# Patient coordinates are LPS: (z, y, x) of a supine axial view run to the feet, to the back and to
# the left, so that slices come head first and show the patient as seen from the feet.
_SUPINE: Final = np.array([[0, 0, 1], [0, 1, 0], [-1, 0, 0]], dtype=np.float64)


def supine_affine(affine: Affine, shape: Sequence[int]) -> Affine:
    """The affine of the same voxels from head to foot, from front to back, from right to left.

    Axes are exchanged and reversed only: of oblique volumes those that come nearest.

    Parameters
    ----------
    affine : (4, 4) float64
        From (z, y, x, 1) to patient coordinates (LPS), mm.
    shape : (z, y, x)
    """
    steps = affine[:3, :3]
    lengths = np.linalg.norm(steps, axis=0)
    cosines = _SUPINE.T @ (steps / np.where(lengths > 0, lengths, 1))  # new axis, old axis
    orders = itertools.permutations(range(3))
    order = max(orders, key=lambda order: float(np.abs(cosines[range(3), order]).sum()))
    turned = affine.copy()
    for new, old in enumerate(order):
        is_reversed = cosines[new, old] < 0
        turned[:3, new] = -steps[:, old] if is_reversed else steps[:, old]
        if is_reversed:
            turned[:3, 3] += steps[:, old] * (shape[old] - 1)
    return turned
