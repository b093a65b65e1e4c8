"""Checksums of every section and every frame: XXH3, 64 bits (docs/format.md, section 5).

The block holds one checksum for each part of the file in a fixed order and, last, one of itself.
It detects damage; it is no protection against someone who forges a file on purpose.
"""

import struct
from collections.abc import Iterable, Sequence

import numpy as np
import xxhash

from dicube.exceptions import InvalidCubeFileError

_PREFIX = struct.Struct("<8sQ")  # magic, number of checksums that follow, the block's own excluded
_MAGIC = b"DCBXXH3\x00"
_ITEM_BYTES = 8

Buffer = bytes | bytearray | memoryview


def checksum(data: Buffer) -> int:
    """XXH3-64 with seed 0."""
    return xxhash.xxh3_64_intdigest(data)


def frame_checksums(frames: Iterable[Buffer]) -> bytes:
    """The frame checksum section: one little-endian 64-bit checksum for each frame."""
    return np.fromiter(map(checksum, frames), dtype="<u8").tobytes()


def block_length(count: int) -> int:
    """Bytes of a block with `count` checksums."""
    return _PREFIX.size + _ITEM_BYTES * (count + 1)


def pack_block(checksums: Sequence[int]) -> bytes:
    """Encode the block, its own checksum appended."""
    body = _PREFIX.pack(_MAGIC, len(checksums)) + struct.pack(f"<{len(checksums)}Q", *checksums)
    return body + struct.pack("<Q", checksum(body))


def parse_block(data: bytes, *, count: int, where: str) -> list[int]:
    """Decode a block that must hold `count` checksums.

    Raises
    ------
    InvalidCubeFileError
        Wrong size, wrong magic, or the block fails its own checksum.
    """
    intact = (
        len(data) == block_length(count)
        and _PREFIX.unpack_from(data) == (_MAGIC, count)
        and checksum(data[:-_ITEM_BYTES]) == int.from_bytes(data[-_ITEM_BYTES:], "little")
    )
    if not intact:
        raise InvalidCubeFileError(
            "the checksum block is damaged", where=where, hint="restore the file from a copy"
        )
    return list(struct.unpack_from(f"<{count}Q", data, _PREFIX.size))
