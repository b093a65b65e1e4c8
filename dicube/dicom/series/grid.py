"""How the frames of a group fill a grid: slices, and the axes on which volumes follow each other.

Frames that lie in different places are slices. Where several lie in one place, something tells them
apart: an echo time, a b-value, a time. Every rule (`axis_rules`) is tried, alone and together with
others; one that puts exactly one frame into each cell of a complete grid wins. Standard meanings
come before times, sure times before doubtful ones, few axes before many; the order in which images
are numbered comes last, because it always fits where the numbers of frames do. Without a complete
grid the rule that leaves the fewest cells empty tells what is missing.
"""

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from dicube.dicom.series.axis_rules import INSTANCE_ORDER, MEANINGS, TIMES, AxisRule
from dicube.dicom.series.frame_table import FrameTable, IntArray

_MOST_AXES: Final = 3  # beside time and slices
_MOST_CELLS: Final = 64  # for each frame
_DIGITS: Final = 6  # of values that have to be equal
_MOST: Final = 1e15  # nothing measured is larger


class Column(NamedTuple):
    """A rule applied to the frames of a group.

    Attributes
    ----------
    rule : AxisRule
    values : (frames, n) float64
    member : (frames,) int
        Which of the distinct values, in the order of the axis.
    size : int
        Number of distinct values.
    """

    rule: AxisRule
    values: npt.NDArray[np.float64]
    member: IntArray
    size: int


class Rival(NamedTuple):
    """A rule that did not win, and what came of it.

    Attributes
    ----------
    rule : str
        Keyword of the element.
    outcome : str
        "agrees" (the same volumes in the same order), "another order", "other volumes", or
        "incomplete".
    """

    rule: str
    outcome: str


@dataclass(frozen=True)
class Grid:
    """Frames in their cells.

    Attributes
    ----------
    cells : (..., z) int array
        Number of the frame in each cell, counted within the group; -1 where there is none.
    columns : tuple of Column
        What the axes before z mean, outermost first; the rank at a position is a column, too.
    repeats : tuple of int
        Frames that found their cell taken.
    rivals : tuple of Rival
    """

    cells: IntArray
    columns: tuple[Column, ...] = ()
    repeats: tuple[int, ...] = ()
    rivals: tuple[Rival, ...] = ()

    @property
    def is_complete(self) -> bool:
        """Whether each cell has its frame and no frame is left."""
        return not self.repeats and bool((self.cells >= 0).all())

    @property
    def is_hopeless(self) -> bool:
        """Whether so many cells would be empty that there is no point in a grid."""
        return bool((self.cells < 0).all())

    @property
    def rule(self) -> str:
        """Keywords of the elements that make the axes before z; "" for a plain stack."""
        return " x ".join(column.rule.name for column in self.columns)


def find_grid(table: FrameTable, frames: IntArray) -> Grid | None:
    """The grid of some frames; None where a frame has no place or orientations differ.

    Parameters
    ----------
    frames : (n,) int
        Numbers of the frames in the table.
    """
    places = table.places(frames)
    if places is None:
        return None
    slices = int(places.max()) + 1
    if slices == len(frames):
        return Grid(np.argsort(places))
    sequence = table.sequence[frames]
    meanings = _distinct(_columns(MEANINGS, table, frames, sequence))
    times = _columns(TIMES, table, frames, sequence)
    order = _column(INSTANCE_ORDER, table, frames, sequence)
    assert order is not None
    best: Grid | None = None
    for columns in _candidates(meanings, times, order, places, slices):
        grid = _filled(columns, places, slices)
        if best is None or _emptiness(grid) < _emptiness(best):
            best = grid
        if best.is_complete:
            break
    assert best is not None
    rivals = _rivals(best, [*meanings, *times, order], places, slices)
    return Grid(best.cells, best.columns, best.repeats, rivals)


def rounded(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Values as they are compared; NaN for what is no measurement."""
    usable = np.abs(values) < _MOST  # NaN is not
    comparable: npt.NDArray[np.float64] = np.where(usable, values, np.nan).round(_DIGITS)
    return comparable


def _columns(
    rules: Sequence[AxisRule], table: FrameTable, frames: IntArray, sequence: IntArray
) -> list[Column]:
    found = (_column(rule, table, frames, sequence) for rule in rules)
    return [column for column in found if column is not None]


def _column(
    rule: AxisRule, table: FrameTable, frames: IntArray, sequence: IntArray
) -> Column | None:
    """The rule applied; None where it says nothing, or the same of all frames."""
    values = rounded(rule.column(table)[frames])
    if np.isnan(values).any() or (values == values[0]).all():
        return None
    distinct, index = np.unique(values, axis=0, return_inverse=True)
    index = index.reshape(-1)
    if rule.keeps_order:
        first = np.full(len(distinct), len(frames))
        np.minimum.at(first, index, sequence)
        index = np.argsort(np.argsort(first))[index]
    return Column(rule, values, index, len(distinct))


def _distinct(columns: Sequence[Column]) -> list[Column]:
    """Columns that do not repeat what one before says, such as number and time of an echo."""
    kept: list[Column] = []
    for column in columns:
        if not any(np.array_equal(column.member, other.member) for other in kept):
            kept.append(column)
    return kept


def _candidates(
    meanings: Sequence[Column],
    times: Sequence[Column],
    order: Column,
    places: IntArray,
    slices: int,
) -> Iterator[tuple[Column, ...]]:
    """Sets of columns that might tell all frames of one place apart, the most telling first."""
    sizes = range(1, min(_MOST_AXES, len(meanings)) + 1)
    together = [list(itertools.combinations(meanings, size)) for size in sizes]
    yield from itertools.chain(*together)
    yield from ((time,) for time in times)
    for combined in itertools.chain(*together):
        yield from ((time, *combined) for time in times)
    for combined in [*itertools.chain(*reversed(together)), ()]:
        for time in (*(time for time in times if time.rule.is_clock), order):
            rank = _rank(time, combined, places, slices)
            if rank is not None:
                yield (rank, *combined)


def _rank(time: Column, combined: Sequence[Column], places: IntArray, slices: int) -> Column | None:
    """The order of a time among the frames that are otherwise alike; None where some tie."""
    if math.prod(column.size for column in combined) * slices > _MOST_CELLS * len(places):
        return None
    cell = _cell_numbers(combined, places, slices)
    order = np.lexsort((time.member, cell))
    same_cell = np.diff(cell[order]) == 0
    if (same_cell & (np.diff(time.member[order]) == 0)).any():
        return None
    starts = np.flatnonzero(np.diff(cell[order], prepend=-1))
    rank = np.empty(len(order), np.intp)
    rank[order] = np.arange(len(order)) - np.repeat(starts, np.diff([*starts, len(order)]))
    return Column(time.rule, time.values, rank, int(rank.max()) + 1)


def _cell_numbers(columns: Sequence[Column], places: IntArray, slices: int) -> IntArray:
    """(frames,) number of the cell of each frame in the grid of these columns and the slices."""
    shape = (*(column.size for column in columns), slices)
    return np.ravel_multi_index((*(column.member for column in columns), places), shape)


def _filled(columns: tuple[Column, ...], places: IntArray, slices: int) -> Grid:
    shape = (*(column.size for column in columns), slices)
    if math.prod(shape) > _MOST_CELLS * len(places):  # far from complete; spare the memory
        return Grid(np.full((1, 1), -1), columns, tuple(range(len(places))))
    numbers = _cell_numbers(columns, places, slices)
    cells = np.full(math.prod(shape), -1, np.intp)
    # The first of several frames in one cell stays, so they are filled in from behind.
    cells[numbers[::-1]] = np.arange(len(places))[::-1]
    taken = cells[numbers]
    repeats = np.flatnonzero(taken != np.arange(len(places)))
    return Grid(cells.reshape(shape), columns, tuple(repeats.tolist()))


def _emptiness(grid: Grid) -> tuple[int, int]:
    """What is worse comes later: frames without a cell, then cells without a frame."""
    return len(grid.repeats), int((grid.cells < 0).sum())


def _rivals(
    winner: Grid, columns: Sequence[Column], places: IntArray, slices: int
) -> tuple[Rival, ...]:
    """What each other rule makes of the frames, alone."""
    used = {column.rule.name for column in winner.columns}
    volumes = _volume_numbers(winner, len(places))
    rivals = []
    for column in columns:
        if column.rule.name in used:
            continue
        grid = _filled((column,), places, slices)
        rank = _rank(column, (), places, slices) if column.rule.is_clock else None
        if not grid.is_complete and rank is not None:
            grid = _filled((rank,), places, slices)
        rivals.append(Rival(column.rule.name, _outcome(grid, volumes)))
    return tuple(rivals)


def _outcome(grid: Grid, volumes: IntArray) -> str:
    if not grid.is_complete:
        return "incomplete"
    own = _volume_numbers(grid, len(volumes))
    if np.array_equal(own, volumes):
        return "agrees"
    pairs = {(a, b) for a, b in zip(own.tolist(), volumes.tolist(), strict=True)}
    return "another order" if len(pairs) == own.max() + 1 else "other volumes"


def _volume_numbers(grid: Grid, count: int) -> IntArray:
    """(frames,) which volume of the grid each frame is in; -1 for those without a cell."""
    numbers = np.full(count, -1, np.intp)
    cells = grid.cells.reshape(-1, grid.cells.shape[-1])
    volume, place = np.nonzero(cells >= 0)
    numbers[cells[volume, place]] = volume
    return numbers
