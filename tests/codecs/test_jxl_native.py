"""The native JPEG XL decoder against vectors of several encoders and against libjxl."""

import imagecodecs
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dicube.codecs import imdecode_jxl
from dicube.codecs.jxl import codec as jxl_codec
from dicube.codecs.jxl import native, stream_info
from dicube.codecs.jxl.codestream import bare_codestream
from dicube.exceptions import CodecError, MissingDependencyError

thorough = settings(max_examples=80)


def decoded(data: bytes) -> np.ndarray | None:
    """What the native decoder makes of it; None where it leaves that to others."""
    info = stream_info(data)
    out = np.full(info.frame_shape, 77, info.dtype)
    return out if native.decode_frame(bare_codestream(data), out) else None


def encoded(frame: np.ndarray, bits: int, **options: object) -> bytes:
    """A bare codestream of libjxl."""
    return bytes(
        imagecodecs.jpegxl_encode(
            frame, lossless=True, bitspersample=bits, usecontainer=False, numthreads=1, **options
        )
    )


def content(rng: np.random.Generator, kind: str, shape: tuple[int, ...], bits: int) -> np.ndarray:
    """Samples of `bits` bits."""
    most = 2**bits - 1
    dtype = np.uint8 if bits <= 8 else np.uint16
    if kind == "noise":
        values = rng.integers(0, most, shape, endpoint=True)
    elif kind == "smooth":
        slopes = np.add.outer(np.arange(shape[0]) * 3, np.arange(shape[1]) * 2)
        noise = rng.integers(0, 5, shape)
        values = (slopes[(...,) + (np.newaxis,) * (len(shape) - 2)] + noise) % (most + 1)
    elif kind == "sparse":
        values = rng.choice(rng.integers(0, most, 5, endpoint=True), shape)
    else:
        values = np.where(rng.random(shape) < 0.03, rng.integers(0, most, shape), most // 3)
    return values.astype(dtype)


def test_vector_decodes_to_its_samples_or_is_left_to_others(jxl_vector):
    data = (jxl_vector["folder"] / jxl_vector["file"]).read_bytes()
    if jxl_vector["category"] == "corrupt":
        with pytest.raises(CodecError):
            decoded(data)
        return
    if jxl_vector.get("frames", 1) > 1:
        out = np.zeros((jxl_vector["height"], jxl_vector["width"]), np.uint16)
        assert not native.decode_frame(bare_codestream(data), out)
        return
    samples = decoded(data)
    outside = jxl_vector["category"] == "refuse" or "patches" in jxl_vector["features"]
    assert (samples is None) == outside
    if samples is not None:
        expected = np.load(jxl_vector["folder"] / jxl_vector["samples"])["samples"]
        np.testing.assert_array_equal(samples, expected)


@thorough
@given(
    seed=st.integers(0, 2**32 - 1),
    kind=st.sampled_from(["noise", "smooth", "sparse", "spots"]),
    rows=st.integers(1, 60),
    columns=st.integers(1, 60),
    samples=st.sampled_from([1, 3, 4]),
    bits=st.integers(1, 16),
    effort=st.sampled_from([1, 2, 3, 4, 5, 6, 7, 9]),
)
def test_streams_of_libjxl_decode_exactly(seed, kind, rows, columns, samples, bits, effort):
    shape = (rows, columns) if samples == 1 else (rows, columns, samples)
    frame = content(np.random.default_rng(seed), kind, shape, bits)
    samples = decoded(encoded(frame, bits, effort=effort))
    if samples is None:  # text-like pictures of 8 bits may have patches
        assert effort >= 5
        assert bits <= 8
        return
    np.testing.assert_array_equal(samples, frame)


@pytest.mark.parametrize("effort", [1, 3, 7])
@pytest.mark.parametrize("shape", [(700, 300), (257, 530, 3), (1, 1200), (1100, 3)])
def test_frames_of_several_groups_decode_exactly(shape, effort):
    frame = content(np.random.default_rng(3), "smooth", shape, 12)
    np.testing.assert_array_equal(decoded(encoded(frame, 12, effort=effort)), frame)


def test_strided_array_is_filled_and_nothing_else():
    frame = content(np.random.default_rng(4), "smooth", (20, 30, 3), 10)
    holder = np.full((3, 40, 60), 9, np.uint16)
    out = holder[:, ::2, ::2].transpose(1, 2, 0)
    assert native.decode_frame(memoryview(encoded(frame, 10, effort=3)), out)
    np.testing.assert_array_equal(out, frame)
    assert (holder[:, 1::2] == 9).all()
    assert (holder[:, :, 1::2] == 9).all()


@pytest.mark.parametrize(
    ("shape", "dtype"), [((20, 31), "uint16"), ((20, 30, 3), "uint16"), ((20, 30), "uint8")]
)
def test_array_of_another_shape_or_depth_raises_codec_error(shape, dtype):
    frame = content(np.random.default_rng(5), "smooth", (20, 30), 12)
    with pytest.raises(CodecError, match="another shape or depth"):
        native.decode_frame(memoryview(encoded(frame, 12)), np.zeros(shape, dtype))


@pytest.mark.parametrize("effort", [1, 3, 7, 9])
def test_cut_or_changed_stream_is_an_error_or_other_samples(effort):
    frame = content(np.random.default_rng(6), "spots", (50, 40), 12)
    data = encoded(frame, 12, effort=effort)
    rng = np.random.default_rng(7)
    errors = 0
    for number in range(300):
        damaged = bytearray(data)
        if number % 2:
            del damaged[rng.integers(len(data)) :]
        else:
            damaged[rng.integers(len(data))] ^= int(rng.integers(1, 256))
        out = np.zeros((50, 40), np.uint16)
        try:
            native.decode_frame(memoryview(damaged), out)
        except CodecError:
            errors += 1
    assert errors > 150  # what is cut short always is


def test_without_libjxl_the_native_decoder_stands_in(monkeypatch):
    def missing(*_: object, **__: object) -> None:
        raise MissingDependencyError("imagecodecs has no libjxl")

    frame = content(np.random.default_rng(8), "smooth", (30, 20), 12)
    lossless = encoded(frame, 12)
    lossy = bytes(imagecodecs.jpegxl_encode(frame, distance=2.0, bitspersample=12))
    monkeypatch.setattr(jxl_codec, "decode_with", missing)
    np.testing.assert_array_equal(imdecode_jxl(lossless), frame)
    with pytest.raises(MissingDependencyError, match="libjxl"):
        imdecode_jxl(lossy)
