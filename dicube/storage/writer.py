"""Writing a cube file: frames as they come, then the sections, then the header.

Order in the file: header, frames, sections, frame tables, checksum block, PixelDataHeader. The
frames come first because their number and size need not be known before they are encoded; the
PixelDataHeader comes last because it holds the directory of everything before it.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from dicube.exceptions import InvalidCubeFileError
from dicube.storage.atomic import replacing
from dicube.storage.checksums import Buffer, block_length, checksum, frame_checksums, pack_block
from dicube.storage.directory import DIRECTORY_KEY, Directory
from dicube.storage.formats import FileFormat
from dicube.storage.frame_index import pack_frame_index
from dicube.storage.header import HEADER_LENGTH_BYTES, VERSION, Extent, Header, Section, pack_header

FRAME_CHECKSUMS = "FrameChecksums"


@dataclass
class CubeWriter:
    """Collects frames and sections of one file; made by `writing` or `begin`."""

    _file: BinaryIO
    _format: FileFormat
    _frames: list[Extent] = field(default_factory=list)
    _frame_checksums: list[bytes] = field(default_factory=list)

    @classmethod
    def begin(cls, file: BinaryIO, file_format: FileFormat) -> "CubeWriter":
        """Start a file, which must be empty."""
        file.write(bytes(HEADER_LENGTH_BYTES))
        return cls(file, file_format)

    def append_frames(self, codestreams: Iterable[Buffer]) -> None:
        """Write the next codestreams, in frame order."""
        for codestream in codestreams:
            self._frames.append(self._append(codestream))
            self._frame_checksums.append(frame_checksums([codestream]))

    def finish(
        self,
        *,
        status: bytes,
        meta: bytes,
        space: bytes,
        pixel_header: Mapping[str, Any],
        sections: Mapping[str, bytes],
    ) -> None:
        """Write the sections, tables and header after the last frame.

        `pixel_header` is the PixelDataHeader as a JSON object; the directory is added to it.
        `sections` are further named byte strings, which an old reader never sees.

        Raises
        ------
        InvalidCubeFileError
            The PixelDataHeader holds something that JSON does not, such as NaN.
        """
        extents: dict[Section, Extent] = {}
        sums: dict[Section, int] = {}

        def append(section: Section, data: bytes) -> None:
            extents[section] = self._append(data)
            sums[section] = checksum(data)

        append(Section.STATUS, status)
        append(Section.META, meta)
        append(Section.SPACE, space)
        named = {**sections, FRAME_CHECKSUMS: b"".join(self._frame_checksums)}
        directory = Directory(
            sections={name: self._append(data) for name, data in named.items()},
            checksums=Extent(0, 0),
        )
        offsets, lengths = pack_frame_index(self._frames)
        append(Section.FRAME_OFFSETS, offsets)
        append(Section.FRAME_LENGTHS, lengths)
        # The block covers the PixelDataHeader, which says where the block is: reserve, fill later.
        block = self._append(bytes(block_length(1 + len(Section) + len(named))))
        directory = Directory(checksums=block, sections=directory.sections)
        members = {**pixel_header, DIRECTORY_KEY: directory.to_json()}
        append(Section.PIXEL_HEADER, _json_bytes(members))

        header = pack_header(Header(self._format.magic, VERSION, extents, len(self._frames)))
        parts = [checksum(header), *(sums[section] for section in Section)]
        parts += [checksum(data) for data in named.values()]
        self._file.seek(block.offset)
        self._file.write(pack_block(parts))
        self._file.seek(0)
        self._file.write(header)

    def _append(self, data: Buffer) -> Extent:
        offset = self._file.tell()
        self._file.write(data)
        return Extent(offset, len(data))


def _json_bytes(members: Mapping[str, Any]) -> bytes:
    try:
        return json.dumps(members, allow_nan=False).encode()
    except (TypeError, ValueError) as error:
        raise InvalidCubeFileError(
            f"the PixelDataHeader cannot be written as JSON: {error}",
            hint="give plain numbers, texts, lists and dictionaries",
        ) from error


@contextmanager
def writing(path: Path, file_format: FileFormat) -> Iterator[CubeWriter]:
    """Write a cube file at `path`; it appears, whole, when the block ends without an error.

    An existing file is replaced in one step. `CubeWriter.finish` must be called in the block.
    """
    with replacing(path) as file:
        yield CubeWriter.begin(file, file_format)
