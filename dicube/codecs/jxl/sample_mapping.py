"""How signed and 32 bit samples are stored in JPEG XL, which has only unsigned ones of 16 bits.

A signed sample is stored as value + 2**(b - 1), b being the bits per sample in the header, so a
decoder finds the offset there. A 32 bit frame, after the same offset with b = 32, becomes one 16
bit image of twice the rows: the high halves of all samples above the low halves.

b is the smallest depth that holds all values of a call: libjxl compresses 12 bit data up to 6 %
better when told. It is at least 9 in 16 bit samples, because libjxl decodes up to 8 bits as uint8
and rejects a 16 bit buffer for them.
"""

from typing import Any

import numpy as np

from dicube.codecs.base import Samples
from dicube.exceptions import CodecError

_SMALLEST_BITS = {"u1": 1, "i1": 2, "u2": 9, "i2": 9, "u4": 32, "i4": 32}
HALF_BITS = 16


def bit_depth(frames: Samples, bits: int | None) -> int:
    """Bits per sample to store all `frames` with.

    Parameters
    ----------
    frames : integer array
    bits : int, optional
        Depth fixed by the caller, instead of the smallest possible.

    Raises
    ------
    CodecError
        `bits` is not possible for the dtype, or a value does not fit it.
    """
    kind, width = frames.dtype.kind, 8 * frames.dtype.itemsize
    smallest = _SMALLEST_BITS[f"{kind}{frames.dtype.itemsize}"]
    if bits is not None and not smallest <= bits <= width:
        raise CodecError(
            f"bits is {bits}, {frames.dtype.name} samples are stored with {smallest} to {width}"
        )
    needed = smallest if width == 32 or not frames.size else max(smallest, _bits_needed(frames))
    if bits is not None and needed > bits:
        raise CodecError(f"samples need {needed} bits, bits is {bits}")
    return needed if bits is None else bits


def sample_offset(dtype: np.dtype[Any], bits: int) -> int:
    """What is added to each sample: 2**(bits - 1) if signed, else 0."""
    return 1 << (bits - 1) if dtype.kind == "i" else 0


def to_stored(frame: Samples, bits: int) -> Samples:
    """Turn a frame into what libjxl encodes.

    Parameters
    ----------
    frame : (rows, columns[, samples]) integers, native byte order
    bits : int
        From `bit_depth`.

    Returns
    -------
    (rows, columns[, samples]) uint8 or uint16, or (2 * rows, columns[, samples]) uint16
        The latter for 32 bit samples.
    """
    unsigned = frame.view(f"u{frame.itemsize}")
    offset = sample_offset(frame.dtype, bits)
    if offset:  # in modular arithmetic, so the bit pattern of a negative value comes out right
        unsigned = unsigned + unsigned.dtype.type(offset)
    if unsigned.itemsize < 4:
        return unsigned
    halves = (unsigned >> HALF_BITS, unsigned & 0xFFFF)
    return np.concatenate(halves, axis=0).astype(np.uint16)


def from_stored(stored: Samples, bits: int, dtype: np.dtype[Any]) -> Samples:
    """Undo `to_stored`.

    Parameters
    ----------
    stored : uint8 or uint16 array
        As libjxl decodes it; twice the rows if `dtype` has 32 bits and `bits` is 16.
    bits : int
        Bits per sample in the header.
    dtype : numpy dtype
        Of the samples wanted: its sign and whether it has 32 bits count, not its exact width.

    Returns
    -------
    integers of the sign of `dtype`, as wide as `stored` or 32 bits
    """
    if bits == HALF_BITS and is_split(dtype):
        rows = len(stored) // 2
        stored = (stored[:rows].astype(np.uint32) << HALF_BITS) | stored[rows:]
        bits = 32
    if dtype.kind == "u":
        return stored
    unsigned: Samples = stored - stored.dtype.type(1 << (bits - 1))
    return unsigned.view(f"i{stored.itemsize}")


def is_split(dtype: np.dtype[Any]) -> bool:
    """Whether samples of `dtype` are stored as two halves."""
    return dtype.itemsize == 4


def _bits_needed(frames: Samples) -> int:
    low, high = int(frames.min()), int(frames.max())
    if frames.dtype.kind == "u":
        return high.bit_length()
    # The signed range -2**(b-1) .. 2**(b-1) - 1; ~low is -low - 1.
    return 1 + max(high.bit_length() if high > 0 else 0, (~low).bit_length() if low < 0 else 0)
