"""Sequences and private blocks as merged entries have them."""

from collections.abc import Mapping
from typing import Any

from pydicom.datadict import dictionary_has_tag, dictionary_VR

from dicube.dicom.deidentify.keys import DeidentifyKey
from dicube.dicom.deidentify.profile import is_class_uid
from dicube.dicom.deidentify.values import NewValue, dummy_value, replaced
from dicube.dicom.dicom_tags import is_private
from dicube.dicom.entries import Entry, absent_slices


def vr_of(tag: int, entry: Entry) -> str:
    """The VR to write a new value in: that of the dictionary for one that came as UN."""
    vr = str(entry.get("vr") or "UN")
    if vr == "UN" and dictionary_has_tag(tag):
        return dictionary_VR(tag).split(" or ")[0]
    return vr


def without_items(entry: Entry, slice_count: int) -> Entry:
    """An empty sequence in every slice that has it."""
    empty: Entry = {"vr": "SQ", "shared": None, "Value": []}
    absent = absent_slices(entry, slice_count)
    if absent:
        empty["ItemCounts"] = [None if i in absent else 0 for i in range(slice_count)]
    return empty


def dummy_item(item: Mapping[str, Entry], key: DeidentifyKey) -> dict[str, Entry]:
    """An item of the same structure that says nothing: dummy values, and mapped UIDs."""
    dummies = {}
    for name, entry in item.items():
        tag = int(name, 16)
        if is_private(tag) or tag & 0xFFFF == 0 or entry.get("vr") in ("UN", "", None):
            continue
        vr = str(entry["vr"])
        if vr != "SQ":
            dummies[name] = replaced(entry, vr, _dummy(tag, vr, key))
        elif entry.get("shared") is None:
            items = [dummy_item(nested, key) for nested in entry.get("Value", [])]
            dummies[name] = {**entry, "Value": items}
    return dummies


def _dummy(tag: int, vr: str, key: DeidentifyKey) -> NewValue:
    if vr != "UI":
        return lambda _: dummy_value(vr)
    return lambda value: mapped_uids(tag, value, key)


def mapped_uids(tag: int, value: list[Any] | str, key: DeidentifyKey) -> list[Any] | None:
    """UIDs with those of instances mapped; nothing of bytes that are no UID."""
    if isinstance(value, str):
        return None
    return [uid if not uid or is_class_uid(tag, uid) else key.uid(uid) for uid in value]


def creator_key(tag: int) -> str | None:
    """Key of the private creator of an element's block; None for other elements (PS3.5 7.8.1)."""
    block = tag >> 8 & 0xFF
    return f"{tag & 0xFFFF0000 | block:08X}" if is_private(tag) and block >= 0x10 else None


def creator_of(tag: int, item: Mapping[str, Entry]) -> str | None:
    """Who made the block of a private element; None where nobody says, or slices disagree."""
    key = creator_key(tag)
    entry = {} if key is None else item.get(key, {})
    values = entry.get("Value") or []
    names = {value for value in values if value is not None}
    name = names.pop() if len(names) == 1 and entry.get("vr") == "LO" else None
    return name if isinstance(name, str) else None
