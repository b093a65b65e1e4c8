"""Sample encodings: every bit pattern comes back, NaN payloads and signed zeros included."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from dicube.exceptions import CodecError, InvalidCubeFileError
from dicube.storage.pixel_utils import (
    SampleEncoding,
    encoding_of,
    from_codec_samples,
    parse_encoding,
    to_codec_samples,
)

INTEGERS = ("uint8", "int8", "uint16", "int16", "uint32", "int32")
PATTERNS = {
    "float16": ("uint16", 1),
    "float32": ("uint32", 1),
    "float64": ("uint32", 2),
    "int64": ("uint32", 2),
    "uint64": ("uint32", 2),
}


def bit_patterns(dtype: str) -> st.SearchStrategy[np.ndarray]:
    """Frames of any bit pattern at all: (frames, rows, columns[, samples])."""
    shapes = st.tuples(*[st.integers(1, 4)] * 3) | st.tuples(*[st.integers(1, 3)] * 3, st.just(3))
    words = npst.arrays(np.dtype(f"u{np.dtype(dtype).itemsize}"), shapes)
    return words.map(lambda array: array.view(dtype))


def round_trip(values: np.ndarray) -> None:
    encoding = encoding_of(values.dtype)
    frames = to_codec_samples(values, encoding)
    assert frames.dtype.name == encoding.codec_dtype
    assert frames.shape == (len(values), *encoding.frame_shape(values.shape[1:]))
    back = from_codec_samples(frames, encoding)
    assert back.dtype == values.dtype.newbyteorder("=")
    assert back.shape == values.shape
    assert back.tobytes() == values.astype(values.dtype.newbyteorder("=")).tobytes()


@pytest.mark.parametrize("dtype", [*INTEGERS, *PATTERNS])
@given(data=st.data())
def test_every_bit_pattern_comes_back(dtype, data):
    round_trip(data.draw(bit_patterns(dtype)))


@pytest.mark.parametrize("dtype", PATTERNS)
def test_strided_and_big_endian_arrays_come_back(dtype):
    words = np.random.default_rng(3).integers(0, 256, (2, 6, 8 * np.dtype(dtype).itemsize))
    values = words.astype(np.uint8).view(dtype)
    round_trip(values[:, ::2, ::-1])
    round_trip(values.transpose(0, 2, 1))
    round_trip(values.astype(np.dtype(dtype).newbyteorder(">")))


@pytest.mark.parametrize("dtype", INTEGERS)
def test_integers_of_a_codec_are_passed_on_without_a_copy(dtype):
    values = np.zeros((2, 3, 4), dtype)
    encoding = encoding_of(values.dtype)
    assert encoding == SampleEncoding(dtype, dtype, 1)
    assert encoding.is_plain
    assert to_codec_samples(values, encoding) is values
    assert from_codec_samples(values, encoding) is values


@pytest.mark.parametrize("dtype", PATTERNS)
def test_others_are_unsigned_words(dtype):
    assert encoding_of(np.dtype(dtype)) == SampleEncoding(dtype, *PATTERNS[dtype])
    assert not encoding_of(np.dtype(dtype)).is_plain


def test_float_is_stored_as_its_ieee_754_pattern():
    values = np.array([[[1.0, -0.0, np.inf]]], np.float32)
    words = to_codec_samples(values, encoding_of(values.dtype))
    assert words.tolist() == [[[0x3F800000, 0x80000000, 0x7F800000]]]


def test_64_bits_are_upper_words_beside_lower_words():
    values = np.array([[[1, 2], [-1, 3 << 32]]], np.int64)
    words = to_codec_samples(values, encoding_of(values.dtype))
    assert words.tolist() == [[[0, 0, 1, 2], [0xFFFFFFFF, 3, 0xFFFFFFFF, 0]]]
    colour = np.arange(6, dtype=np.uint64).reshape(1, 1, 2, 3) << np.uint64(31)
    words = to_codec_samples(colour, encoding_of(colour.dtype))
    assert words.shape == (1, 1, 4, 3)
    assert words[0, 0, :2].tolist() == [[0, 0, 1], [1, 2, 2]]
    assert words[0, 0, 2:].tolist() == [[0, 1 << 31, 0], [1 << 31, 0, 1 << 31]]


def test_nan_keeps_its_payload():
    values = np.array([[[0x7FC00001, 0xFFC12345, 0x7F800001]]], np.uint32).view(np.float32)
    encoding = encoding_of(values.dtype)
    back = from_codec_samples(to_codec_samples(values, encoding), encoding)
    assert back.view(np.uint32).tolist() == [[[0x7FC00001, 0xFFC12345, 0x7F800001]]]


@pytest.mark.parametrize("dtype", ["bool", "complex64", "longdouble", "M8[s]", "U3", "f4,f4"])
def test_dtype_that_has_no_encoding_is_refused(dtype):
    with pytest.raises(CodecError, match="cannot be stored"):
        encoding_of(np.dtype(dtype))


@pytest.mark.parametrize("dtype", [*INTEGERS, *PATTERNS])
def test_announced_encoding_is_found(dtype):
    expected = encoding_of(np.dtype(dtype))
    assert parse_encoding(dtype, expected.codec_dtype, where="a.dcbs") == expected
    with pytest.raises(InvalidCubeFileError, match="contradicts"):
        parse_encoding(dtype, "float32", where="a.dcbs")


@pytest.mark.parametrize(
    "dtype", [None, 5, ["int16"], {}, "", ",", "O", "V8", "f4,f4", "(2,)i2", "longdouble", "int16 "]
)
def test_announced_dtype_that_is_none_is_refused(dtype):
    with pytest.raises(InvalidCubeFileError, match="dtype"):
        parse_encoding(dtype, "int16", where="a.dcbs")


@given(dtype=st.text(max_size=12), codec_dtype=st.text(max_size=8))
def test_any_text_for_a_dtype_gives_an_encoding_or_an_error(dtype, codec_dtype):
    try:
        encoding = parse_encoding(dtype, codec_dtype, where="a.dcbs")
    except InvalidCubeFileError:
        return
    assert (encoding.dtype, encoding.codec_dtype) == (dtype, codec_dtype)
