"""The bytes of a frame with a region: three lengths, then mask, foreground and background."""

import struct
from collections.abc import Sequence
from typing import Final

import numpy as np

from dicube.codecs.base import BytesLike, Codestreams, Samples
from dicube.codecs.frame_codec import joined, naming_frames
from dicube.exceptions import CodecError

_LENGTHS: Final = struct.Struct("<3Q")


def joined_parts(mask: memoryview, foreground: memoryview, background: memoryview) -> bytes:
    parts = (mask, foreground, background)
    return b"".join((_LENGTHS.pack(*(part.nbytes for part in parts)), *parts))


def parts_of(data: memoryview) -> tuple[memoryview, memoryview, memoryview]:
    """Mask, foreground and background of one frame.

    Raises
    ------
    CodecError
        The lengths do not add up.
    """
    lengths = _lengths(data)
    begin = _LENGTHS.size
    middle, end = begin + lengths[0], begin + lengths[0] + lengths[1]
    return data[begin:middle], data[middle:end], data[end:]


def _lengths(data: memoryview) -> tuple[int, int, int]:
    if data.nbytes < _LENGTHS.size:
        raise CodecError(f"a frame with a region has {data.nbytes} bytes, less than its lengths")
    mask, foreground, background = _LENGTHS.unpack_from(data)
    total = _LENGTHS.size + mask + foreground + background
    if total != data.nbytes:
        raise CodecError(
            f"the codestreams of a frame with a region end at byte {total}, it has {data.nbytes}",
            hint="the frame is damaged",
        )
    return mask, foreground, background


def split_frames(
    codestreams: Codestreams | Sequence[BytesLike], out: Samples
) -> tuple[Codestreams, Codestreams, Codestreams]:
    """All masks, foregrounds and backgrounds, without copying them, to be decoded into `out`."""
    streams = joined(codestreams)
    of_frame = naming_frames(lambda index: _lengths(streams[index]))
    lengths = np.array([of_frame(i) for i in range(len(streams))], np.int64).reshape(-1, 3)
    begins = streams.offsets + _LENGTHS.size
    middles = begins + lengths[:, 0]
    ends = middles + lengths[:, 1]
    dtype = out.dtype.newbyteorder("=") if streams.dtype is None else streams.dtype
    described = (dtype, out.shape[1:], streams.sample_offset)
    return (
        Codestreams(streams.buffer, begins, lengths[:, 0], np.uint8, out.shape[1:3]),
        Codestreams(streams.buffer, middles, lengths[:, 1], *described),
        Codestreams(streams.buffer, ends, lengths[:, 2], *described),
    )
