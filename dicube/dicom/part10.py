"""Where the elements of one DICOM data set lie in its bytes (PS3.5 section 7, PS3.10 section 7).

Only tags, VRs and lengths are read here; no value is interpreted. What the bytes mean is the
business of `values`, what several files have in common that of `merge_utils`.
"""

import struct
from collections.abc import Iterator
from itertools import product
from typing import Final, NamedTuple

from dicube.exceptions import MetaDataError

UNDEFINED_LENGTH: Final = 0xFFFFFFFF
_ITEM: Final = 0xFFFEE000
_ITEM_END: Final = 0xFFFEE00D
_SEQUENCE_END: Final = 0xFFFEE0DD
_MAX_DEPTH: Final = 64  # nothing real nests deeper; a hostile file must not exhaust the stack

# Explicit VRs whose length takes 32 bits (PS3.5 table 7.1-1).
LONG_VRS: Final = frozenset(
    (b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT", b"UV")
)

# All other pairs of capitals, known or not: those of the standard have a 16-bit length.
_SHORT_VRS: Final = {
    code: code.decode("ascii")
    for code in (bytes(pair) for pair in product(range(65, 91), repeat=2))
    if code not in LONG_VRS
}

# By "is little endian": the two tag numbers, a 16-bit length, a 32-bit length, an item header.
_TAG: Final = {True: struct.Struct("<HH"), False: struct.Struct(">HH")}
_SHORT: Final = {True: struct.Struct("<H"), False: struct.Struct(">H")}
_LONG: Final = {True: struct.Struct("<L"), False: struct.Struct(">L")}
_ITEM_HEADER: Final = {True: struct.Struct("<HHL"), False: struct.Struct(">HHL")}


class Syntax(NamedTuple):
    """How element headers and numbers are encoded."""

    explicit: bool
    little: bool


IMPLICIT_LITTLE: Final = Syntax(explicit=False, little=True)
EXPLICIT_LITTLE: Final = Syntax(explicit=True, little=True)
EXPLICIT_BIG: Final = Syntax(explicit=True, little=False)


class Element(NamedTuple):
    """One data element; `start` and `end` bound its value in the bytes of the data set.

    `vr` is None in implicit VR. For an undefined length `end` is where the delimiter begins.
    """

    tag: int
    vr: str | None
    start: int
    end: int
    next: int
    undefined_length: bool


def iter_elements(
    data: bytes, start: int, end: int, syntax: Syntax, *, depth: int = 0
) -> Iterator[Element]:
    """Walk over the elements of a data set between two positions.

    Raises
    ------
    MetaDataError
        An element runs past `end`, or sequences nest without bound; the position is named.
    """
    tag_of, short_length = _TAG[syntax.little], _SHORT[syntax.little]
    long_length = _LONG[syntax.little]
    position = start
    explicit = syntax.explicit
    while position < end:
        if end - position < 8:
            raise MetaDataError(f"an element header is cut short at byte {position}")
        group, number = tag_of.unpack_from(data, position)
        tag = group << 16 | number
        vr: str | None = None
        if explicit:
            code = data[position + 4 : position + 6]
            vr = _SHORT_VRS.get(code)
            if vr is not None:
                (length,) = short_length.unpack_from(data, position + 6)
                value = position + 8
            elif code in LONG_VRS:
                if end - position < 12:
                    raise MetaDataError(f"an element header is cut short at byte {position}")
                vr = code.decode("ascii")
                (length,) = long_length.unpack_from(data, position + 8)
                value = position + 12
            else:
                # Some writers switch to implicit VR inside an explicit data set.
                (length,) = long_length.unpack_from(data, position + 4)
                value = position + 8
        else:
            (length,) = long_length.unpack_from(data, position + 4)
            value = position + 8
        if length == UNDEFINED_LENGTH:
            # PS3.5 6.2.2: a UN of undefined length holds implicit VR little endian items.
            inner = IMPLICIT_LITTLE if vr == "UN" else syntax
            stop, following = _skip_items(data, value, end, inner, depth)
            yield Element(tag, vr, value, stop, following, True)
        else:
            stop = following = value + length
            if stop > end:
                raise MetaDataError(
                    f"element ({group:04X},{number:04X}) at byte {position} says it has {length}"
                    f" bytes, {end - value} are left"
                )
            yield Element(tag, vr, value, stop, following, False)
        position = following


def iter_items(
    data: bytes, start: int, end: int, syntax: Syntax, *, depth: int = 0
) -> Iterator[tuple[int, int]]:
    """Bounds of the data set of each item in the value of a sequence.

    Raises
    ------
    MetaDataError
        Something other than an item is found, or an item runs past `end`.
    """
    position = start
    while position < end:
        tag, length = _item_header(data, position, end, syntax)
        if tag == _SEQUENCE_END:  # a delimiter inside a sequence of defined length: tolerated
            return
        if tag != _ITEM:
            raise MetaDataError(f"expected a sequence item at byte {position}")
        value = position + 8
        if length == UNDEFINED_LENGTH:
            stop, position = _skip_elements(data, value, end, syntax, depth)
        else:
            stop = position = value + length
            if stop > end:
                raise MetaDataError(f"the item at byte {value} runs past the end of its sequence")
        yield value, stop


def _item_header(data: bytes, position: int, end: int, syntax: Syntax) -> tuple[int, int]:
    if end - position < 8:
        raise MetaDataError(f"a sequence is cut short at byte {position}")
    group, number, length = _ITEM_HEADER[syntax.little].unpack_from(data, position)
    return group << 16 | number, length


def _skip_items(data: bytes, start: int, end: int, syntax: Syntax, depth: int) -> tuple[int, int]:
    """End of the items of a value of undefined length, and the position behind its delimiter.

    Also skips the fragments of encapsulated pixel data, which are items of defined length.
    """
    if depth > _MAX_DEPTH:
        raise MetaDataError(f"sequences nest more than {_MAX_DEPTH} deep at byte {start}")
    position = start
    while True:
        tag, length = _item_header(data, position, end, syntax)
        if tag == _SEQUENCE_END:
            return position, position + 8
        if tag != _ITEM:
            raise MetaDataError(f"expected a sequence item at byte {position}")
        if length == UNDEFINED_LENGTH:
            position = _skip_elements(data, position + 8, end, syntax, depth)[1]
        else:
            position += 8 + length
            if position > end:
                raise MetaDataError(f"an item runs past the end of the data at byte {end}")


def _skip_elements(
    data: bytes, start: int, end: int, syntax: Syntax, depth: int
) -> tuple[int, int]:
    """End of the data set of an item of undefined length, and the position behind its delimiter."""
    position = start
    while True:
        tag, _ = _item_header(data, position, end, syntax)
        if tag == _ITEM_END:
            return position, position + 8
        if tag == _SEQUENCE_END:  # the item delimiter is missing: tolerated
            return position, position
        position = next(iter_elements(data, position, end, syntax, depth=depth + 1)).next
