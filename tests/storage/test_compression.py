"""zstd sections: whole or refused, and never more memory than the limit."""

import random
import time
import tracemalloc

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from dicube.exceptions import InvalidCubeFileError
from dicube.storage.compression import compress, decompress, expansion_limit


@given(st.binary(max_size=5000))
def test_content_comes_back(data):
    assert decompress(compress(data), where="a.dcbs") == data


def test_content_of_several_megabytes_comes_back():
    half = random.Random(1).randbytes(3 << 20)
    packed = compress(2 * half)
    assert decompress(packed, where="a.dcbs") == 2 * half
    assert len(packed) < 1.01 * len(half)  # the repetition is found, however far back


def test_frame_states_the_size_of_its_content():
    assert zstandard.frame_content_size(compress(bytes(1000))) == 1000


def test_section_cut_short_anywhere_is_refused():
    data = bytes(range(256)) * 3 + b"text" * 100
    packed = compress(data)
    for length in range(len(packed)):
        with pytest.raises(InvalidCubeFileError, match=r"a\.dcbs: a compressed section is damaged"):
            decompress(packed[:length], where="a.dcbs")


def test_frame_that_does_not_state_its_size_is_refused():
    writer = zstandard.ZstdCompressor(write_content_size=False)
    with pytest.raises(InvalidCubeFileError, match="damaged"):
        decompress(writer.compress(b"content" * 100), where="a.dcbs")


@given(st.binary(max_size=200))
def test_foreign_bytes_are_refused(data):
    with pytest.raises(InvalidCubeFileError):
        decompress(data, where="a.dcbs")


def test_content_as_long_as_the_limit_is_read_and_one_byte_more_is_not():
    assert decompress(compress(bytes(1000)), where="a.dcbs", limit=1000) == bytes(1000)
    with pytest.raises(InvalidCubeFileError, match="more than 999 bytes"):
        decompress(compress(bytes(1000)), where="a.dcbs", limit=999)


def test_announced_bomb_is_refused_before_any_memory_is_asked_for():
    bomb = compress(bytes(1 << 28))
    assert len(bomb) < 20_000
    tracemalloc.start()
    started = time.perf_counter()
    with pytest.raises(InvalidCubeFileError, match="more than 1048576 bytes"):
        decompress(bomb, where="a.dcbs", limit=1 << 20)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert time.perf_counter() - started < 1
    assert peak < 1 << 20


def test_bomb_that_announces_little_is_stopped():
    # RFC 8878, 3.1.1: the header of a frame of 100 bytes, then blocks of run lengths of 128 KiB.
    header = b"\x28\xb5\x2f\xfd" + bytes([0x20, 100])
    blocks = 64 * ((1 << 1 | 1 << 20).to_bytes(3, "little") + b"\0")
    with pytest.raises(InvalidCubeFileError, match="damaged"):
        decompress(header + blocks, where="a.dcbs")


def test_small_section_may_not_fill_the_memory():
    # What 100 kB of zstd can hold at most is 3 GiB; no metadata is so repetitive.
    assert expansion_limit(100_000) <= 1 << 30
    assert expansion_limit(10_000_000) >= 100 * 10_000_000


def test_writing_what_could_not_be_read_again_is_refused(monkeypatch):
    monkeypatch.setattr("dicube.storage.compression._SMALL_SECTION", 1000)
    with pytest.raises(InvalidCubeFileError, match="could not be read"):
        compress(bytes(10_000_000))
