"""From the frames of a group to an image: their order, and its axes."""

from dataclasses import dataclass, replace
from typing import Final, Literal

import numpy as np

from dicube.dicom.series.axis import Axis
from dicube.dicom.series.frame_table import Float64Array, FrameTable, IntArray
from dicube.dicom.series.grid import Grid, Rival, find_grid
from dicube.dicom.series.grid_axes import axes_of_grid, frame_axis
from dicube.dicom.slice_order import SortMethod
from dicube.exceptions import DataConsistencyError, MetaDataError

Incomplete = Literal["keep", "pad", "drop"]
_MOST_GROWTH: Final = 4  # times as many slices after filling
_EVEN: Final = 0.05  # of a slice distance: how near a gap has to be to a whole number of slices
_DOWNWARD: Final = (SortMethod.INSTANCE_NUMBER_DESC, SortMethod.POSITION_LEFT_HAND)
_BY_NUMBER: Final = (SortMethod.INSTANCE_NUMBER_ASC, SortMethod.INSTANCE_NUMBER_DESC)


@dataclass(frozen=True)
class Arrangement:
    """The order of the frames of an image.

    Attributes
    ----------
    order : tuple of int
        Numbers of frames in the table, in C order of the axes; -1 for a frame that is to be filled.
    axes : tuple of Axis
        The last is z, unless frames are no regular stack.
    rule : str
        Keywords of the elements that tell volumes apart; "" for a single volume.
    rivals : tuple of Rival
        Other rules, and what each makes of the frames.
    left_out : tuple of int
        Frames that the caller chose not to have.
    """

    order: tuple[int, ...]
    axes: tuple[Axis, ...]
    rule: str = ""
    rivals: tuple[Rival, ...] = ()
    left_out: tuple[int, ...] = ()

    def as_stack(self) -> "Arrangement":
        """The same with all frames taken for slices."""
        return replace(self, axes=(Axis("z", len(self.order), "mm"),))

    def renumbered(self, order: tuple[int, ...]) -> "Arrangement":
        """The same for frames that have got other numbers."""
        return replace(self, order=order, left_out=())


def arrange(
    table: FrameTable,
    frames: IntArray,
    *,
    sort_method: SortMethod = SortMethod.INSTANCE_NUMBER_ASC,
    incomplete: Incomplete = "keep",
) -> Arrangement:
    """Order the frames of a group.

    Slices are ordered by position, in the direction in which instance numbers ascend, or as
    `sort_method` says; volumes as their axes say. Frames of an incomplete grid stay in the order of
    the series unless the caller chose to fill the empty cells, or to leave incomplete volumes out.

    Raises
    ------
    DataConsistencyError
        Incomplete volumes are to be left out, and none is complete.
    """
    grid = find_grid(table, frames)
    if grid is None:
        return in_series_order(table, frames, sort_method)
    if grid.is_hopeless:
        if incomplete != "keep":
            raise DataConsistencyError(
                "images lie in one place far more often than in others, which makes no volumes",
                hint='keep the frames as they are (incomplete="keep", as_3d=True)',
            )
        return in_series_order(table, frames, sort_method)
    grid = _directed(grid, table, frames, sort_method)
    cells = grid.cells
    if incomplete == "pad":
        cells = _with_gaps(cells, table, frames)
    if not grid.is_complete and incomplete == "keep":
        kept = in_series_order(table, frames, sort_method)
        return replace(kept, rule=grid.rule, rivals=grid.rivals)
    if not grid.is_complete and incomplete == "drop":
        grid = _complete_part(grid)
        cells = grid.cells
    order = np.where(cells < 0, -1, frames[cells])
    left_out = np.setdiff1d(frames, order)
    return Arrangement(
        order=tuple(order.reshape(-1).tolist()),
        axes=axes_of_grid(replace(grid, cells=cells), table, frames),
        rule=grid.rule,
        rivals=grid.rivals,
        left_out=tuple(left_out.tolist()),
    )


def in_series_order(
    table: FrameTable, frames: IntArray, sort_method: SortMethod = SortMethod.INSTANCE_NUMBER_ASC
) -> Arrangement:
    """All frames one after the other, by position if that was asked for, else by number.

    Raises
    ------
    MetaDataError
        Sorting by position needs one orientation, and a position of each frame.
    """
    keys: IntArray | Float64Array = table.sequence[frames]
    if sort_method not in _BY_NUMBER:
        places = table.places(frames)
        if places is None:
            raise MetaDataError(
                "the slices do not all have a position and one orientation",
                where="tags 00200032 and 00200037",
                hint="sort by instance number instead",
            )
        keys = places
    if sort_method is SortMethod.INSTANCE_NUMBER_DESC:
        numbers = table.instance_numbers[frames]
        keys = np.where(np.isnan(numbers), np.inf, -numbers)
    elif sort_method in _DOWNWARD:
        keys = -keys
    order = frames[np.lexsort((table.sequence[frames], keys))]
    return Arrangement(tuple(order.tolist()), (frame_axis(table, frames),))


def _directed(grid: Grid, table: FrameTable, frames: IntArray, sort_method: SortMethod) -> Grid:
    """The grid with its slices in the direction that was asked for; they ascend so far."""
    if grid.cells.shape[-1] == 1:
        return grid
    descends = sort_method in _DOWNWARD
    if sort_method in _BY_NUMBER:
        descends ^= _numbers_descend(grid.cells, table.sequence[frames])
    return replace(grid, cells=grid.cells[..., ::-1]) if descends else grid


def _numbers_descend(cells: IntArray, sequence: IntArray) -> bool:
    """Whether images further along the normal mostly have smaller numbers."""
    place = np.broadcast_to(np.arange(cells.shape[-1]), cells.shape)
    filled = cells >= 0
    if cells.shape[-1] == 1 or not filled.any():
        return False
    # Compared within each volume, because numbers may run through the volumes first.
    numbers = np.where(filled, sequence[cells], 0).astype(np.float64)
    volume_means = numbers.sum(-1, keepdims=True) / np.maximum(1, filled.sum(-1, keepdims=True))
    trend = ((numbers - volume_means) * (place - (cells.shape[-1] - 1) / 2))[filled].sum()
    return bool(trend < 0)


def _with_gaps(cells: IntArray, table: FrameTable, frames: IntArray) -> IntArray:
    """The cells with empty slices where the distance between two is a multiple of the usual one."""
    slices = cells.shape[-1]
    if slices < 3:
        return cells
    first = cells.reshape(-1, slices).max(axis=0)  # any frame at each place
    positions = table.positions[frames[first]]
    steps = np.linalg.norm(np.diff(positions, axis=0), axis=1)
    multiples = steps / np.median(steps)
    whole = np.round(multiples)
    if np.abs(multiples - whole).max() > _EVEN or whole.min() < 1 or whole.max() == 1:
        return cells
    if whole.sum() > _MOST_GROWTH * slices:  # a slice that lies far away is no end of a gap
        return cells
    places = np.concatenate(([0], np.cumsum(whole))).astype(np.intp)
    padded = np.full((*cells.shape[:-1], int(places[-1]) + 1), -1, np.intp)
    padded[..., places] = cells
    return padded


def _complete_part(grid: Grid) -> Grid:
    """The grid without the volumes of the outermost axis that lack a frame."""
    if not grid.columns:
        return grid
    cells = grid.cells
    whole = (cells >= 0).all(axis=tuple(range(1, cells.ndim)))
    if not whole.any():
        raise DataConsistencyError(
            "no volume is complete, so leaving out incomplete ones would leave nothing",
            hint='keep the frames as they are, or fill the empty cells with incomplete="pad"',
        )
    outer = grid.columns[0]
    new_index = np.cumsum(whole) - 1
    kept = replace(
        grid,
        cells=cells[whole],
        columns=(
            outer._replace(member=new_index[outer.member], size=int(whole.sum())), *grid.columns[1:]
        ),
        repeats=(),
    )  # fmt: skip
    # A single volume that is left is a plain stack.
    if kept.cells.shape[0] == 1 and len(kept.columns) == 1:
        return replace(kept, cells=kept.cells[0], columns=())
    return kept
