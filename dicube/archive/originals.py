"""The source files that a file of an archive holds, be it a cube or a zip file."""

import lzma
import struct
import zipfile
import zlib
from abc import abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import IO, Final, NamedTuple

from dicube.closing import Closing
from dicube.core.cube_file import read_cube
from dicube.core.rebuilding import CubeSources
from dicube.dicom.export import MakeFile, files_from_meta
from dicube.dicom.source_files import SourceFile
from dicube.exceptions import DicomCubeError, InvalidCubeFileError, MetaDataError

_CHUNK_BYTES: Final = 1 << 20
# What zipfile raises for files that are damaged or forged.
_ZIP_ERRORS: Final = (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    struct.error,
    EOFError,
    NotImplementedError,
    RuntimeError,
    OSError,
    ValueError,
)


class Original(NamedTuple):
    """A source file as it is held.

    Attributes
    ----------
    name : str
    length_bytes : int
    digest : str
        XXH3-128 of the source file, hexadecimal; "" where nothing is recorded beside it.
    is_exact : bool
        False for files that were compressed: they come back with equal values.
    is_derived : bool
        Whether an image derived from the source file is all that is held.
    """

    name: str
    length_bytes: int
    digest: str
    is_exact: bool
    is_derived: bool = False


class Contents(NamedTuple):
    """The bytes of a file; iterating over them raises DicomCubeError for what is damaged."""

    number: int
    chunks: Callable[[], Iterable[bytes]]


class Originals(Closing):
    """The source files in a file of an archive; their numbers count in `listed`."""

    listed: list[Original]

    @abstractmethod
    def contents(self, numbers: Sequence[int]) -> Iterator[Contents]:
        """What files hold, by their numbers and in that order."""


def open_originals(path: Path, content: str) -> Originals:
    """What a "cube", a "region" cube (.dcbr), or a zip file with "files", holds.

    Raises
    ------
    InvalidCubeFileError, CodecError
        It is damaged.
    DataConsistencyError
        The cube does not hold its source files.
    """
    kinds: dict[str, Callable[[Path], Originals]] = {
        "cube": _OfCube,
        "region": _OfRegionCube,
        "files": _OfZip,
    }
    return kinds[content](path)


class _OfCube(Originals):
    def __init__(self, path: Path) -> None:
        self._cube = CubeSources(path)
        self.listed = list(map(_original, self._cube.files))

    def contents(self, numbers: Sequence[int]) -> Iterator[Contents]:
        for number, make in self._cube.rebuilt(numbers):
            yield Contents(number, partial(_at_once, make))

    def close(self) -> None:
        self._cube.close()


class _OfRegionCube(Originals):
    """The DICOM files that `dicube export` makes of a .dcbr file, one for each source file.

    All of it is in memory, as it was when it was written.
    """

    def __init__(self, path: Path) -> None:
        contents = read_cube(path)
        if contents.meta is None:
            raise MetaDataError("the cube file has no DICOM metadata", where=str(path))
        order = contents.file_order
        frames = contents.frames if order is None else contents.frames[order]
        self._makes = list(files_from_meta(contents.meta.value, frames, None, None))
        length = frames.nbytes // max(1, len(self._makes))
        self.listed = [Original("", length, "", is_exact=False, is_derived=True)] * len(self._makes)

    def contents(self, numbers: Sequence[int]) -> Iterator[Contents]:
        for number in numbers:
            yield Contents(number, partial(_at_once, self._makes[number]))

    def close(self) -> None:
        self._makes.clear()


class _OfZip(Originals):
    def __init__(self, path: Path) -> None:
        self._where = str(path)
        try:
            self._zip = zipfile.ZipFile(path)
        except _ZIP_ERRORS as error:
            raise self._failure("the zip file", error) from error
        self._members = self._zip.infolist()
        self.listed = [
            Original(member.filename, member.file_size, "", is_exact=True)
            for member in self._members
        ]

    def contents(self, numbers: Sequence[int]) -> Iterator[Contents]:
        for number in numbers:
            yield Contents(number, partial(self._chunks, self._members[number]))

    def close(self) -> None:
        self._zip.close()

    def _chunks(self, member: zipfile.ZipInfo) -> Iterator[bytes]:
        # Only reading is guarded: what the caller does with a chunk fails in its own way.
        try:
            file: IO[bytes] = self._zip.open(member)
        except _ZIP_ERRORS as error:
            raise self._failure(member.filename, error) from error
        with file:
            while True:
                try:
                    chunk = file.read(_CHUNK_BYTES)
                except _ZIP_ERRORS as error:
                    raise self._failure(member.filename, error) from error
                if not chunk:
                    return
                yield chunk

    def _failure(self, what: str, error: BaseException) -> DicomCubeError:
        return InvalidCubeFileError(
            f"{what} is damaged: {type(error).__name__}",
            where=self._where,
            hint="restore it from a copy",
        )


def _original(source: SourceFile) -> Original:
    length = len(source.head) + source.layout.native_length + len(source.tail)
    return Original(source.name, length, source.digest, source.exact)


def _at_once(make: MakeFile) -> list[bytes]:
    return [make()]
