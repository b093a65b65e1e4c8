"""Data sets as bytes: explicit VR little endian, from raw elements or from metadata entries."""

import base64
import struct
from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

from dicube.dicom.entries import Entry
from dicube.dicom.merge_utils import Elements, Scope, item_scopes, little_endian_value, resolve_vr
from dicube.dicom.part10 import LONG_VRS, Syntax
from dicube.dicom.values import from_json_value, python_encodings
from dicube.exceptions import MetaDataError

_CHARACTER_SET_KEY: Final = "00080005"
_LONG_HEADER: Final = struct.Struct("<HH2sHL")
_SHORT_HEADER: Final = struct.Struct("<HH2sH")
_ITEM_HEADER: Final = struct.Struct("<HHL")
_MAX_SHORT: Final = 0xFFFE  # longest even length that 16 bits hold


class DataElement(NamedTuple):
    """One element ready to be written: value bytes are explicit VR little endian, even length."""

    tag: int
    vr: str
    value: bytes


def encode_elements(elements: Iterable[DataElement]) -> bytes:
    """The elements in tag order, explicit VR little endian (PS3.5 7.1.2)."""
    return b"".join(map(_encode, sorted(elements, key=lambda element: element.tag)))


def elements_of_raw(elements: Elements, syntax: Syntax) -> list[DataElement]:
    """A data set as it was in a file, turned into explicit VR little endian.

    Group lengths (gggg,0000) are left out: they are retired, and wrong once VRs are written.
    """
    return _scope_elements(Scope.of(elements, syntax))


def elements_of_entries(entries: Mapping[str, Entry]) -> list[DataElement]:
    """The data set of one slice from its metadata (`DicomMeta.index(i).items()`).

    Raises
    ------
    MetaDataError
        A value cannot be encoded in its VR.
    """
    return _entry_elements(entries, python_encodings(()))


def entry_bytes(entry: Entry) -> bytes:
    """The value of an entry of one slice, explicit VR little endian, text in the default encoding.

    Raises
    ------
    MetaDataError
        The value cannot be encoded in its VR.
    """
    return _entry_bytes(entry, str(entry.get("vr") or "UN"), python_encodings(()))


def header_of(tag: int, vr: str, length: int) -> bytes:
    """The bytes in front of a value; `length` may be undefined (0xFFFFFFFF)."""
    code = vr.encode("ascii")
    if code in LONG_VRS:
        return _LONG_HEADER.pack(tag >> 16, tag & 0xFFFF, code, 0, length)
    return _SHORT_HEADER.pack(tag >> 16, tag & 0xFFFF, code, length)


def _encode(element: DataElement) -> bytes:
    tag, vr, value = element
    if len(value) % 2:
        value += b"\0"
    if vr.encode("ascii") not in LONG_VRS and len(value) > _MAX_SHORT:
        vr = "UN"  # PS3.5 6.2.2 note 2: too long for the 16-bit length of its VR
    return header_of(tag, vr, len(value)) + value


def _sequence_value(items: Iterable[list[DataElement]]) -> bytes:
    parts = []
    for item in items:
        content = encode_elements(item)
        parts += [_ITEM_HEADER.pack(0xFFFE, 0xE000, len(content)), content]
    return b"".join(parts)


def _scope_elements(scope: Scope) -> list[DataElement]:
    result = []
    for tag, raw in scope.elements.items():
        if tag & 0xFFFF == 0:
            continue
        vr = resolve_vr(tag, raw, scope)
        if vr == "SQ":
            value = _sequence_value(_scope_elements(item) for item in item_scopes(raw, scope))
        else:
            value = little_endian_value(raw, vr)
        result.append(DataElement(tag, vr, value))
    return result


def _entry_elements(entries: Mapping[str, Entry], inherited: tuple[str, ...]) -> list[DataElement]:
    encodings = inherited
    if _CHARACTER_SET_KEY in entries:
        names = entries[_CHARACTER_SET_KEY].get("Value", [])
        encodings = python_encodings(tuple(name for name in names if isinstance(name, str)))
    result = []
    for key, entry in entries.items():
        tag, vr = int(key, 16), str(entry.get("vr") or "UN")
        if tag & 0xFFFF == 0:
            continue
        result.append(DataElement(tag, vr, _entry_bytes(entry, vr, encodings)))
    return result


def _entry_bytes(entry: Entry, vr: str, encodings: tuple[str, ...]) -> bytes:
    if vr == "SQ":
        return _sequence_value(_entry_elements(item, encodings) for item in entry.get("Value", []))
    encoded = entry.get("Raw", entry.get("InlineBinary"))
    if encoded is not None:
        try:
            return base64.b64decode(encoded, validate=True)
        except (ValueError, TypeError) as error:
            raise MetaDataError(f"the bytes of a {vr} element are not base64") from error
    return from_json_value(entry.get("Value", []), vr, encodings)
