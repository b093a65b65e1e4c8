"""Where NIfTI and DICOM put a voxel: two conventions for indices and for patient coordinates."""

from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from dicube.dicom.geometry import RAS_FROM_LPS

Float64Array = npt.NDArray[np.float64]

# (z, y, x) indices to (x, y, z) indices and back: the permutation is its own inverse.
_REVERSED: Final = np.eye(4)[[2, 1, 0, 3]]
_CORNERS: Final = np.indices((2, 2, 2)).reshape(3, 8)


def to_nifti_affine(affine: Float64Array) -> Float64Array:
    """From (z, y, x) indices and LPS to (x, y, z) indices and RAS."""
    placed: Float64Array = RAS_FROM_LPS @ affine @ _REVERSED
    return placed


def from_nifti_affine(placed: Float64Array) -> Float64Array:
    """From (x, y, z) indices and RAS to (z, y, x) indices and LPS; as above, backwards."""
    return to_nifti_affine(placed)


def corner_distance_mm(first: Float64Array, second: Float64Array, shape: Sequence[int]) -> float:
    """How far two affines put the corners of a volume of this shape from each other, at most."""
    corners = np.vstack([_CORNERS * (np.array(shape)[:, None] - 1), np.ones(8)])
    return float(np.linalg.norm((first - second)[:3] @ corners, axis=0).max())


def without_shear(placed: Float64Array) -> Float64Array:
    """The affine with the right angles nearest to its own: all that a qform can say."""
    spacing = np.linalg.norm(placed[:3, :3], axis=0)
    spacing[spacing == 0] = 1
    left, _, right = np.linalg.svd(placed[:3, :3] / spacing)  # left @ right: the closest rotation
    straight = placed.copy()
    straight[:3, :3] = left @ right * spacing
    return straight
