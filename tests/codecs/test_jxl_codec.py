"""JPEG XL: vectors of several encoders, headers, signed and 32 bit samples."""

import numpy as np
import pytest

from dicube.codecs import get_codec, imdecode_jxl, imencode_jxl
from dicube.codecs.jxl import bare_codestream, stream_info
from dicube.exceptions import CodecError


def test_vector_decodes_to_its_samples_or_is_refused(jxl_vector):
    data = (jxl_vector["folder"] / jxl_vector["file"]).read_bytes()
    if jxl_vector["category"] == "corrupt" or jxl_vector.get("frames", 1) > 1:
        with pytest.raises(CodecError):  # animations by choice: DICOM has a codestream a frame
            imdecode_jxl(data)
    elif jxl_vector["category"] == "refuse":  # lossy, which libjxl does decode
        assert imdecode_jxl(data).shape == stream_info(data).frame_shape
    else:
        expected = np.load(jxl_vector["folder"] / jxl_vector["samples"])["samples"]
        info = stream_info(data)
        assert (info.frame_shape, info.bits) == (expected.shape, jxl_vector["bits"])
        decoded = imdecode_jxl(data)
        assert decoded.dtype == info.dtype
        np.testing.assert_array_equal(decoded, expected)


@pytest.mark.parametrize("effort", ["fast", "default", "max"])
@pytest.mark.parametrize("shape", [(40, 30), (1, 33), (20, 30, 3), (9, 7, 4)])
@pytest.mark.parametrize("bits", range(1, 17))
def test_every_depth_decodes_to_plain_values(bits, shape, effort):
    dtype = np.uint8 if bits <= 8 else np.uint16
    frame = np.random.default_rng(bits).integers(0, 2**bits, shape).astype(dtype)
    frame.flat[0], frame.flat[-1] = 0, 2**bits - 1
    data = imencode_jxl(frame, effort=effort, bits=bits)
    assert data[:2] == b"\xff\x0a"
    assert stream_info(data).bits == bits
    np.testing.assert_array_equal(imdecode_jxl(data), frame)


@pytest.mark.parametrize(
    ("dtype", "low", "high", "bits"),
    [
        ("uint8", 0, 0, 1),
        ("uint8", 0, 1, 1),
        ("uint8", 0, 128, 8),
        ("int8", -1, 0, 2),
        ("int8", -2, 1, 2),
        ("int8", -3, 1, 3),
        ("int8", -128, 0, 8),
        ("uint16", 0, 1, 9),
        ("uint16", 0, 512, 10),
        ("int16", -256, 255, 9),
        ("int16", -257, 0, 10),
        ("int16", 0, 256, 10),
        ("int16", -1024, 3071, 13),
        ("int16", -32768, 32767, 16),
        ("uint32", 0, 1, 16),
        ("int32", -5, 1, 16),
    ],
)
def test_smallest_depth_that_holds_all_values_is_declared(dtype, low, high, bits):
    frames = np.array([[[low, high]], [[low, low]]], dtype)
    codestreams = get_codec("jxl").encode_frames(frames)
    assert {stream_info(stream).bits for stream in codestreams} == {bits}
    depth = 32 if frames.itemsize == 4 else bits
    signed = frames.dtype.kind == "i"
    assert codestreams.sample_offset == (2 ** (depth - 1) if signed else 0)
    np.testing.assert_array_equal(get_codec("jxl").decode_frames(codestreams), frames)
    stored = imdecode_jxl(codestreams[0])
    if frames.itemsize < 4:
        np.testing.assert_array_equal(stored, frames[0].astype(int) + codestreams.sample_offset)
    np.testing.assert_array_equal(imdecode_jxl(codestreams[0], dtype=dtype), frames[0])


def test_32_bit_samples_are_stored_as_high_halves_above_low_halves():
    frame = np.array([[1, 2**16], [2**31 + 5, 2**32 - 1]], np.uint32)
    stored = imdecode_jxl(imencode_jxl(frame))
    expected = np.array([[0, 1], [2**15, 2**16 - 1], [1, 0], [5, 2**16 - 1]])
    np.testing.assert_array_equal(stored, expected)
    with pytest.raises(CodecError, match="not a uint32 frame"):
        imdecode_jxl(imencode_jxl(np.zeros((4, 4), np.uint8)), dtype=np.uint32)


def test_signed_out_takes_the_offset_off_and_unsigned_out_gets_bit_patterns():
    codec = get_codec("jxl")
    frames = np.array([[[-1000, 7, 1000]]], np.int16)
    codestreams = codec.encode_frames(frames)
    plain = [bytes(stream) for stream in codestreams]
    for dtype in (np.int16, np.int32):
        out = codec.decode_frames(plain, out=np.empty(frames.shape, dtype))
        np.testing.assert_array_equal(out, frames)
    np.testing.assert_array_equal(codec.decode_frames(plain)[0, 0], [24, 1031, 2024])
    out = codec.decode_frames(codestreams, out=np.empty(frames.shape, np.uint16))
    np.testing.assert_array_equal(out.view(np.int16), frames)


def test_values_outside_the_depth_given_raise():
    codec = get_codec("jxl")
    with pytest.raises(CodecError, match="samples need 13 bits, bits is 12"):
        codec.encode_frames(np.full((1, 4, 4), 4096, np.uint16), bits=12)
    with pytest.raises(CodecError, match="stored with 9 to 16"):
        codec.encode_frames(np.zeros((1, 4, 4), np.uint16), bits=8)


@pytest.mark.parametrize("effort", ["", "standard", "FAST"])
def test_unknown_effort_raises(effort):
    with pytest.raises(CodecError, match="take one of"):
        imencode_jxl(np.zeros((4, 4), np.uint8), effort=effort)


def _box(kind: bytes, payload: bytes, size: int | None = None) -> bytes:
    return (len(payload) + 8 if size is None else size).to_bytes(4, "big") + kind + payload


SIGNATURE = bytes.fromhex("0000000c4a584c200d0a870a")


def _containers(codestream: bytes) -> dict[str, bytes]:
    half = len(codestream) // 2
    long_size = (1).to_bytes(4, "big") + b"jxlc" + (len(codestream) + 16).to_bytes(8, "big")
    return {
        "one box": SIGNATURE + _box(b"jxlc", codestream) + _box(b"Exif", b"x"),
        "box to the end": SIGNATURE + _box(b"xml ", b"<x/>") + _box(b"jxlc", codestream, size=0),
        "64 bit size": SIGNATURE + long_size + codestream,
        "two parts": SIGNATURE
        + _box(b"jxlp", b"\0\0\0\0" + codestream[:half])
        + _box(b"jxlp", b"\x80\0\0\1" + codestream[half:]),
    }


@pytest.mark.parametrize("kind", _containers(b""))
def test_container_is_unwrapped(kind):
    frame = np.arange(30, dtype=np.uint16).reshape(5, 6)
    codestream = imencode_jxl(frame)
    container = _containers(codestream)[kind]
    assert bytes(bare_codestream(container)) == codestream
    np.testing.assert_array_equal(imdecode_jxl(container), frame)


@pytest.mark.parametrize(
    "boxes",
    [
        b"",
        _box(b"jxlc", b"\xff\x0a", size=99),
        _box(b"jxlc", b"\xff\x0a", size=3),
        _box(b"jxlc", b"no"),
        _box(b"jxlp", b"\0\0\0\0\xff\x0a"),
        _box(b"jxlp", b"\x80\0\0\1\xff\x0a"),
    ],
    ids=["no boxes", "cut short", "size 3", "no codestream", "last part missing", "wrong order"],
)
def test_broken_container_raises(boxes):
    with pytest.raises(CodecError):
        imdecode_jxl(SIGNATURE + boxes)


def _header(*fields: tuple[int, int]) -> bytes:
    """A codestream header of (value, number of bits) fields, zeros behind."""
    value = position = 0
    for field, bits in fields:
        value |= field << position
        position += bits
    return b"\xff\x0a" + value.to_bytes(position // 8 + 9, "little")


SIZE_8X8 = ((1, 1), (0, 5), (1, 3))  # small, 8 rows, ratio 1:1


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        (((0, 1), (1, 1), (1, 3)), "orientation 2"),
        (((0, 1), (1, 1), (0, 3), (0, 1), (1, 1)), "preview"),
        (((0, 1), (1, 1), (0, 3), (0, 1), (0, 1), (1, 1)), "animation"),
        (((0, 1), (0, 1), (1, 1)), "floating point"),
        (((0, 1), (0, 1), (0, 1), (3, 2), (31, 6)), "32 bits"),
    ],
)
def test_kinds_of_images_that_are_not_decoded_are_named(fields, message):
    with pytest.raises(CodecError, match=message):
        stream_info(_header(*SIZE_8X8, *fields))


@pytest.mark.parametrize(
    ("ratio", "columns"), [(1, 120), (2, 144), (3, 160), (4, 180), (5, 213), (6, 150), (7, 240)]
)
def test_width_follows_from_the_ratio(ratio, columns):
    info = stream_info(_header((1, 1), (14, 5), (ratio, 3), (1, 1)))
    assert info.frame_shape == (120, columns, 3)


def test_header_cut_short_raises():
    data = imencode_jxl(np.zeros((50, 70), np.uint16))
    for length in range(8):
        with pytest.raises(CodecError):
            stream_info(data[:length])
