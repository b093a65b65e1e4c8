"""Boxes of the ISO base media kind, which wrap JPEG 2000 (T.800 Annex I) and JPEG XL (18181-2)."""

from collections.abc import Iterator

from dicube.exceptions import CodecError

_HEADER_BYTES = 8
_LONG_HEADER_BYTES = 16


def walk_boxes(data: memoryview) -> Iterator[tuple[bytes, memoryview]]:
    """Yield type and payload of each top-level box.

    Parameters
    ----------
    data : (n,) bytes
        Starts with a box. Fewer than eight bytes at the end are taken for padding.

    Raises
    ------
    CodecError
        A box is shorter than its header or longer than the data.
    """
    position = 0
    while position + _HEADER_BYTES <= data.nbytes:
        size = int.from_bytes(data[position : position + 4], "big")
        kind = bytes(data[position + 4 : position + 8])
        header = _HEADER_BYTES
        if size == 1:  # the size does not fit 32 bits and follows the type
            size = int.from_bytes(data[position + 8 : position + 16], "big")
            header = _LONG_HEADER_BYTES
        elif size == 0:  # the box lasts to the end of the file
            size = data.nbytes - position
        if size < header or position + size > data.nbytes:
            raise CodecError(
                f"the box {kind!r} at byte {position} has {size} bytes, "
                f"{data.nbytes - position} are left",
                hint="the file is cut short; copy or export it again",
            )
        yield kind, data[position + header : position + size]
        position += size
