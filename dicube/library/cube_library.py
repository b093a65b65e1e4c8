"""The cube files below a folder, found again when something changed."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path
from threading import Lock
from typing import Final, NamedTuple

from dicube.codecs.parallel import map_in_order
from dicube.exceptions import DicomCubeError
from dicube.library.doubles import Doubles
from dicube.library.entry import LibraryEntry, LibraryFinding, read_entry

SUFFIXES: Final = (".dcbs", ".dcba", ".dcbr")

Stamp = tuple[int, int, int]


class LibraryError(DicomCubeError):
    """A library has no such folder, or no such cube."""


class _Found(NamedTuple):
    path: Path
    relative_path: str
    stamp: Stamp


class CubeLibrary:
    """All .dcbs, .dcba and .dcbr files below a folder.

    Files are read once, and again when their time or length changes. Hidden files and folders are
    no part of the library; files that are being written are hidden until they are whole. Links are
    followed to files inside of the folder only, so that nothing outside of it is ever shown.

    Safe to share between threads: a refresh replaces `entries` in one step.

    Parameters
    ----------
    folder : path

    Attributes
    ----------
    folder : Path
    revision : int
        Changes when a refresh finds something else than before.

    Raises
    ------
    LibraryError
        There is no such folder.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = Path(folder)
        if not self.folder.is_dir():
            raise LibraryError(
                "there is no such folder", where=str(folder), hint="name one that holds cube files"
            )
        self._root = self.folder.resolve()
        self._known: dict[str, tuple[Stamp, LibraryEntry | LibraryFinding]] = {}
        self._entries: tuple[LibraryEntry, ...] = ()
        self._findings: tuple[LibraryFinding, ...] = ()
        self._by_key: dict[str, LibraryEntry] = {}
        self._doubles = Doubles()
        self._refreshing = Lock()
        self.revision = 0
        self.refresh()

    @property
    def entries(self) -> tuple[LibraryEntry, ...]:
        """What was found, in the order of the relative paths."""
        return self._entries

    @property
    def findings(self) -> tuple[LibraryFinding, ...]:
        """Cube files that cannot be read, folders that cannot be listed, and cubes with instances
        that are not served because another cube holds different ones under the same UIDs.
        """
        return self._findings

    def entry(self, key: str) -> LibraryEntry:
        """The entry of this key.

        Raises
        ------
        LibraryError
            There is none, or no longer.
        """
        found = self._by_key.get(key)
        if found is None:
            raise LibraryError("the library has no cube of this key", hint="refresh the list")
        return found

    def refresh(self) -> None:
        """Find new, changed and vanished files; one look at each folder if there are none."""
        with self._refreshing:
            findings: list[LibraryFinding] = []
            files = sorted(self._walk(self._root, findings), key=lambda found: found.relative_path)
            known = self._known
            changed = [f for f in files if known.get(f.relative_path, (None,))[0] != f.stamp]
            read = dict(zip(changed, map_in_order(_read, changed, None), strict=True))
            self._known = {
                f.relative_path: (f.stamp, read[f] if f in read else known[f.relative_path][1])
                for f in files
            }
            self._adopt([what for _, what in self._known.values()], findings)

    def _adopt(
        self, everything: list[LibraryEntry | LibraryFinding], findings: list[LibraryFinding]
    ) -> None:
        entries = tuple(what for what in everything if isinstance(what, LibraryEntry))
        damaged = [what for what in everything if isinstance(what, LibraryFinding)]
        found = entries, (*findings, *damaged, *self._doubles.findings(entries))
        if found != (self._entries, self._findings):
            self._by_key = {entry.key: entry for entry in entries}
            self._entries, self._findings = found
            self.revision += 1

    def _walk(self, folder: Path, findings: list[LibraryFinding]) -> Iterator[_Found]:
        try:
            with os.scandir(folder) as listing:
                members = sorted(listing, key=lambda member: member.name)
        except OSError as error:
            findings.append(self._finding(folder, f"cannot be listed: {error.strerror}"))
            return
        for member in members:
            if member.name.startswith("."):
                continue
            path = Path(member.path)
            if member.is_dir(follow_symlinks=False):
                yield from self._walk(path, findings)
            elif path.suffix.lower() in SUFFIXES and self._is_inside(member):
                yield from self._stamped(path, findings)

    def _is_inside(self, member: "os.DirEntry[str]") -> bool:
        return not member.is_symlink() or Path(member.path).resolve().is_relative_to(self._root)

    def _stamped(self, path: Path, findings: list[LibraryFinding]) -> Iterator[_Found]:
        try:
            about = path.stat()
        except FileNotFoundError:
            return  # it vanished, or the link leads nowhere
        except OSError as error:
            findings.append(self._finding(path, f"cannot be read: {error.strerror}"))
            return
        if stat.S_ISREG(about.st_mode):  # a pipe would be waited for
            stamp = about.st_mtime_ns, about.st_size, about.st_ino
            yield _Found(path, self._relative(path), stamp)

    def _finding(self, path: Path, reason: str) -> LibraryFinding:
        return LibraryFinding(path, self._relative(path), reason)

    def _relative(self, path: Path) -> str:
        return path.relative_to(self._root).as_posix()


def _read(found: _Found) -> LibraryEntry | LibraryFinding:
    try:
        return read_entry(found.path, found.relative_path, found.stamp)
    except DicomCubeError as error:
        reason = f"{error.what} ({error.hint})" if error.hint else error.what
        return LibraryFinding(found.path, found.relative_path, reason)
