"""Checksums against hand-made blocks and published values of XXH3."""

import struct

import pytest
import xxhash
from hypothesis import given
from hypothesis import strategies as st

from dicube.exceptions import InvalidCubeFileError
from dicube.storage.checksums import (
    block_length,
    checksum,
    frame_checksums,
    pack_block,
    parse_block,
)

# XXH3-64 with seed 0 of nothing, from the reference implementation's own test vectors.
XXH3_OF_NOTHING = 0x2D06800538D394C2


def test_checksum_is_xxh3_64_with_seed_0():
    assert checksum(b"") == XXH3_OF_NOTHING
    assert checksum(memoryview(b"abc")) == xxhash.xxh3_64_intdigest(b"abc", seed=0)


def test_frame_checksums_are_little_endian_in_frame_order():
    frames = [b"first", bytearray(b"second"), memoryview(b"third")]
    expected = struct.pack("<3Q", *(xxhash.xxh3_64_intdigest(bytes(f)) for f in frames))
    assert frame_checksums(frames) == expected
    assert frame_checksums([]) == b""


def test_block_has_the_documented_layout():
    body = b"DCBXXH3\0" + struct.pack("<QQQ", 2, 11, 2**64 - 1)
    block = body + struct.pack("<Q", xxhash.xxh3_64_intdigest(body))
    assert pack_block([11, 2**64 - 1]) == block
    assert len(block) == block_length(2) == 40


@given(st.lists(st.integers(0, 2**64 - 1), max_size=20))
def test_block_comes_back(checksums):
    block = pack_block(checksums)
    assert len(block) == block_length(len(checksums))
    assert parse_block(block, count=len(checksums), where="a.dcbs") == checksums


@pytest.mark.parametrize("count", [0, 2, 4, 2**61])
def test_block_of_another_number_of_checksums_is_refused(count):
    with pytest.raises(InvalidCubeFileError, match="checksum block"):
        parse_block(pack_block([1, 2, 3]), count=count, where="a.dcbs")


@pytest.mark.parametrize("mask", [0x01, 0x80, 0xFF])
def test_any_changed_byte_of_the_block_is_found(mask):
    block = pack_block([1, 2, 3])
    for position in range(len(block)):
        damaged = bytearray(block)
        damaged[position] ^= mask
        with pytest.raises(InvalidCubeFileError, match="checksum block"):
            parse_block(bytes(damaged), count=3, where="a.dcbs")


def test_block_cut_short_anywhere_is_refused():
    block = pack_block([1, 2, 3])
    for length in range(len(block)):
        with pytest.raises(InvalidCubeFileError, match="checksum block"):
            parse_block(block[:length], count=3, where="a.dcbs")
