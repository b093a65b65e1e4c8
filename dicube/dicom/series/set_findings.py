"""Why the frames of a series are no grid of volumes, where they are none."""

from collections.abc import Sequence
from typing import Final

import numpy as np

from dicube.dicom.findings import DicomStatus, Finding
from dicube.dicom.series.frame_table import FrameTable, IntArray
from dicube.dicom.series.grid import Grid, find_grid
from dicube.dicom.series.grouping import group_instances

_LISTED: Final = 5  # empty cells named in a message; the rest is counted


def set_findings(table: FrameTable, order: IntArray | None = None) -> list[Finding]:
    """What keeps the frames of a series from forming one complete grid; empty if nothing does.

    Parameters
    ----------
    table : FrameTable
    order : (frames,) int, optional
        The order of the frames, in which findings count them; by default instance by instance.
    """
    frames = np.arange(len(table)) if order is None else order
    groups = group_instances(table)
    if len(groups) > 1:
        return [_several_sets(table, groups, frames)]
    grid = find_grid(table, frames)
    if grid is None or grid.is_complete:
        return []
    if grid.is_hopeless:
        message = (
            "images lie in one place far more often than in others, which makes no volumes; all"
            " frames are kept as they come"
        )
        return [Finding(DicomStatus.INCONSISTENT, message)]
    return [_incomplete(grid)]


def _several_sets(table: FrameTable, groups: Sequence[Sequence[int]], frames: IntArray) -> Finding:
    sizes = ", ".join(f"{number}: {len(group)}" for number, group in enumerate(groups))
    odd = np.flatnonzero(~np.isin(table.instances[frames], max(groups, key=len)))
    message = (
        f"the series holds {len(groups)} volume sets that cannot share a grid (instances of each: "
        f"{sizes}); all are kept as frames, one set is picked with group= (--group)"
    )
    return Finding(DicomStatus.INCONSISTENT, message, tuple(odd.tolist()))


def _incomplete(grid: Grid) -> Finding:
    """What is missing, and the frames of the volumes concerned."""
    sizes = [f"{column.size} {column.rule.name}" for column in grid.columns]
    sizes.append(f"{grid.cells.shape[-1]} positions")
    empty = np.argwhere(grid.cells < 0)
    texts = ["(" + ", ".join(map(str, cell)) + ")" for cell in empty[:_LISTED].tolist()]
    if len(empty) > _LISTED:
        texts.append(f"and {len(empty) - _LISTED} more")
    missing = f"{len(empty)} of {grid.cells.size} cells are empty: {', '.join(texts)}"
    repeated = f"; {len(grid.repeats)} frames repeat another" if grid.repeats else ""
    message = (
        f"no complete grid of {' x '.join(sizes)}; {missing}{repeated}. All frames are kept as they"
        ' come; fill cells or leave volumes out with incomplete="pad" or "drop"'
    )
    volumes = grid.cells.reshape(-1, grid.cells.shape[-1])
    broken = volumes[(volumes < 0).any(axis=1)]
    concerned = {*broken[broken >= 0].tolist(), *grid.repeats}
    return Finding(DicomStatus.INCONSISTENT, message, tuple(sorted(concerned)))
