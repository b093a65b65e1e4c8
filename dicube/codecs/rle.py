"""RLE Lossless of DICOM (PS3.5 Annex G): byte planes, each packed by PackBits."""

import struct
from itertools import pairwise
from typing import Any

import numpy as np

from dicube.codecs.base import Capabilities, Codestreams, Samples
from dicube.codecs.headerless_codec import HeaderlessCodec
from dicube.codecs.imagecodecs_calls import encode_with, unpack_bits
from dicube.codecs.sample_rules import place
from dicube.exceptions import CodecError

_MAX_SEGMENTS = 15
_HEADER = struct.Struct("<16I")  # number of segments, then their offsets; unused ones are 0


class RleCodec(HeaderlessCodec):
    """RLE Lossless: one segment for each byte of each sample, most significant byte first."""

    name = "rle"
    suffixes = ()
    transfer_syntaxes = ("1.2.840.10008.1.2.5",)
    capabilities = Capabilities(
        dtypes=("uint8", "int8", "uint16", "int16", "uint32", "int32"),
        samples=(1, 3),
        encodes=True,
        lossy_decoding=False,
    )

    def encode_frames(
        self, frames: Samples, *, num_threads: int | None = None, verify: bool = False
    ) -> Codestreams:
        """Encode without loss, one stream a frame; see `dicube.codecs.base.Codec`."""
        return self._encode_each(frames, _encode, num_threads, verify=verify)

    def _decode_into(
        self,
        data: memoryview,
        target: Samples,
        sample_dtype: np.dtype[Any] | None,
        *,
        intact: bool = False,
    ) -> None:
        segments = _segments(data)
        samples = target.shape[2] if target.ndim == 3 else 1
        width, rest = divmod(len(segments), samples)
        if rest or width not in (1, 2, 4):
            raise CodecError(f"{len(segments)} RLE segments do not fit {samples} samples a pixel")
        planes = np.empty((target.shape[0] * target.shape[1], samples, width), np.uint8)
        for number, segment in enumerate(segments):
            planes[:, number // width, number % width] = _plane(segment, len(planes), number)
        frame = planes.view(f">u{width}").reshape(target.shape).astype(f"u{width}")
        if sample_dtype is not None and sample_dtype.itemsize == width:
            frame = frame.view(sample_dtype)
        place(frame, target)


def _segments(data: memoryview) -> list[memoryview]:
    """The segments that the header of a stream tells of."""
    if data.nbytes < _HEADER.size:
        raise CodecError(f"the RLE header is {_HEADER.size} bytes, got {data.nbytes}")
    count, *offsets = _HEADER.unpack_from(data)
    if not 1 <= count <= _MAX_SEGMENTS:
        raise CodecError(f"{count} RLE segments, a frame has 1 to {_MAX_SEGMENTS}")
    edges = [*offsets[:count], data.nbytes]
    if edges[0] < _HEADER.size or edges != sorted(edges):
        raise CodecError(
            f"RLE segments at {edges[:-1]} do not lie behind each other in {data.nbytes} bytes",
            hint="the stream is cut short; export the image again",
        )
    return [data[start:end] for start, end in pairwise(edges)]


def _plane(segment: memoryview, length: int, number: int) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """Unpack one segment to `length` bytes; what an encoder put behind them is padding."""
    # A run of two bytes gives at most 128: memory stays within 64 times the stream.
    plane = np.frombuffer(unpack_bits(segment), np.uint8)
    if len(plane) < length:
        raise CodecError(
            f"RLE segment {number} holds {len(plane)} bytes, a plane has {length}",
            hint="the stream is cut short or the shape is wrong",
        )
    return plane[:length]


def _encode(frame: Samples) -> bytes:
    """Pack a native (rows, columns[, samples]) frame."""
    rows, columns = frame.shape[:2]
    big_endian = frame.astype(frame.dtype.newbyteorder(">")).view(np.uint8)
    planes = big_endian.reshape(rows, columns, -1).transpose(2, 0, 1).copy()
    segments = []
    for plane in planes:  # two-dimensional, so that no run crosses the end of a row (PS3.5 G.3.1)
        segment = encode_with("packbits_encode", plane)
        segments.append(segment + b"\0" * (len(segment) % 2))
    lengths = [_HEADER.size, *map(len, segments[:-1])]
    offsets = np.cumsum(lengths).tolist() + [0] * (_MAX_SEGMENTS - len(segments))
    return _HEADER.pack(len(segments), *offsets) + b"".join(segments)
