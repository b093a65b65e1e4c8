"""Frames with a region of interest: exact inside, as near as promised outside, the mask exact."""

import itertools
import struct

import imagecodecs
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dicube.codecs import get_codec, imdecode_jxl_roi, imencode_jxl, imencode_jxl_roi
from dicube.codecs.jxl import Background, JxlRoiCodec
from dicube.exceptions import CodecError, DataConsistencyError

DTYPES = ("uint8", "int8", "uint16", "int16", "uint32", "int32")
quick = settings(max_examples=40)


@st.composite
def frames_and_masks(draw) -> tuple[np.ndarray, np.ndarray]:
    """Noise over the whole range or a part of it; masks of nothing, everything, blocks, noise."""
    dtype = np.dtype(draw(st.sampled_from(DTYPES)))
    shape = (draw(st.integers(1, 3)), draw(st.integers(1, 40)), draw(st.integers(1, 40)))
    samples = draw(st.sampled_from([(), (3,), (4,)]))
    limits = np.iinfo(dtype)
    low = draw(st.integers(limits.min, limits.max))
    high = draw(st.integers(low, limits.max))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    frames = rng.integers(low, high, (*shape, *samples), dtype, endpoint=True)
    kind = draw(st.sampled_from(["nothing", "everything", "blocks", "noise"]))
    if kind == "noise":
        return frames, rng.random(shape) < 0.5
    masks = np.full(shape, kind == "everything")
    if kind == "blocks":
        masks[:, shape[1] // 3 :, : 1 + shape[2] // 2] = True
    return frames, masks


def encoded(frames, masks, background, **options) -> tuple[list[bytes], int]:
    batches = list(JxlRoiCodec().encode_regions(frames, masks, background, **options))
    streams = [bytes(stream) for batch in batches for stream in batch.codestreams]
    return streams, max(batch.largest_error for batch in batches)


def parts(stream: bytes) -> list[bytes]:
    """Mask, foreground and background of a frame, found as docs/format.md says."""
    ends = np.cumsum([24, *struct.unpack_from("<3Q", stream)]).tolist()
    assert ends[-1] == len(stream)
    return [stream[begin:end] for begin, end in itertools.pairwise(ends)]


def joined(*codestreams: bytes) -> bytes:
    return struct.pack("<3Q", *map(len, codestreams)) + b"".join(codestreams)


@pytest.fixture
def frames() -> np.ndarray:
    rng = np.random.default_rng(3)
    return (rng.normal(1000, 40, (5, 70, 90)).clip(0, 4095)).astype(np.uint16)


@pytest.fixture
def masks(frames) -> np.ndarray:
    rows, columns = np.ogrid[:70, :90]
    disc = (rows - 35) ** 2 + (columns - 45) ** 2 < 30**2
    return np.repeat(disc[np.newaxis], len(frames), axis=0)


class TestPromise:
    @quick
    @given(content=frames_and_masks(), error=st.integers(1, 40))
    def test_exact_inside_within_the_error_outside(self, content, error):
        frames, masks = content
        streams, largest = encoded(frames, masks, Background(error, None), verify=True)
        decoded, found = JxlRoiCodec().decode_regions(streams, out=np.empty_like(frames))
        np.testing.assert_array_equal(found, masks)
        np.testing.assert_array_equal(decoded[masks], frames[masks])
        seen = int(np.abs(decoded.astype(np.int64) - frames).max())
        assert seen == largest <= error

    @quick
    @given(content=frames_and_masks(), error=st.integers(1, 40))
    def test_encoding_again_loses_nothing_more(self, content, error):
        frames, masks = content
        codec = JxlRoiCodec()
        streams, _ = encoded(frames, masks, Background(error, None))
        once = codec.decode_frames(streams, out=np.empty_like(frames))
        streams, largest = encoded(once, masks, Background(error, None))
        assert largest == 0
        np.testing.assert_array_equal(codec.decode_frames(streams, out=np.empty_like(once)), once)

    @pytest.mark.parametrize("dtype", ["uint8", "int16", "uint16"])
    def test_a_distance_keeps_the_region_and_says_what_was_lost(self, frames, masks, dtype):
        frames = (frames // (16 if dtype == "uint8" else 1)).astype(dtype)
        frames -= np.array(100 if dtype == "int16" else 0, dtype)
        streams, largest = encoded(frames, masks, Background(None, 2.0))
        decoded, found = JxlRoiCodec().decode_regions(streams, out=np.empty_like(frames))
        np.testing.assert_array_equal(found, masks)
        np.testing.assert_array_equal(decoded[masks], frames[masks])
        assert largest == int(np.abs(decoded.astype(int) - frames).max()) > 0

    def test_the_lowest_value_stays_as_it_is(self, frames, masks):
        frames[:, :10] = frames.min()
        streams, _ = encoded(frames, masks, Background(7, None))
        decoded = JxlRoiCodec().decode_frames(streams, out=np.empty_like(frames))
        assert (decoded[:, :10] == frames.min()).all()

    @pytest.mark.parametrize("dtype", ["int8", "uint16", "int32"])
    def test_an_error_beyond_all_values_leaves_the_lowest(self, masks, dtype):
        limits = np.iinfo(dtype)
        rng = np.random.default_rng(5)
        frames = rng.integers(limits.min, limits.max, masks.shape, dtype, endpoint=True)
        streams, largest = encoded(frames, masks, Background(10**12, None))
        decoded = JxlRoiCodec().decode_frames(streams, out=np.empty_like(frames))
        assert (decoded[~masks] == frames.min()).all()
        assert largest == int(frames[~masks].max()) - int(frames.min())

    def test_a_larger_error_makes_smaller_frames(self, frames, masks):
        sizes = [
            sum(map(len, encoded(frames, masks, Background(error, None))[0]))
            for error in (1, 2, 5, 10, 40)
        ]
        assert sizes == sorted(sizes, reverse=True)
        assert len(set(sizes)) == len(sizes)
        assert sizes[0] < get_codec("jxl").encode_frames(frames).nbytes


class TestFrame:
    """What is in a frame, for readers that are not ours."""

    def test_libjxl_reads_all_three_codestreams(self, frames, masks):
        frames = frames.astype(np.int16) - 1000
        (stream, *_), _ = encoded(frames, masks, Background(5, None))
        mask, foreground, background = (
            imagecodecs.jpegxl_decode(part, index=0) for part in parts(stream)
        )
        np.testing.assert_array_equal(mask, masks[0])
        offset = next(
            JxlRoiCodec().encode_regions(frames, masks, Background(5, None))
        ).codestreams.sample_offset
        np.testing.assert_array_equal(
            foreground.astype(int)[masks[0]] - offset, frames[0][masks[0]]
        )
        difference = background.astype(int) - offset - frames[0]
        assert np.abs(difference[~masks[0]]).max() == 5

    def test_what_another_part_shows_is_constant(self, frames, masks):
        (stream, *_), _ = encoded(frames, masks, Background(5, None))
        _, foreground, background = (
            imagecodecs.jpegxl_decode(part, index=0) for part in parts(stream)
        )
        assert (foreground[~masks[0]] == frames.min()).all()
        assert (background[masks[0]] == frames.min()).all()

    def test_threads_and_strides_make_no_difference(self, frames, masks):
        expected = encoded(frames, masks, Background(3, None), num_threads=1)
        assert encoded(frames, masks, Background(3, None), num_threads=4) == expected
        swapped = frames.astype(">u2")
        assert encoded(swapped, masks, Background(3, None)) == expected
        wide = np.repeat(masks, 2, axis=2)[:, :, ::2]
        assert encoded(frames, wide, Background(3, None)) == expected

    def test_many_batches_come_in_order(self):
        frames = np.arange(40, dtype=np.uint8).repeat(300 * 300).reshape(40, 300, 300)
        masks = np.zeros(frames.shape, bool)
        masks[:, :150] = True
        streams, _ = encoded(frames, masks, Background(1, None), num_threads=3)
        decoded, _ = JxlRoiCodec().decode_regions(streams, num_threads=2)
        np.testing.assert_array_equal(decoded[:, 0, 0], np.arange(40))

    def test_one_frame_goes_through_the_functions_for_one(self, frames, masks):
        frame, mask = frames[0].astype(np.int32) - 1000, masks[0].astype(int)
        data = imencode_jxl_roi(frame, mask, background_error=4, effort="fast")
        decoded, found = imdecode_jxl_roi(data, dtype=np.int32)
        assert decoded.dtype == np.int32
        assert found.dtype == bool
        np.testing.assert_array_equal(found, masks[0])
        np.testing.assert_array_equal(decoded[found], frame[found])
        assert np.abs(decoded - frame).max() == 4

    def test_without_dtype_samples_come_as_stored(self, frames, masks):
        decoded, _ = imdecode_jxl_roi(imencode_jxl_roi(frames[0], masks[0]))
        assert decoded.dtype == np.uint16
        assert np.abs(decoded.astype(int) - frames[0]).max() == 1


class TestRefused:
    @pytest.mark.parametrize("error", [0, -1, 1.0, True, "5"])
    def test_error_has_to_be_a_positive_integer(self, frames, masks, error):
        with pytest.raises(CodecError, match="background_error"):
            imencode_jxl_roi(frames[0], masks[0], background_error=error)

    @pytest.mark.parametrize("distance", [0, -1.0, 26, float("nan")])
    def test_distance_has_to_be_in_range(self, frames, masks, distance):
        with pytest.raises(CodecError, match="background_distance"):
            imencode_jxl_roi(frames[0], masks[0], background_distance=distance)

    def test_error_and_distance_exclude_each_other(self, frames, masks):
        with pytest.raises(CodecError, match="exclude"):
            imencode_jxl_roi(frames[0], masks[0], background_error=1, background_distance=1.0)

    def test_mask_of_another_shape(self, frames, masks):
        with pytest.raises(DataConsistencyError, match="70, 90"):
            imencode_jxl_roi(frames[0], masks[0, :-1])

    def test_unknown_effort(self, frames, masks):
        with pytest.raises(CodecError, match="effort"):
            imencode_jxl_roi(frames[0], masks[0], effort="extreme")

    def test_floats(self, frames, masks):
        with pytest.raises(CodecError, match="float32"):
            imencode_jxl_roi(frames[0].astype(np.float32), masks[0])

    def test_32_bits_at_a_distance(self, frames, masks):
        with pytest.raises(CodecError, match="32 bit"):
            imencode_jxl_roi(frames[0].astype(np.uint32), masks[0], background_distance=1.0)

    def test_frames_without_a_region(self, frames):
        with pytest.raises(CodecError, match="region"):
            JxlRoiCodec().encode_frames(frames)


class TestDamage:
    def test_every_truncation_is_noticed(self, frames, masks):
        data = imencode_jxl_roi(frames[0], masks[0])
        for length in [*range(60), *range(60, len(data), 997), len(data) - 1]:
            with pytest.raises(CodecError):
                imdecode_jxl_roi(data[:length])

    def test_bytes_behind_the_frame_are_noticed(self, frames, masks):
        with pytest.raises(CodecError, match="end at byte"):
            imdecode_jxl_roi(imencode_jxl_roi(frames[0], masks[0]) + b"\0")

    @pytest.mark.parametrize("lengths", [(2**64 - 1, 2, 2**63), (0, 0, 2**40), (2**63, 2**63, 0)])
    def test_impossible_lengths_take_no_memory(self, lengths):
        with pytest.raises(CodecError, match="end at byte"):
            imdecode_jxl_roi(struct.pack("<3Q", *lengths) + bytes(100))

    def test_mask_of_more_than_one_bit(self, frames, masks):
        _, foreground, background = parts(imencode_jxl_roi(frames[0], masks[0]))
        grey = imencode_jxl(np.full(frames[0].shape, 7, np.uint8))
        with pytest.raises(CodecError, match=r"frame 0.*one bit"):
            imdecode_jxl_roi(joined(grey, foreground, background))

    def test_parts_of_another_size(self, frames, masks):
        mask, foreground, background = parts(imencode_jxl_roi(frames[0], masks[0]))
        small = parts(imencode_jxl_roi(frames[0, :-1], masks[0, :-1]))
        for wrong in (
            joined(small[0], foreground, background),
            joined(mask, small[1], background),
            joined(mask, foreground, small[2]),
        ):
            with pytest.raises(CodecError, match="shape"):
                imdecode_jxl_roi(wrong)

    @quick
    @given(data=st.data())
    def test_damage_raises_only_errors_of_ours(self, data):
        frame = np.arange(600, dtype=np.uint16).reshape(20, 30)
        mask = frame % 30 < 12
        damaged = bytearray(imencode_jxl_roi(frame, mask, background_error=3))
        position = data.draw(st.integers(0, len(damaged) - 1))
        damaged[position] ^= data.draw(st.integers(1, 255))
        try:
            decoded, found = imdecode_jxl_roi(damaged)
        except (CodecError, DataConsistencyError):
            return
        assert decoded.shape[:2] == found.shape

    def test_error_names_the_frame(self, frames, masks):
        streams, _ = encoded(frames, masks, Background(1, None))
        streams[3] = streams[3][:100]
        with pytest.raises(CodecError, match="frame 3"):
            JxlRoiCodec().decode_frames(streams, out=np.empty_like(frames))
