"""Native pixel data and stored values, for every way of storing them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from dicube.dicom.pixel_layout import PixelLayout, pack_values, unpack_values
from dicube.exceptions import DataConsistencyError


def layout(bits: int, **changes: object) -> PixelLayout:
    fields = {
        "frames": 1, "rows": 2, "columns": 2, "samples": 1,
        "bits_allocated": bits, "bits_stored": bits, "high_bit": bits - 1,
    } | changes  # fmt: skip
    return PixelLayout(**fields)


@st.composite
def layouts(draw: st.DrawFn) -> PixelLayout:
    allocated = draw(st.sampled_from([1, 8, 16, 32]))
    stored = draw(st.integers(1, allocated))
    high = draw(st.integers(stored - 1, allocated - 1))
    chroma = allocated == stored == 8 and draw(st.booleans())
    samples = 3 if chroma else draw(st.sampled_from([1, 3])) if allocated > 1 else 1
    little = draw(st.booleans())
    return PixelLayout(
        frames=draw(st.integers(1, 3)),
        rows=draw(st.integers(1, 5)),
        columns=2 * draw(st.integers(1, 3)) if chroma else draw(st.integers(1, 5)),
        samples=samples,
        bits_allocated=allocated,
        bits_stored=stored,
        high_bit=high,
        signed=allocated > 1 and not chroma and draw(st.booleans()),
        planar=samples > 1 and not chroma and draw(st.booleans()),
        chroma_422=chroma,
        little=little,
        byte_pairs_swapped=not little and allocated == 8 and draw(st.booleans()),
    )


@given(layout=layouts(), data=st.data())
def test_any_bytes_come_back(layout: PixelLayout, data: st.DataObject) -> None:
    length = layout.native_length
    raw = data.draw(st.binary(min_size=length, max_size=length))
    values, residual = unpack_values(raw, layout)
    assert values.shape == layout.shape
    assert values.dtype == layout.dtype
    assert pack_values(values, layout, residual) == raw


@given(layout=layouts(), data=st.data())
def test_values_lie_in_the_range_of_their_bits(layout: PixelLayout, data: st.DataObject) -> None:
    length = layout.native_length
    values, _ = unpack_values(data.draw(st.binary(min_size=length, max_size=length)), layout)
    bits = layout.bits_stored
    low = -(1 << bits - 1) if layout.signed else 0
    assert low <= int(values.min())
    assert int(values.max()) < (1 << bits - layout.signed)


@given(
    values=hnp.arrays(np.int16, (1, 3, 4), elements=st.integers(-2048, 2047)), little=st.booleans()
)
def test_values_come_back_from_their_bytes(values: np.ndarray, little: bool) -> None:
    twelve = layout(16, rows=3, columns=4, bits_stored=12, high_bit=11, signed=True, little=little)
    again, residual = unpack_values(pack_values(values, twelve, b""), twelve)
    np.testing.assert_array_equal(again, values)
    assert residual == b""


def test_twelve_bits_are_sign_extended() -> None:
    twelve = layout(16, rows=1, columns=2, bits_stored=12, high_bit=11, signed=True)
    values, residual = unpack_values(b"\xff\x0f\xff\x07", twelve)
    assert values.tolist() == [[[-1, 2047]]]
    assert residual != b""  # the words were filled with zeros, not with the sign


def test_overlay_bits_are_no_part_of_the_value_and_survive() -> None:
    twelve = layout(16, rows=1, columns=2, bits_stored=12, high_bit=11)
    raw = b"\x34\x12\x78\x56"
    values, residual = unpack_values(raw, twelve)
    assert values.tolist() == [[[0x234, 0x678]]]
    assert pack_values(values, twelve, residual) == raw


def test_planar_samples_are_interleaved() -> None:
    planar = layout(8, rows=1, columns=2, samples=3, planar=True)
    values, _ = unpack_values(bytes([1, 2, 3, 4, 5, 6]), planar)
    assert values.tolist() == [[[[1, 3, 5], [2, 4, 6]]]]


def test_chroma_422_gives_both_pixels_the_chrominance() -> None:
    half = layout(8, rows=1, columns=2, samples=3, chroma_422=True)
    values, _ = unpack_values(bytes([10, 20, 30, 40]), half)
    assert values.tolist() == [[[[10, 30, 40], [20, 30, 40]]]]


def test_bits_are_unpacked_lowest_first_across_frames() -> None:
    bits = layout(1, frames=2, rows=1, columns=3, bits_stored=1, high_bit=0)
    values, _ = unpack_values(bytes([0b00_110_001]), bits)
    assert values.tolist() == [[[1, 0, 0]], [[0, 1, 1]]]


def test_big_endian_words_are_swapped() -> None:
    values, _ = unpack_values(b"\x01\x02", layout(16, rows=1, columns=1, little=False))
    assert values.tolist() == [[[0x0102]]]


@pytest.mark.parametrize(
    "changes",
    [
        {"rows": 0},
        {"bits_allocated": 12, "bits_stored": 12, "high_bit": 11},
        {"bits_stored": 17, "high_bit": 16},
        {"high_bit": 3},
        {"chroma_422": True, "samples": 3},
        {"is_float": True},
    ],
)
def test_contradictions_are_refused(changes: dict[str, object]) -> None:
    with pytest.raises(DataConsistencyError):
        layout(16, **changes)


def test_shared_chrominance_in_swapped_words_comes_back() -> None:
    layout = PixelLayout(
        1, 1, 2, 3, 8, 8, 7, chroma_422=True, little=False, byte_pairs_swapped=True
    )
    raw = bytes([10, 20, 30, 40])
    values, residual = unpack_values(raw, layout)
    assert values.tolist() == [[[[20, 40, 30], [10, 40, 30]]]]
    assert pack_values(values, layout, residual) == raw
