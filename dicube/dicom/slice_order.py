"""In which order the slices of a series come."""

from enum import Enum
from typing import Any

from dicube.dicom.dicom_tags import CommonTags
from dicube.dicom.geometry import MetaView, slice_locations


class SortMethod(Enum):
    """How the slices of a series are ordered."""

    INSTANCE_NUMBER_ASC = 1
    INSTANCE_NUMBER_DESC = 2
    POSITION_RIGHT_HAND = 3
    POSITION_LEFT_HAND = 4


def slice_order(meta: MetaView, sort_method: SortMethod) -> list[int]:
    """For each new place the number of a slice.

    Slices without the sort key come last; ties keep their order.

    Raises
    ------
    MetaDataError
        Sorting by position needs one Image Orientation (Patient) shared by all slices.
    """
    if sort_method in (SortMethod.INSTANCE_NUMBER_ASC, SortMethod.INSTANCE_NUMBER_DESC):
        keys = [as_number(number) for number in meta.get_values(CommonTags.InstanceNumber)]
    else:
        keys = slice_locations(meta)
    descending = sort_method in (SortMethod.INSTANCE_NUMBER_DESC, SortMethod.POSITION_LEFT_HAND)
    sign = -1 if descending else 1

    def rank(index: int) -> tuple[bool, float]:
        key = keys[index]
        return key is None, 0.0 if key is None else sign * key

    return sorted(range(meta.slice_count), key=rank)


def as_number(value: Any) -> float | None:
    """The value of a DS or IS element as a number; None where it is none."""
    try:
        return float(value)
    except (TypeError, ValueError):
        return None
