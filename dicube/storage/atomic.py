"""Files that appear whole or not at all."""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO


@contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """Open a file for writing that takes the place of `path` when the block succeeds.

    The bytes go to a hidden file in the same folder, are flushed to the disk and then renamed, so
    that a reader sees the old file or the new one, and a crash leaves the old file or none. When
    the block raises, the hidden file is removed and `path` is untouched.
    """
    with replacing_path(path) as temporary, open(temporary, "xb") as file:
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
