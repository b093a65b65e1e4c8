"""Files that appear whole or not at all."""

import io
import os
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

_DRAINED_BYTES: Final = 1 << 20


@contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """Open a file for writing that takes the place of `path` when the block succeeds.

    The bytes go to a hidden file in the same folder, are flushed to the disk and then renamed, so
    that a reader sees the old file or the new one, and a crash leaves the old file or none. When
    the block raises, the hidden file is removed and `path` is untouched.
    """
    with replacing_path(path) as temporary, _DrainingFile(temporary) as file:
        yield file


@contextmanager
def replacing_path(path: Path) -> Iterator[Path]:
    """As `replacing`, for libraries that write a file by its name, which keeps its suffixes."""
    # Same folder: a rename is atomic only within one file system.
    temporary = path.with_name(f".{secrets.token_hex(6)}.part.{path.name}")
    try:
        yield temporary
        _flush(temporary)
        temporary.replace(path)
    except BaseException:
        with suppress(OSError):
            temporary.unlink()
        raise
    _flush_folder(path.parent)


def make_folders(folder: Path) -> None:
    """Make a folder, and those it is in, so that a power cut does not take it back."""
    if folder.is_dir():
        return
    make_folders(folder.parent)
    folder.mkdir(exist_ok=True)
    _flush_folder(folder.parent)


def remove_unfinished(path: Path) -> None:
    """Remove what processes that were killed left of writing this file."""
    # Whoever is given the hidden name may replace that in the same way.
    pattern = re.compile(rf"(\.[0-9a-f]{{12}}\.part\.)+{re.escape(path.name)}")
    with suppress(FileNotFoundError):
        for other in path.parent.iterdir():
            if pattern.fullmatch(other.name):
                other.unlink(missing_ok=True)


class _DrainingFile(io.BufferedWriter):
    """A new file whose bytes go on their way to the disk while more are being made.

    Else all of them would wait for the flush at the end, where nothing is left to do meanwhile.
    """

    _written = _drained = 0  # bytes

    def __init__(self, path: Path) -> None:
        super().__init__(io.FileIO(path, "x"))

    def write(self, data: "ReadableBuffer", /) -> int:
        count = super().write(data)
        self._written += count
        if self._written - self._drained >= _DRAINED_BYTES:
            self._drain()
        return count

    def _drain(self) -> None:
        if not hasattr(os, "posix_fadvise"):
            return
        self.flush()
        # Linux starts to write what it is told to forget, and does not wait for it. What is on its
        # way stays in the cache.
        length = self._written - self._drained
        os.posix_fadvise(self.fileno(), self._drained, length, os.POSIX_FADV_DONTNEED)
        self._drained = self._written


def _flush(path: Path) -> None:
    with open(path, "rb+") as file:
        os.fsync(file.fileno())


def _flush_folder(folder: Path) -> None:
    """Make the rename itself durable, where the platform can open a folder."""
    if os.name == "nt":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
