"""Folders that no one else can look into, and that do not outlive their process for long."""

import fcntl
import os
import re
import secrets
import shutil
from contextlib import suppress
from pathlib import Path
from typing import Final

_NAME: Final = re.compile(r"dicube-(\d+)-[0-9a-f]{12}")


class PrivateFolder:
    """A new folder in another one, for as long as this process needs it.

    Those that processes left behind which were killed are removed.

    Attributes
    ----------
    path : Path
    """

    def __init__(self, parent: Path) -> None:
        _remove_leftovers(parent)
        self.path = parent / f"dicube-{os.getpid()}-{secrets.token_hex(6)}"
        self.path.mkdir(mode=0o700)
        # Held until the process ends, however it ends: processes of other containers, to which our
        # number means nothing, may see the same memory. Some network drives have no locks.
        self._descriptor = os.open(self.path, os.O_RDONLY)
        with suppress(OSError):
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def remove(self) -> None:
        """Remove it with all it holds; again is fine."""
        shutil.rmtree(self.path, ignore_errors=True)
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)


def _remove_leftovers(parent: Path) -> None:
    with os.scandir(parent) as entries:
        for entry in entries:
            found = _NAME.fullmatch(entry.name)
            if found is None or not entry.is_dir(follow_symlinks=False) or _is_alive(int(found[1])):
                continue
            with suppress(OSError):  # gone meanwhile, or of somebody else
                if entry.stat(follow_symlinks=False).st_uid == os.getuid():
                    _remove_if_unlocked(entry.path)


def _remove_if_unlocked(path: str) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        shutil.rmtree(path, ignore_errors=True)
    finally:
        os.close(descriptor)


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    return True
