"""Where the bytes of a cube file come from: this machine, one that is far away, or memory."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from dicube.exceptions import InvalidCubeFileError
from dicube.storage.header import Extent

PathLike = str | os.PathLike[str]


class ByteSource(Protocol):
    """Bytes of one file. Safe to share between threads.

    Attributes
    ----------
    name : str
        The path or URL, for messages and to open it again.
    length : int
        Bytes of the whole file.
    """

    name: str
    length: int

    def read(self, extents: Sequence[Extent]) -> list[memoryview]:
        """The bytes of extents that lie inside the file, in their order.

        Raises
        ------
        InvalidCubeFileError
            They cannot be read, or not all of them come.
        """

    def close(self) -> None:
        """Give the file back; further reads raise InvalidCubeFileError."""


class LocalFile:
    """A file of this machine; every read names its position."""

    # Reading some bytes that nobody wants is cheaper than another system call.
    _GAP = 1 << 14

    def __init__(self, path: PathLike) -> None:
        self.name = str(path)
        self._path = Path(path)
        try:
            self._descriptor = os.open(self._path, os.O_RDONLY | getattr(os, "O_BINARY", 0))
        except OSError as error:
            raise InvalidCubeFileError(
                f"cannot be opened: {error.strerror}", where=self.name, hint="check the path"
            ) from error
        try:
            self.length = os.fstat(self._descriptor).st_size
        except OSError as error:
            raise self._failure(error) from error

    def read(self, extents: Sequence[Extent]) -> list[memoryview]:
        """See `ByteSource`."""
        return read_together(extents, self._GAP, lambda hulls: [self._read(h) for h in hulls])

    def close(self) -> None:
        """See `ByteSource`."""
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)

    def _read(self, extent: Extent) -> bytes:
        try:
            # One system call returns at most 2 GiB on Linux, so a large extent takes several.
            parts, position = [], extent.offset
            while position < extent.end:
                part = os.pread(self._descriptor, extent.end - position, position)
                if not part:
                    break
                parts.append(part)
                position += len(part)
        except OSError as error:
            raise self._failure(error) from error
        data = parts[0] if len(parts) == 1 else b"".join(parts)
        if len(data) != extent.length:
            raise InvalidCubeFileError("the file became shorter while it was read", where=self.name)
        return data

    def _failure(self, error: OSError) -> InvalidCubeFileError:
        return InvalidCubeFileError(f"cannot be read: {error.strerror}", where=self.name)


class BytesInMemory:
    """A file that somebody else has read, such as one inside of another file."""

    def __init__(self, data: bytes, *, name: str) -> None:
        self.name = name
        self.length = len(data)
        self._data = memoryview(data)

    def read(self, extents: Sequence[Extent]) -> list[memoryview]:
        """See `ByteSource`."""
        return [self._data[extent.offset : extent.end] for extent in extents]

    def close(self) -> None:
        """See `ByteSource`; there is nothing to give back."""


class ReadHulls(Protocol):
    """Reads runs of bytes that lie apart."""

    def __call__(self, hulls: Sequence[Extent], /) -> Sequence[bytes]: ...


def read_together(extents: Sequence[Extent], gap: int, read: ReadHulls) -> list[memoryview]:
    """The bytes of extents, those no more than `gap` apart read in one go."""
    order = sorted(range(len(extents)), key=lambda number: extents[number].offset)
    hulls: list[Extent] = []
    members: list[list[int]] = []
    for number in order:
        extent = extents[number]
        if hulls and extent.offset <= hulls[-1].end + gap:
            start = hulls[-1].offset
            hulls[-1] = Extent(start, max(hulls[-1].end, extent.end) - start)
            members[-1].append(number)
        else:
            hulls.append(extent)
            members.append([number])
    found = [memoryview(b"")] * len(extents)
    for hull, data, numbers in zip(hulls, read(hulls), members, strict=True):
        view = memoryview(data)
        for number in numbers:
            start = extents[number].offset - hull.offset
            found[number] = view[start : start + extents[number].length]
    return found
