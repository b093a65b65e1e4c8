"""Segments from the items of a Segment Sequence (PS3.3 C.8.20.4)."""

from collections.abc import Mapping, Sequence
from typing import Any

from dicube.core.segmentation import Code, Segment
from dicube.dicom.dicom_tags import tag_key
from dicube.dicom.entries import Entry
from dicube.exceptions import MetaDataError
from dicube.interchange.seg.colour import Rgb, rgb_of_cielab

Item = Mapping[str, Entry]

_VALUES = ("CodeValue", "LongCodeValue", "URNCodeValue")


def segment_of_item(item: Item) -> Segment:
    """The segment that an item describes; what it does not say is empty.

    Raises
    ------
    MetaDataError
        It has no number.
    """
    number = _first(item, "SegmentNumber")
    if not isinstance(number, int):
        raise MetaDataError("a segment has no number", where="tag 00620004")
    kind = _items(item, "SegmentedPropertyTypeCodeSequence")
    region = _items(item, "AnatomicRegionSequence")
    return Segment(
        number=number,
        label=_text(item, "SegmentLabel"),
        category=_code(_items(item, "SegmentedPropertyCategoryCodeSequence")),
        type=_code(kind),
        description=_text(item, "SegmentDescription"),
        type_modifiers=_codes(kind, "SegmentedPropertyTypeModifierCodeSequence"),
        anatomic_regions=tuple(_code([each]) for each in region),
        anatomic_region_modifiers=_codes(region, "AnatomicRegionModifierSequence"),
        algorithm_type=_text(item, "SegmentAlgorithmType"),
        algorithm_name=_text(item, "SegmentAlgorithmName"),
        tracking_id=_text(item, "TrackingID"),
        tracking_uid=_text(item, "TrackingUID"),
        colour=_colour(item),
    )


def _values(item: Item, keyword: str) -> list[Any]:
    entry = item.get(tag_key(keyword))
    values = [] if entry is None else entry.get("Value", [])
    return values if isinstance(values, list) else [values]


def _first(item: Item, keyword: str) -> Any:
    values = _values(item, keyword)
    return values[0] if values else None


def _text(item: Item, keyword: str) -> str:
    value = _first(item, keyword)
    return "" if value is None else str(value)


def _items(item: Item, keyword: str) -> list[Item]:
    return [each for each in _values(item, keyword) if isinstance(each, Mapping)]


def _code(items: Sequence[Item]) -> Code:
    if not items:
        return Code("", "", "")
    value = next((text for name in _VALUES if (text := _text(items[0], name))), "")
    return Code(value, _text(items[0], "CodingSchemeDesignator"), _text(items[0], "CodeMeaning"))


def _codes(parents: Sequence[Item], keyword: str) -> tuple[Code, ...]:
    return tuple(_code([each]) for parent in parents[:1] for each in _items(parent, keyword))


def _colour(item: Item) -> Rgb | None:
    value = _values(item, "RecommendedDisplayCIELabValue")
    return rgb_of_cielab(value) if len(value) == 3 else None
