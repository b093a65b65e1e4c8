"""Reading a cube file: the header and tables at once, everything else when asked for.

Nothing in the file is believed before it was checked: extents against the length of the file,
sections and frames against their checksums where the file has them.
"""

import json
import os
from collections.abc import Iterator, Sequence
from typing import Any, overload

import numpy as np
import numpy.typing as npt

from dicube.closing import Closing
from dicube.exceptions import InvalidCubeFileError
from dicube.storage.byte_source import BytesInMemory, ByteSource, LocalFile
from dicube.storage.checksums import checksum, parse_block
from dicube.storage.directory import Directory, parse_directory
from dicube.storage.formats import FileFormat, format_of_magic
from dicube.storage.frame_index import FrameIndex, parse_frame_index
from dicube.storage.header import (
    HEADER_LENGTH_BYTES,
    VERSION,
    Extent,
    Header,
    Section,
    parse_header,
)
from dicube.storage.remote import RemoteFile, is_url
from dicube.storage.writer import FRAME_CHECKSUMS

PathLike = str | os.PathLike[str]

_DAMAGED = "the file is damaged; restore it from a copy"


class DcbFile(Closing):
    """One open cube file, of this machine, behind a URL, or in memory.

    Opening reads the header, the PixelDataHeader and the frame tables. Safe to share between
    threads: every read names its position. Use as a context manager, or call `close`.

    Attributes
    ----------
    name : str
        The path or URL.
    file_format : FileFormat
    pixel_header : dict
        The PixelDataHeader section as a JSON object, the directory included.
    identity : str
        Tells the file from others, and from itself after it was written again.
    frames : Frames
        The codestreams; `frames[3]`, `frames[-1]` and `frames[2:5]` read only what they name.
    """

    def __init__(self, path: PathLike | BytesInMemory) -> None:
        self._source: ByteSource = _source_of(path)
        self.name = self._source.name
        try:
            self._open()
        except BaseException:
            self.close()
            raise

    def _open(self) -> None:
        where = self.name
        self._length = self._source.length
        first = Extent(0, min(HEADER_LENGTH_BYTES, self._length))
        self._header_bytes = self._read(first)
        self.header: Header = parse_header(self._header_bytes, where=where)
        self.file_format: FileFormat = format_of_magic(self.header.magic, where=where)
        if self.header.version != VERSION:
            raise InvalidCubeFileError(
                f"the file is of version {self.header.version}, this version reads {VERSION}",
                where=where,
                hint="upgrade dicube, or restore the file if it should be readable",
            )
        for section, extent in self.header.extents.items():
            self._check_inside(section.value, extent)
        header_bytes = self._read(self._extent(Section.PIXEL_HEADER))
        self.identity = f"{self._length}:{checksum(header_bytes):016x}"
        self.pixel_header = self._parse_pixel_header(header_bytes)
        self.directory: Directory | None = parse_directory(self.pixel_header, where=where)
        self._checksums = self._read_checksums()
        # What was read before the checksums were known is checked now.
        self._check(Section.PIXEL_HEADER.value, header_bytes)
        self._check("header", self._header_bytes)
        self._index = parse_frame_index(
            self.section(Section.FRAME_OFFSETS),
            self.section(Section.FRAME_LENGTHS),
            frame_count=self.header.frame_count,
            file_length=self._length,
            where=where,
        )
        self.frames = Frames(self, self._index, self._read_frame_checksums())

    def section(self, section: Section) -> bytes:
        """The bytes of one of the six sections, checked against its checksum.

        Raises
        ------
        InvalidCubeFileError
            The checksum does not match, or the file cannot be read.
        """
        data = self._read(self._extent(section))
        self._check(section.value, data)
        return data

    def has_section(self, name: str) -> bool:
        """Whether the directory lists an additional section of this name."""
        return self.directory is not None and name in self.directory.sections

    def named_section(self, name: str) -> bytes:
        """The bytes of an additional section; `KeyError` where the file has none of that name."""
        if self.directory is None:
            raise KeyError(name)
        data = self._read(self.directory.sections[name])
        self._check(name, data)
        return data

    @property
    def length(self) -> int:
        """Bytes of the whole file."""
        return self._length

    @property
    def has_checksums(self) -> bool:
        """False for files of the published tool."""
        return self.directory is not None

    def extents(self) -> Iterator[tuple[str, Extent]]:
        """Name and extent of every part of the file, the header and each frame included."""
        yield "header", Extent(0, HEADER_LENGTH_BYTES)
        for section, extent in self.header.extents.items():
            yield section.value, extent
        if self.directory is not None:
            yield from self.directory.sections.items()
            yield "checksum block", self.directory.checksums
        for number, extent in enumerate(self._index):
            yield f"frame {number}", extent

    def close(self) -> None:
        """Give the file back to the system; further reads raise InvalidCubeFileError."""
        self._source.close()

    def _extent(self, section: Section) -> Extent:
        return self.header.extents[section]

    def _check_inside(self, name: str, extent: Extent) -> None:
        if extent.end > self._length:
            raise InvalidCubeFileError(
                f"{name} ends at byte {extent.end}, the file has {self._length}",
                where=self.name,
                hint="the file is cut short or damaged; restore it from a copy",
            )

    def _read(self, extent: Extent) -> bytes:
        """The bytes of an extent that was checked to lie inside the file."""
        return bytes(self._source.read([extent])[0])

    def _parse_pixel_header(self, data: bytes) -> dict[str, Any]:
        try:
            parsed = json.loads(data)
        except (ValueError, RecursionError) as error:
            raise InvalidCubeFileError(
                "the PixelDataHeader is not JSON", where=self.name, hint=_DAMAGED
            ) from error
        if not isinstance(parsed, dict):
            raise InvalidCubeFileError(
                "the PixelDataHeader is not a JSON object", where=self.name, hint=_DAMAGED
            )
        return parsed

    def _read_checksums(self) -> dict[str, int]:
        """Checksum of each part by name; empty for files that have none."""
        if self.directory is None:
            return {}
        for name, extent in self.directory.sections.items():
            self._check_inside(name, extent)
        self._check_inside("checksum block", self.directory.checksums)
        names = ["header", *(section.value for section in Section), *self.directory.sections]
        data = self._read(self.directory.checksums)
        values = parse_block(data, count=len(names), where=self.name)
        return dict(zip(names, values, strict=True))

    def _check(self, name: str, data: bytes) -> None:
        expected = self._checksums.get(name)
        if expected is not None and checksum(data) != expected:
            raise InvalidCubeFileError(f"{name} fails its checksum", where=self.name, hint=_DAMAGED)

    def _read_frame_checksums(self) -> npt.NDArray[np.uint64] | None:
        if not self.has_section(FRAME_CHECKSUMS):
            return None
        data = self.named_section(FRAME_CHECKSUMS)
        if len(data) != 8 * self.header.frame_count:
            raise InvalidCubeFileError(
                "there is not one checksum for each frame", where=self.name, hint=_DAMAGED
            )
        return np.frombuffer(data, dtype="<u8")


def _source_of(path: PathLike | BytesInMemory) -> ByteSource:
    if isinstance(path, BytesInMemory):
        return path
    return RemoteFile(str(path)) if is_url(path) else LocalFile(path)


class Frames(Sequence[memoryview]):
    """The codestreams of a file, read and checked when they are asked for."""

    def __init__(
        self, file: DcbFile, index: FrameIndex, checksums: npt.NDArray[np.uint64] | None
    ) -> None:
        self._file = file
        self._index = index
        self._checksums = checksums

    def __len__(self) -> int:
        return len(self._index)

    @overload
    def __getitem__(self, index: int) -> memoryview: ...

    @overload
    def __getitem__(self, index: slice) -> list[memoryview]: ...

    def __getitem__(self, index: int | slice) -> memoryview | list[memoryview]:
        """One codestream, or those of a slice.

        Raises
        ------
        IndexError
            There is no such frame.
        InvalidCubeFileError
            The frame fails its checksum.
        """
        if isinstance(index, slice):
            return self.take(range(len(self))[index])
        number = range(len(self))[index]
        return self.take([number])[0]

    def take(self, numbers: Sequence[int]) -> list[memoryview]:
        """The codestreams of these frames; neighbours in the file are read in one go.

        Raises
        ------
        IndexError
            There is no such frame.
        InvalidCubeFileError
            A frame fails its checksum.
        """
        extents = [self._index[number] for number in numbers]
        found = self._file._source.read(extents) if extents else []
        return [self._checked(number, data) for number, data in zip(numbers, found, strict=True)]

    def _checked(self, number: int, codestream: memoryview) -> memoryview:
        if self._checksums is not None and checksum(codestream) != int(self._checksums[number]):
            raise InvalidCubeFileError(
                f"frame {number} fails its checksum", where=self._file.name, hint=_DAMAGED
            )
        return codestream
