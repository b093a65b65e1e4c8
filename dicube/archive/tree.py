"""Writing files into a tree that may hold others: nothing that is there is lost."""

import os
import stat
from collections.abc import Iterable
from contextlib import suppress
from enum import Enum
from pathlib import Path

import xxhash

from dicube.archive.destination import digest_of, full_disk
from dicube.dicom.export import path_below
from dicube.exceptions import DataConsistencyError, DestinationFullError, DicomCubeError


class Found(Enum):
    """What is at the place of a file."""

    NOTHING = "nothing"
    SAME = "the same file"
    OTHER = "something else"


class InTheWayError(DataConsistencyError):
    """What is in the tree already does not let a file be written, and stays as it is."""


class Tree:
    """A folder that files are written to by their paths.

    Parameters
    ----------
    root : Path
    overwrite : bool
        Whether other files of the same names make way.
    """

    def __init__(self, root: Path, *, overwrite: bool) -> None:
        self._root = root
        self.overwrite = overwrite

    def found(self, name: str, digest: str) -> Found:
        """What is there under this name, compared with the XXH3-128 of a file.

        Raises
        ------
        DataConsistencyError
            The name leads out of the tree.
        InTheWayError
            A symbolic link, or a file, is where a folder has to be.
        """
        target = self._target(name)
        try:
            mode = target.lstat().st_mode
        except FileNotFoundError:
            return Found.NOTHING
        if not stat.S_ISREG(mode):
            return Found.OTHER
        return Found.SAME if digest_of(target)[1] == digest else Found.OTHER

    def write(
        self, name: str, chunks: Iterable[bytes], *, digest: str | None, modified_ns: int
    ) -> int | None:
        """Write a file, which appears whole or not at all; its bytes, None where it was there.

        Parameters
        ----------
        name : str
        chunks : iterable of bytes
        digest : str, optional
            XXH3-128 of the file, hexadecimal.
        modified_ns : int
            Since 1970; 0: now.

        Raises
        ------
        InTheWayError
            Something else is there.
        DataConsistencyError
            The file does not have the digest, cannot be written, or its name leads out of the tree.
        DestinationFullError
        """
        target = self._target(name)
        # One name for each target: what a killed process left is taken up by the next.
        aside = target.with_name(f".{xxhash.xxh3_64_hexdigest(os.fsencode(target.name))}.part")
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            aside.unlink(missing_ok=True)
            length, written = _write(aside, chunks)
            if digest is not None and written != digest:
                raise DataConsistencyError("what came back is not the source file", where=name)
            found = self.found(name, written)
            if found is Found.OTHER and not self.overwrite:
                raise in_the_way(name)
            if found is Found.SAME:
                return None
            if modified_ns:
                os.utime(aside, ns=(modified_ns, modified_ns))
            aside.replace(target)
            return length
        except OSError as error:
            raise _failure(error, target) from error
        finally:
            with suppress(OSError):
                aside.unlink(missing_ok=True)

    def _target(self, name: str) -> Path:
        target = path_below(self._root, name)
        for folder in target.parents:
            if folder == self._root:
                return target
            # Of a symbolic link nobody knows what else it leads to.
            if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
                raise InTheWayError(f"{folder} is no folder, or a link to one", where=name)
        raise AssertionError("a path below the root has it among its parents")


def in_the_way(name: str) -> InTheWayError:
    """The error for a file in whose place something else is."""
    return InTheWayError("something else is there", where=name)


def _write(path: Path, chunks: Iterable[bytes]) -> tuple[int, str]:
    state, length = xxhash.xxh3_128(), 0
    with open(path, "xb") as file:
        for chunk in chunks:
            state.update(chunk)
            length += file.write(chunk)
    return length, state.hexdigest()


def _failure(error: OSError, target: Path) -> DicomCubeError:
    if full_disk(error):
        return DestinationFullError(
            "the disk is full", where=str(target), hint="make room, then start the command again"
        )
    return DataConsistencyError(f"cannot be written: {error.strerror}", where=str(target))
