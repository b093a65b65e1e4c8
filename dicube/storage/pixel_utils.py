"""Sample encodings: how arrays that no image codec takes become integer frames, and back.

Integers of up to 32 bits are stored as they are. Floats are stored as their IEEE 754 bit patterns,
64-bit types as two 32-bit planes side by side: no value changes, not even a NaN.
"""

from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from dicube.exceptions import CodecError, InvalidCubeFileError

Array = npt.NDArray[Any]

_CODEC_DTYPES: Final = frozenset(("uint8", "int8", "uint16", "int16", "uint32", "int32"))
# What holds the bit pattern of the others: unsigned words, and how many side by side in a row.
_PATTERNS: Final = {
    "float16": ("uint16", 1),
    "float32": ("uint32", 1),
    "float64": ("uint32", 2),
    "int64": ("uint32", 2),
    "uint64": ("uint32", 2),
}


class SampleEncoding(NamedTuple):
    """How samples of `dtype` are stored as codec samples of `codec_dtype`.

    `planes` is 1, or 2 where each row holds the upper words of all its samples, then the lower.
    """

    dtype: str
    codec_dtype: str
    planes: int

    @property
    def is_plain(self) -> bool:
        """Whether codec samples are the samples themselves."""
        return self.dtype == self.codec_dtype

    def frame_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """Shape of a codec frame for a frame of this (rows, columns[, samples])."""
        return (shape[0], shape[1] * self.planes, *shape[2:])


def encoding_of(dtype: np.dtype[Any]) -> SampleEncoding:
    """The encoding for a dtype.

    Raises
    ------
    CodecError
        The dtype is not supported: complex, boolean, longdouble, structured.
    """
    name = dtype.name
    if name in _CODEC_DTYPES:
        return SampleEncoding(name, name, 1)
    if name in _PATTERNS:
        return SampleEncoding(name, *_PATTERNS[name])
    raise CodecError(
        f"samples of dtype {name} cannot be stored",
        hint="convert the array to integers of 8 to 64 bits or to float16, float32 or float64",
    )


def parse_encoding(dtype: object, codec_dtype: object, *, where: str) -> SampleEncoding:
    """The encoding that a file announces.

    Raises
    ------
    InvalidCubeFileError
        There is no such encoding.
    """
    # Only names: numpy takes many more texts for a dtype, and parses some of them as Python.
    if not isinstance(dtype, str) or dtype not in _CODEC_DTYPES | _PATTERNS.keys():
        raise InvalidCubeFileError("the dtype of the samples is unknown", where=where)
    encoding = encoding_of(np.dtype(dtype))
    if encoding.codec_dtype != codec_dtype:
        raise InvalidCubeFileError("the sample encoding contradicts the dtype", where=where)
    return encoding


def to_codec_samples(values: Array, encoding: SampleEncoding) -> Array:
    """Frames for the codec; the array itself where nothing is to do.

    Parameters
    ----------
    values : (frames, rows, columns[, samples]) array of `encoding.dtype`
    """
    if encoding.is_plain:
        return values
    words = np.ascontiguousarray(values).astype(values.dtype.newbyteorder("="), copy=False)
    if encoding.planes == 1:
        return words.view(encoding.codec_dtype)
    patterns = words.view(np.uint64)
    upper = (patterns >> np.uint64(32)).astype(np.uint32)
    return np.concatenate([upper, patterns.astype(np.uint32)], axis=2)


def from_codec_samples(frames: Array, encoding: SampleEncoding) -> Array:
    """The inverse of `to_codec_samples`."""
    if encoding.is_plain:
        return frames
    if encoding.planes == 1:
        return np.ascontiguousarray(frames).view(encoding.dtype)
    upper, lower = np.split(frames, 2, axis=2)
    patterns = upper.astype(np.uint64) << np.uint64(32) | lower
    return np.ascontiguousarray(patterns).view(encoding.dtype)
