"""The native JPEG XL encoder: any decoder reads its streams, and its own reads them alike."""

import shutil
import subprocess

import imagecodecs
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dicube.codecs.jxl import JxlCodec, native, stream_info
from dicube.exceptions import CodecError

CODEC = JxlCodec()
thorough = settings(max_examples=120)
EFFORTS = st.sampled_from(native.EFFORTS)


@st.composite
def volumes(draw) -> np.ndarray:
    """Frames of 8 or 16 bit samples of any depth, with content that images have or never have."""
    bits = draw(st.integers(1, 16))
    signed = draw(st.booleans()) and bits > 1
    dtype = np.dtype(f"{'i' if signed else 'u'}{1 if bits <= 8 else 2}")
    shape = (draw(st.integers(1, 9)), draw(st.integers(1, 70)), draw(st.integers(1, 70)))
    shape += draw(st.sampled_from([(), (3,), (4,)]))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    most = 2**bits - 1
    kind = draw(st.sampled_from(["noise", "smooth", "extremes", "sparse", "steps", "flat", "edge"]))
    if kind == "noise":
        values = rng.integers(0, most, shape, endpoint=True)
    elif kind == "smooth":
        grid = np.indices(shape).astype(float)
        slope = grid[1] * rng.normal() + grid[2] * rng.normal()
        values = np.clip(slope + rng.normal(scale=3, size=shape) + most / 2, 0, most)
    elif kind == "extremes":
        values = rng.choice([0, most], shape)
    elif kind == "sparse":
        values = np.sort(rng.integers(0, most, 7, endpoint=True))[rng.integers(0, 7, shape)]
    elif kind == "steps":
        values = np.clip(np.cumsum(rng.integers(-2, 3, shape), axis=2) * 4 + most // 2, 0, most)
    elif kind == "flat":
        values = np.full(shape, rng.integers(0, most, endpoint=True))
    else:
        values = np.where(np.indices(shape)[2] % 9 < 4, 0, most) - 0 * rng.integers(0, 1, shape)
    return (values.astype(np.int64) - (2 ** (bits - 1) if signed else 0)).astype(dtype)


def by_libjxl(codestream: memoryview, frame: np.ndarray) -> np.ndarray:
    """The frame as libjxl decodes it, without the offset of signed samples."""
    stored = imagecodecs.jpegxl_decode(bytes(codestream)).astype(np.int64)
    offset = 2 ** (stream_info(codestream).bits - 1) if frame.dtype.kind == "i" else 0
    return (stored - offset).reshape(frame.shape)


def by_general_decoder(codestream: memoryview) -> np.ndarray:
    """The frame as stored, decoded without the kernels that take several groups at a time."""
    info = stream_info(codestream)
    out = np.empty(info.frame_shape, info.dtype)
    assert native.decode_frame(codestream, out)
    return out


@thorough
@given(frames=volumes(), effort=EFFORTS)
def test_libjxl_decodes_the_same_samples(frames, effort):
    streams = CODEC.encode_frames(frames, effort=effort, verify=True)
    np.testing.assert_array_equal(CODEC.decode_frames(streams), frames)
    for stream, frame in zip(streams, frames, strict=True):
        np.testing.assert_array_equal(by_libjxl(stream, frame), frame)


@settings(max_examples=60)
@given(frames=volumes(), effort=EFFORTS)
def test_simd_levels_write_and_read_the_same(frames, effort):
    with native.forced_simd_level("scalar"):
        expected = CODEC.encode_frames(frames, effort=effort)
    for level in native.simd_levels():
        with native.forced_simd_level(level):
            streams = CODEC.encode_frames(frames, effort=effort)
            assert list(streams) == list(expected)
            np.testing.assert_array_equal(CODEC.decode_frames(streams), frames)


def ramp(shape: tuple[int, ...], bits: int, seed: int = 1) -> np.ndarray:
    """Something smooth with noise, in which neighbours tell about each other."""
    rng = np.random.default_rng(seed)
    grid = np.indices(shape[:3]).astype(float)
    values = 2 ** (bits - 2) * (2 + np.sin(grid[1] / 40) + np.cos(grid[2] / 50 + grid[0]))
    values = values.reshape(values.shape + (1,) * (len(shape) - 3))
    values = np.clip(values + rng.normal(scale=9, size=shape), 0, 2**bits - 1)
    return values.astype(np.uint8 if bits <= 8 else np.uint16)


@pytest.mark.parametrize("effort", native.EFFORTS)
@pytest.mark.parametrize(
    "shape",
    [
        (3, 512, 512),
        (2, 700, 530),
        (1, 300, 1100),
        (1, 2100, 260),
        (9, 257, 256),
        (2, 600, 600, 3),
        (1, 513, 512, 4),
        (1, 1, 3000),
        (1, 1030, 2),
    ],
)
def test_frames_of_several_groups(shape, effort):
    frames = ramp(shape, 12)
    streams = CODEC.encode_frames(frames, effort=effort)
    np.testing.assert_array_equal(CODEC.decode_frames(streams), frames)
    for stream, frame in zip(streams, frames, strict=True):
        np.testing.assert_array_equal(by_libjxl(stream, frame), frame)
        np.testing.assert_array_equal(by_general_decoder(stream), frame)


@pytest.mark.parametrize("shape", [(2, 90, 100), (2, 600, 520)])
@pytest.mark.parametrize("dtype", ["uint16", "int16"])
def test_sparse_values_are_packed(shape, dtype):
    packed = ramp(shape, 10)
    frames = (packed.astype(np.int32) * 37 - (9000 if dtype == "int16" else 0)).astype(dtype)
    streams = CODEC.encode_frames(frames)
    dense = CODEC.encode_frames(packed)
    assert streams.nbytes < 1.05 * dense.nbytes + 600 * len(frames)
    np.testing.assert_array_equal(CODEC.decode_frames(streams), frames)
    for stream, frame in zip(streams, frames, strict=True):
        np.testing.assert_array_equal(by_libjxl(stream, frame), frame)


def test_more_effort_takes_fewer_bytes():
    frames = ramp((8, 256, 256), 12)
    fast, default, smallest = (
        CODEC.encode_frames(frames, effort=effort).nbytes for effort in native.EFFORTS
    )
    assert smallest < default < 1.001 * fast  # noise is noise to both of them


def test_batches_are_what_one_call_gives():
    frames = ramp((21, 300, 200), 12)
    whole = CODEC.encode_frames(frames)
    batches = list(CODEC.encode_batches(frames, num_threads=2))
    assert len(batches) > 1
    assert [bytes(s) for batch in batches for s in batch] == [bytes(s) for s in whole]
    assert list(CODEC.encode_batches(frames[:0])) == []


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_threads_do_not_change_what_is_written(threads):
    frames = ramp((19, 64, 80), 12)
    alone = CODEC.encode_frames(frames, num_threads=1)
    assert list(CODEC.encode_frames(frames, num_threads=threads)) == list(alone)
    decoded = CODEC.decode_frames(alone, num_threads=threads)
    np.testing.assert_array_equal(decoded, frames)


def test_any_strides_and_byte_order():
    frames = ramp((4, 60, 50, 3), 12)
    expected = list(CODEC.encode_frames(frames))
    holder = np.zeros((3, 4, 120, 100), np.uint16)
    strided = holder[:, :, ::2, ::-2].transpose(1, 2, 3, 0)
    strided[...] = frames
    assert list(CODEC.encode_frames(strided)) == expected
    assert list(CODEC.encode_frames(frames.astype(">u2"))) == expected
    out = np.zeros((3, 4, 120, 100), ">u2")
    CODEC.decode_frames(expected, out=out[:, :, ::2, ::-2].transpose(1, 2, 3, 0))
    np.testing.assert_array_equal(out[:, :, ::2, ::-2].transpose(1, 2, 3, 0), frames)
    assert not out[:, :, 1::2].any()


def test_frames_of_different_kinds_decode_together():
    smooth = ramp((20, 64, 64), 12)
    streams = [bytes(s) for s in CODEC.encode_frames(smooth[:7])]
    streams += [bytes(s) for s in CODEC.encode_frames(smooth[7:9], effort="max")]
    streams += [
        imagecodecs.jpegxl_encode(frame, lossless=True, effort=4, bitspersample=12)
        for frame in smooth[9:11]
    ]
    streams += [bytes(s) for s in CODEC.encode_frames(smooth[11:])]
    np.testing.assert_array_equal(CODEC.decode_frames(streams), smooth)


@pytest.mark.parametrize("effort", native.EFFORTS)
def test_cut_or_changed_stream_is_an_error_or_other_samples(effort):
    frames = ramp((3, 70, 60), 12)
    streams = [bytes(s) for s in CODEC.encode_frames(frames, effort=effort)]
    rng = np.random.default_rng(7)
    errors = 0
    for number in range(200):
        damaged = bytearray(streams[1])
        if number % 2:
            del damaged[rng.integers(len(damaged)) :]
        else:
            damaged[rng.integers(len(damaged))] ^= int(rng.integers(1, 256))
        caught = None
        try:
            decoded = CODEC.decode_frames([streams[0], bytes(damaged), streams[2]])
        except CodecError as error:
            caught = error
        if caught is None:
            np.testing.assert_array_equal(decoded[::2], frames[::2])
        else:
            assert caught.where == "frame 1"
            errors += 1
    assert errors > 100  # what is cut short always is


def test_model_is_for_frames_of_its_kind():
    model = native.learn_model(ramp((2, 30, 40), 12), "fast", None)
    with pytest.raises(ValueError, match="frames of another kind"):
        native.encode_volume(ramp((2, 30, 41), 12), model, verify=False, threads=1)


@pytest.mark.skipif(shutil.which("djxl") is None, reason="no djxl (Debian: libjxl-tools)")
@pytest.mark.parametrize("effort", native.EFFORTS)
@pytest.mark.parametrize(("shape", "bits"), [((200, 300), 12), ((70, 60, 3), 8), ((600, 90), 16)])
def test_djxl_decodes_the_same_samples(tmp_path, shape, bits, effort):
    frame = ramp((1, *shape), bits)[0]
    stream = CODEC.encode_frames(frame[np.newaxis], effort=effort, bits=bits)[0]
    (tmp_path / "frame.jxl").write_bytes(stream)
    subprocess.run(["djxl", tmp_path / "frame.jxl", tmp_path / "frame.npy"], check=True)
    decoded = np.load(tmp_path / "frame.npy").reshape(shape)
    np.testing.assert_allclose(decoded * (2**bits - 1), frame, atol=0.05)
