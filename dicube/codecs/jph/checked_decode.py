"""Decode HTJ2K by imagecodecs and notice when OpenJPH gave up half way.

When OpenJPH meets a damaged code-block while it hands out lines, imagecodecs 2026.3.6 drops the
error: the call returns, and the lines not reached hold the zeros that were there before. Lines
come in order, so the damage shows in one place: the last line of the last component is zero.

Zeros there are common, though, since the background of many images is zero. So the codestream is
decoded with the sign bit of its components turned round in the SIZ marker segment (T.800 A.5.1).
This exchanges v and v - 2**(bits - 1), of equal worth as bit patterns, and zero now stands for a
value that hardly ever fills a line: mid-gray for unsigned samples, the minimum for signed ones.
Only when it does is the codestream decoded a second time as it is, to tell the two cases apart.
"""

import numpy as np

from dicube.codecs.base import Samples, StreamInfo
from dicube.codecs.imagecodecs_calls import decode_with
from dicube.exceptions import CodecError

_FIRST_DEPTH = 42  # byte position of Ssiz of the first component: SOC, SIZ and 38 bytes before
_COMPONENT_BYTES = 3
_SIGN = 0x80


def decode_checked(codestream: memoryview, info: StreamInfo, out: Samples | None) -> Samples:
    """Decode a bare codestream that is structurally complete.

    Parameters
    ----------
    codestream : (n,) bytes
    info : StreamInfo
        Of this codestream.
    out : (rows, columns[, samples]) array of ``info.dtype``, optional
        C-contiguous; filled and returned.

    Raises
    ------
    CodecError
        The codestream is damaged.
    """
    frame = decode_with(
        "htj2k_decode", _with_other_sign(codestream, info.samples), out, planar=False
    )
    if _last_line_is_zero(frame, info):
        frame = decode_with("htj2k_decode", codestream, out, planar=False)
        if _last_line_is_zero(frame, info):
            raise CodecError(
                "OpenJPH stopped before the last line",
                hint="the codestream is damaged; export the image again",
            )
        return frame
    stored = frame.view(f"u{info.dtype.itemsize}")
    # Modular arithmetic on the bit pattern: right for every depth, as long as it is unsigned.
    half = stored.dtype.type(1 << (info.bits - 1))
    (np.subtract if info.signed else np.add)(stored, half, out=stored)
    return frame.view(info.dtype) if out is None else out


def _with_other_sign(codestream: memoryview, samples: int) -> memoryview:
    changed = bytearray(codestream)
    for component in range(samples):
        changed[_FIRST_DEPTH + _COMPONENT_BYTES * component] ^= _SIGN
    return memoryview(changed)


def _last_line_is_zero(frame: Samples, info: StreamInfo) -> bool:
    line = frame[-1] if info.samples == 1 else frame[-1, :, -1]
    return not line.any()
