"""Identifiers of C-FIND, C-GET and C-MOVE: flat data sets in implicit VR little endian."""

import struct
from collections.abc import Mapping
from typing import Final

from dicube.dicom.character_sets import decode_text, python_encodings
from dicube.dicom.part10 import IMPLICIT_LITTLE, iter_elements
from dicube.exceptions import MetaDataError, PacsError

CHARACTER_SET: Final = 0x00080005
LEVEL: Final = 0x00080052
SOP_CLASS: Final = 0x00080016
SOP_INSTANCE: Final = 0x00080018
STUDY: Final = 0x0020000D
SERIES: Final = 0x0020000E

_HEADER: Final = struct.Struct("<HHL")
_UTF8: Final = "ISO_IR 192"
# The others are padded with a blank (PS3.5 6.2).
_PADDED_WITH_NUL: Final = frozenset((SOP_CLASS, SOP_INSTANCE, STUDY, SERIES))


def encode_identifier(keys: Mapping[int, str]) -> bytes:
    """The bytes of an identifier; "" asks for a value without matching it (PS3.4 C.2.2.2.3)."""
    if not all(value.isascii() for value in keys.values()):
        keys = {**keys, CHARACTER_SET: _UTF8}
    parts = []
    for tag, value in sorted(keys.items()):
        encoded = value.encode()
        encoded += (b"\0" if tag in _PADDED_WITH_NUL else b" ") * (len(encoded) % 2)
        parts.append(_HEADER.pack(tag >> 16, tag & 0xFFFF, len(encoded)) + encoded)
    return b"".join(parts)


def decode_identifier(data: bytes, where: str) -> dict[int, str]:
    """The texts of a flat identifier by tag, several values still joined by backslashes.

    Raises
    ------
    PacsError
        The bytes are no data set.
    """
    try:
        raw = {
            element.tag: data[element.start : element.end]
            for element in iter_elements(data, 0, len(data), IMPLICIT_LITTLE)
        }
    except MetaDataError as error:
        raise PacsError(f"the peer sent a malformed answer: {error.what}", where=where) from error
    names = raw.get(CHARACTER_SET, b"").decode("latin-1").split("\\")
    encodings = python_encodings(names)
    return {tag: decode_text(value, encodings).strip(" \0") for tag, value in raw.items()}
