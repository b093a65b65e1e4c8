"""Lower resolutions and regions of HTJ2K frames."""

import imagecodecs
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dicube.codecs import get_codec
from dicube.codecs.jph import JphCodec
from dicube.exceptions import CodecError
from tests.codecs.jph_frames import Case, cases

CODEC = JphCodec()
thorough = settings(max_examples=100)


def low_pass(values: np.ndarray, axis: int) -> np.ndarray:
    """Even samples of one step of 5/3 lifting along an axis (T.800 F.4.8.1)."""
    x = np.moveaxis(values, axis, 0)
    if len(x) == 1:
        return values
    even, odd = x[0::2], x[1::2]
    # Beyond either end the samples are mirrored at the last one (T.800 F.3.7).
    right = even[1:] if len(even) > len(odd) else np.concatenate([even[1:], even[-1:]])
    detail = odd - ((even[: len(odd)] + right) >> 1)
    before = np.concatenate([detail[:1], detail])[: len(even)]
    after = detail if len(detail) == len(even) else np.concatenate([detail, detail[-1:]])
    return np.moveaxis(even + ((before + after + 2) >> 2), 0, axis)


def reduced(frames: np.ndarray, levels: int, bits: int) -> np.ndarray:
    """The resolution that is left, by the definition: the LL band, clamped to the depth.

    32 bits wrap round instead, which is how dicube 0.3.0 gets its own uint32 frames back.
    """
    signed = frames.dtype.kind == "i"
    shift = 0 if signed else 1 << (bits - 1)
    values = frames.astype(np.int64) - shift
    for _ in range(levels):
        values = low_pass(low_pass(values, 1), 2)
    if bits == 32:
        return (values + shift).astype(frames.dtype)
    low = -(1 << (bits - 1)) if signed else 0
    return np.clip(values + shift, low, low + (1 << bits) - 1).astype(frames.dtype)


class TestLowerResolution:
    @thorough
    @given(case=cases(), discard=st.integers(1, 4))
    def test_is_the_low_pass_band(self, case: Case, discard):
        options = case.options | {"colour_transform": False, "levels": max(discard, 5)}
        streams = CODEC.encode_frames(case.frames, **options)
        decoded = CODEC.decode_part(streams, discard_levels=discard)
        assert decoded.dtype == case.frames.dtype
        np.testing.assert_array_equal(decoded, reduced(case.frames, discard, case.bits))

    @pytest.mark.parametrize("discard", [1, 2, 3])
    @pytest.mark.parametrize("colour", [False, True])
    def test_is_what_openjph_gives(self, discard, colour):
        y, x = np.mgrid[:150, :131]
        frame = np.stack([3 * x + y, x + 2 * y, 5 * x], axis=-1).astype(np.uint16)
        streams = CODEC.encode_frames(frame[np.newaxis], colour_transform=colour)
        expected = imagecodecs.htj2k_decode(bytes(streams[0]), planar=False, skipres=discard)
        decoded = CODEC.decode_part(streams, discard_levels=discard)
        np.testing.assert_array_equal(decoded[0], expected)

    @pytest.mark.parametrize("discard", [6, 33, -1])
    def test_beyond_the_levels_raises_codec_error(self, discard):
        streams = CODEC.encode_frames(np.zeros((1, 40, 40), np.uint8), levels=5)
        with pytest.raises(CodecError, match=r"frame 0: discard_levels is .*5 levels"):
            CODEC.decode_part(streams, discard_levels=discard)


@st.composite
def regions(draw, rows: int, columns: int) -> tuple[int, int, int, int]:
    row = draw(st.integers(0, rows - 1))
    column = draw(st.integers(0, columns - 1))
    return row, column, draw(st.integers(1, rows - row)), draw(st.integers(1, columns - column))


class TestRegion:
    @thorough
    @given(case=cases(), data=st.data(), discard=st.integers(0, 2))
    def test_is_the_crop_of_the_whole(self, case: Case, data, discard):
        discard = min(discard, case.options["levels"])
        streams = CODEC.encode_frames(case.frames, **case.options)
        whole = CODEC.decode_part(streams, discard_levels=discard)
        row, column, rows, columns = region = data.draw(regions(*whole.shape[1:3]))
        for threads in (1, 2):
            part = CODEC.decode_part(
                streams, discard_levels=discard, region=region, num_threads=threads
            )
            np.testing.assert_array_equal(
                part, whole[:, row : row + rows, column : column + columns]
            )

    @pytest.mark.parametrize(
        "region", [(0, 0, 0, 1), (0, 0, 41, 1), (0, 30, 1, 1), (-1, 0, 2, 2), (2**40, 0, 1, 1)]
    )
    def test_outside_the_frame_raises_codec_error(self, region):
        streams = CODEC.encode_frames(np.zeros((1, 40, 30), np.uint8))
        with pytest.raises(CodecError, match="no part of a frame of 40 x 30"):
            CODEC.decode_part(streams, region=region)

    def test_of_a_stream_for_the_fallback_is_the_crop_too(self):
        frame = np.arange(40 * 30, dtype=np.uint16).reshape(1, 40, 30)
        part_1 = get_codec("jpeg2000").encode_frames(frame)
        decoded = CODEC.decode_part(part_1, region=(3, 4, 10, 11))
        np.testing.assert_array_equal(decoded, frame[:, 3:13, 4:15])
        with pytest.raises(CodecError, match="frame 0"):
            CODEC.decode_part(part_1, discard_levels=1)


def test_vector_with_offsets_has_the_parts_of_its_whole(jph_vector):
    """Tiles and image offsets shift the grid of a lower resolution."""
    if jph_vector["level"] != "geometry":
        return
    data = (jph_vector["folder"] / jph_vector["codestream"]).read_bytes()
    whole = CODEC.decode_frames([data])
    rows, columns = whole.shape[1:3]
    region = (rows // 3, columns // 4, (rows + 1) // 2, (columns + 1) // 2)
    part = CODEC.decode_part([data], region=region)
    np.testing.assert_array_equal(
        part, whole[:, region[0] : region[0] + region[2], region[1] : region[1] + region[3]]
    )


def test_no_codestreams_raise_codec_error():
    with pytest.raises(CodecError, match="no codestreams"):
        CODEC.decode_part([])
