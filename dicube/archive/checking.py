"""Whether the files of an archive are still those that its ledger lists.

Those that were looked at longest ago come first, and each result is in the ledger at once, so that
a check that was interrupted goes on where it ended. Nothing of the archive is changed.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import xxhash

from dicube.archive.destination import Destination, digest_of
from dicube.archive.ledger.opened import open_ledger
from dicube.archive.location import destination_of, is_own_file
from dicube.archive.originals import open_originals
from dicube.core.verify import verify_file
from dicube.dicom.folder_scan import Progress
from dicube.exceptions import (
    DataConsistencyError,
    DicomCubeError,
    MetaDataError,
    UnreachableError,
)
from dicube.storage.formats import DCBR

_LATER: Final = "9"  # than every date
# What had a problem is looked at again, whenever that was, but not before the others.
_DUE: Final = """
SELECT id, bytes FROM output WHERE verified_at < ? OR problem IS NOT NULL
ORDER BY problem IS NOT NULL, verified_at, id LIMIT ?
"""
_RIGHT: Final = """
UPDATE output SET verified_at = ?, verified_by = ?, problem = NULL WHERE id = ? AND digest = ?
"""
_WRONG: Final = "UPDATE output SET problem = ? WHERE id = ? AND digest = ?"
_HELD: Final = """
SELECT position, digest FROM file
WHERE output_id = ? AND position IS NOT NULL AND stored_as IS NULL ORDER BY position
"""


@dataclass
class CheckSummary:
    """What a check found.

    Attributes
    ----------
    intact : int
        Files of the archive that are as they have to be.
    problems : list of str
        What is wrong with the others; also in the ledger.
    not_checked : int
        Files that were not looked at this time.
    known_problems : int
        Those of them in which an earlier check found a problem.
    unknown : list of str
        Files that lie in the archive and are not in the ledger. Nobody touched them.
    length_bytes : int
        Of the files that were looked at.
    """

    intact: int = 0
    problems: list[str] = field(default_factory=list)
    not_checked: int = 0
    known_problems: int = 0
    unknown: list[str] = field(default_factory=list)
    length_bytes: int = 0

    @property
    def ok(self) -> bool:
        """Whether nothing is known to be wrong."""
        return not self.problems and not self.known_problems


def verify_ledger(
    ledger: Path,
    *,
    archive: str | None = None,
    deep: bool = False,
    older_than_days: float | None = None,
    limit: int | None = None,
    progress: Progress | None = None,
) -> CheckSummary:
    """Compare the files of an archive with their lengths and digests in the ledger.

    Parameters
    ----------
    ledger : Path
    archive : str, optional
        Where the archive is now, a path or a URL, if it was moved.
    deep : bool
        Decode every frame, test every checksum, and compare the digests of the source files, too.
        Files with a known problem are looked at like this in any case.
    older_than_days : float, optional
        Only those that were not found to be right within so many days.
    limit : int, optional
        No more files than this.
    progress : callable, optional
        Called with (stage, done, total); bytes.

    Raises
    ------
    MetaDataError, DataConsistencyError
        There is no such ledger or archive, or no file of the archive is there.
    UnreachableError
        The server of the archive does not answer; the next call can go on.
    """
    with closing(open_ledger(ledger)) as connection:
        destination = destination_of(ledger, connection, archive)
        summary = CheckSummary(unknown=_unknown_files(ledger, connection, destination))
        before = _LATER if older_than_days is None else _now(older_than_days)
        due = connection.execute(_DUE, (before, -1 if limit is None else limit)).fetchall()
        _count_others(connection, {row["id"] for row in due}, summary)
        total = sum(row["bytes"] for row in due)
        for output_id, length in due:
            with _writing(ledger):
                _check(connection, destination, output_id, deep, summary)
            summary.length_bytes += length
            if progress is not None:
                progress("verifying", summary.length_bytes, total)
    return summary


def _check(
    connection: sqlite3.Connection,
    destination: Destination,
    output_id: int,
    deep: bool,
    summary: CheckSummary,
) -> None:
    """Look at one file of the archive, and write into the ledger what was found."""
    row = connection.execute("SELECT * FROM output WHERE id = ?", (output_id,)).fetchone()
    if row is None:
        return
    deep = deep or row["problem"] is not None
    held = connection.execute(_HELD, (output_id,)).fetchall() if deep else []
    problem = _deep_problem(destination, row, held) if deep else _problem(destination, row)
    if problem is None:
        summary.intact += 1
        how = "decoding" if deep else "checksum"
        connection.execute(_RIGHT, (_now(), how, output_id, row["digest"]))
    else:
        summary.problems.append(f"{row['path']}: {problem}")
        connection.execute(_WRONG, (problem, output_id, row["digest"]))


def _problem(destination: Destination, row: sqlite3.Row) -> str | None:
    try:
        return _difference(row, *destination.digest(row["path"]))
    except UnreachableError:
        raise
    except DicomCubeError as error:
        return error.what


def _deep_problem(
    destination: Destination, row: sqlite3.Row, held: list[sqlite3.Row]
) -> str | None:
    found: list[str | None] = []
    try:
        with destination.reading(row["path"]) as local:
            found.append(_difference(row, *digest_of(local)))
            if row["content"] == "cube":
                found += verify_file(local).problems
            if not local.name.endswith(DCBR.suffix):  # which has no source files
                found += _changed_originals(local, row["content"], held)
    except UnreachableError:
        raise
    except DicomCubeError as error:
        found.append(error.what)
    return "; ".join(problem for problem in found if problem) or None


def _difference(row: sqlite3.Row, length: int, digest: str) -> str | None:
    if length != row["bytes"]:
        return f"it has {length} bytes, not {row['bytes']}"
    return None if digest == row["digest"] else "its bytes were changed"


def _changed_originals(path: Path, content: str, held: list[sqlite3.Row]) -> Iterator[str]:
    """What differs between the source files in a file of the archive and the ledger."""
    with open_originals(path, content) as originals:
        digests = {number: each.digest for number, each in enumerate(originals.listed)}
        missing = [number for number, _ in held if number not in digests]
        unsaid = [number for number, digest in digests.items() if not digest]
        for contents in originals.contents(unsaid):
            state = xxhash.xxh3_128()
            try:
                for chunk in contents.chunks():
                    state.update(chunk)
            except DicomCubeError as error:
                yield error.what
            digests[contents.number] = state.hexdigest()
    if missing:
        yield f"it holds {len(digests)} files; the ledger looks for number {missing[0]}"
    changed = [number for number, digest in held if digests.get(number, digest) != digest]
    if changed:
        yield f"{len(changed)} files in it are not those of the ledger, such as number {changed[0]}"


def _unknown_files(
    ledger: Path, connection: sqlite3.Connection, destination: Destination
) -> list[str]:
    """Files that the ledger does not list.

    Raises
    ------
    DataConsistencyError
        Not one of those that it lists is there.
    """
    rows = connection.execute("SELECT path FROM output")
    missing = {path for (path,) in rows}
    known = len(missing)
    unknown = []
    for path in destination.paths():
        if path in missing:
            missing.remove(path)
        elif not is_own_file(ledger.absolute(), Path(destination.url, path)):
            unknown.append(path)
    if known and len(missing) == known:
        raise DataConsistencyError(
            f"none of the {known} files of the archive is there",
            where=destination.url,
            hint="is the disk mounted? say with --archive where the files are now",
        )
    return sorted(unknown)


def _count_others(connection: sqlite3.Connection, due: set[int], summary: CheckSummary) -> None:
    for output_id, problem in connection.execute("SELECT id, problem FROM output"):
        if output_id not in due:
            summary.not_checked += 1
            summary.known_problems += problem is not None


@contextmanager
def _writing(ledger: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.OperationalError as error:
        raise MetaDataError(
            f"the ledger cannot be written: {error}",
            where=str(ledger),
            hint="check its rights and the room on its disk",
        ) from error


def _now(days_ago: float = 0.0) -> str:
    return (datetime.now(UTC) - timedelta(days=days_ago)).isoformat(timespec="seconds")
