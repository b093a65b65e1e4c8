"""Where an archive lies: a folder, or a URL that fsspec can write to (extra "remote").

A file of an archive appears whole under its name, or not at all. What a full disk means to those
who write is the same wherever it was noticed: `DestinationFullError`.
"""

import errno
import os
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import Any, Final, Protocol

import xxhash

from dicube.closing import Closing
from dicube.dicom.export import path_below, steps_of
from dicube.exceptions import (
    DataConsistencyError,
    DestinationFullError,
    DicomCubeError,
    InvalidCubeFileError,
    MetaDataError,
    MissingDependencyError,
)
from dicube.storage.atomic import make_folders, remove_unfinished, replacing_path
from dicube.storage.remote import is_url, unreachable

_READ_BYTES: Final = 1 << 22
_FULL: Final = (errno.ENOSPC, errno.EDQUOT)
_TEST_NAME: Final = ".dicube-write-test"


def full_disk(error: BaseException | None) -> bool:
    """Whether an error, or what caused it, says that nothing more fits on a disk."""
    while error is not None:
        if isinstance(error, DestinationFullError):
            return True
        if isinstance(error, OSError) and error.errno in _FULL:
            return True
        error = error.__cause__
    return False


def open_destination(url_or_path: str, scratch: Path | None = None) -> "Destination":
    """The destination at a path or URL; it can be sent to other processes.

    Parameters
    ----------
    url_or_path : str
    scratch : Path, optional
        Where files go on their way to and from a URL, by default the temporary files of the
        system. It has to hold the largest file of the archive.
    """
    if is_url(url_or_path):
        return _Remote(url_or_path.rstrip("/"), scratch)
    return _Folder(Path(url_or_path))


class Destination(Closing, ABC):
    """The files of an archive, named by paths relative to it with forward slashes.

    Every method raises DataConsistencyError for a path that leads elsewhere, and UnreachableError
    where a server does not answer.

    Attributes
    ----------
    url : str
        Its absolute path, or its URL.
    """

    url: str

    @abstractmethod
    def is_there(self) -> bool:
        """Whether there is such a folder at all; of a URL nobody knows, and it is taken to be."""

    @abstractmethod
    def check_writable(self) -> None:
        """See, by writing a file and removing it, that others can be; a folder is made.

        Raises
        ------
        DataConsistencyError
            Nothing can be written.
        MetaDataError
            There is no such bucket.
        """

    @abstractmethod
    def exists(self, path: str) -> bool:
        """Whether there is such a file."""

    @abstractmethod
    def adding(self, path: str, *, after_crash: bool = False) -> AbstractContextManager[Path]:
        """A path of this machine to write to, which becomes the file when the block succeeds.

        After a crash, what killed processes left of this file makes way.

        Raises
        ------
        DataConsistencyError
            There is such a file; or what was uploaded is not what arrived.
        DestinationFullError
            The disk is full.
        """

    @abstractmethod
    def reading(self, path: str) -> AbstractContextManager[Path]:
        """The file at a path of this machine, as long as the block runs.

        Raises
        ------
        MetaDataError
            There is no such file.
        InvalidCubeFileError
            It cannot be read.
        """

    @abstractmethod
    def digest(self, path: str) -> tuple[int, str]:
        """Bytes and XXH3-128 (hexadecimal) of the whole file; errors are those of `reading`."""

    @abstractmethod
    def remove(self, path: str) -> None:
        """Remove a file, if it is there."""

    @abstractmethod
    def paths(self) -> Iterator[str]:
        """All files that there are, in no order."""

    def close(self) -> None:
        """Nothing is held open."""


class _Folder(Destination):
    def __init__(self, folder: Path) -> None:
        self._folder = folder.absolute()
        self.url = str(self._folder)

    def is_there(self) -> bool:
        return self._folder.is_dir()

    def check_writable(self) -> None:
        try:
            make_folders(self._folder)
            with tempfile.TemporaryFile(dir=self._folder):
                pass
        except OSError as error:
            if full_disk(error):
                return  # what is there may be complete
            raise DataConsistencyError(
                f"nothing can be written there: {error.strerror}",
                where=self.url,
                hint="check the path and its rights",
            ) from error

    def exists(self, path: str) -> bool:
        return os.path.lexists(self._at(path))

    @contextmanager
    def adding(self, path: str, *, after_crash: bool = False) -> Iterator[Path]:
        target = self._at(path)
        if after_crash:
            remove_unfinished(target)
        with _noticing_full_disk(str(target)):
            _check_free(self, path)
            make_folders(target.parent)
            with replacing_path(target) as temporary:
                yield temporary
                _check_free(self, path)

    @contextmanager
    def reading(self, path: str) -> Iterator[Path]:
        file = self._at(path)
        if not file.is_file():
            raise _not_there(str(file))
        yield file

    def digest(self, path: str) -> tuple[int, str]:
        with self.reading(path) as file:
            return digest_of(file)

    def remove(self, path: str) -> None:
        self._at(path).unlink(missing_ok=True)

    def paths(self) -> Iterator[str]:
        for folder, _, names in os.walk(self._folder):
            relative = Path(folder).relative_to(self._folder)
            for name in names:
                yield (relative / name).as_posix()

    def _at(self, path: str) -> Path:
        return path_below(self._folder, path)


class _Remote(Destination):
    def __init__(self, url: str, scratch: Path | None) -> None:
        self.url = url
        self._scratch = scratch

    def is_there(self) -> bool:
        return True

    def check_writable(self) -> None:
        try:
            with _translating(self.url, "cannot be written to"):
                files, root = _file_system(self.url)
                place = f"{root.rstrip('/')}/{_TEST_NAME}"
                _make_folder_of(files, place)
                files.pipe_file(place, b"can be removed\n")
                with suppress(PermissionError):  # of an archive from which nothing is removed
                    files.rm_file(place)
        except MetaDataError as error:
            raise MetaDataError(
                "no such bucket or folder",
                where=self.url,
                hint="make it first, or check the URL",
            ) from error
        except InvalidCubeFileError as error:
            raise DataConsistencyError(error.what, where=error.where, hint=error.hint) from error

    def exists(self, path: str) -> bool:
        url = self._at(path)
        with _translating(url, "cannot be looked for"):
            files, place = _file_system(url)
            return bool(files.exists(place))

    @contextmanager
    def adding(self, path: str, *, after_crash: bool = False) -> Iterator[Path]:
        url = self._at(path)
        _check_free(self, path)
        with _noticing_full_disk(url), self._temporary(path) as local:
            yield local
            _check_free(self, path)
            try:
                self._upload(local, url)
                if self.digest(path) != digest_of(local):
                    raise DataConsistencyError(
                        "what arrived is not what was uploaded", where=url, hint="try again"
                    )
            except BaseException:
                with suppress(DicomCubeError):
                    self.remove(path)
                raise

    @contextmanager
    def reading(self, path: str) -> Iterator[Path]:
        url = self._at(path)
        with self._temporary(path) as local:
            with _noticing_full_disk(str(local)), _translating(url, "cannot be fetched"):
                files, place = _file_system(url)
                files.get_file(place, str(local))
            yield local

    def digest(self, path: str) -> tuple[int, str]:
        url = self._at(path)
        with _translating(url, "cannot be fetched"):
            files, place = _file_system(url)
            with files.open(place, "rb") as file:
                return digest_of_stream(file)

    def remove(self, path: str) -> None:
        url = self._at(path)
        with _translating(url, "cannot be removed"), suppress(FileNotFoundError):
            files, place = _file_system(url)
            files.rm_file(place)

    def paths(self) -> Iterator[str]:
        with _translating(self.url, "cannot be listed"):
            files, root = _file_system(self.url)
            found = files.find(root)
        prefix = f"{root.rstrip('/')}/"
        for place in found:
            yield str(place).removeprefix(prefix)

    def _upload(self, local: Path, url: str) -> None:
        with _translating(url, "cannot be uploaded"):
            files, place = _file_system(url)
            _make_folder_of(files, place)
            files.put_file(str(local), place)

    @contextmanager
    def _temporary(self, path: str) -> Iterator[Path]:
        """A file of the same name that is removed after the block."""
        with tempfile.TemporaryDirectory(prefix="dicube-", dir=self._scratch) as folder:
            yield Path(folder, steps_of(path, where=self.url)[-1])

    def _at(self, path: str) -> str:
        return "/".join((self.url, *steps_of(path, where=self.url)))


def digest_of(path: Path) -> tuple[int, str]:
    """Bytes and XXH3-128 (hexadecimal) of a file, read once from start to end.

    Raises
    ------
    MetaDataError
        There is no such file.
    InvalidCubeFileError
        It cannot be read.
    """
    try:
        with open(path, "rb", buffering=0) as file:
            if hasattr(os, "posix_fadvise"):
                os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_SEQUENTIAL)
            return digest_of_stream(file)
    except FileNotFoundError as error:
        raise _not_there(str(path)) from error
    except OSError as error:
        raise InvalidCubeFileError(f"cannot be read: {error.strerror}", where=str(path)) from error


class _Readable(Protocol):
    def readinto(self, buffer: bytearray, /) -> int | None: ...


def digest_of_stream(file: _Readable) -> tuple[int, str]:
    state, length = xxhash.xxh3_128(), 0
    buffer = bytearray(_READ_BYTES)
    view = memoryview(buffer)
    while count := file.readinto(buffer):
        state.update(view[:count])
        length += count
    return length, state.hexdigest()


def _check_free(destination: Destination, path: str) -> None:
    if destination.exists(path):
        raise DataConsistencyError(
            "the archive has such a file already", where=f"{destination.url}/{path}"
        )


@contextmanager
def _noticing_full_disk(where: str) -> Iterator[None]:
    try:
        yield
    except (OSError, DicomCubeError) as error:
        if isinstance(error, DestinationFullError) or not full_disk(error):
            raise
        raise DestinationFullError(
            "the disk is full", where=where, hint="make room, then start the command again"
        ) from error


@contextmanager
def _translating(url: str, what: str) -> Iterator[None]:
    """Errors of the file system of a URL, each of which has its own, as ours."""
    try:
        yield
    except DicomCubeError:
        raise
    except FileNotFoundError as error:
        raise _not_there(url) from error
    except ImportError as error:
        raise MissingDependencyError(
            f"URLs of {url.partition('://')[0]}:// need fsspec and its package for them",
            hint="pip install 'dicube[remote]'; for s3:// also s3fs, for gs:// gcsfs",
        ) from error
    except Exception as error:
        lost = unreachable(error, where=url)
        if lost is not None:
            raise lost from error
        raise InvalidCubeFileError(
            f"{what}: {type(error).__name__}", where=url, hint="check the URL and the rights"
        ) from error


def _file_system(url: str) -> tuple[Any, str]:
    from fsspec.core import url_to_fs  # noqa: PLC0415  # an extra

    # Other processes write there, too; what was listed a while ago says nothing.
    files, place = url_to_fs(url, use_listings_cache=False)
    return files, str(place)


def _make_folder_of(files: Any, place: str) -> None:
    """Make folders where there are such; those that begin with a bucket would make that."""
    if place.startswith("/"):
        files.makedirs(place.rpartition("/")[0], exist_ok=True)


def _not_there(where: str) -> MetaDataError:
    return MetaDataError("no such file", where=where, hint="was it moved or removed?")
