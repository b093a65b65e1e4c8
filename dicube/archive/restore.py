"""The trees that were archived again, from a ledger or from cube files alone.

Each file of the archive is opened once, and only if something of it is missing in the tree, so that
a restore that was interrupted goes on where it ended.
"""

import itertools
import json
import sqlite3
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Final, NamedTuple

from dicube.archive.ledger.opened import read_ledger
from dicube.archive.location import destination_of
from dicube.archive.originals import Contents, Original, Originals, open_originals
from dicube.archive.tree import Found, InTheWayError, Tree, in_the_way
from dicube.codecs.parallel import map_in_order
from dicube.dicom.folder_scan import Progress
from dicube.exceptions import (
    DataConsistencyError,
    DestinationFullError,
    DicomCubeError,
    UnreachableError,
)
from dicube.storage.formats import DCBR

# Smaller files are written faster than threads can pass the interpreter lock around.
_WORTH_A_THREAD: Final = 1 << 18  # bytes

# A file that is a duplicate is where the file is that it is byte for byte.
_FILES: Final = """
SELECT output.path AS output, output.content, stored.position, root.label, place.path AS folder,
    file.name, file.modified_ns, file.digest
FROM file
JOIN place ON place.id = file.place_id
JOIN root ON root.id = place.root_id
LEFT JOIN file AS stored ON stored.id = COALESCE(file.stored_as, file.id)
LEFT JOIN output ON output.id = stored.output_id
WHERE file.state IN ('stored', 'duplicate')
    AND (:outputs IS NULL OR output.path IN (SELECT value FROM json_each(:outputs)))
ORDER BY stored.output_id, stored.position, file.id
"""
_NOT_ARCHIVED: Final = "SELECT COUNT(*) FROM file WHERE state IN ('found', 'failed')"
_COUNT: Final = f"SELECT COUNT(*) FROM ({_FILES})"  # noqa: S608  # no value of anybody's


@dataclass
class RestoreSummary:
    """What became of the files.

    Attributes
    ----------
    identical : int
        Files that were written, byte for byte those that were archived.
    equal : int
        Files that were written with equal elements and stored values: the sources were compressed.
    derived : int
        Images that were written in the place of sources of which the archive, of .dcbr files, holds
        no more: exact in a region, with UIDs of their own.
    present : int
        Files that were there already.
    conflicts : list of str
        Files in whose place something else was, which stays.
    problems : list of str
        Files, or files of the archive, that could not be restored.
    length_bytes : int
        Of the files that were written.
    not_archived : int
        Files of the sources that the ledger knows and that are not in the archive (yet).
    """

    identical: int = 0
    equal: int = 0
    derived: int = 0
    present: int = 0
    conflicts: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    length_bytes: int = 0
    not_archived: int = 0

    def add(self, other: "RestoreSummary") -> None:
        """Count what became of further files."""
        self.identical += other.identical
        self.equal += other.equal
        self.derived += other.derived
        self.present += other.present
        self.conflicts += other.conflicts
        self.problems += other.problems
        self.length_bytes += other.length_bytes


def restore_ledger(
    ledger: Path,
    folder: Path,
    *,
    archive: str | None = None,
    outputs: Collection[str] | None = None,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> RestoreSummary:
    """Write the files of a ledger to FOLDER/label of the source/path in the source.

    Every file is compared with its digest in the ledger before it gets its name; images from .dcbr
    files, which do not hold their sources, cannot be. What is damaged
    in the archive keeps nothing else from coming back.

    Parameters
    ----------
    ledger, folder : Path
    archive : str, optional
        Where the archive is now, a path or a URL, if it was moved.
    outputs : collection of str, optional
        Only what these files of the archive hold: their paths, as in the ledger.
    overwrite : bool
        Replace other files of the same names.
    progress : callable, optional
        Called with (stage, done, total).

    Raises
    ------
    MetaDataError, DataConsistencyError
        There is no such ledger or archive, or the target is no folder.
    DestinationFullError
        The disk is full; what is written stays, and the next call goes on.
    UnreachableError
        The server of the archive does not answer; likewise.
    """
    chosen = {"outputs": None if outputs is None else json.dumps(sorted(outputs))}
    with closing(read_ledger(ledger)) as connection:
        source = destination_of(ledger, connection, archive)
        total = connection.execute(_COUNT, chosen).fetchone()[0]
        job = _Restore(folder, overwrite, progress, total)
        if outputs is None:
            job.summary.not_archived = connection.execute(_NOT_ARCHIVED).fetchone()[0]
        rows = connection.execute(_FILES, chosen)
        for path, group in itertools.groupby(rows, key=lambda row: row["output"]):
            files = list(group)
            with job.reporting(path or str(ledger), len(files)):
                if path is None:
                    raise DataConsistencyError("the ledger does not say where files are kept")
                missing = job.missing(map(_wanted, files))
                if missing:
                    with (
                        source.reading(path) as local,
                        open_originals(local, _content(files[0])) as originals,
                    ):
                        job.write(originals, missing)
    return job.summary


def restore_cubes(
    files: Sequence[Path],
    folder: Path,
    *,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> RestoreSummary:
    """Write the source files of cube files below a folder, under the names that the cubes have.

    Parameters and errors are those of `restore_ledger`.
    """
    job = _Restore(folder, overwrite, progress, 0)
    for file in files:
        with job.reporting(str(file), 0), open_originals(file, "cube") as originals:
            job.total += len(originals.listed)
            listed = enumerate(originals.listed)
            wanted = [_Wanted(each.name, number, each.digest) for number, each in listed]
            job.write(originals, job.missing(wanted))
    return job.summary


class _Wanted(NamedTuple):
    """A file to be written; `is_blocked` where something else is in its place."""

    name: str
    number: int | None
    digest: str
    modified_ns: int = 0
    is_blocked: bool = False


def _content(output: sqlite3.Row) -> str:
    return "region" if output["output"].endswith(DCBR.suffix) else str(output["content"])


def _wanted(row: sqlite3.Row) -> _Wanted:
    name = PurePosixPath(row["label"], row["folder"], row["name"])
    return _Wanted(str(name), row["position"], row["digest"] or "", row["modified_ns"])


class _Restore:
    """A restore that goes on; `total` is the number of files that are to be there in the end."""

    def __init__(
        self, folder: Path, overwrite: bool, progress: Progress | None, total: int
    ) -> None:
        if folder.exists() and not folder.is_dir():
            raise DataConsistencyError("the target is no folder", where=str(folder))
        self.summary = RestoreSummary()
        self.total = total
        self._tree = Tree(folder.absolute(), overwrite=overwrite)
        self._progress = progress
        self._done = 0

    @contextmanager
    def reporting(self, output: str, files: int) -> Iterator[None]:
        """Report what is wrong with a file of the archive, and go on."""
        start = self._done
        try:
            yield
        except (DestinationFullError, UnreachableError):
            raise
        except DicomCubeError as error:
            lost = max(start + files - self._done, 0)
            count = f" ({lost} files of it are not restored)" if lost else ""
            self._count(RestoreSummary(problems=[f"{output}: {error}{count}"]), lost)

    def missing(self, wanted: Iterable[_Wanted]) -> list[_Wanted]:
        """Those that are not there yet."""
        missing = []
        for file in wanted:
            summary = RestoreSummary()
            with _noting(summary, file):
                found = self._tree.found(file.name, file.digest)
                if found is not Found.SAME:
                    is_blocked = found is Found.OTHER and not self._tree.overwrite
                    missing.append(file._replace(is_blocked=is_blocked))
                    continue
                summary.present = 1
            self._count(summary)
        return missing

    def write(self, originals: Originals, missing: Iterable[_Wanted]) -> None:
        """Write files that a file of the archive holds."""
        by_number = defaultdict(list)
        for file in missing:
            summary = RestoreSummary()
            with _noting(summary, file):
                by_number[_checked(file, originals.listed)].append(file)
                continue
            self._count(summary)
        numbers = sorted(by_number)
        length = sum(originals.listed[number].length_bytes for number in numbers)
        is_worth_it = length >= len(numbers) * _WORTH_A_THREAD

        def write_one(contents: Contents) -> list[RestoreSummary]:
            original = originals.listed[contents.number]
            return [self._write(file, original, contents) for file in by_number[contents.number]]

        written = map_in_order(write_one, originals.contents(numbers), None if is_worth_it else 1)
        for summaries in written:
            for summary in summaries:
                self._count(summary)

    def _write(self, file: _Wanted, original: Original, contents: Contents) -> RestoreSummary:
        summary = RestoreSummary()
        with _noting(summary, file):
            length = self._tree.write(
                file.name,
                contents.chunks(),
                digest=file.digest if original.is_exact else None,
                modified_ns=0 if original.is_derived else file.modified_ns,
            )
            if length is None:
                summary.present = 1
            elif original.is_derived:
                summary.derived = 1
            elif original.is_exact:
                summary.identical = 1
            else:
                summary.equal = 1
            summary.length_bytes = length or 0
        return summary

    def _count(self, summary: RestoreSummary, files: int = 1) -> None:
        self.summary.add(summary)
        self._done += files
        if self._progress is not None:
            self._progress("restoring", self._done, self.total)


@contextmanager
def _noting(summary: RestoreSummary, file: _Wanted) -> Iterator[None]:
    """Note what keeps a file from being written, and go on."""
    try:
        yield
    except DestinationFullError:
        raise
    except InTheWayError as error:
        summary.conflicts.append(f"{file.name}: {error.what}")
    except DicomCubeError as error:
        summary.problems.append(f"{file.name}: {error}")


def _checked(file: _Wanted, listed: Sequence[Original]) -> int:
    """The number of a file where the ledger says it is."""
    number = file.number
    if number is None or not 0 <= number < len(listed):
        raise DataConsistencyError(
            f"the archive has {len(listed)} files there, not number {number}"
        )
    if listed[number].digest not in ("", file.digest):
        raise DataConsistencyError("the archive has another file in its place")
    if file.is_blocked and listed[number].is_exact:
        raise in_the_way(file.name)
    return number
