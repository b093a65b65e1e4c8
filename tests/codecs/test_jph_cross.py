"""What is written decodes identically with OpenJPH and OpenJPEG, and what they write with ours."""

import imagecodecs
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dicube.codecs import imdecode_jph
from dicube.codecs.jph import JphCodec
from tests.codecs.jph_frames import Case, cases

CODEC = JphCodec()
THREADS = (1, 2, 4, 7)
# OpenJPEG 2.5.4 fails from 31 magnitude bits on; transforms add up to four to the depth.
OPENJPEG_BITS = 26
thorough = settings(max_examples=200)
quick = settings(max_examples=60)


def by_openjph(stream: bytes, **options) -> np.ndarray:
    return imagecodecs.htj2k_decode(stream, planar=False, **options)


def by_openjpeg(stream: bytes) -> np.ndarray:
    return imagecodecs.jpeg2k_decode(stream, planar=False)


def assert_same_values(decoded: np.ndarray, frame: np.ndarray) -> None:
    np.testing.assert_array_equal(decoded.astype(np.int64), frame.astype(np.int64))


class TestOurStreams:
    @thorough
    @given(case=cases())
    def test_decode_to_their_frames_with_any_number_of_threads(self, case: Case):
        expected = None
        for threads in THREADS:
            streams = CODEC.encode_frames(case.frames, num_threads=threads, **case.options)
            assert expected is None or [bytes(stream) for stream in streams] == expected
            expected = [bytes(stream) for stream in streams]
            decoded = CODEC.decode_frames(streams, num_threads=threads)
            assert decoded.dtype == case.frames.dtype
            np.testing.assert_array_equal(decoded, case.frames)

    @thorough
    @given(case=cases(max_frames=1))
    def test_decode_identically_with_openjph(self, case: Case):
        if case.bits == 32 and case.frames.dtype.kind == "u":
            # OpenJPH computes with int32 and clamps: values of 2**31 and more are lost in there.
            case = Case(case.frames >> np.uint32(1), case.options)
        stream = bytes(CODEC.encode_frames(case.frames, **case.options)[0])
        assert_same_values(by_openjph(stream), case.frames[0])

    @thorough
    @given(case=cases(max_bits=OPENJPEG_BITS, max_frames=1))
    def test_decode_identically_with_openjpeg(self, case: Case):
        stream = bytes(CODEC.encode_frames(case.frames, **case.options)[0])
        assert_same_values(by_openjpeg(stream), case.frames[0])


@pytest.mark.parametrize("bits", [1, 2, 3])
@pytest.mark.parametrize("seed", range(8))
def test_few_bits_keep_within_their_bit_planes(bits, seed):
    """Rounding adds up over the levels; beside one bit it is no longer small.

    OpenJPH loses what exceeds the bit planes that the header announces, other decoders may not.
    """
    frame = np.random.default_rng(seed).integers(0, 1 << bits, (130, 130)).astype(np.uint8)
    stream = bytes(CODEC.encode_frames(frame[np.newaxis], levels=6, bit_depth=bits)[0])
    assert_same_values(by_openjph(stream), frame)


class TestTheirStreams:
    @quick
    @given(case=cases(max_frames=1), tile=st.sampled_from([None, (17, 23), (32, 32)]))
    def test_openjph_without_loss(self, case: Case, tile):
        frame = case.frames[0]
        stream = imagecodecs.htj2k_encode(
            frame,
            reversible=True,
            rgb=case.options["colour_transform"],
            planar=False,
            resolutions=max(1, min(case.options["levels"], 9)),
            tlm=case.options["tlm"],
            tile=tile,
        )
        np.testing.assert_array_equal(imdecode_jph(stream), frame)

    @quick
    @given(
        case=cases(dtypes=("uint8", "uint16", "int16"), max_frames=1),
        quality=st.sampled_from([0.5, 0.05, 0.001]),
    )
    def test_openjph_with_loss(self, case: Case, quality):
        """Arithmetic of floats is not prescribed: 9/7 decoders may differ in the last digit.

        OpenJPH does not clamp, so it is compared where samples are inside their range; OpenJPEG
        does, but differs from OpenJPH by up to 4 where samples have 16 bits.
        """
        frame = case.frames[0]
        stream = imagecodecs.htj2k_encode(
            frame,
            level=quality,
            reversible=False,
            rgb=case.options["colour_transform"],
            planar=False,
            resolutions=max(1, min(case.options["levels"], 9)),
        )
        decoded = imdecode_jph(stream)
        assert decoded.dtype == frame.dtype
        limits = np.iinfo(frame.dtype)
        inside = (decoded > limits.min) & (decoded < limits.max)
        difference = decoded.astype(np.int64) - by_openjph(stream).astype(np.int64)
        assert np.abs(difference[inside]).max(initial=0) <= 1
        difference = decoded.astype(np.int64) - by_openjpeg(stream).astype(np.int64)
        assert np.abs(difference).max() <= (1 if frame.itemsize == 1 else 8)


@pytest.mark.parametrize(("name", "count"), [("ct_uint16_thin", 5), ("mr_t1_3d", 5)])
def test_size_is_within_half_a_percent_of_openjph(slices, name, count):
    frames = slices(name, count)
    ours = CODEC.encode_frames(frames).nbytes
    theirs = sum(
        len(imagecodecs.htj2k_encode(frame, reversible=True, planar=False, tlm=True))
        for frame in frames
    )
    assert ours < 1.005 * theirs
