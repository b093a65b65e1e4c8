"""Axes with coordinates, from the grid that the frames of a group fill."""

from typing import Final

import numpy as np
import numpy.typing as npt

from dicube.dicom.series.axis import Axis, Coordinate
from dicube.dicom.series.axis_rules import MEANINGS, TIMES, AxisRule
from dicube.dicom.series.frame_table import FrameTable, IntArray
from dicube.dicom.series.grid import Column, Grid, rounded

Float64Array = npt.NDArray[np.float64]

_TIME_AXIS: Final = "t"
_WORDS: Final = "kind"  # the axis whose coordinates are words


def frame_axis(table: FrameTable, frames: IntArray) -> Axis:
    """The one axis of frames that are no grid: times of a cine, slices, or just frames."""
    count = len(frames)
    if max(table.counts) == 1:
        is_stack = np.isnan(table.positions[frames]).any()
        return Axis("z", count, "mm") if is_stack else Axis("frame", count)
    steps = _frame_steps_ms(table)
    if len(table.counts) > 1 or steps is None:
        return Axis("frame", count)
    return Axis(_TIME_AXIS, count, "ms", tuple(steps.tolist()))


def axes_of_grid(grid: Grid, table: FrameTable, frames: IntArray) -> tuple[Axis, ...]:
    """The axes of a grid, z last.

    Along each axis everything is a coordinate that changes with it and with it alone.
    """
    columns = list(grid.columns)
    if not columns:
        return (Axis("z", grid.cells.shape[-1], "mm"),)
    others = {
        rule.name: (rule, rounded(rule.column(table)[frames]))
        for rule in MEANINGS
        if rule.name not in {column.rule.name for column in columns}
    }
    axes = []
    for place, column in enumerate(columns):
        along = []
        name = column.rule.axis
        for rule, values in others.values():
            per_index = _constant_along(values, column.member, column.size)
            if per_index is None:
                continue
            along += _coordinates(rule, per_index, table, frames, column.member)
            name = rule.axis if name == _TIME_AXIS and rule.axis == "diffusion" else name
        axes.append(_axis(name, column, tuple(along), table, frames))
        assert column.size == grid.cells.shape[place]
    return (*axes, Axis("z", grid.cells.shape[-1], "mm"))


def _axis(
    name: str, column: Column, along: tuple[Coordinate, ...], table: FrameTable, frames: IntArray
) -> Axis:
    rule, size = column.rule, column.size
    if rule.axis == _TIME_AXIS:
        unit, coordinates, more = _times(column, table, frames)
        along = (*more, *along)
        if name != _TIME_AXIS:  # a meaning took the place of the time
            primary, *rest = along[len(more) :]
            times = () if coordinates is None else (Coordinate("time", unit, coordinates),)
            values = tuple(float(v) for v in primary.values if isinstance(v, (int, float)))
            return Axis(name, size, primary.unit, values, (*rest, *times, *more))
        return Axis(name, size, unit, coordinates, along)
    per_index = _lowest(column.values, column.member, size)
    primary, *rest = _coordinates(rule, per_index, table, frames, column.member)
    if rule.axis == _WORDS:
        return Axis(name, size, "", None, (primary, *along))
    values = tuple(float(value) for value in primary.values if isinstance(value, (int, float)))
    return Axis(name, size, rule.unit, values, (*rest, *along))


def _times(
    column: Column, table: FrameTable, frames: IntArray
) -> tuple[str, tuple[float, ...] | None, tuple[Coordinate, ...]]:
    """Unit and coordinates of a time axis, in ms where any clock ascends with it; its numbers."""
    index, size = column.member, column.size
    clocks = [column.rule] if column.rule.unit else [rule for rule in TIMES if rule.unit]
    numbers: tuple[Coordinate, ...] = ()
    if not column.rule.unit and not column.rule.is_clock:
        values = _lowest(column.values, index, size)[:, 0]
        numbers = (Coordinate(column.rule.name, "", tuple(values.tolist())),)
    for rule in clocks:
        values = rounded(rule.column(table)[frames])
        if np.isnan(values).any():
            continue
        lowest = _lowest(values, index, size)[:, 0]
        if (np.diff(lowest) > 0).all():
            start = lowest[0] if rule.is_moment else 0.0
            return "ms", tuple((lowest - start).round(3).tolist()), numbers
    if numbers:
        return "", tuple(float(v) for v in numbers[0].values if isinstance(v, float)), ()
    return "", None, ()


def _coordinates(
    rule: AxisRule, per_index: Float64Array, table: FrameTable, frames: IntArray, index: IntArray
) -> list[Coordinate]:
    """What a rule says for each index of an axis; the first is the one to show."""
    first = tuple(per_index[:, 0].tolist())
    if rule.axis == "diffusion":
        directions = tuple(map(tuple, per_index[:, 1:].tolist()))
        return [
            Coordinate("b_value", rule.unit, first),
            Coordinate("direction", "", directions),
        ]
    if rule.axis == _WORDS:
        members = [int(frames[np.flatnonzero(index == i)[0]]) for i in range(len(first))]
        return [Coordinate("kind", "", tuple(table.kinds[frame].name for frame in members))]
    return [Coordinate(rule.name, rule.unit, first)]


def _constant_along(values: Float64Array, index: IntArray, size: int) -> Float64Array | None:
    """(size, n) the value at each index, if it depends on nothing else and varies; else None."""
    if np.isnan(values).any() or (values == values[0]).all():
        return None
    per_index = _lowest(values, index, size)
    return per_index if np.array_equal(per_index[index], values) else None


def _lowest(values: Float64Array, index: IntArray, size: int) -> Float64Array:
    """(size, n) smallest value at each index, by the first column."""
    order = np.lexsort((values[:, 0], index))
    starts = np.searchsorted(index[order], np.arange(size))
    lowest: Float64Array = values[order[starts]]
    return lowest


def _frame_steps_ms(table: FrameTable) -> Float64Array | None:
    """Time of each frame of a cine, from the first on (PS3.3 C.7.6.5); None if it does not say."""
    count = len(table)
    vector = table.frames.get_values("FrameTimeVector")[0]
    if isinstance(vector, list) and len(vector) == count:
        steps = np.array([step if isinstance(step, (int, float)) else np.nan for step in vector])
        return None if np.isnan(steps).any() else np.cumsum(steps)
    step = table.numbers("FrameTime", 1)[0, 0]
    return np.arange(count) * step if step > 0 else None
