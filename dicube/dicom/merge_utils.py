"""Merging the data sets of a series: what is equal everywhere is kept once.

Merging compares raw bytes. An element becomes a JSON entry (see `entries`) only when somebody asks
for it, and then each distinct value is converted once, however many slices hold it: converting
every element of every slice is what makes a large series slow to read.
"""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from dicube.dicom.dicom_tags import private_vr, standard_vr
from dicube.dicom.entries import Entry, is_scalar
from dicube.dicom.instance import RawElement
from dicube.dicom.native_scan import sequence_items, shared_tags
from dicube.dicom.part10 import IMPLICIT_LITTLE, Syntax, iter_elements, iter_items
from dicube.dicom.values import is_binary, is_exact, python_encodings, to_json_value
from dicube.exceptions import MetaDataError

Elements = Mapping[int, RawElement]

_MAX_DEPTH: Final = 64  # as `part10`; nothing real comes near
_CHARACTER_SET: Final = 0x00080005
_PIXEL_REPRESENTATION: Final = 0x00280103
_LUT_DESCRIPTOR: Final = 0x00283002
# Bytes of one number, for the VRs whose byte order follows the transfer syntax (PS3.5 7.3).
_NUMBER_BYTES: Final = {
    "US": 2, "SS": 2, "OW": 2, "AT": 2, "UL": 4, "SL": 4, "FL": 4, "OF": 4, "OL": 4,
    "FD": 8, "OD": 8, "OV": 8, "SV": 8, "UV": 8,
}  # fmt: skip
# What Specific Character Set applies to (PS3.5 6.1.2.3), and sequences, which may hold such.
_CHARACTER_SET_VRS: Final = frozenset(("LO", "LT", "PN", "SH", "SQ", "ST", "UC", "UN", "UT"))


@dataclass(frozen=True)
class Scope:
    """One data set or sequence item, with what it inherits from the data set around it."""

    elements: Elements
    encodings: tuple[str, ...]
    signed: bool
    syntax: Syntax
    depth: int = 0  # 0 for a data set, 1 for an item of it...

    @staticmethod
    def of(elements: Elements, syntax: Syntax, parent: "Scope | None" = None) -> "Scope":
        """The scope of a data set, or of an item inside `parent`."""
        encodings = parent.encodings if parent else python_encodings(())
        if _CHARACTER_SET in elements:
            text = elements[_CHARACTER_SET].value.decode("latin-1")
            encodings = python_encodings(tuple(part.strip(" \0") for part in text.split("\\")))
        signed = parent.signed if parent else False
        if _PIXEL_REPRESENTATION in elements:
            signed = 1 in elements[_PIXEL_REPRESENTATION].value[:2]  # either byte order
        return Scope(elements, encodings, signed, syntax, parent.depth + 1 if parent else 0)


def merge_tags(scopes: Sequence[Scope | None]) -> dict[int, bool]:
    """Each tag that any data set holds, in tag order, and whether all hold it with one value.

    `scopes` has one data set for each slice; None where the slice has no such sequence item.
    """
    count = len(scopes)
    same_text = len({scope.encodings for scope in scopes if scope}) <= 1
    if same_text:
        scanned = shared_tags([scope.elements if scope else {} for scope in scopes])
        if scanned is not None:
            return scanned
    table: dict[int, list[RawElement | None]] = {}
    for slice_number, scope in enumerate(scopes):
        if scope is None:
            continue
        for tag, raw in scope.elements.items():
            column = table.get(tag)
            if column is None:
                column = table[tag] = [None] * count
            column[slice_number] = raw
    same_syntax = len({scope.syntax for scope in scopes if scope}) <= 1
    tags = {}
    for tag, raws in sorted(table.items()):
        shared = raws.count(raws[0]) == count
        if not shared and not same_syntax and None not in raws:
            shared = _equal_values(tag, raws, scopes)
        elif shared and not same_text:
            # Equal bytes are equal text only where the character set is the same.
            shared = resolve_vr(tag, raws[0], scopes[0]) not in _CHARACTER_SET_VRS
        tags[tag] = shared
    return tags


def _equal_values(
    tag: int, raws: Sequence[RawElement | None], scopes: Sequence[Scope | None]
) -> bool:
    """Whether all slices hold one value, in whatever transfer syntax."""
    values = set()
    for raw, scope in zip(raws, scopes, strict=True):
        assert raw is not None
        assert scope is not None
        vr = resolve_vr(tag, raw, scope)
        if vr == "SQ":
            return False
        encodings = scope.encodings if vr in _CHARACTER_SET_VRS else ()
        values.add((vr, little_endian_value(raw, vr), encodings))
    return len(values) == 1


def to_entry(tag: int, shared: bool, scopes: Sequence[Scope | None]) -> Entry:
    """The JSON entry of a tag (docs/format.md, section 7); `shared` is what `merge_tags` says.

    Raises
    ------
    MetaDataError
        A sequence is malformed.
    """
    slices: Sequence[int] = range(1 if shared else len(scopes))
    present = [
        (i, raw, scope)
        for i in slices
        if (scope := scopes[i]) is not None and (raw := scope.elements.get(tag)) is not None
    ]
    vrs = {i: resolve_vr(tag, raw, scope) for i, raw, scope in present}
    if set(vrs.values()) == {"SQ"}:
        items = {i: item_scopes(raw, scope) for i, raw, scope in present}
        return _sequence_entry([items.get(i) for i in slices], shared)
    vr = _common_vr(set(vrs.values()))
    cells: list[_Cell | None] = [None] * len(slices)
    known: dict[tuple[str, bytes, tuple[str, ...]], _Cell] = {}
    for i, raw, scope in present:
        value = little_endian_value(raw, vrs[i])
        key = (vr, value, scope.encodings)
        cell = known.get(key)
        if cell is None:
            cell = known[key] = _convert(value, vr, scope.encodings)
        cells[i] = cell
    entry = _value_entry(vr, cells, shared)
    if vr == "UN" and len(set(vrs.values())) > 1:
        # The bytes are kept as UN; those of a sequence may not be explicit VR, so it stays UN.
        entry["VRs"] = [None if i not in vrs else vrs[i].replace("SQ", "UN") for i in slices]
    return entry


@dataclass(frozen=True)
class _Cell:
    """One converted value, and its bytes where the conversion cannot reproduce them."""

    value: Any
    raw: str | None


def _convert(value: bytes, vr: str, encodings: tuple[str, ...]) -> _Cell:
    converted = to_json_value(value, vr, encodings)
    exact = is_exact(value, vr, converted, encodings)
    return _Cell(converted, None if exact else base64.b64encode(value).decode("ascii"))


def _value_entry(vr: str, cells: Sequence[_Cell | None], shared: bool) -> Entry:
    entry: Entry = {"vr": vr, "shared": shared}
    name = "InlineBinary" if is_binary(vr) else "Value"
    if shared:
        cell = cells[0]
        assert cell is not None
        if cell.value:
            entry[name] = cell.value
        if cell.raw is not None:
            entry["Raw"] = cell.raw
        return entry
    values = [cell.value if cell and cell.value else None for cell in cells]
    if name == "Value" and all(value is None or is_scalar(value) for value in values):
        values = [None if value is None else value[0] for value in values]
    entry[name] = values
    absent = [i for i, cell in enumerate(cells) if cell is None]
    if absent:
        entry["Absent"] = absent
    raws = [cell.raw if cell else None for cell in cells]
    if any(raw is not None for raw in raws):
        entry["Raw"] = raws
    return entry


def _sequence_entry(per_slice: Sequence[Sequence[Scope] | None], shared: bool) -> Entry:
    """Items are merged by their number: first with first, second with second."""
    counts = [None if items is None else len(items) for items in per_slice]
    merged = []
    for number in range(max((count or 0) for count in counts)):
        scopes = [
            items[number] if items is not None and number < len(items) else None
            for items in per_slice
        ]
        tags = merge_tags(scopes)
        merged.append({f"{tag:08X}": to_entry(tag, shared, scopes) for tag, shared in tags.items()})
    entry: Entry = {"vr": "SQ", "shared": None, "Value": merged}
    if len(set(counts)) > 1:
        entry["ItemCounts"] = counts
    return entry


def item_scopes(raw: RawElement, scope: Scope) -> list[Scope]:
    """The items of a sequence.

    Raises
    ------
    MetaDataError
        It is malformed, or nests too deeply.
    """
    # PS3.5 6.2.2: what came as UN of undefined length holds implicit VR little endian.
    if scope.depth >= _MAX_DEPTH:
        raise MetaDataError(
            f"sequences nest more than {_MAX_DEPTH} deep", hint="the file is damaged or forged"
        )
    syntax = IMPLICIT_LITTLE if raw.vr == "UN" else raw.syntax
    data = raw.value
    native = sequence_items(data, syntax)
    if native is not None:
        return [Scope.of(elements, syntax, scope) for elements in native]
    return [
        Scope.of(
            {
                e.tag: RawElement(e.vr, data[e.start : e.end], syntax, e.undefined_length)
                for e in iter_elements(data, start, stop, syntax)
            },
            syntax,
            scope,
        )
        for start, stop in iter_items(data, 0, len(data), syntax)
    ]


def resolve_vr(tag: int, raw: RawElement | None, scope: Scope | None) -> str:
    """The VR to read a value with: what the file says, or else the dictionaries."""
    assert raw is not None
    assert scope is not None
    vr = raw.vr
    if raw.undefined_length and vr in (None, "UN"):
        return "SQ"
    if vr == "UN" and raw.syntax.little:
        vr = None  # an element that a converter did not know; the dictionaries may
    if vr is not None:
        return vr
    vr = standard_vr(tag)
    if vr == "UN" and tag >> 16 & 1:
        creator = scope.elements.get(tag & 0xFFFF0000 | (tag >> 8 & 0xFF))
        if creator is not None:
            vr = private_vr(tag, creator.value.decode("latin-1").strip("\0 "))
    if " or " in vr:
        vr = _disambiguate(vr, tag, raw, scope)
    return vr


def _disambiguate(vr: str, tag: int, raw: RawElement, scope: Scope) -> str:
    """PS3.5 A.1 and PS3.3: the meaning of "US or SS" and the like depends on other elements."""
    if vr == "US or SS":
        return "SS" if scope.signed else "US"
    descriptor = scope.elements.get(_LUT_DESCRIPTOR)
    if vr == "US or OW" and descriptor is not None and descriptor.value[:2] == b"\x01\x00":
        return "US"
    return "OW"


def _common_vr(vrs: set[str]) -> str:
    """The one VR under which an entry is kept whose slices disagree."""
    if len(vrs) == 1:
        return next(iter(vrs))
    known = vrs - {"UN"}
    return next(iter(known)) if len(known) == 1 and "SQ" not in known else "UN"


def little_endian_value(raw: RawElement, vr: str) -> bytes:
    if raw.syntax.little:
        return raw.value
    width = _NUMBER_BYTES.get(vr, 1)
    if width == 1 or len(raw.value) % width:
        return raw.value
    swapped = bytearray(raw.value)
    for byte in range(width):
        swapped[byte::width] = raw.value[width - 1 - byte :: width]
    return bytes(swapped)
