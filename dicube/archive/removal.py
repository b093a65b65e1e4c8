"""Source files are removed only when they are stored, were checked, and are found in the archive.

Right before, each output that holds them is read again from end to end and its digest compared with
the ledger; and each source file has to be the one that was read: of the same length and date.
"""

import itertools
import sqlite3
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

from dicube.archive.destination import Destination, open_destination
from dicube.archive.ledger.transaction import now, transaction
from dicube.archive.sources.listing import list_place
from dicube.archive.sources.local_tree import LocalTree
from dicube.archive.work import Place
from dicube.exceptions import DicomCubeError
from dicube.storage.remote import is_url

_AT_ONCE: Final = 500

# A duplicate is where the file lies that it equals.
_STORED: Final = """
FROM file JOIN place ON place.id = file.place_id JOIN root ON root.id = place.root_id
LEFT JOIN file AS same ON same.id = file.stored_as
WHERE file.state IN ('stored', 'duplicate') AND file.removed_at IS NULL
"""
_FILES: Final = f"""
SELECT file.id, url, place.path, file.name, file.bytes, file.modified_ns,
    COALESCE(file.output_id, same.output_id) AS output_id
{_STORED} AND place.container IS NULL ORDER BY output_id, file.id
"""
# Of containers those whose every file is stored.
_CONTAINERS: Final = f"""
SELECT place.id, url, place.path, place.container, place.fingerprint,
    GROUP_CONCAT(DISTINCT COALESCE(file.output_id, same.output_id)) AS outputs
{_STORED} AND place.container IS NOT NULL AND place.state = 'scanned'
    AND NOT EXISTS (SELECT 1 FROM file AS other WHERE other.place_id = place.id
        AND other.state != 'superseded' AND other.state NOT IN ('stored', 'duplicate'))
GROUP BY place.id
"""  # noqa: S608  # text of our own


def remove_sources(connection: sqlite3.Connection, destination: str) -> int:
    """Remove source files that are safe; how many. Folders stay."""
    with open_destination(destination) as archive:
        safe = _SafeOutputs(connection, archive)
        removed = 0
        for some in _batches(_removed_files(connection, safe)):
            _note(connection, "id", some)
            removed += len(some)
        for place_id in _removed_containers(connection, safe):
            _note(connection, "place_id", [place_id])
            removed += 1
    return removed


class _SafeOutputs:
    """Which outputs are what the ledger says; each is read once."""

    def __init__(self, connection: sqlite3.Connection, archive: Destination) -> None:
        self._connection = connection
        self._archive = archive
        self._known: dict[int, bool] = {}

    def __contains__(self, output_id: object) -> bool:
        assert isinstance(output_id, int)
        if output_id not in self._known:
            self._known[output_id] = self._check(output_id)
        return self._known[output_id]

    def _check(self, output_id: int) -> bool:
        row = self._connection.execute(
            "SELECT path, bytes, digest FROM output WHERE id = ?", (output_id,)
        ).fetchone()
        with suppress(DicomCubeError):
            return self._archive.digest(row["path"]) == (row["bytes"], row["digest"])
        return False


def _removed_files(connection: sqlite3.Connection, safe: _SafeOutputs) -> Iterator[int]:
    """Remove plain files, one after the other."""
    for row in connection.execute(_FILES).fetchall():
        if is_url(row["url"]) or row["output_id"] not in safe:
            continue
        path = Path(row["url"], row["path"], row["name"])
        with suppress(FileNotFoundError):
            about = path.lstat()
            if (about.st_size, about.st_mtime_ns) != (row["bytes"], row["modified_ns"]):
                continue
            path.unlink()
        yield row["id"]


def _removed_containers(connection: sqlite3.Connection, safe: _SafeOutputs) -> Iterator[int]:
    for row in connection.execute(_CONTAINERS).fetchall():
        if is_url(row["url"]):
            continue
        if not all(int(output) in safe for output in row["outputs"].split(",")):
            continue
        place = Place(row["id"], row["url"], row["path"], row["container"])
        with suppress(DicomCubeError):  # it is gone already
            if list_place(place).fingerprint != row["fingerprint"]:
                continue
            (LocalTree(row["url"]).base / row["path"]).unlink()
        yield row["id"]


def _note(connection: sqlite3.Connection, column: str, ids: list[int]) -> None:
    with transaction(connection):
        connection.executemany(
            f"UPDATE file SET removed_at = ? WHERE {column} = ?"  # noqa: S608  # one of two names
            # The index of names holds no others.
            " AND state != 'superseded' AND state IN ('stored', 'duplicate')",
            [(now(), each) for each in ids],
        )


def _batches(ids: Iterator[int]) -> Iterator[list[int]]:
    while some := list(itertools.islice(ids, _AT_ONCE)):
        yield some
