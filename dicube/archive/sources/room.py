"""Room for copies of files: memory first, then a folder for what memory cannot take."""

import errno
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import Final

from dicube.archive.sources.errors import NoRoomError, SourceError
from dicube.archive.sources.private_folder import PrivateFolder
from dicube.closing import Closing

_SHARED_MEMORY: Final = Path("/dev/shm")  # noqa: S108  # the folder in it is private
_PAGE_BYTES: Final = 4096  # memory is given in pages; one more stands for the name
_HINT: Final = "--scratch FOLDER takes what memory cannot, --memory gives more of it"


def room_bytes(length_bytes: int) -> int:
    """What a file of this length takes of a budget."""
    return (length_bytes // _PAGE_BYTES + 2) * _PAGE_BYTES


class Room(Closing):
    """A private folder in memory, bounded; and one in a scratch folder. Safe to share.

    Parameters
    ----------
    budget_bytes : int
        Of memory; where there is less, less is used.
    scratch : Path, optional
        A folder for what exceeds the budget.

    Raises
    ------
    SourceError
        A folder cannot be made.
    """

    def __init__(self, budget_bytes: int, scratch: Path | None) -> None:
        self.budget_bytes = budget_bytes
        self._left_bytes = budget_bytes
        self._lock = Lock()
        self._count = 0
        memory = _SHARED_MEMORY if _SHARED_MEMORY.is_dir() else Path(tempfile.gettempdir())
        self._memory = _private(memory)
        try:
            self._scratch = None if scratch is None else _private(scratch)
        except BaseException:
            self._memory.remove()
            raise

    def stage(self) -> "Stage":
        """A folder for files that come and go together."""
        self._count += 1
        name = f"{self._count:09d}"
        folder = self._memory.path / name
        folder.mkdir()
        return Stage(self, folder, None if self._scratch is None else self._scratch.path / name)

    def close(self) -> None:
        """Remove everything."""
        self._memory.remove()
        if self._scratch is not None:
            self._scratch.remove()

    def check(self, lengths: Iterable[int]) -> None:
        """See that files of these lengths can be put here, before the first one is.

        Raises
        ------
        NoRoomError
            They cannot.
        """
        wanted = sum(map(room_bytes, lengths))
        if self._scratch is None and wanted > self._left_bytes:
            raise NoRoomError(
                f"copies of files need {wanted} bytes of memory, {self._left_bytes} are left of "
                f"{self.budget_bytes}",
                hint=_HINT,
            )

    def take(self, length_bytes: int) -> bool:
        """Set memory for a file aside; False where there is too little, but a scratch folder.

        Raises
        ------
        NoRoomError
            There is too little, and no scratch folder.
        """
        wanted = room_bytes(length_bytes)
        free = shutil.disk_usage(self._memory.path).free
        with self._lock:
            if wanted <= min(self._left_bytes, free):
                self._left_bytes -= wanted
                return True
            left = self._left_bytes
        if self._scratch is None:
            raise NoRoomError(
                f"a file of {length_bytes} bytes does not fit into memory: of "
                f"{self.budget_bytes} bytes {left} are left, of the machine's {free}",
                hint=_HINT,
            )
        return False

    def give_back(self, count: int) -> None:
        """Memory of files that are gone."""
        with self._lock:
            self._left_bytes += count


class Stage:
    """Copies of files in one folder, which vanish together. Safe to share between threads.

    Attributes
    ----------
    folder : Path
    """

    def __init__(self, room: Room, folder: Path, scratch: Path | None) -> None:
        self.folder = folder
        self._room = room
        self._scratch = scratch
        self._lock = Lock()
        self._taken_bytes = 0

    def put(self, name: str, length_bytes: int, pieces: Iterable[bytes]) -> Path:
        """Make a file of its pieces; where memory has no room, a link to one that is elsewhere.

        Raises
        ------
        NoRoomError
            There is no room.
        SourceError
            The pieces have another length, or there can be no file of this name.
        """
        with _copying():
            path = self._parented(self.folder / name)
            if self._room.take(length_bytes):
                with self._lock:
                    self._taken_bytes += room_bytes(length_bytes)
                _write(path, length_bytes, pieces)
            else:
                assert self._scratch is not None
                target = self._parented(self._scratch / name)
                path.symlink_to(target)
                _write(target, length_bytes, pieces)
        return path

    def link(self, name: str, target: Path) -> Path:
        """Give a file that is on this machine a second path.

        Raises
        ------
        SourceError
            There can be no file of this name.
        """
        with _copying():
            path = self._parented(self.folder / name)
            path.symlink_to(target)
        return path

    def clear(self) -> None:
        """Remove the copies, and the folder; again is fine."""
        shutil.rmtree(self.folder, ignore_errors=True)
        if self._scratch is not None:
            shutil.rmtree(self._scratch, ignore_errors=True)
        count, self._taken_bytes = self._taken_bytes, 0
        self._room.give_back(count)

    def _parented(self, path: Path) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        return path


@contextmanager
def _copying() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        kind = NoRoomError if error.errno == errno.ENOSPC else SourceError
        hint = _HINT if kind is NoRoomError else None
        raise kind(f"cannot be copied: {error.strerror}", hint=hint) from error


def _private(parent: Path) -> PrivateFolder:
    try:
        return PrivateFolder(parent)
    except OSError as error:
        raise SourceError(
            f"no folder can be made there: {error.strerror}",
            where=str(parent),
            hint="name another scratch folder",
        ) from error


def _write(path: Path, length_bytes: int, pieces: Iterable[bytes]) -> None:
    left = length_bytes
    with open(path, "xb") as file:
        for piece in pieces:
            left -= len(piece)
            if left < 0:
                break
            file.write(piece)
    if left:
        raise SourceError("its length is not the one that it had when it was listed")
