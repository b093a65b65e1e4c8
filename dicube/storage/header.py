"""The fixed header at the start of every cube file (docs/format.md, section 2)."""

import struct
from enum import Enum
from typing import NamedTuple

from dicube.exceptions import InvalidCubeFileError

_LAYOUT = struct.Struct("<8sI13Q")  # magic, version, six (offset, length) pairs, frame count
HEADER_LENGTH_BYTES = _LAYOUT.size
VERSION = 1


class Section(Enum):
    """The six sections the header points at, in the order of their fields there."""

    STATUS = "status"
    META = "meta"
    SPACE = "space"
    PIXEL_HEADER = "pixel header"
    FRAME_OFFSETS = "frame offsets"
    FRAME_LENGTHS = "frame lengths"


class Extent(NamedTuple):
    """A run of bytes in the file."""

    offset: int
    length: int

    @property
    def end(self) -> int:
        return self.offset + self.length


class Header(NamedTuple):
    """The decoded header; extents are not yet checked against the file."""

    magic: bytes
    version: int
    extents: dict[Section, Extent]
    frame_count: int


def parse_header(data: bytes, *, where: str) -> Header:
    """Decode the first 116 bytes of a cube file.

    Raises
    ------
    InvalidCubeFileError
        The data is shorter than the header.
    """
    if len(data) < _LAYOUT.size:
        raise InvalidCubeFileError(
            f"the header takes {_LAYOUT.size} bytes, the file has {len(data)}",
            where=where,
            hint="the file is cut short or is no cube file; copy or export it again",
        )
    magic, version, *numbers, frame_count = _LAYOUT.unpack_from(data)
    extents = map(Extent, numbers[::2], numbers[1::2])
    return Header(magic, version, dict(zip(Section, extents, strict=True)), frame_count)


def pack_header(header: Header) -> bytes:
    """Encode a header; the inverse of `parse_header`."""
    numbers = [number for section in Section for number in header.extents[section]]
    return _LAYOUT.pack(header.magic, header.version, *numbers, header.frame_count)
