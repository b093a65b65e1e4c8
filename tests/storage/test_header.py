"""The 116 bytes at the start of a file: docs/format.md, section 2."""

import struct

import pytest

from dicube.exceptions import InvalidCubeFileError
from dicube.storage.header import (
    HEADER_LENGTH_BYTES,
    Extent,
    Header,
    Section,
    pack_header,
    parse_header,
)


def header_of(**changes: object) -> Header:
    extents = {section: Extent(100 * i, i) for i, section in enumerate(Section, start=2)}
    return Header(b"DCMCUBES", 1, extents, 5)._replace(**changes)


def test_header_takes_116_bytes():
    assert HEADER_LENGTH_BYTES == 116
    assert len(pack_header(header_of())) == 116


def test_fields_are_little_endian_in_the_documented_order():
    by_hand = b"DCMCUBES" + struct.pack(
        "<IQQQQQQQQQQQQQ", 1, 200, 2, 300, 3, 400, 4, 500, 5, 600, 6, 700, 7, 5
    )
    header = parse_header(by_hand, where="made up")
    assert header == header_of()
    assert [section.value for section in header.extents] == [
        "status", "meta", "space", "pixel header", "frame offsets", "frame lengths"
    ]  # fmt: skip
    assert pack_header(header) == by_hand


def test_largest_numbers_survive():
    extents = dict.fromkeys(Section, Extent(2**64 - 1, 2**64 - 1))
    header = header_of(extents=extents, frame_count=2**64 - 1, version=2**32 - 1)
    assert parse_header(pack_header(header), where="made up") == header


@pytest.mark.parametrize("length", [0, 1, 8, 12, 115])
def test_short_header_is_refused_with_both_lengths(length):
    with pytest.raises(InvalidCubeFileError, match=rf"a\.dcbs: .*116 bytes.*{length}\b"):
        parse_header(pack_header(header_of())[:length], where="a.dcbs")


def test_bytes_behind_the_header_are_not_looked_at():
    data = pack_header(header_of())
    assert parse_header(data + b"\xff" * 50, where="made up") == header_of()
