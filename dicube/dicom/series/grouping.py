"""Which instances of one series can form a volume together, and which cannot.

Instances are kept apart where one array, one affine or one meaning of the values could not hold
them: another number of rows, columns or samples, another orientation or spacing, another kind of
image, or another SOP class. Everything else (echo, time, b-value...) becomes an axis.
"""

from collections.abc import Hashable
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from dicube.dicom.dicom_tags import CommonTags
from dicube.dicom.series.frame_table import SAME_ORIENTATION, FrameTable

_SAME_SPACING: Final = 1e-3  # relative
_NO_NUMBER: Final = 1e9  # stands for a missing one, far from all others


def group_instances(table: FrameTable) -> list[list[int]]:
    """The instances that belong together, as lists of their numbers, each in ascending order.

    Every instance is in exactly one list. Lists come in the order of their first instance. An
    instance of several frames is never divided, and shares a group only with others whose frames
    lie in the same places.
    """
    starts = np.concatenate(([0], np.cumsum(table.counts)[:-1])).astype(np.intp)
    exact = _exact_keys(table, starts)
    orientation = _clusters(table.orientations[starts], SAME_ORIENTATION)
    spacing = table.spacings[starts]
    with np.errstate(invalid="ignore", divide="ignore"):
        spacing_number = _clusters(np.log(spacing), _SAME_SPACING)
    groups: dict[Hashable, list[int]] = {}
    for number, key in enumerate(exact):
        whole = (key, int(orientation[number]), int(spacing_number[number]))
        groups.setdefault(whole, []).append(number)
    return list(groups.values())


def _exact_keys(table: FrameTable, starts: npt.NDArray[np.intp]) -> list[Hashable]:
    """What has to be equal, for each instance; of several frames the first one counts."""
    tags = (
        CommonTags.Rows,
        CommonTags.Columns,
        CommonTags.SamplesPerPixel,
        CommonTags.SOPClassUID,
    )
    columns = [table.frames.get_values(tag) for tag in tags if not table.frames.is_shared(tag)]
    keys: list[Hashable] = []
    for number, (start, count) in enumerate(zip(starts.tolist(), table.counts, strict=True)):
        facts = tuple(_hashable(column[start]) for column in columns)
        keys.append((*facts, table.kinds[start], _places_key(table, number, start, count)))
    return keys


def _places_key(table: FrameTable, number: int, start: int, count: int) -> Hashable:
    """For several frames: where they lie; without positions an instance stays alone."""
    if count == 1:
        return None
    positions = table.positions[start : start + count]
    if not (np.abs(positions) < _NO_NUMBER).all():  # NaN is not, either
        return number
    return (count, frozenset(map(tuple, np.round(positions, 1).tolist())))


def _clusters(rows: npt.NDArray[np.float64], tolerance: float) -> npt.NDArray[np.intp]:
    """A number for each row; those within the tolerance of the first of a cluster belong to it."""
    known = np.nan_to_num(rows, nan=_NO_NUMBER)
    distinct, inverse = np.unique(known, axis=0, return_inverse=True)
    firsts: list[npt.NDArray[np.float64]] = []
    numbers = np.empty(len(distinct), np.intp)
    for i, row in enumerate(distinct):
        near = (n for n, first in enumerate(firsts) if np.abs(row - first).max() <= tolerance)
        numbers[i] = next(near, len(firsts))
        if numbers[i] == len(firsts):
            firsts.append(row)
    return numbers[inverse.reshape(-1)]


def _hashable(value: Any) -> Hashable:
    return repr(value) if isinstance(value, (list, dict)) else value
