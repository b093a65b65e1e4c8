"""Codestreams: many codestreams inside one buffer."""

import numpy as np
import pytest

from dicube.codecs import Codestreams
from dicube.exceptions import DataConsistencyError

PARTS = [b"first", b"", b"the third"]


@pytest.fixture
def codestreams() -> Codestreams:
    return Codestreams.from_parts(PARTS, np.int16, (4, 5))


def test_items_are_the_parts_in_order(codestreams):
    assert len(codestreams) == 3
    assert [bytes(item) for item in codestreams] == PARTS
    assert bytes(codestreams[-1]) == PARTS[-1]
    assert bytes(codestreams[np.int64(2)]) == PARTS[2]


def test_items_are_views_of_the_buffer(codestreams):
    assert codestreams[0].obj is codestreams.buffer


def test_index_past_the_end_raises_index_error(codestreams):
    with pytest.raises(IndexError):
        codestreams[3]


def test_slice_keeps_buffer_dtype_shape_and_offset():
    whole = Codestreams.from_parts(PARTS, ">i2", (4, 5), sample_offset=2048)
    part = whole[::-2]
    assert [bytes(item) for item in part] == PARTS[::-2]
    assert part.buffer is whole.buffer
    assert (part.dtype, part.shape, part.sample_offset) == (np.dtype("=i2"), (4, 5), 2048)


def test_any_bytes_like_can_be_a_part_or_the_buffer():
    array = np.arange(6, dtype=np.uint8)
    made = Codestreams.from_parts([bytearray(b"ab"), memoryview(b"cd"), array[::2]])
    assert [bytes(item) for item in made] == [b"ab", b"cd", b"\0\2\4"]
    assert bytes(Codestreams(array, [2], [3])[0]) == b"\2\3\4"


@pytest.mark.parametrize(
    ("offsets", "lengths"),
    [([0], [11]), ([10], [1]), ([-1], [2]), ([0], [-1]), ([2**62], [2**62]), ([0, 1], [1])],
)
def test_extent_outside_the_buffer_raises(offsets, lengths):
    with pytest.raises(DataConsistencyError):
        Codestreams(b"0123456789", offsets, lengths)
