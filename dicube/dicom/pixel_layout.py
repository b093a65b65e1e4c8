"""Stored values <-> the bytes of native Pixel Data (PS3.5 section 8, PS3.3 C.7.6.3).

The stored value is what Bits Stored and High Bit select from each word, sign-extended where Pixel
Representation says so. Bits of the word outside of it (overlays of old files, careless padding) are
no part of the value; they are kept as a residual, so that the words come back as they were.
"""

from dataclasses import dataclass, replace
from typing import Any, Final, Literal

import numpy as np
import numpy.typing as npt

from dicube.exceptions import DataConsistencyError

Array = npt.NDArray[Any]

_WORD_BITS: Final = (8, 16, 32, 64)
_ORDER: Final[dict[bool, Literal["little", "big"]]] = {True: "little", False: "big"}


@dataclass(frozen=True)
class PixelLayout:
    """How the pixels of one instance are stored.

    Attributes
    ----------
    frames, rows, columns, samples : int
    bits_allocated, bits_stored, high_bit : int
        As in the data set; `bits_allocated` is 1 for bit-packed pixels.
    signed : bool
        Pixel Representation.
    planar : bool
        Planar Configuration 1: all of one sample, then all of the next.
    chroma_422 : bool
        Native YBR_FULL_422: two pixels share their chrominance (PS3.3 C.7.6.3.1.2).
    little : bool
        Byte order of words.
    byte_pairs_swapped : bool
        8-bit pixels in big endian OW: bytes change places in pairs (PS3.5 8.1.1, annex D).
    is_float : bool
        Float Pixel Data or Double Float Pixel Data.
    """

    frames: int
    rows: int
    columns: int
    samples: int
    bits_allocated: int
    bits_stored: int
    high_bit: int
    signed: bool = False
    planar: bool = False
    chroma_422: bool = False
    little: bool = True
    byte_pairs_swapped: bool = False
    is_float: bool = False

    def __post_init__(self) -> None:
        sizes = (self.frames, self.rows, self.columns, self.samples)
        if min(sizes) < 1:
            raise DataConsistencyError(
                f"frames, rows, columns and samples are {sizes}, each must be at least 1"
            )
        allowed = (32, 64) if self.is_float else (1, *_WORD_BITS)
        if self.bits_allocated not in allowed:
            raise DataConsistencyError(
                f"Bits Allocated is {self.bits_allocated}, supported are {allowed}",
                hint="convert the file to 8 or 16 bits allocated first",
            )
        if not 1 <= self.bits_stored <= self.high_bit + 1 <= self.bits_allocated:
            raise DataConsistencyError(
                f"Bits Stored {self.bits_stored} and High Bit {self.high_bit} do not fit"
                f" Bits Allocated {self.bits_allocated}"
            )
        unsigned_bytes = self.bits_allocated == 8 and not self.signed
        if self.chroma_422 and (self.columns % 2 or self.samples != 3 or not unsigned_bytes):
            raise DataConsistencyError(
                "native YBR_FULL_422 needs even columns and 3 unsigned samples of 8 bits"
            )

    @property
    def dtype(self) -> np.dtype[Any]:
        """Dtype of the stored values, native byte order."""
        if self.is_float:
            return np.dtype(f"f{self.bits_allocated // 8}")
        return np.dtype(f"{'i' if self.signed else 'u'}{max(self.bits_allocated, 8) // 8}")

    @property
    def frame_shape(self) -> tuple[int, ...]:
        """(rows, columns), or (rows, columns, samples) where there are several samples."""
        shape = (self.rows, self.columns)
        return shape if self.samples == 1 else (*shape, self.samples)

    @property
    def shape(self) -> tuple[int, ...]:
        return (self.frames, *self.frame_shape)

    @property
    def native_length(self) -> int:
        """Bytes of the native pixel data of all frames, without padding."""
        pixels = self.frames * self.rows * self.columns
        if self.chroma_422:
            return pixels * 2
        return (pixels * self.samples * self.bits_allocated + 7) // 8

    @property
    def is_plain(self) -> bool:
        """Whether the bytes are the stored values in memory order, apart from unused bits."""
        return not (
            self.planar or self.chroma_422 or self.byte_pairs_swapped or self.bits_allocated == 1
        ) and (self.little or self.bits_allocated == 8)

    @property
    def unused_bits(self) -> int:
        """Bits of a word above the stored value."""
        return 0 if self.is_float else self.bits_allocated - self.high_bit - 1

    @property
    def is_stored_values(self) -> bool:
        """Whether the bytes are the stored values, as long as the unused bits say nothing."""
        return self.is_plain and (self.is_float or self.high_bit + 1 == self.bits_stored)

    def as_native_little(self, *, keep_chroma: bool) -> "PixelLayout":
        """The layout of the same values in native little endian data.

        Pixels that came out of a codec have a chrominance of their own each (`keep_chroma` False).
        """
        chroma = self.chroma_422 and keep_chroma
        return replace(self, chroma_422=chroma, little=True, byte_pairs_swapped=False)


def unpack_values(data: bytes | memoryview, layout: PixelLayout) -> tuple[Array, bytes]:
    """Stored values of native pixel data, and the residual.

    Parameters
    ----------
    data : bytes-like
        Exactly `layout.native_length` bytes.

    Returns
    -------
    values : (frames, rows, columns[, samples]) array of `layout.dtype`
        May share memory with `data`; read-only then.
    residual : bytes
        Bits that the values do not hold, to be given to `pack_values`; empty if there are none.
    """
    words = _unpack_words(data, layout)
    values = stored_values(words, layout)
    whole_bytes = layout.bits_allocated > 1 or words.size % 8 == 0
    if values is words and whole_bytes:
        return values, b""
    packed = pack_values(values, layout, b"")
    if packed == data:
        return values, b""
    return values, _xor(packed, data)


def pack_values(values: Array, layout: PixelLayout, residual: bytes) -> bytes:
    """Native pixel data of stored values; the inverse of `unpack_values`.

    Values of a wider dtype (a series of mixed dtypes) are narrowed to that of the layout.
    """
    words = values.astype(layout.dtype, copy=False).reshape(layout.shape)
    shift = layout.high_bit + 1 - layout.bits_stored
    if shift and not layout.is_float:
        words = words << shift
    data = _pack_words(words, layout)
    return _xor(data, residual) if residual else data


def stored_values(words: Array, layout: PixelLayout) -> Array:
    """The stored values inside words of `layout.dtype`; the same array where nothing is to do."""
    bits = layout.bits_stored
    if layout.is_float or bits == max(layout.bits_allocated, 8) or layout.bits_allocated == 1:
        return words
    shift = layout.high_bit + 1 - bits
    if not shift:
        low, high = int(words.min()), int(words.max())
        limit = 1 << bits - layout.signed
        if (-limit if layout.signed else 0) <= low and high < limit:
            return words
    # Up against the top of the word and back: the way down extends the sign or fills with zeros.
    unused = layout.bits_allocated - layout.high_bit - 1
    values: Array = (words << unused) >> (unused + shift)
    return values


def _unpack_words(data: bytes | memoryview, layout: PixelLayout) -> Array:
    if layout.bits_allocated == 1:
        packed = np.frombuffer(data, dtype=np.uint8)
        count = int(np.prod(layout.shape))
        return np.unpackbits(packed, count=count, bitorder="little").reshape(layout.shape)
    if layout.byte_pairs_swapped:
        data = _swap_pairs(data)
    if layout.chroma_422:
        return _unpack_422(np.frombuffer(data, dtype=np.uint8), layout)
    words: Array = np.frombuffer(data, dtype=layout.dtype.newbyteorder(_ORDER[layout.little]))
    if layout.planar and layout.samples > 1:
        words = words.reshape(layout.frames, layout.samples, layout.rows, layout.columns)
        words = np.moveaxis(words, 1, -1)
    return words.reshape(layout.shape).astype(layout.dtype, copy=False)


def _pack_words(words: Array, layout: PixelLayout) -> bytes:
    if layout.bits_allocated == 1:
        return np.packbits(words.reshape(-1), bitorder="little").tobytes()
    if layout.chroma_422:
        data = _pack_422(words, layout)
        return _swap_pairs(data) if layout.byte_pairs_swapped else data
    if layout.planar and layout.samples > 1:
        words = np.moveaxis(words, -1, 1)
    data = words.astype(layout.dtype.newbyteorder(_ORDER[layout.little])).tobytes()
    return _swap_pairs(data) if layout.byte_pairs_swapped else data


def _unpack_422(data: Array, layout: PixelLayout) -> Array:
    """Y1 Y2 Cb Cr for each two pixels; both get the chrominance, so going back loses nothing."""
    pairs = data.reshape(layout.frames, layout.rows, layout.columns // 2, 4)
    values = np.empty(layout.shape, dtype=np.uint8)
    values[:, :, 0::2, 0] = pairs[..., 0]
    values[:, :, 1::2, 0] = pairs[..., 1]
    for parity in (0, 1):
        values[:, :, parity::2, 1:] = pairs[..., 2:]
    return values


def _pack_422(values: Array, layout: PixelLayout) -> bytes:
    pairs = np.empty((layout.frames, layout.rows, layout.columns // 2, 4), dtype=np.uint8)
    pairs[..., 0] = values[:, :, 0::2, 0]
    pairs[..., 1] = values[:, :, 1::2, 0]
    pairs[..., 2:] = values[:, :, 0::2, 1:]
    return pairs.tobytes()


def _swap_pairs(data: bytes | memoryview) -> bytes:
    swapped = bytearray(data)
    even = len(swapped) & ~1
    swapped[0:even:2], swapped[1:even:2] = data[1:even:2], data[0:even:2]
    return bytes(swapped)


def _xor(first: bytes, second: bytes | memoryview) -> bytes:
    left = np.frombuffer(first, dtype=np.uint8)
    right = np.frombuffer(second, dtype=np.uint8)
    return (left ^ right).tobytes()
