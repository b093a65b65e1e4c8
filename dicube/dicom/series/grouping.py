"""Which instances of one series can form a volume together, and which cannot.

Instances are kept apart where one array, one affine or one meaning of the values could not hold
them: another number of rows, columns or samples, another orientation or spacing, another kind of
image, or another SOP class. Everything else (echo, time, b-value...) becomes an axis.
"""

from collections.abc import Hashable
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from dicube.dicom.dicom_tags import CommonTags
from dicube.dicom.series.frame_table import SAME_ORIENTATION, FrameTable

_SAME_SPACING: Final = 1e-3  # relative
_SAME_PLACES_MM: Final = 0.05  # of multi-frame objects, each with the digits of its own
_NO_NUMBER: Final = 1e9  # stands for a missing one, far from all others


class _Places(NamedTuple):
    """Positions of the frames of an instance, in an order that others share."""

    key: str
    positions: npt.NDArray[np.float64]


def group_instances(table: FrameTable) -> list[list[int]]:
    """The instances that belong together, as lists of their numbers, each in ascending order.

    Every instance is in exactly one list. Lists come in the order of their first instance. An
    instance of several frames is never divided, and shares a group only with others whose frames
    lie in the same places.
    """
    if len(table.counts) == 1:
        return [[0]]
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
        CommonTags.PhotometricInterpretation,
        CommonTags.SOPClassUID,
    )
    columns = [table.frames.get_values(tag) for tag in tags if not table.frames.is_shared(tag)]
    keys: list[Hashable] = []
    known: list[_Places] = []
    for number, (start, count) in enumerate(zip(starts.tolist(), table.counts, strict=True)):
        facts = tuple(_hashable(column[start]) for column in columns)
        keys.append((*facts, table.kinds[start], _places_key(table, number, start, count, known)))
    return keys


def _places_key(
    table: FrameTable, number: int, start: int, count: int, known: list[_Places]
) -> Hashable:
    """For several frames: where they lie; without positions an instance stays alone."""
    if count == 1:
        return None
    positions = table.positions[start : start + count]
    cosines = table.orientations[start]
    if not (np.abs(positions) < _NO_NUMBER).all() or np.isnan(cosines).any():  # NaN is not, either
        return number
    along = positions @ np.cross(cosines[:3], cosines[3:])
    ordered = positions[np.lexsort((*np.round(positions.T), np.round(along, 1)))]
    for key, places in known:
        if len(places) == count and np.abs(places - ordered).max() <= _SAME_PLACES_MM:
            return key
    known.append(_Places(f"places {number}", ordered))
    return known[-1].key


def _clusters(rows: npt.NDArray[np.float64], tolerance: float) -> npt.NDArray[np.intp]:
    """A number for each row; those within the tolerance of the first of a cluster belong to it."""
    known = np.nan_to_num(rows, nan=_NO_NUMBER)
    distinct, inverse = np.unique(known, axis=0, return_inverse=True)
    firsts = np.empty_like(distinct)
    count = 0
    numbers = np.empty(len(distinct), np.intp)
    for i, row in enumerate(distinct):
        near = np.flatnonzero(np.abs(firsts[:count] - row).max(axis=1) <= tolerance)
        if not near.size:
            firsts[count] = row
            near = np.array([count])
            count += 1
        numbers[i] = near[0]
    return numbers[inverse.reshape(-1)]


def _hashable(value: Any) -> Hashable:
    return repr(value) if isinstance(value, (list, dict)) else value
