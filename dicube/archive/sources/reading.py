"""Containers opened to be read, wherever they are."""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO, Final, cast

from dicube.archive.sources.containers import Members, read_members
from dicube.archive.sources.errors import NoRangesError, SourceError
from dicube.archive.sources.local_tree import LocalTree
from dicube.archive.sources.remote_tree import RemoteTree
from dicube.archive.sources.room import Room
from dicube.archive.work import ContainerKind
from dicube.exceptions import DicomCubeError
from dicube.storage.remote import unreachable

_BUFFER_BYTES: Final = 1 << 20

Tree = LocalTree | RemoteTree


@contextmanager
def opened_members(
    tree: Tree, path: str, kind: ContainerKind, room: Room, *, wanted: set[str] | None = None
) -> Iterator[Members]:
    """The members of a container, while the block runs: see `read_members`.

    A zip file on a server that gives whole files only is copied first.

    Raises
    ------
    SourceError
        It cannot be opened or read, or a copy has no room. Damage raises ContainerError.
    """
    where = f"{tree.shown}/{path}"
    with _opened(tree, path, kind, room) as (file, length_bytes, can_seek):
        source = _Source(file, where, can_seek=can_seek)
        with io.BufferedReader(cast(Any, source), _BUFFER_BYTES) as buffered:
            yield read_members(kind, buffered, length_bytes, where=where, wanted=wanted)


@contextmanager
def _opened(
    tree: Tree, path: str, kind: ContainerKind, room: Room
) -> Iterator[tuple[BinaryIO, int, bool]]:
    """The file, its length in bytes, and whether it can be sought in."""
    if isinstance(tree, RemoteTree) and kind == "tar":
        file, length, can_seek = tree.open_stream(path)
    else:
        try:
            file, length = tree.open(path)
        except NoRangesError:
            assert isinstance(tree, RemoteTree)
            with _copied(tree, path, room) as copy:
                yield copy
            return
        can_seek = True
    with file:
        yield file, length, can_seek


@contextmanager
def _copied(tree: RemoteTree, path: str, room: Room) -> Iterator[tuple[BinaryIO, int, bool]]:
    length = tree.length(path)
    stage = room.stage()
    try:
        with open(stage.put("container", length, tree.pieces(path, length)), "rb") as file:
            yield file, length, True
    finally:
        stage.clear()


class _Source(io.RawIOBase):
    """A file whose own failures are told from those of what it holds."""

    def __init__(self, file: BinaryIO, where: str, *, can_seek: bool) -> None:
        self._file = file
        self._where = where
        self._can_seek = can_seek
        self._is_at_end = False

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return self._can_seek

    def tell(self) -> int:
        return self._file.tell()

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        if whence != io.SEEK_SET and not self._can_seek:
            raise io.UnsupportedOperation
        self._is_at_end = False
        return self._file.seek(offset, whence)

    def readinto(self, buffer: Any, /) -> int:
        """As much as fits: what comes over a network comes in small pieces."""
        view = memoryview(buffer)
        filled = 0
        try:
            while filled < len(view) and not self._is_at_end:
                piece = self._file.read(len(view) - filled)
                view[filled : filled + len(piece)] = piece
                filled += len(piece)
                self._is_at_end = not piece
        except DicomCubeError:
            raise
        except Exception as error:  # each file system has errors of its own
            lost = unreachable(error, where=self._where)
            if lost is not None:
                raise lost from error
            raise SourceError(
                f"cannot be read: {type(error).__name__}", where=self._where, hint="try again"
            ) from error
        return filled
