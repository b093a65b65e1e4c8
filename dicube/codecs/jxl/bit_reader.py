"""Bits of a JPEG XL header (ISO/IEC 18181-1): least significant first, fields little-endian."""

from collections.abc import Sequence

from dicube.exceptions import CodecError


class BitReader:
    """Reads fields from the first bit of `data` on.

    Parameters
    ----------
    data : (n,) bytes
    """

    def __init__(self, data: memoryview) -> None:
        self._data = data
        self._position = 0

    def take(self, count: int) -> int:
        """Value of the next `count` bits.

        Raises
        ------
        CodecError
            The data ends before.
        """
        first, shift = divmod(self._position, 8)
        self.skip(count)
        last = (self._position + 7) // 8
        value = int.from_bytes(self._data[first:last], "little") >> shift
        return value & ((1 << count) - 1)

    def skip(self, count: int) -> None:
        """Pass over the next `count` bits. Raises CodecError where the data ends before."""
        self._position += count
        if self._position > 8 * self._data.nbytes:
            raise CodecError("the JPEG XL header is cut short")

    def flag(self) -> bool:
        """The next bit."""
        return bool(self.take(1))

    def u32(self, distribution: Sequence[tuple[int, int]]) -> int:
        """A U32 field: two bits select how many bits follow and what is added to them."""
        bits, added = distribution[self.take(2)]
        return self.take(bits) + added
