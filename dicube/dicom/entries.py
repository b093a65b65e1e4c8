"""Merged entries: the JSON of one tag over all slices, and what can be done with it.

An entry is a dictionary with `vr`, `shared` and one of `Value` and `InlineBinary`:

* shared: the value of every slice; no value member where the element is empty everywhere;
* not shared: a list with one value for each slice, None where a slice has none;
* a sequence: `shared` is None and `Value` lists items, each a dictionary of entries by tag.

Members that the published tool does not know: `Absent` (slices that lack the element, where None
alone would mean empty), `Raw` (base64 of value bytes that the value does not reproduce), `VRs` (of
each slice, where they disagree; `InlineBinary` then holds the bytes) and `ItemCounts` (items of
each slice, None where the sequence is absent).
"""

import base64
import math
import struct
from collections.abc import Sequence
from typing import Any

Entry = dict[str, Any]

# Members that hold one thing for each slice when an entry is not shared.
_PER_SLICE = ("Value", "InlineBinary", "Raw", "VRs")


def copied(value: Any) -> Any:
    """A copy of JSON values; `copy.deepcopy` would take four times as long."""
    if type(value) is list:
        return [copied(i) if type(i) is list or type(i) is dict else i for i in value]
    if type(value) is dict:
        return {key: copied(item) for key, item in value.items()}
    return value


def value_name(entry: Entry) -> str | None:
    """The member that holds the value; None for an element that is empty everywhere."""
    return next((name for name in ("Value", "InlineBinary") if name in entry), None)


def has_value(entry: Entry) -> bool:
    """Whether any slice has a value."""
    return value_name(entry) is not None


def is_shared(entry: Entry) -> bool:
    """Whether all slices have the same value; of a sequence, whether all of it is the same."""
    if entry.get("vr") == "SQ" and entry.get("shared") is None:
        return "ItemCounts" not in entry and all(
            is_shared(nested) for item in entry.get("Value", ()) for nested in item.values()
        )
    return bool(entry.get("shared", False))


def absent_slices(entry: Entry, slice_count: int) -> frozenset[int]:
    """Slices whose data set does not hold the element at all."""
    counts = entry.get("ItemCounts")
    if counts is not None:
        return frozenset(i for i in range(slice_count) if counts[i] is None)
    return frozenset(entry.get("Absent", ()))


def slice_values(entry: Entry, slice_count: int) -> list[Any]:
    """The value of each slice: a scalar where there is one, a list where there are several.

    None stands for an element without a value, empty or absent. The value of a sequence is its
    list of items, each a dictionary of entries of that one slice.
    """
    if entry.get("vr") == "SQ" and entry.get("shared") is None:
        return [slice_entry(entry, i).get("Value") for i in range(slice_count)]
    name = value_name(entry)
    if name is None:
        return [None] * slice_count
    if entry.get("shared"):
        return [unwrapped(entry[name])] * slice_count
    return [unwrapped(value) for value in entry[name]]


def unwrapped(value: Any) -> Any:
    """A list of one as the one; a lone null, which stands for NaN, stays a list."""
    alone = isinstance(value, list) and len(value) == 1 and value[0] is not None
    return value[0] if alone else value


def slice_entry(entry: Entry, index: int) -> Entry:
    """The entry as one slice has it; shared, because there is only that slice."""
    if entry.get("vr") == "SQ" and entry.get("shared") is None:
        return _slice_sequence(entry, index)
    if entry.get("shared"):
        return entry
    sliced: Entry = {"vr": entry.get("vr"), "shared": True}
    if entry.get("VRs"):
        sliced["vr"] = entry["VRs"][index] or entry.get("vr")
    for name in _PER_SLICE[:3]:
        if name in entry and entry[name][index] is not None:
            value = entry[name][index]
            as_list = name == "Value" and not isinstance(value, list)
            sliced[name] = [value] if as_list else value
    return sliced


def slice_item(item: dict[str, Entry], index: int) -> dict[str, Entry]:
    """The entries of a data set or item that one slice holds, as that slice holds them."""
    return {
        key: slice_entry(entry, index)
        for key, entry in item.items()
        if not _is_absent(entry, index)
    }


def _is_absent(entry: Entry, index: int) -> bool:
    if "ItemCounts" in entry:
        return entry["ItemCounts"][index] is None
    return index in entry.get("Absent", ())


def _slice_sequence(entry: Entry, index: int) -> Entry:
    items = entry.get("Value", [])
    if "ItemCounts" in entry:
        items = items[: entry["ItemCounts"][index] or 0]
    return {"vr": "SQ", "shared": None, "Value": [slice_item(item, index) for item in items]}


def with_first_item(entry: Entry | None, item: dict[str, Entry], slice_count: int) -> Entry:
    """The sequence with one more item, the first, in every slice; None: there was none so far."""
    if entry is None:
        return {"vr": "SQ", "shared": None, "Value": [item]}
    items = entry.get("Value", [])
    counts = entry.get("ItemCounts", [len(items)] * slice_count)
    longer: Entry = {"vr": "SQ", "shared": None, "Value": [item, *items]}
    if len(set(counts)) > 1:
        longer["ItemCounts"] = [1 + (count or 0) for count in counts]
    return longer


def reordered(entry: Entry, order: Sequence[int | None]) -> Entry:
    """The entry with other slices: slice i of the result was `order[i]`.

    A slice may come several times, or not at all. None is a slice that has what all share, and
    lacks the rest.
    """
    result = dict(entry)
    if entry.get("vr") == "SQ" and entry.get("shared") is None:
        if None in order and not is_shared(entry):
            return _without_some(entry, order)
        result["Value"] = [
            {key: reordered(nested, order) for key, nested in item.items()}
            for item in entry.get("Value", [])
        ]
        if "ItemCounts" in entry:
            result["ItemCounts"] = [entry["ItemCounts"][i] for i in order if i is not None]
        return result
    if entry.get("shared"):
        return result
    for name in _PER_SLICE:
        if name in entry:
            result[name] = [None if i is None else entry[name][i] for i in order]
    absent = {*entry.get("Absent", ()), None}
    lacking = [new for new, old in enumerate(order) if old in absent]
    result.pop("Absent", None)
    if lacking:
        result["Absent"] = lacking
    return result


def _without_some(entry: Entry, order: Sequence[int | None]) -> Entry:
    """A sequence that differs between slices, in slices of which some lack it."""
    return merged_entry([None if i is None else slice_entry(entry, i) for i in order])


def merged_entry(singles: Sequence[Entry | None]) -> Entry:
    """One entry from those of single slices; None where a slice lacks the element.

    At least one slice has it. Slices are taken to agree on its VR.
    """
    present = [single for single in singles if single is not None]
    first = present[0]
    if len(present) == len(singles) and all(single == first for single in present[1:]):
        return first
    if first.get("vr") == "SQ":
        return _merged_sequence(singles)
    name = next((name for name in map(value_name, present) if name is not None), None)
    merged: Entry = {"vr": first.get("vr"), "shared": False}
    for member in ("Raw",) if name is None else (name, "Raw"):
        values = [None if single is None else single.get(member) for single in singles]
        if any(value is not None for value in values) or member == name:
            merged[member] = values
    if name == "Value" and all(value is None or is_scalar(value) for value in merged[name]):
        merged[name] = [None if value is None else value[0] for value in merged[name]]
    absent = [i for i, single in enumerate(singles) if single is None]
    if absent:
        merged["Absent"] = absent
    return merged


def _merged_sequence(singles: Sequence[Entry | None]) -> Entry:
    """Items are merged by their number: first with first, second with second."""
    lists = [None if single is None else single.get("Value", []) for single in singles]
    counts = [None if items is None else len(items) for items in lists]
    merged: Entry = {"vr": "SQ", "shared": None, "Value": []}
    for number in range(max((count or 0) for count in counts)):
        same = [items[number] if items and number < len(items) else {} for items in lists]
        keys = dict.fromkeys(key for item in same for key in item)
        merged["Value"].append({key: merged_entry([i.get(key) for i in same]) for key in keys})
    if len(set(counts)) > 1:
        merged["ItemCounts"] = counts
    return merged


def is_scalar(value: Sequence[Any]) -> bool:
    """Whether a value is one item; a lone null (NaN has no JSON) stays a list.

    Bare, it would mean that there is no value.
    """
    return len(value) == 1 and value[0] is not None


def check_entry(entry: Any, slice_count: int | None) -> None:
    """Make sure that nothing in an entry from outside indexes past its end.

    Raises
    ------
    TypeError, ValueError, KeyError
        A member is of the wrong kind, or has not one thing for each slice.
    """
    if not isinstance(entry, dict):
        raise TypeError("an entry is no object")
    lists = [entry["ItemCounts"]] if "ItemCounts" in entry else []
    if entry.get("vr") == "SQ" and entry.get("shared") is None:
        for item in entry.get("Value", []):
            for nested in item.values():
                check_entry(nested, slice_count)
    elif entry.get("shared") is False:
        lists += [entry[name] for name in _PER_SLICE if name in entry]
    for values in lists:
        if not isinstance(values, list) or (slice_count or len(values)) != len(values):
            raise ValueError("an entry has not one value for each slice")


def drop_raw_text(entry: Entry) -> None:
    """Forget text bytes, which hold good in one character set only."""
    if entry.get("vr") == "SQ":
        for item in entry.get("Value", []):
            for nested in item.values():
                drop_raw_text(nested)
    elif entry.get("vr") in ("LO", "LT", "PN", "SH", "ST", "UC", "UT"):
        entry.pop("Raw", None)


def make_finite(entry: Entry) -> None:
    """Replace NaN and infinity, which JSON cannot hold, by null and their bytes in `Raw`.

    The published tool writes them all the same, as names that only some readers know.
    """
    if entry.get("vr") == "SQ":
        for item in entry.get("Value", []):
            for nested in item.values():
                make_finite(nested)
        return
    layout = {"FL": "f", "FD": "d"}.get(str(entry.get("vr")))
    values = entry.get("Value")
    if layout is None or values is None or "Raw" in entry:
        return
    if entry.get("shared"):
        entry["Value"], raw = _finite(values, layout)
        if raw is not None:
            entry["Raw"] = raw
        return
    pairs = [(value, None) if value is None else _finite(value, layout) for value in values]
    if any(raw is not None for _, raw in pairs):
        entry["Value"], entry["Raw"] = [value for value, _ in pairs], [raw for _, raw in pairs]


def _finite(value: Any, layout: str) -> tuple[Any, str | None]:
    numbers = value if isinstance(value, list) else [value]
    if all(isinstance(number, (int, float)) and math.isfinite(number) for number in numbers):
        return value, None
    raw = struct.pack(f"<{len(numbers)}{layout}", *numbers)
    finite = [number if math.isfinite(number) else None for number in numbers]
    return finite, base64.b64encode(raw).decode("ascii")
