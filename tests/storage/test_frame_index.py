"""The two frame tables, with entries that no writer would make."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dicube.exceptions import InvalidCubeFileError
from dicube.storage.frame_index import FrameIndex, pack_frame_index, parse_frame_index
from dicube.storage.header import Extent

FILE_LENGTH = 1000


def parse(entries: list[tuple[int, int]], *, count: int | None = None) -> FrameIndex:
    offsets, lengths = np.array(entries, dtype="<u8").T
    return parse_frame_index(
        offsets.tobytes(),
        lengths.tobytes(),
        frame_count=len(entries) if count is None else count,
        file_length=FILE_LENGTH,
        where="a.dcbs",
    )


def test_extents_come_back_by_number_slice_and_iteration():
    extents = [Extent(116, 10), Extent(200, 5), Extent(126, 74)]
    offsets, lengths = pack_frame_index(extents)
    index = parse_frame_index(
        offsets, lengths, frame_count=3, file_length=FILE_LENGTH, where="a.dcbs"
    )
    assert list(index) == extents
    assert (index[0], index[-1], index[1:]) == (extents[0], extents[2], extents[1:])
    assert len(index) == 3
    with pytest.raises(IndexError):
        index[3]


def test_empty_index_has_no_extents():
    offsets, lengths = pack_frame_index([])
    index = parse_frame_index(offsets, lengths, frame_count=0, file_length=200, where="a.dcbs")
    assert (len(index), list(index)) == (0, [])


def test_frames_may_touch_both_ends_and_each_other():
    assert len(parse([(116, 384), (500, 500)])) == 2


@pytest.mark.parametrize(
    "entry",
    [
        (990, 11),
        (1001, 0),
        (1000, 1),
        (2**64 - 1, 1),
        (500, 2**64 - 1),
        (2**63, 2**63),  # the sum wraps to 0 in 64 bits
        (2**64 - 500, 600),
        (0, 10),
        (115, 1),
    ],
)
def test_frame_outside_the_file_is_refused_and_named(entry):
    with pytest.raises(InvalidCubeFileError, match=r"frame 1 lies outside the file of 1000 bytes"):
        parse([(116, 10), entry, (200, 5)])


def test_frames_that_are_longer_than_the_file_together_are_refused():
    with pytest.raises(InvalidCubeFileError, match="overlap"):
        parse([(116, 800), (116, 800)])


@pytest.mark.parametrize("count", [0, 1, 3, 2**61, 2**64 - 1])
def test_table_of_another_number_of_frames_is_refused(count):
    with pytest.raises(InvalidCubeFileError, match="tables of"):
        parse([(116, 10), (126, 10)], count=count)


def test_tables_of_different_length_are_refused():
    with pytest.raises(InvalidCubeFileError, match="16 and 8 bytes"):
        parse_frame_index(bytes(16), bytes(8), frame_count=2, file_length=1000, where="a.dcbs")


@given(
    entries=st.lists(
        st.tuples(st.integers(0, 2**64 - 1), st.integers(0, 2**64 - 1))
        | st.tuples(st.integers(100, 1010), st.integers(0, 60)),
        min_size=1,
        max_size=8,
    )
)
def test_any_table_gives_frames_inside_the_file_or_an_error(entries):
    try:
        index = parse(entries)
    except InvalidCubeFileError:
        return
    assert [tuple(extent) for extent in index] == entries
    assert all(extent.offset >= 116 and extent.end <= FILE_LENGTH for extent in index)
