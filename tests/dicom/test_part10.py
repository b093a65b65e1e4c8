"""Walking over data sets: well-formed, odd and hostile."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dicube.dicom.part10 import (
    EXPLICIT_BIG,
    EXPLICIT_LITTLE,
    IMPLICIT_LITTLE,
    Syntax,
    iter_elements,
    iter_items,
)
from dicube.exceptions import MetaDataError

ITEM = b"\xfe\xff\x00\xe0"
ITEM_END = b"\xfe\xff\x0d\xe0\0\0\0\0"
SEQUENCE_END = b"\xfe\xff\xdd\xe0\0\0\0\0"
UNDEFINED = b"\xff\xff\xff\xff"


def explicit(tag: int, vr: bytes, value: bytes) -> bytes:
    return struct.pack("<HH2sH", tag >> 16, tag & 0xFFFF, vr, len(value)) + value


def long_form(tag: int, vr: bytes, value: bytes, length: int | None = None) -> bytes:
    size = len(value) if length is None else length
    return struct.pack("<HH2sHL", tag >> 16, tag & 0xFFFF, vr, 0, size) + value


def walk(data: bytes, syntax: Syntax = EXPLICIT_LITTLE) -> list[tuple[int, str | None, bytes]]:
    return [(e.tag, e.vr, data[e.start : e.end]) for e in iter_elements(data, 0, len(data), syntax)]


def test_short_and_long_forms_are_read() -> None:
    data = explicit(0x00080060, b"CS", b"CT") + long_form(0x00091001, b"OB", b"abcd")
    assert walk(data) == [(0x00080060, "CS", b"CT"), (0x00091001, "OB", b"abcd")]


def test_implicit_elements_have_no_vr() -> None:
    data = struct.pack("<HHL", 8, 0x60, 2) + b"CT"
    assert walk(data, IMPLICIT_LITTLE) == [(0x00080060, None, b"CT")]


def test_big_endian_headers_are_read() -> None:
    data = struct.pack(">HH2sH", 8, 0x60, b"CS", 2) + b"CT"
    assert walk(data, EXPLICIT_BIG) == [(0x00080060, "CS", b"CT")]


def test_undefined_lengths_end_at_their_delimiters() -> None:
    inner = long_form(
        0x00081140, b"SQ", ITEM + UNDEFINED + explicit(0x00080060, b"CS", b"MR") + ITEM_END
        + SEQUENCE_END, 0xFFFFFFFF,
    )  # fmt: skip
    outer = ITEM + UNDEFINED + inner + ITEM_END + SEQUENCE_END
    data = long_form(0x00081199, b"SQ", outer, 0xFFFFFFFF) + explicit(0x00100020, b"LO", b"7 ")
    first, second = iter_elements(data, 0, len(data), EXPLICIT_LITTLE)
    assert first.undefined_length
    assert data[first.start : first.end] == outer[: -len(SEQUENCE_END)]
    assert second.tag == 0x00100020
    (start, stop), *rest = iter_items(data, first.start, first.end, EXPLICIT_LITTLE)
    assert rest == []
    assert data[start:stop] == inner


def test_unknown_text_of_undefined_length_holds_implicit_items() -> None:
    value = ITEM + struct.pack("<L", 10) + struct.pack("<HHL", 8, 0x60, 2) + b"MR" + SEQUENCE_END
    data = long_form(0x00091001, b"UN", value, 0xFFFFFFFF) + explicit(0x00100020, b"LO", b"7 ")
    assert [tag for tag, _, _ in walk(data)] == [0x00091001, 0x00100020]


def test_implicit_element_inside_explicit_data_is_tolerated() -> None:
    data = struct.pack("<HHL", 8, 0x60, 2) + b"CT" + explicit(0x00100020, b"LO", b"7 ")
    assert walk(data) == [(0x00080060, None, b"CT"), (0x00100020, "LO", b"7 ")]


@pytest.mark.parametrize(
    ("data", "match"),
    [
        (explicit(0x00080060, b"CS", b"CT")[:-1], "says it has 2 bytes"),
        (explicit(0x00080060, b"CS", b"CT")[:5], "cut short"),
        (long_form(0x00091001, b"OB", b"")[:9], "cut short"),
        (long_form(0x00081140, b"SQ", b"", 0xFFFFFFFF), "cut short"),
        (long_form(0x00081140, b"SQ", ITEM + UNDEFINED, 0xFFFFFFFF), "cut short"),
        (long_form(0x00081140, b"SQ", b"\0" * 8, 0xFFFFFFFF), "expected a sequence item"),
        (long_form(0x00081140, b"SQ", ITEM + b"\xff\0\0\0" + b"x" * 8, 0xFFFFFFFF), "runs past"),
    ],
)
def test_broken_data_is_refused_with_its_place(data: bytes, match: str) -> None:
    with pytest.raises(MetaDataError, match=match):
        walk(data)


def test_bottomless_nesting_is_refused() -> None:
    level = struct.pack("<HH2sHL", 8, 0x1140, b"SQ", 0, 0xFFFFFFFF) + ITEM + UNDEFINED
    with pytest.raises(MetaDataError, match="nest more than"):
        walk(level * 1000)


@given(st.binary(max_size=300), st.sampled_from([EXPLICIT_LITTLE, EXPLICIT_BIG, IMPLICIT_LITTLE]))
def test_any_bytes_end_in_elements_or_an_error(data: bytes, syntax: Syntax) -> None:
    try:
        elements = list(iter_elements(data, 0, len(data), syntax))
    except MetaDataError:
        return
    position = 0
    for element in elements:
        assert position < element.start <= element.end <= element.next <= len(data)
        position = element.next
    assert position == len(data)
