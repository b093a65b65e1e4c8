"""Zip and tar files: which files are some, and their members, one after the other.

What is read from them comes from strangers. A container is taken apart only if its members tell
all of it and can be put into folders: otherwise there is a ContainerError, and its bytes are what
can be kept. Containers in containers are members like others.
"""

import bz2
import calendar
import gzip
import io
import lzma
import stat
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import IO, Any, BinaryIO, Final, Self, cast

import zstandard

from dicube.archive.sources.errors import ContainerError
from dicube.archive.sources.listed import ListedFile
from dicube.archive.work import ContainerKind
from dicube.storage.safe_names import name_problem

START_BYTES: Final = 512  # of a file tell what it is

_CHUNK_BYTES: Final = 1 << 20
_MOST_NAME_BYTES: Final = 2048  # of a path in a container; Linux ends at 4096 with the folder
_MOST_HEADER_BYTES: Final = 1 << 20  # before a member of a tar file: long names and the like
# What unpacks to more than both of these is no archive of images.
_MOST_RATIO: Final = 200
_SMALL_BYTES: Final = 1 << 30
_LAST_TIME_NS: Final = (1 << 63) - 1

_ZIP_SUFFIX: Final = ".zip"
_TAR_SUFFIXES: Final = (".tar", ".tgz", ".tar.gz", ".tar.bz2", ".tar.xz", ".tar.zst")
_ZIP_STARTS: Final = (b"PK\x03\x04", b"PK\x05\x06")
_DECODERS: Final[Mapping[bytes, Callable[[BinaryIO], IO[bytes]]]] = {
    b"\x1f\x8b": lambda file: cast(IO[bytes], gzip.GzipFile(fileobj=file)),
    b"BZh": lambda file: cast(IO[bytes], bz2.BZ2File(file)),
    b"\xfd7zXZ\x00": lambda file: cast(IO[bytes], lzma.LZMAFile(file)),  # noqa: SIM115
    b"\x28\xb5\x2f\xfd": lambda file: cast(
        IO[bytes], zstandard.ZstdDecompressor().stream_reader(file, read_across_frames=True)
    ),
}
# What damage makes the readers raise. OSError is what bz2 and gzip raise: a file that cannot be
# read raises SourceError (`dicube.archive.sources.reading`).
_DAMAGE: Final = (
    zipfile.BadZipFile,
    tarfile.TarError,
    zlib.error,
    lzma.LZMAError,
    zstandard.ZstdError,
    struct.error,
    EOFError,
    OSError,
    ValueError,
    ArithmeticError,
    LookupError,
    RuntimeError,  # NotImplementedError among them: an unusual way of packing
)

Members = Iterator[tuple[ListedFile, Iterator[bytes]]]


def kind_of_suffix(name: str) -> ContainerKind | None:
    """What a file may be, by its name."""
    lower = name.lower()
    if lower.endswith(_ZIP_SUFFIX):
        return "zip"
    return "tar" if lower.endswith(_TAR_SUFFIXES) else None


def container_kind(name: str, start: bytes) -> ContainerKind | None:
    """What a file is, by its name and its first bytes (`START_BYTES` of them, or all).

    How a tar file is compressed is told by its bytes alone.
    """
    kind = kind_of_suffix(name)
    if kind == "zip":
        return kind if start.startswith(_ZIP_STARTS) else None
    if kind == "tar" and (start.startswith(tuple(_DECODERS)) or _is_tar(start)):
        return kind
    return None


def read_members(
    kind: ContainerKind,
    file: io.BufferedReader,
    length_bytes: int,
    *,
    where: str,
    wanted: Collection[str] | None = None,
) -> Members:
    """The members of a container, in one pass.

    Parameters
    ----------
    kind : "zip" or "tar"
    file : binary file
        At its start; seekable, but for tar files that are compressed.
    length_bytes : int
        Of the container.
    where : str
        For messages.
    wanted : collection of str, optional
        Only these are given; those that do not exist are left out. Then what is not needed to read
        them is not checked.

    Yields
    ------
    ListedFile
        Safe to be put into folders: see `dicube.storage.safe_names`.
    iterator of bytes
        Its content in pieces, to be taken before the next member is asked for.

    Raises
    ------
    ContainerError
        It is damaged, cut short, encrypted, no container at all; has links, devices, names that are
        not safe or not unique, something before or after its members, or none; or it unpacks to
        far more than it holds.
    """
    reader = _zip_members if kind == "zip" else _tar_members
    is_empty = True
    with _translated(where):
        for member in reader(file, length_bytes, wanted, where):
            is_empty = False
            yield member
    if is_empty and wanted is None:
        raise _refused("it has no files", where)


@contextmanager
def _translated(where: str) -> Iterator[None]:
    try:
        yield
    except _DAMAGE as error:
        raise _refused(f"it is damaged, or packed in an unusual way: {error}", where) from error


def _refused(reason: str, where: str) -> ContainerError:
    return ContainerError(reason, where=where, hint="it can be kept as it is, or packed again")


def _pieces(content: IO[bytes], length_bytes: int, where: str) -> Iterator[bytes]:
    """A member to its end, where readers compare checksums."""
    left = length_bytes
    with _translated(where), content:
        while piece := content.read(_CHUNK_BYTES):
            left -= len(piece)
            if left < 0:
                break
            yield piece
        if left:
            raise EOFError("a member has another length than it says")


class _Checks:
    """What has to hold for all members together."""

    def __init__(self, packed_bytes: int, where: str) -> None:
        self._most_bytes = max(_SMALL_BYTES, _MOST_RATIO * packed_bytes)
        self._where = where
        self._files: set[str] = set()
        self._folders: set[str] = set()
        self._unpacked_bytes = 0

    def checked_name(self, name: str, length_bytes: int) -> str:
        """The name of one more member, without "./" at its start."""
        while name.startswith("./"):
            name = name[2:]
        problem = name_problem(name)
        if problem is None and len(name.encode()) > _MOST_NAME_BYTES:
            problem = "a name is too long"
        if problem is None and not self._is_new(name):
            problem = "a name is there twice, or that of a folder, too"
        self._unpacked_bytes += length_bytes
        if self._unpacked_bytes > self._most_bytes:
            problem = "it unpacks to far more than it holds"
        if problem is not None:
            raise _refused(problem, self._where)
        return name

    def _is_new(self, name: str) -> bool:
        if name in self._files or name in self._folders:
            return False
        self._files.add(name)
        folder = name.rpartition("/")[0]
        while folder and folder not in self._folders:
            if folder in self._files:
                return False
            self._folders.add(folder)
            folder = folder.rpartition("/")[0]
        return True


def _zip_members(
    file: io.BufferedReader, length_bytes: int, wanted: Collection[str] | None, where: str
) -> Members:
    with zipfile.ZipFile(file) as opened:
        for listed, member in _checked_zip(opened.infolist(), length_bytes, where):
            if wanted is None or listed.name in wanted:
                yield listed, _pieces(opened.open(member), listed.length_bytes, where)


def _checked_zip(
    members: Iterable[zipfile.ZipInfo], packed_bytes: int, where: str
) -> list[tuple[ListedFile, zipfile.ZipInfo]]:
    checks = _Checks(packed_bytes, where)
    found = []
    first_offset = None
    for member in members:
        if first_offset is None or member.header_offset < first_offset:
            first_offset = member.header_offset
        if member.flag_bits & 1:
            raise _refused("it is encrypted", where)
        mode = stat.S_IFMT(member.external_attr >> 16)
        if member.is_dir() and not member.file_size:
            continue
        if mode not in (0, stat.S_IFREG):
            raise _refused("it has links or other things that are no files", where)
        # zipfile ends a name at a NUL
        name = checks.checked_name(member.orig_filename, member.file_size)
        found.append((ListedFile(name, member.file_size, _zip_time(member)), member))
    if first_offset:
        raise _refused("there is something before its first member", where)
    return found


def _zip_time(member: zipfile.ZipInfo) -> int:
    """The date of a member as if it were UTC: zip files do not say which zone they mean."""
    try:
        return calendar.timegm((*member.date_time, 0, 0, 0)) * 10**9
    except ValueError:  # no such month
        return 0


def _is_tar(start: bytes) -> bool:
    try:
        tarfile.TarInfo.frombuf(start[:512], "utf-8", "surrogateescape")
    except (tarfile.HeaderError, ValueError):
        return False
    return True


class _TarMember(tarfile.TarInfo):
    """A header of a tar file. Damaged ones are errors: tarfile takes them for the end."""

    @classmethod
    def fromtarfile(cls, tarfile_: tarfile.TarFile, /) -> Self:
        try:
            return super().fromtarfile(tarfile_)
        except tarfile.HeaderError as error:
            if isinstance(error, tarfile.EOFHeaderError):  # type: ignore[attr-defined]
                raise
            raise tarfile.ReadError(str(error)) from error


class _Unpacked:
    """The bytes of a tar file; what comes at a time while headers are read is bounded."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.header_bytes_left: int | None = _MOST_HEADER_BYTES
        self.seek = file.seek
        self.tell = file.tell

    def read(self, length: int) -> bytes:
        if self.header_bytes_left is not None:
            self.header_bytes_left -= length
            if self.header_bytes_left < 0:
                raise tarfile.ReadError("a header is too long")
        return self._file.read(length)


def _tar_members(
    file: io.BufferedReader, length_bytes: int, wanted: Collection[str] | None, where: str
) -> Members:
    start = file.peek(START_BYTES)
    decoder = next((_DECODERS[magic] for magic in _DECODERS if start.startswith(magic)), None)
    unpacked = _Unpacked(file if decoder is None else decoder(file))
    # Without compression there is no checksum either: then what nobody wants is not read.
    can_skip = decoder is None and file.seekable()
    opened = tarfile.open(  # noqa: SIM115  # it holds nothing but the file of the caller
        fileobj=cast(Any, unpacked),
        mode="r:" if can_skip else "r|",
        tarinfo=_TarMember,
        encoding="utf-8",
        errors="surrogateescape",
    )
    checks = _Checks(length_bytes, where)
    missing = None if wanted is None else set(wanted)
    while (member := _next(opened, unpacked)) is not None:
        if member.isdir():
            continue
        if not member.isfile():
            raise _refused("it has links or other things that are no files", where)
        name = checks.checked_name(member.name, member.size)
        is_wanted = missing is None or name in missing
        if not is_wanted and can_skip:
            continue
        content = opened.extractfile(member)
        assert content is not None
        pieces = _pieces(content, member.size, where)
        if is_wanted:
            yield ListedFile(name, member.size, _tar_time(member)), pieces
        for _ in pieces:
            """Read on, for the checksum at the end of what is compressed."""
        if missing is not None:
            missing.discard(name)
            if not missing and can_skip:
                return
    _check_end(opened, where)


def _next(opened: tarfile.TarFile, unpacked: _Unpacked) -> tarfile.TarInfo | None:
    opened.members.clear()  # type: ignore[attr-defined]  # else they are kept
    unpacked.header_bytes_left = _MOST_HEADER_BYTES
    member = opened.next()
    unpacked.header_bytes_left = None
    return member


def _check_end(opened: tarfile.TarFile, where: str) -> None:
    """Nothing but zeros comes after the end: not a second tar file, for example."""
    rest = cast(IO[bytes], opened.fileobj)
    while piece := rest.read(_CHUNK_BYTES):
        if piece.count(0) != len(piece):
            raise _refused("there is something after its end", where)


def _tar_time(member: tarfile.TarInfo) -> int:
    try:
        time_ns = int(member.mtime * 10**9)
    except (ValueError, OverflowError):  # not a number, infinite
        return 0
    return time_ns if 0 <= time_ns <= _LAST_TIME_NS else 0
