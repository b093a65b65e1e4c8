"""Zip archives from strangers: looked through before anything is written, counted while it is."""

import stat
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import IO, Final

from dicube.storage.atomic import replacing
from dicube.web.uploads import UploadError, UploadLimits, safe_parts

_CHUNK_BYTES: Final = 1 << 20
_KEPT_METHODS: Final = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_SMALL_BYTES: Final = 1 << 20  # a ratio says nothing about archives that unpack to less

Progress = Callable[[str, int, int], None]


def is_archive(path: Path) -> bool:
    """Whether a file is a zip archive, whatever its name."""
    with open(path, "rb") as file:
        return file.read(4) in (b"PK\x03\x04", b"PK\x05\x06")


def unpack(archive: Path, folder: Path, limits: UploadLimits, progress: Progress) -> int:
    """Unpack a zip archive; how many files it had.

    Files that are there with the right length are left alone, so that it can go on where it was
    interrupted.

    Parameters
    ----------
    archive, folder : Path
    limits : UploadLimits
    progress : callable
        Called with ("unpacking", files done, files).

    Raises
    ------
    UploadError
        It is no archive, damaged, encrypted, larger than the limits, or a name in it is not
        acceptable. Nothing is written unless all names and announced lengths are.
    """
    try:
        with zipfile.ZipFile(archive) as opened:
            members = _checked(opened, archive.stat().st_size, limits)
            left = limits.most_bytes
            for done, (relative, member) in enumerate(members.items()):
                progress("unpacking", done, len(members))
                target = folder / relative
                if target.is_file() and target.stat().st_size == member.file_size:
                    continue
                target.parent.mkdir(parents=True, exist_ok=True)
                with opened.open(member) as source, replacing(target) as copy:
                    left -= _copy(source, copy, min(left, member.file_size))
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError) as error:
        raise UploadError("the archive is damaged", hint="pack it again") from error
    except OSError as error:
        raise UploadError(f"cannot be unpacked: {error.strerror}") from error
    progress("unpacking", len(members), len(members))
    return len(members)


def _checked(
    opened: zipfile.ZipFile, packed_bytes: int, limits: UploadLimits
) -> dict[str, zipfile.ZipInfo]:
    """The files by their safe relative path."""
    listed = [member for member in opened.infolist() if not member.is_dir()]
    if len(listed) > limits.most_files:
        raise UploadError(f"the archive has {len(listed)} files, {limits.most_files} are allowed")
    total = sum(member.file_size for member in listed)
    if total > limits.most_bytes:
        raise UploadError(f"the archive unpacks to {total} bytes, which is too much")
    if total > _SMALL_BYTES and total > limits.most_ratio * packed_bytes:
        raise UploadError("the archive unpacks to far more than it holds")
    found: dict[str, zipfile.ZipInfo] = {}
    for member in listed:
        if _is_clutter(member.filename):
            continue
        relative = "/".join(safe_parts(member.filename))
        if relative in found:
            raise UploadError("the archive has a name twice")
        if member.flag_bits & 1:
            raise UploadError("the archive is encrypted", hint="pack it without a password")
        if not _is_plain(member):
            raise UploadError("the archive has links or other things that are no files")
        if member.compress_type not in _KEPT_METHODS:
            raise UploadError("the archive is packed in an unusual way", hint="pack it as deflate")
        found[relative] = member
    return found


def _is_clutter(name: str) -> bool:
    """What the Finder adds to archives: no files of the user."""
    return name.startswith("__MACOSX/") or name.rpartition("/")[2] == ".DS_Store"


def _is_plain(member: zipfile.ZipInfo) -> bool:
    mode = member.external_attr >> 16
    return stat.S_IFMT(mode) in (0, stat.S_IFREG)


def _copy(source: IO[bytes], copy: IO[bytes], most: int) -> int:
    """Copy at most so many bytes: the length that an archive announces may be a lie."""
    length = 0
    while chunk := source.read(_CHUNK_BYTES):
        length += len(chunk)
        if length > most:
            raise UploadError("a file of the archive is longer than it says")
        copy.write(chunk)
    return length
