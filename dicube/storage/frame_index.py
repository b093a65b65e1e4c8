"""Where each frame's codestream lies in the file."""

from collections.abc import Iterator, Sequence
from typing import overload

import numpy as np
import numpy.typing as npt

from dicube.exceptions import InvalidCubeFileError
from dicube.storage.header import HEADER_LENGTH_BYTES, Extent

_ENTRY_BYTES = 8


class FrameIndex(Sequence[Extent]):
    """Extents of the codestreams in frame order, each checked to lie inside the file."""

    def __init__(self, offsets: npt.NDArray[np.uint64], lengths: npt.NDArray[np.uint64]) -> None:
        self.offsets = offsets.astype(np.int64)
        self.lengths = lengths.astype(np.int64)

    def __len__(self) -> int:
        return len(self.offsets)

    @overload
    def __getitem__(self, index: int) -> Extent: ...

    @overload
    def __getitem__(self, index: slice) -> list[Extent]: ...

    def __getitem__(self, index: int | slice) -> Extent | list[Extent]:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        return Extent(int(self.offsets[index]), int(self.lengths[index]))

    def __iter__(self) -> Iterator[Extent]:
        return map(Extent, self.offsets.tolist(), self.lengths.tolist())


def table_length(frame_count: int) -> int:
    """Bytes of the offset table, and of the length table."""
    return _ENTRY_BYTES * frame_count


def parse_frame_index(
    offsets: bytes, lengths: bytes, *, frame_count: int, file_length: int, where: str
) -> FrameIndex:
    """Decode the two tables of little-endian 64-bit numbers.

    Raises
    ------
    InvalidCubeFileError
        A table does not hold one entry for each frame, or a frame lies outside the file.
    """
    if not len(offsets) == len(lengths) == table_length(frame_count):
        raise InvalidCubeFileError(
            f"the tables of {frame_count} frames are {len(offsets)} and {len(lengths)} bytes long,"
            f" each must be {table_length(frame_count)}",
            where=where,
            hint="the file is damaged",
        )
    starts = np.frombuffer(offsets, dtype="<u8")
    sizes = np.frombuffer(lengths, dtype="<u8")
    # Unsigned: sizes <= file_length first, so that the subtraction cannot wrap.
    outside = ((sizes > file_length) | (starts > file_length) | (starts > file_length - sizes)) | (
        starts < HEADER_LENGTH_BYTES
    )
    if outside.any():
        raise InvalidCubeFileError(
            f"frame {int(np.argmax(outside))} lies outside the file of {file_length} bytes",
            where=where,
            hint="the file is cut short or damaged",
        )
    # Frames that share bytes would let a small file ask for any amount of work.
    if sum(sizes.tolist()) > file_length:
        raise InvalidCubeFileError(
            "the frames overlap: together they are longer than the file",
            where=where,
            hint="the file is damaged",
        )
    return FrameIndex(starts, sizes)


def pack_frame_index(extents: Sequence[Extent]) -> tuple[bytes, bytes]:
    """Encode the offset table and the length table."""
    table = np.array(extents, dtype="<u8").reshape(-1, 2)
    return table[:, 0].tobytes(), table[:, 1].tobytes()
