"""Files that a browser sends: put away one by one, below names that cannot lead elsewhere.

An upload is a folder of its own below the state folder. It becomes a job when it is complete; one
that never is, is removed when the server starts again. Nothing the client says is used as a path
before it was checked.
"""

import re
import secrets
import shutil
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import Final

from dicube.exceptions import DataConsistencyError
from dicube.storage.atomic import replacing
from dicube.storage.safe_names import name_problem

_ID: Final = re.compile(r"[0-9a-f]{32}")
_RESERVED_BYTES: Final = 256 << 20  # left free on the disk


class UploadError(DataConsistencyError):
    """What a client sends is not acceptable: a name, a size, a number of files."""


@dataclass(frozen=True)
class UploadLimits:
    """What one upload may hold.

    Attributes
    ----------
    most_bytes : int
        Of all files together, and again of what a zip unpacks to.
    most_files : int
    most_ratio : float
        Bytes that a zip may unpack to for each of its own.
    """

    most_bytes: int = 20 << 30
    most_files: int = 100_000
    most_ratio: float = 200.0


@dataclass
class _Upload:
    folder: Path
    files: dict[str, int] = field(default_factory=dict)  # bytes by relative path
    received: int = 0


class UploadFolder:
    """All uploads that are under way. Safe to share between threads.

    Parameters
    ----------
    folder : Path
    limits : UploadLimits
    in_use : iterable of str
        Uploads that jobs still need; all others in the folder are left-overs.
    """

    def __init__(self, folder: Path, limits: UploadLimits, in_use: Iterable[str] = ()) -> None:
        self.limits = limits
        self._folder = folder
        self._uploads: dict[str, _Upload] = {}
        self._lock = Lock()
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        kept = set(in_use)
        for old in folder.iterdir():
            if _ID.fullmatch(old.name) and old.name not in kept:
                shutil.rmtree(old)

    def begin(self, files: int, size: int) -> str:
        """Make room for so many files of so many bytes; the id of the upload.

        Raises
        ------
        UploadError
            That is too much, or the disk has no room.
        """
        self._check(files, size)
        free = shutil.disk_usage(self._folder).free
        if size + _RESERVED_BYTES > free:
            raise UploadError(f"{size} bytes do not fit: {free} are free", hint="make room")
        upload = secrets.token_hex(16)
        folder = self._folder / upload
        folder.mkdir(mode=0o700)
        with self._lock:
            self._uploads[upload] = _Upload(folder)
        return upload

    async def receive(self, upload: str, name: str, chunks: AsyncIterator[bytes]) -> int:
        """Write one file as it arrives; its length.

        Raises
        ------
        UploadError
            No such upload, a name that is not acceptable or taken, or too much.
        """
        about = self._upload(upload)
        relative = "/".join(safe_parts(name))
        with self._lock:
            if relative in about.files:
                raise UploadError("two files of this upload have the same name")
            if len(about.files) >= self.limits.most_files:
                raise UploadError(f"more than {self.limits.most_files} files")
            about.files[relative] = 0
        target = about.folder / relative
        length = 0
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            with replacing(target) as file:
                async for chunk in chunks:
                    self._count(about, len(chunk))
                    length += len(chunk)
                    file.write(chunk)
        except BaseException as error:
            with self._lock:
                about.received -= length
                del about.files[relative]
            if isinstance(error, OSError):
                raise UploadError(f"cannot be written: {error.strerror}") from error
            raise
        about.files[relative] = length
        return length

    def complete(self, upload: str) -> Path:
        """Say that all files are there; the folder that holds them.

        Raises
        ------
        UploadError
            No such upload, or it is empty.
        """
        about = self._upload(upload)
        if not about.files:
            raise UploadError("the upload has no files")
        with self._lock:
            del self._uploads[upload]
        return about.folder

    def abandon(self, upload: str) -> None:
        """Remove an upload that is not complete."""
        about = self._upload(upload)
        with self._lock:
            del self._uploads[upload]
        shutil.rmtree(about.folder)

    def discard(self, upload: str) -> None:
        """Remove the files of an upload that no job needs any more."""
        if _ID.fullmatch(upload) and (self._folder / upload).is_dir():
            shutil.rmtree(self._folder / upload)

    def folder_of(self, upload: str) -> Path:
        """The folder of an upload that is complete."""
        assert _ID.fullmatch(upload)
        return self._folder / upload

    def _upload(self, upload: str) -> _Upload:
        with self._lock:
            found = self._uploads.get(upload)
        if found is None:
            raise UploadError("there is no such upload", hint="begin it again")
        return found

    def _count(self, about: _Upload, length: int) -> None:
        with self._lock:
            if about.received + length > self.limits.most_bytes:
                raise UploadError(f"the files have more than {self.limits.most_bytes} bytes")
            about.received += length

    def _check(self, files: int, size: int) -> None:
        limits = self.limits
        if not 0 < files <= limits.most_files:
            raise UploadError(f"{files} files: 1 to {limits.most_files} can be sent at a time")
        if not 0 <= size <= limits.most_bytes:
            raise UploadError(f"{size} bytes: at most {limits.most_bytes} can be sent at a time")


def safe_parts(name: str) -> list[str]:
    r"""The folders and the file of a relative path, with forward slashes.

    Raises
    ------
    UploadError
        It is absolute, goes up, is too long, or holds what a file system may take for
        something else: a drive, a backslash, a control character.
    """
    problem = name_problem(name)
    if problem is not None:
        raise UploadError(problem)
    return name.split("/")
