"""The three planes of a volume: which voxel axes are shown, which way round, and what is where.

The plane that was acquired is shown as it is stored. The other two are turned so that the head is
up, the left of the patient on the right and the back on the right or at the bottom, as radiologists
are used to.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

Float64Array = npt.NDArray[np.float64]

# By world axis of LPS (PS3.3 C.7.6.2.1.1): what the negative and the positive direction is called.
_LETTERS: Final = (("R", "L"), ("A", "P"), ("F", "H"))
_NAMES: Final = ("sagittal", "coronal", "axial")
_OBLIQUE: Final = 0.3  # cosine from which on a direction has a second letter
# Who is drawn vertically where two world axes meet: head to foot first, then front to back.
_VERTICAL_RANK: Final = (0, 1, 2)
_DOWN: Final = (1.0, 1.0, -1.0)  # the sign of each world axis that goes down the screen
_RIGHT: Final = (1.0, 1.0, -1.0)  # and to the right


class Plane(NamedTuple):
    """One way to cut a volume.

    Attributes
    ----------
    name : str
        "axial", "coronal" or "sagittal": the nearest one.
    axis : int
        Of (z, y, x): the one along which the slices follow each other.
    slices, rows, columns : int
        How many, and the grid of one: the two other axes in the order (z, y, x).
    matrix : tuple of float
        (a, b, c, d) in mm: column i and row j lie at x = a i + c j, y = b i + d j on the screen,
        x to the right and y down.
    labels : dict
        Letters of "left", "right", "top" and "bottom"; empty without geometry.
    thickness_mm : float
        From slice to slice; 0.0 where it is not known.
    """

    name: str
    axis: int
    slices: int
    rows: int
    columns: int
    matrix: tuple[float, float, float, float]
    labels: dict[str, str]
    thickness_mm: float


def planes_of(
    shape: Sequence[int], affine: Float64Array | None, pixel_size: tuple[float, float] = (1.0, 1.0)
) -> list[Plane]:
    """The planes of a volume, the acquired one first.

    Parameters
    ----------
    shape : (z, y, x)
    affine : (4, 4) float64 or None
        From (z, y, x, 1) to patient coordinates (LPS), mm. Without it, and for a single slice,
        there is only the acquired plane.
    pixel_size : (height, width)
        Of a pixel where there is no affine; any unit.
    """
    if affine is None:
        height, width = pixel_size
        matrix = (width, 0.0, 0.0, height)
        return [Plane("acquired", 0, shape[0], shape[1], shape[2], matrix, {}, 0.0)]
    steps = affine[:3, :3].T  # one row for each voxel axis
    planes = [_plane(shape, steps, 0, is_acquired=True)]
    if shape[0] > 1:
        planes += [_plane(shape, steps, axis, is_acquired=False) for axis in (1, 2)]
    return planes


def direction_letters(direction: Float64Array) -> str:
    """What a direction in LPS is called: "L", or "LA" where it is oblique."""
    length = float(np.linalg.norm(direction))
    if length == 0:
        return ""
    cosines = direction / length
    order = np.argsort(-np.abs(cosines), kind="stable")
    return "".join(
        _LETTERS[axis][int(cosines[axis] > 0)]
        for place, axis in enumerate(order)
        if place == 0 or abs(cosines[axis]) > _OBLIQUE
    )


def _plane(shape: Sequence[int], steps: Float64Array, axis: int, *, is_acquired: bool) -> Plane:
    row_axis, column_axis = (other for other in range(3) if other != axis)
    down, right = steps[row_axis], steps[column_axis]
    is_turned = False
    if not is_acquired:
        is_turned = _rank(right) > _rank(down)
        if is_turned:
            down, right = right, down
        down, right = down * _sign(down, _DOWN), right * _sign(right, _RIGHT)
    vertical, horizontal = (column_axis, row_axis) if is_turned else (row_axis, column_axis)
    height = float(np.linalg.norm(down)) * (1 if (down == steps[vertical]).all() else -1)
    width = float(np.linalg.norm(right)) * (1 if (right == steps[horizontal]).all() else -1)
    # A column of the slice goes to the right of the screen, or down it where the two are turned.
    matrix = (0.0, height, width, 0.0) if is_turned else (width, 0.0, 0.0, height)
    normal = np.cross(right, down)
    return Plane(
        name=_NAMES[_dominant(normal if normal.any() else steps[axis])],
        axis=axis,
        slices=shape[axis],
        rows=shape[row_axis],
        columns=shape[column_axis],
        matrix=matrix,
        labels={
            "left": direction_letters(-right),
            "right": direction_letters(right),
            "top": direction_letters(-down),
            "bottom": direction_letters(down),
        },
        thickness_mm=float(np.linalg.norm(steps[axis])),
    )


def _dominant(direction: Float64Array) -> int:
    return int(np.argmax(np.abs(direction)))


def _rank(direction: Float64Array) -> int:
    return _VERTICAL_RANK[_dominant(direction)]


def _sign(direction: Float64Array, wanted: Sequence[float]) -> float:
    axis = _dominant(direction)
    return 1.0 if direction[axis] * wanted[axis] >= 0 else -1.0
