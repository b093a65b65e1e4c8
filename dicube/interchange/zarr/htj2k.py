"""A Zarr codec that stores chunks as HTJ2K codestreams; zarr finds it by its entry point.

A chunk is a number of planes, its last two dimensions. Encoded it is a table with the length in
bytes of each codestream, 64 bits little endian, and then the codestreams. Integers of 8 to 32 bits
are encoded as they are; floats and 64-bit integers by their bit patterns (docs/format.md, section
8).
"""

import asyncio
import math
from dataclasses import dataclass
from typing import Any, Final, Self

import numpy as np
from zarr.abc.codec import ArrayBytesCodec
from zarr.core.array_spec import ArraySpec
from zarr.core.buffer import Buffer, NDBuffer

from dicube.codecs import get_codec
from dicube.exceptions import CodecError
from dicube.storage.pixel_utils import encoding_of, from_codec_samples, to_codec_samples

NAME: Final = "dicube.htj2k"
_LENGTH: Final = np.dtype("<u8")


@dataclass(frozen=True)
class Htj2kCodec(ArrayBytesCodec):
    """Chunks of two or more dimensions, losslessly."""

    is_fixed_size = False

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Self:
        """The codec of its metadata, which have no configuration.

        Raises
        ------
        ValueError
            They are those of another codec.
        """
        if data.get("name") != NAME or data.get("configuration"):
            raise ValueError(f"no metadata of {NAME}: {data}")
        return cls()

    def to_dict(self) -> dict[str, Any]:
        """The metadata."""
        return {"name": NAME}

    def validate(self, *, shape: tuple[int, ...], dtype: Any, chunk_grid: Any) -> None:
        """Refuse arrays that HTJ2K cannot hold.

        Raises
        ------
        CodecError
            The dtype is not supported.
        ValueError
            Chunks have less than two dimensions.
        """
        if len(shape) < 2:
            raise ValueError(f"{NAME} needs two dimensions, the array has {len(shape)}")
        encoding_of(dtype.to_native_dtype())

    def compute_encoded_size(self, input_byte_length: int, chunk_spec: ArraySpec) -> int:
        """Not known beforehand."""
        raise NotImplementedError

    async def _encode_single(self, chunk_data: NDBuffer, chunk_spec: ArraySpec) -> Buffer:
        return await asyncio.to_thread(_encoded, chunk_data, chunk_spec)

    async def _decode_single(self, chunk_data: Buffer, chunk_spec: ArraySpec) -> NDBuffer:
        return await asyncio.to_thread(_decoded, chunk_data, chunk_spec)


def _encoded(chunk: NDBuffer, spec: ArraySpec) -> Buffer:
    values = chunk.as_numpy_array()
    planes = values.reshape(-1, *values.shape[-2:])
    encoding = encoding_of(planes.dtype)
    # zarr encodes several chunks at a time, each in a thread of its own.
    codestreams = get_codec("jph").encode_frames(to_codec_samples(planes, encoding), num_threads=1)
    parts = [bytes(codestream) for codestream in codestreams]
    table = np.array([len(part) for part in parts], _LENGTH).tobytes()
    return spec.prototype.buffer.from_bytes(b"".join([table, *parts]))


def _decoded(chunk: Buffer, spec: ArraySpec) -> NDBuffer:
    data = memoryview(chunk.to_bytes())
    encoding = encoding_of(spec.dtype.to_native_dtype())
    count = math.prod(spec.shape[:-2])
    start = count * _LENGTH.itemsize
    if len(data) < start:
        raise CodecError("a chunk is cut short", hint="restore it from a copy")
    ends = start + np.cumsum(np.frombuffer(data[:start], _LENGTH).astype(object))
    if count and ends[-1] != len(data):
        raise CodecError("a chunk is not as long as its codestreams", hint="restore it from a copy")
    parts = [data[first:last] for first, last in zip([start, *ends], ends, strict=False)]
    out = np.empty((count, *encoding.frame_shape(spec.shape[-2:])), encoding.codec_dtype)
    get_codec("jph").decode_frames(parts, out=out, num_threads=1)
    values: Any = from_codec_samples(out, encoding).reshape(spec.shape)
    return spec.prototype.nd_buffer.from_ndarray_like(values)
