"""How signed and 32 bit samples are stored in JPEG XL, which has only unsigned ones of 16 bits.

A signed sample is stored as value + 2**(b - 1), b being the bits per sample in the header, so a
decoder finds the offset there. A 32 bit frame, after the same offset with b = 32, becomes one 16
bit image of twice the rows: the high halves of all samples above the low halves.

b is the smallest depth that holds all values of a call: other encoders compress 12 bit data up to
6 % better when told. It is at least 9 in 16 bit samples, because libjxl decodes up to 8 bits as
uint8 and rejects a 16 bit buffer for them.
"""

from typing import Any

import numpy as np

from dicube.codecs.base import Samples
from dicube.exceptions import CodecError

_SMALLEST_BITS = {"u1": 1, "i1": 2, "u2": 9, "i2": 9, "u4": 32, "i4": 32}
HALF_BITS = 16


def check_bits(dtype: np.dtype[Any], bits: int | None) -> None:
    """Check a depth fixed by the caller against what is possible for the dtype.

    Raises
    ------
    CodecError
        It is too small or too large.
    """
    width = 8 * dtype.itemsize
    smallest = _SMALLEST_BITS[f"{dtype.kind}{dtype.itemsize}"]
    if bits is not None and not smallest <= bits <= width:
        raise CodecError(
            f"bits is {bits}, {dtype.name} samples are stored with {smallest} to {width}"
        )


def fewest_bits(dtype: np.dtype[Any], low: int, high: int) -> int:
    """The smallest depth that holds all values from `low` to `high`."""
    sign = dtype.kind == "i"
    needed = sign + max(value if value >= 0 else ~value for value in (low, high)).bit_length()
    return allowed_bits(dtype, needed)


def allowed_bits(dtype: np.dtype[Any], needed: int) -> int:
    """The smallest depth that is possible for a dtype and holds so many bits."""
    return max(needed, _SMALLEST_BITS[f"{dtype.kind}{dtype.itemsize}"])


def sample_offset(dtype: np.dtype[Any], bits: int) -> int:
    """What is added to each sample: 2**(bits - 1) if signed, else 0."""
    return 1 << (bits - 1) if dtype.kind == "i" else 0


def split(frames: Samples) -> Samples:
    """The two halves of 32 bit samples, below each other.

    Parameters
    ----------
    frames : (n, rows, columns[, samples]) uint32 or int32

    Returns
    -------
    (n, 2 * rows, columns[, samples]) uint16
    """
    unsigned = frames.astype(np.uint32)  # in modular arithmetic
    unsigned += np.uint32(sample_offset(frames.dtype, 32))
    halves = (unsigned >> HALF_BITS, unsigned & 0xFFFF)
    return np.concatenate(halves, axis=1).astype(np.uint16)


def from_stored(stored: Samples, bits: int, dtype: np.dtype[Any]) -> Samples:
    """Undo the offset and `split`, of one frame.

    Parameters
    ----------
    stored : uint8 or uint16 array
        As the codestream holds it; twice the rows if `dtype` has 32 bits and `bits` is 16.
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
