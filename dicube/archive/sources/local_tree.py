"""Folders of this machine. Links are never followed; each file is asked about once."""

import os
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import BinaryIO, Final

from dicube.archive.sources.containers import START_BYTES, container_kind, kind_of_suffix
from dicube.archive.sources.errors import SourceError
from dicube.archive.sources.listed import (
    ListedFile,
    ListedPlace,
    below,
    fingerprint,
    is_utf8,
    shown_name,
)
from dicube.archive.work import ContainerKind, Failure

_LINK: Final = Failure("", "a symbolic link, which is not followed", is_file=False)
_NO_FILE: Final = Failure(
    "", "neither a file nor a folder: a socket, a pipe or a device", is_file=False
)
_NO_TEXT: Final = Failure("", "its name is no UTF-8")


class LocalTree:
    """A folder, or one container.

    Attributes
    ----------
    base : Path
        What paths of places are relative to: the folder, or the one that holds the container.
    shown : str
        `base`, for messages.

    Raises
    ------
    SourceError
        There is no such folder or file.
    """

    def __init__(self, root: str) -> None:
        path = Path(root.removeprefix("file://"))
        if not path.is_dir() and not path.is_file():
            raise SourceError("no such folder or file", where=str(path), hint="check the path")
        self._single = None if path.is_dir() else path.name
        self.base = path if self._single is None else path.parent
        self.shown = str(self.base)

    def places(self, leave_out: Collection[Path]) -> Iterator[ListedPlace]:
        """All that hold something, each before those below it, in the order of names.

        Raises
        ------
        SourceError
            The root cannot be read, or is a file that is no container.
        """
        if self._single is not None:
            kind = _kind(self.base / self._single, self._single)
            if kind is None:
                raise SourceError(
                    "neither a folder nor a zip or tar file",
                    where=str(self.base / self._single),
                    hint="name the folder that holds it",
                )
            yield self.container(self._single, kind)
            return
        real = os.path.realpath(self.base)
        left_out = {os.path.realpath(path) for path in leave_out}
        waiting: list[str | ListedPlace] = [""]
        while waiting:
            path = waiting.pop()
            if isinstance(path, ListedPlace):
                yield path
            elif os.path.join(real, path).rstrip("/") not in left_out:  # noqa: PTH118  # strings are quick
                place, inner = self._folder(path)
                waiting.extend(reversed(inner))
                if place.files or place.failures:
                    yield place

    def folder(self, path: str) -> ListedPlace:
        """A folder, without what is below it."""
        return self._folder(path)[0]

    def container(self, path: str, kind: ContainerKind) -> ListedPlace:
        """A container.

        Raises
        ------
        SourceError
            It cannot be looked at.
        """
        try:
            about = (self.base / path).stat()
        except OSError as error:
            raise self._failure(path, error) from error
        mark = fingerprint([("", about.st_size, about.st_mtime_ns)])
        return ListedPlace(path, kind, mark)

    def open(self, path: str) -> tuple[BinaryIO, int]:
        """A file to be read, and its length in bytes.

        Raises
        ------
        SourceError
            It cannot be opened.
        """
        try:
            file = open(self.base / path, "rb")  # noqa: SIM115  # the caller closes it
            return file, os.fstat(file.fileno()).st_size
        except OSError as error:
            raise self._failure(path, error) from error

    def _folder(self, path: str) -> tuple[ListedPlace, list[str | ListedPlace]]:
        """A folder, and the containers and folders in it in the order of their names."""
        files: list[ListedFile] = []
        failures: list[Failure] = []
        inner: list[tuple[str, str | ListedPlace]] = []
        try:
            with os.scandir(self.base / path) as entries:
                for entry in entries:
                    found = self._entry(path, entry)
                    if isinstance(found, ListedFile):
                        files.append(found)
                    elif isinstance(found, Failure):
                        failures.append(found)
                    else:
                        inner.append((entry.name, found))
        except OSError as error:
            if not path:
                raise self._failure(path, error) from error
            if isinstance(error, FileNotFoundError):  # nothing is left of it that could fail
                return ListedPlace(path, None, fingerprint(())), []
            failures.append(Failure("", f"the folder cannot be listed: {error.strerror}"))
        files.sort()
        failures.sort()
        inner.sort(key=lambda item: item[0])
        place = ListedPlace(path, None, fingerprint(files), tuple(files), tuple(failures))
        return place, [item for _, item in inner]

    def _entry(
        self, folder: str, entry: os.DirEntry[str]
    ) -> ListedFile | Failure | ListedPlace | str:
        """A file, what cannot be read, a container, or the path of a folder."""
        name = entry.name
        if not name.isascii() and not is_utf8(name):
            return _NO_TEXT._replace(name=shown_name(name))
        try:
            if entry.is_file(follow_symlinks=False):
                about = entry.stat(follow_symlinks=False)
                if kind_of_suffix(name) is not None:
                    kind = _kind(Path(entry.path), name)
                    if kind is not None:
                        return self.container(below(folder, name), kind)
                return ListedFile(name, about.st_size, about.st_mtime_ns)
            if entry.is_dir(follow_symlinks=False):
                return below(folder, name)
            return (_LINK if entry.is_symlink() else _NO_FILE)._replace(name=name)
        except OSError as error:
            return Failure(name, f"cannot be read: {error.strerror}")

    def _failure(self, path: str, error: OSError) -> SourceError:
        where = str(self.base / path)
        return SourceError(
            f"cannot be read: {error.strerror}", where=where, hint="check its rights"
        )


def _kind(path: Path, name: str) -> ContainerKind | None:
    """What the suffix says, if the first bytes do not speak against it."""
    try:
        with open(path, "rb") as file:
            return container_kind(name, file.read(START_BYTES))
    except OSError:
        return None  # whoever reads it as a file will say why it cannot be read
