"""Cells as pydicom reads them: an independent reading of the files that tables are made of."""

import struct
from collections.abc import Iterator
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

import pydicom
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.tag import Tag

Cell = int | float | str | None

_NAMING = (Tag("CodeValue"), Tag("ReferencedSOPInstanceUID"))
_FRAME_GROUPS = "PerFrameFunctionalGroupsSequence"
_SHARED_GROUPS = "SharedFunctionalGroupsSequence"


def read_header(path: Path) -> Dataset:
    return pydicom.dcmread(path, stop_before_pixels=True, force=True)


def cell(data_set: Dataset, column: Any) -> Cell:
    """The cell of a column of a template: of several frames, what they have one after another."""
    if column.private is not None:
        return joined([_private(data_set, column.private)])
    if len(column.path) > 1:
        return _nested(data_set, column.path)
    (tag,) = column.path
    frames = getattr(data_set, _FRAME_GROUPS, None) or [None]
    shared = getattr(data_set, _SHARED_GROUPS, None)
    found = []
    for own in frames:
        groups = [own, *(shared[:1] if shared else [])]
        hits = [hit for group in groups if group is not None for hit in _inside(group, tag, 1)]
        found.append(value_of(hits[0], tag) if hits else value_of(data_set, tag))
    return joined(found)


def joined(values: list[Cell]) -> Cell:
    """What docs/tables.md says of several values."""
    distinct = list(dict.fromkeys(values))
    if len(distinct) == 1:
        return distinct[0]
    if len(distinct) <= 16:
        return " | ".join(map(_text, distinct))
    if all(isinstance(value, (int, float)) for value in distinct):
        return f"{_text(min(distinct))} .. {_text(max(distinct))} ({len(distinct)} values)"
    return " | ".join([*map(_text, distinct[:16]), "..."]) + f" ({len(distinct)} values)"


def _inside(item: Dataset, tag: int, depth: int) -> Iterator[Dataset]:
    """The data sets in a functional group that hold a tag."""
    if tag in item:
        yield item
    for element in item:
        if element.VR == "SQ" and not element.tag.is_private and len(element.value) == 1:
            (inner,) = element.value
            if depth < 3 and not any(naming in inner for naming in _NAMING):
                yield from _inside(inner, tag, depth + 1)


def _private(data_set: Dataset, wanted: Any) -> Cell:
    try:
        block = data_set.private_block(wanted.group, wanted.creator)
        tag = block.get_tag(wanted.element)
    except KeyError:
        return None
    return value_of(data_set, tag, wanted.vr) if tag in data_set else None


def _nested(data_set: Dataset, path: tuple[int, ...]) -> Cell:
    items = [data_set]
    for tag in path[:-1]:
        items = [inner for item in items if tag in item for inner in item[tag].value]
    values = [value_of(item, path[-1]) for item in items if path[-1] in item]
    present = [value for value in values if value is not None]
    return present[0] if len(present) == 1 else "\\".join(map(_text, present)) or None


def value_of(data_set: Dataset, tag: int, vr_of_unknown: str = "") -> Cell:
    raw = data_set.get_item(tag)
    if raw is None:
        return None
    text = raw.value if isinstance(raw, RawDataElement) else None
    vr = raw.VR if raw.VR not in (None, "UN") else vr_of_unknown
    try:
        element = data_set[tag]
        vr = element.VR if element.VR != "UN" else vr
    except (ValueError, TypeError, OverflowError, InvalidOperation):
        element = None  # pydicom refuses odd numbers; their text is in the file
    if vr in ("DS", "IS"):
        source = text.decode("latin-1") if text is not None else _original(element.value)
        return _numbers(source, vr)
    assert element is not None
    if element.VR == "UN":
        return _unknown(element.value, vr)
    return _of_value(element.value)


def _original(value: Any) -> str:
    values = value if isinstance(value, pydicom.multival.MultiValue) else [value]
    return "\\".join("" if v is None else str(getattr(v, "original_string", v)) for v in values)


def _unknown(value: bytes, vr: str) -> Cell:
    if vr in ("LO", "CS", "SH"):
        return value.decode("ascii").rstrip(" \0") or None
    layout = {"FL": "<f", "FD": "<d", "SS": "<h"}[vr]
    return struct.unpack(layout, value)[0]


def _numbers(text: str, vr: str) -> Cell:
    parts = [_number(part.strip(" \0"), vr) for part in text.strip(" \0").split("\\")]
    if len(parts) == 1:
        return parts[0]
    return "\\".join("" if part is None else _text(part) for part in parts)


def _number(text: str, vr: str) -> Cell:
    if not text:
        return None
    try:
        exact = Decimal(text)
    except InvalidOperation:
        return text
    if not exact.is_finite() or "_" in text:
        return text
    if vr == "IS":
        return int(exact) if exact == int(exact) else text
    return float(text) if Decimal(repr(float(text))) == exact else text


def _of_value(value: Any) -> Cell:
    if value is None or value == "":
        return None
    if isinstance(value, (pydicom.multival.MultiValue, list)):
        items = map(_of_value, value)
        return "\\".join("" if item is None else _text(item) for item in items) or None
    if isinstance(value, (bool, int, float)):
        return value if value == value and abs(value) != float("inf") else str(value)
    return str(value).rstrip(" \0").rstrip("=") or None


def _text(value: Cell) -> str:
    if value is None:
        return "(none)"
    if isinstance(value, str):
        return value
    return repr(value).removesuffix(".0")
