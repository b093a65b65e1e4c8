"""HTJ2K streams that are damaged, hostile, or outside the scope of the native codec."""

import contextlib
import struct
from pathlib import Path

import numpy as np
import pytest

from dicube.codecs import Codestreams, get_codec, imdecode_jph
from dicube.codecs.jph import JphCodec, native
from dicube.exceptions import CodecError

CODEC = JphCodec()
FINDINGS = sorted((Path(__file__).parents[1] / "fuzz_findings").glob("*.j2c"))
LEVELS = native.simd_levels()


@pytest.fixture(scope="module")
def frame() -> np.ndarray:
    """Slopes and noise, so that code-blocks have many bits and few."""
    y, x = np.mgrid[:40, :36]
    noise = np.random.default_rng(5).integers(0, 9, y.shape)
    return (20 * y + 3 * x + noise).astype(np.uint16)


def encode(frame: np.ndarray, **options) -> bytes:
    return bytes(CODEC.encode_frames(frame[np.newaxis], **options)[0])


def test_every_truncation_raises_codec_error(frame):
    for levels in (0, 3):
        stream = encode(frame, levels=levels, block_size=(16, 16))
        for length in range(len(stream)):
            with pytest.raises(CodecError):
                imdecode_jph(stream[:length])


@pytest.mark.parametrize("flip", [0x01, 0x80, 0xFF])
def test_every_changed_byte_raises_codec_error_or_decodes(frame, flip):
    stream = encode(frame, block_size=(16, 16))
    for position in range(len(stream)):
        damaged = bytearray(stream)
        damaged[position] ^= flip
        remembered = Codestreams.from_parts([damaged], np.uint16, frame.shape)
        with contextlib.suppress(CodecError):
            assert CODEC.decode_frames(remembered).shape == (1, *frame.shape)
        for part in ({"discard_levels": 2}, {"region": (10, 10, 20, 20)}):
            with contextlib.suppress(CodecError):
                CODEC.decode_part([damaged], **part)


def test_damage_is_told_with_its_frame_and_place(frame):
    streams = [encode(frame)] * 5
    streams[3] = streams[4] = streams[3][:-2]
    for threads in (1, 2, 4, 7):
        with pytest.raises(CodecError, match=r"^frame 3: .*\(the codestream is cut short") as told:
            CODEC.decode_frames(streams, num_threads=threads)
        assert told.value.where == "frame 3"


def test_frames_beside_a_damaged_one_stay_inside_their_place(frame):
    streams = [encode(frame), encode(frame)[:-40], encode(frame)]
    holder = np.full((3, 2, *frame.shape), 99, np.uint16)
    with pytest.raises(CodecError, match="frame 1"):
        CODEC.decode_frames(streams, out=holder[:, 0])
    assert (holder[:, 1] == 99).all()


@pytest.mark.parametrize("path", FINDINGS, ids=lambda path: path.stem)
class TestFindingOfTheFuzzer:
    @pytest.mark.parametrize("level", LEVELS)
    def test_raises_codec_error_or_decodes(self, path, level):
        data = path.read_bytes()
        with native.forced_simd_level(level):
            with contextlib.suppress(CodecError):
                imdecode_jph(data)
            for part in ({"discard_levels": 1}, {"region": (0, 0, 1, 1)}):
                with contextlib.suppress(CodecError):
                    CODEC.decode_part([data], **part)

    def test_gives_the_same_whatever_was_decoded_before(self, path, frame):
        """Decoders are used again, and try first what fitted the frames before."""
        data = path.read_bytes()
        results = []
        noise = np.random.default_rng(1).integers(0, 2**16, frame.shape).astype(np.uint16)
        for other in (frame.view(np.int16), noise):  # 16 bit lanes are enough for the first only
            CODEC.decode_frames([encode(other)] * 100, num_threads=1)
            try:
                results.append(imdecode_jph(data).tolist())
            except CodecError as error:
                results.append(str(error))
        assert results[0] == results[1]


@pytest.fixture(scope="module")
def part_1(frame) -> bytes:
    """JPEG 2000 without HT code-blocks."""
    return bytes(get_codec("jpeg2000").encode_frames(frame[np.newaxis])[0])


class TestFallback:
    def test_decodes_part_1_between_frames_of_ours(self, frame, part_1):
        streams = [encode(frame), part_1, encode(frame + 1), part_1]
        for threads in (1, 4):
            decoded = CODEC.decode_frames(streams, num_threads=threads)
            np.testing.assert_array_equal(decoded, [frame, frame, frame + 1, frame])

    def test_raises_for_part_1_that_is_cut_short(self, frame, part_1):
        streams = [encode(frame), part_1[:-2], encode(frame)[:-2]]
        with pytest.raises(CodecError, match="frame 1"):
            CODEC.decode_frames(streams)
        streams[0] = streams[0][:-2]
        with pytest.raises(CodecError, match="frame 0"):
            CODEC.decode_frames(streams)

    def test_gives_signed_samples_back_before_they_are_widened(self, part_1, frame):
        negative = frame.view(np.int16) - 2000
        stream = get_codec("jpeg2000").encode_frames(negative.view(np.uint16)[np.newaxis])[0]
        remembered = Codestreams.from_parts([stream], np.int16, frame.shape)
        decoded = CODEC.decode_frames(remembered, out=np.empty((1, *frame.shape), np.int32))
        np.testing.assert_array_equal(decoded[0], negative)

    def test_checks_the_shape(self, part_1):
        with pytest.raises(CodecError, match="frame 0"):
            CODEC.decode_frames(
                Codestreams.from_parts([part_1], np.uint16, (36, 40)),
                out=np.empty((1, 36, 40), np.uint16),
            )


def test_sign_of_the_samples_encoded_is_given_back_before_they_are_widened(frame):
    """DICOM keeps the sign in Pixel Representation; the stream may say something else."""
    negative = frame.view(np.int16) - 2000
    stream = encode(negative.view(np.uint16))
    remembered = Codestreams.from_parts([stream], np.int16, frame.shape)
    decoded = CODEC.decode_frames(remembered, out=np.empty((1, *frame.shape), np.int32))
    np.testing.assert_array_equal(decoded[0], negative)


def test_negative_samples_do_not_fit_a_wider_unsigned_array():
    stream = encode(np.array([[-1, 2]], np.int8))
    with pytest.raises(CodecError, match="frame 0: samples do not fit uint16"):
        CODEC.decode_frames([stream], out=np.empty((1, 1, 2), np.uint16))


def test_narrower_array_takes_what_fits():
    frame = np.array([[0, 255, 17]], np.uint16)
    out = np.empty((1, 1, 3), np.uint8)
    CODEC.decode_frames([encode(frame)], out=out)
    np.testing.assert_array_equal(out[0], frame)
    with pytest.raises(CodecError, match=r"frame 0: samples do not fit uint8.*uint16"):
        CODEC.decode_frames([encode(frame + 1)], out=out)


def test_point_transform_is_refused(frame):
    """An NLT marker segment (T.801 Annex K) changes every sample; skipping it would be wrong."""
    stream = encode(frame)
    nlt = struct.pack(">HHHBB", 0xFF76, 6, 65535, 15, 2)
    end_of_siz = 4 + int.from_bytes(stream[4:6], "big")
    with pytest.raises(CodecError, match="non-linear point transforms"):
        imdecode_jph(stream[:end_of_siz] + nlt + stream[end_of_siz:])


def test_jph_files_among_codestreams_are_opened(frame):
    signature = bytes.fromhex("0000000c6a5020200d0a870a")
    stream = encode(frame)
    file = signature + (len(stream) + 8).to_bytes(4, "big") + b"jp2c" + stream
    decoded = CODEC.decode_frames([stream, file, stream, file])
    np.testing.assert_array_equal(decoded, [frame] * 4)
    with pytest.raises(CodecError, match=r"frame 3: .*no codestream box"):
        CODEC.decode_frames([stream, file, stream, signature])
    with pytest.raises(CodecError, match="frame 1: "):
        CODEC.decode_frames([file, stream[:-2], signature])
