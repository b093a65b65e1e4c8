"""New values for old ones, of one entry of the metadata, each distinct value once."""

import base64
import json
from collections.abc import Callable, Iterable
from typing import Any, Final

from dicube.dicom.entries import Entry, absent_slices, is_scalar, value_name
from dicube.dicom.values import is_binary

NewValue = Callable[[list[Any] | str], list[Any] | str | None]
"""From the value of a slice, a list or base64 text, to its new one; None leaves it empty."""

DUMMY_TEXT: Final = "ANONYMIZED"
_DUMMIES: Final[dict[str, Any]] = {
    "AS": "000Y", "AT": "00000000", "DA": "19000101", "DT": "19000101000000", "TM": "000000",
    "PN": {"Alphabetic": DUMMY_TEXT}, "UR": "urn:anonymized",
    **dict.fromkeys(("AE", "CS", "LO", "LT", "SH", "ST", "UC", "UT"), DUMMY_TEXT),
    **dict.fromkeys(("DS", "IS", "SL", "SS", "SV", "UL", "US", "UV"), 0),
    **dict.fromkeys(("FD", "FL"), 0.0),
}  # fmt: skip
_NO_BYTES: Final = base64.b64encode(bytes(8)).decode("ascii")  # whole items of every binary VR


def dummy_value(vr: str) -> list[Any] | str:
    """A value that says nothing and fits the VR (PS3.15 E.1.1)."""
    return _NO_BYTES if is_binary(vr) else [_DUMMIES[vr]]


class Census:
    """The distinct values that an element had, and the slices that had one."""

    def __init__(self) -> None:
        self._values: set[str] = set()
        self._slices: set[int] = set()

    def add(self, value: Any, slices: Iterable[int]) -> None:
        """Count a value that these slices have."""
        self._values.add(json.dumps(value, sort_keys=True))
        self._slices.update(slices)

    @property
    def values(self) -> int:
        """Number of distinct values."""
        return len(self._values)

    @property
    def instances(self) -> int:
        """Number of slices."""
        return len(self._slices)


def census_of(entry: Entry, slice_count: int, census: Census) -> None:
    """Count the values of an entry; items of a sequence count as one value."""
    if entry.get("vr") == "SQ":
        absent = absent_slices(entry, slice_count)
        census.add("items", (i for i in range(slice_count) if i not in absent))
        return
    for value, slices in _distinct(entry, slice_count):
        census.add(value, slices)


def replaced(entry: Entry, vr: str, new_value: NewValue) -> Entry:
    """The entry with other values; slices that lack the element or its value stay as they are."""
    name = "InlineBinary" if is_binary(vr) else "Value"
    if entry.get("shared"):
        value = new_value(_old(entry)) if _has_value(entry) else None
        return {"vr": vr, "shared": True, **({name: value} if value else {})}
    values = _replaced_by_slice(entry, new_value)
    if not entry.get("Absent") and values and all(value == values[0] for value in values):
        return {"vr": vr, "shared": True, **({name: values[0]} if values[0] else {})}
    if name == "Value" and all(value is None or is_scalar(value) for value in values):
        values = [None if value is None else value[0] for value in values]
    same = {member: entry[member] for member in ("Absent",) if member in entry}
    return {"vr": vr, "shared": False, name: values, **same}


def raw_texts(entry: Entry) -> list[str]:
    """What is kept as bytes beside the values, because these do not say all: as text."""
    raws = entry.get("Raw") or []
    encoded = [raws] if isinstance(raws, str) else sorted({raw for raw in raws if raw})
    return [base64.b64decode(raw).decode("latin-1") for raw in encoded]


def _replaced_by_slice(entry: Entry, new_value: NewValue) -> list[Any]:
    known: dict[str, Any] = {}
    values: list[Any] = []
    for old in _by_slice(entry):
        if old is None:
            values.append(None)
            continue
        key = json.dumps(old, sort_keys=True)
        if key not in known:
            known[key] = new_value(old) or None
        values.append(known[key])
    return values


def _has_value(entry: Entry) -> bool:
    return value_name(entry) is not None or "Raw" in entry


def _old(entry: Entry) -> Any:
    """The value; of one that is known as bytes only, these."""
    name = value_name(entry)
    return entry["Raw"] if name is None else entry[name]


def _by_slice(entry: Entry) -> list[Any]:
    """The value of each slice as a list or base64 text; None where there is none."""
    name = value_name(entry)
    raws = entry.get("Raw", [])
    values = entry[name] if name is not None else [None] * len(raws)
    listed = [
        [value] if name == "Value" and value is not None and type(value) is not list else value
        for value in values
    ]
    return [raws[i] if value is None and raws else value for i, value in enumerate(listed)]


def _distinct(entry: Entry, slice_count: int) -> list[tuple[Any, list[int]]]:
    if entry.get("shared"):
        return [(_old(entry), list(range(slice_count)))] if _has_value(entry) else []
    found: dict[str, tuple[Any, list[int]]] = {}
    for number, value in enumerate(_by_slice(entry)):
        if value is not None:
            found.setdefault(json.dumps(value, sort_keys=True), (value, []))[1].append(number)
    return list(found.values())
