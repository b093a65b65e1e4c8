"""Series that are to be stored, who has taken them, and what became of them."""

import json
import sqlite3
from collections.abc import Sequence
from typing import Final, NamedTuple

from dicube.archive.ledger.places import new_series
from dicube.archive.ledger.schema import FACTS
from dicube.archive.ledger.transaction import now, transaction
from dicube.archive.work import FileRef, Output, SeriesResult, SeriesWork, container_of

_TAKEABLE: Final = """
SELECT series.id, content, stem, state, deaths,
    (SELECT COALESCE(SUM(bytes), 0) FROM file
     WHERE file.series_id = series.id AND file.state = 'found') AS length
FROM series WHERE {} ORDER BY series.id LIMIT ?
"""
# Two questions, because SQLite would sort all that wait to answer them as one.
_TAKEABLE_STATES: Final = ("state = 'taken' AND run_id IS NULL", "state = 'found'")
# One file of each content, unless one is on its way already.
_KEPT_ONCE: Final = """
SELECT MIN(id) AS id, bytes FROM file
WHERE state = 'found' AND kind != 'image' AND series_id IS NULL AND NOT EXISTS (
    SELECT 1 FROM file AS same WHERE same.digest = file.digest AND same.bytes = file.bytes
    AND same.kind != 'image' AND same.series_id IS NOT NULL AND same.state = 'found')
GROUP BY digest, bytes ORDER BY 1
"""
_KEPT_FILES: Final = 1000  # in one zip file, whose directory is read whole
_KEPT_BYTES: Final = 256 << 20
KEPT_STEM: Final = "other-files"


class Left(NamedTuple):
    """What is still to be done."""

    series: int
    files: int
    length_bytes: int


class SeriesQueue:
    """The table `series`, and the files of each."""

    def __init__(self, connection: sqlite3.Connection, run_id: int) -> None:
        self._connection = connection
        self._run_id = run_id

    def left(self) -> Left:
        """What nobody has finished yet."""
        row = self._connection.execute(
            "SELECT COUNT(DISTINCT series.id), COUNT(file.id), COALESCE(SUM(file.bytes), 0)"
            " FROM series LEFT JOIN file ON file.series_id = series.id AND file.state = 'found'"
            " WHERE series.state IN ('found', 'taken')"
        ).fetchone()
        return Left(*row)

    def take(self, most_series: int, most_bytes: int, most_together: int) -> list[SeriesWork]:
        """Some series that nobody works on; they are ours now.

        One at least, if there is one; more as long as their files have no more bytes together.
        Those of one tar file, which is read as a whole, may have `most_together`.
        """
        taken: list[SeriesWork] = []
        length = 0
        with transaction(self._connection):
            for row in self._takeable(most_series):
                alone = row["deaths"] > 0  # it may not take others with it
                length += row["length"]
                if taken and (alone or length > most_together):
                    break
                work = self._work(row)
                if taken and length > most_bytes and not _in_one_tar(taken[0], work):
                    break
                taken.append(work)
                if alone:
                    break
            self._connection.executemany(
                "UPDATE series SET state = 'taken', run_id = ? WHERE id = ?",
                [(self._run_id, work.series_id) for work in taken],
            )
        return taken

    def store(self, results: Sequence[SeriesResult]) -> None:
        """Note what became of series."""
        with transaction(self._connection):
            for result in results:
                self._store(result)

    def is_busy(self) -> bool:
        """Whether somebody has something in hand."""
        row = self._connection.execute(
            "SELECT EXISTS (SELECT 1 FROM series WHERE state IN ('found', 'taken'))"
        ).fetchone()
        return bool(row[0])

    def failed(self) -> int:
        """Series, places and files that could not be stored or read, of all runs."""
        row = self._connection.execute(
            "SELECT (SELECT COUNT(*) FROM series WHERE state = 'failed')"
            " + (SELECT COUNT(*) FROM place WHERE state = 'failed')"
            " + (SELECT COUNT(*) FROM file WHERE state = 'failed')"
        ).fetchone()
        return int(row[0])

    def note_death(self, series_ids: Sequence[int], most_deaths: int, reason: str) -> int:
        """A worker died over these: they are free again, unless that happened too often.

        Returns how many are given up.
        """
        with transaction(self._connection):
            self._connection.executemany(
                "UPDATE series SET deaths = deaths + 1, run_id = NULL,"
                " state = CASE WHEN deaths + 1 >= ? THEN 'failed' ELSE 'taken' END,"
                " error = CASE WHEN deaths + 1 >= ? THEN ? ELSE error END WHERE id = ?",
                [(most_deaths, most_deaths, reason, series_id) for series_id in series_ids],
            )
            states = [
                self._connection.execute(
                    "SELECT state FROM series WHERE id = ?", (series_id,)
                ).fetchone()["state"]
                for series_id in series_ids
            ]
        return states.count("failed")

    def plan_kept_files(self) -> None:
        """Put files that are no images together, each content once, so that they can be taken."""
        with transaction(self._connection):
            self._note_kept_duplicates()
            last = self._connection.execute("SELECT MIN(place_id) FROM series").fetchone()[0]
            batch = min(last or 0, 0)
            series_id, count, length = 0, _KEPT_FILES, 0
            rows = self._connection.execute(_KEPT_ONCE).fetchall()
            for row in rows:
                if count >= _KEPT_FILES or length + row["bytes"] > _KEPT_BYTES:
                    batch, count, length = batch - 1, 0, 0
                    stem = f"{KEPT_STEM}/{-batch:06}"
                    series_id = new_series(self._connection, "files", "", batch, stem)
                self._connection.execute(
                    "UPDATE file SET series_id = ? WHERE id = ?", (series_id, row["id"])
                )
                count, length = count + 1, length + row["bytes"]

    def note_kept_duplicates(self) -> None:
        """Files that are no images and equal one that is stored now are stored with it."""
        with transaction(self._connection):
            self._note_kept_duplicates()

    def _note_kept_duplicates(self) -> None:
        self._connection.execute(
            "UPDATE file SET state = 'duplicate', series_id = same.series_id,"
            " stored_as = same.id FROM file AS same WHERE file.state = 'found'"
            " AND file.kind != 'image' AND file.series_id IS NULL AND same.kind != 'image'"
            " AND same.state IN ('stored', 'superseded') AND same.output_id IS NOT NULL"
            " AND same.digest = file.digest AND same.bytes = file.bytes"
        )

    def _takeable(self, most: int) -> list[sqlite3.Row]:
        rows: list[sqlite3.Row] = []
        for state in _TAKEABLE_STATES:
            rows += self._connection.execute(_TAKEABLE.format(state), (most - len(rows),))
        return rows

    def _work(self, row: sqlite3.Row) -> SeriesWork:
        files = self._connection.execute(
            "SELECT file.id, url, label, path, name, container, bytes FROM file"
            " JOIN place ON place.id = place_id JOIN root ON root.id = root_id"
            " WHERE series_id = ? AND file.state = 'found' ORDER BY root.id, path, name",
            (row["id"],),
        )
        known: dict[str, list[tuple[str, int]]] = {}
        for stored in self._connection.execute(
            "SELECT sop_uid, digest, id FROM file WHERE series_id = ?"
            " AND state IN ('stored', 'superseded') AND stored_as IS NULL AND sop_uid IS NOT NULL",
            (row["id"],),
        ):
            known.setdefault(stored["sop_uid"], []).append((stored["digest"], stored["id"]))
        outputs = self._connection.execute(
            "SELECT path FROM output WHERE series_id = ?", (row["id"],)
        )
        return SeriesWork(
            series_id=row["id"],
            content=row["content"],
            stem=row["stem"],
            outputs=tuple(output["path"] for output in outputs),
            files=tuple(FileRef(*found) for found in files),
            known={uid: tuple(found) for uid, found in known.items()},
            begun=row["state"] == "taken",
        )

    def _store(self, result: SeriesResult) -> None:
        for output in result.outputs:
            self._store_output(result.series_id, output)
        self._connection.executemany(
            "UPDATE file SET state = 'duplicate', digest = ?, stored_as = same.id"
            " FROM file AS same WHERE file.id = ? AND same.id = ? AND same.output_id IS NOT NULL",
            [(digest, file_id, same) for file_id, same, digest in result.duplicates],
        )
        self._connection.executemany(
            "UPDATE file SET state = 'failed', reason = ? WHERE id = ?",
            [(reason, file_id) for file_id, reason in result.failures],
        )
        left = self._connection.execute(
            "SELECT COUNT(*) FROM file WHERE series_id = ? AND state = 'found'", (result.series_id,)
        ).fetchone()[0]
        # Files that turned up meanwhile are for the next who takes it.
        state = "failed" if result.error else "found" if left else "done"
        self._connection.execute(
            "UPDATE series SET state = ?, error = ?, seconds = seconds + ?, run_id = ?"
            " WHERE id = ?",
            (state, result.error or None, result.seconds, self._run_id, result.series_id),
        )

    def _store_output(self, series_id: int, output: Output) -> None:
        moment = now()
        columns = {
            "series_id": series_id,
            "run_id": self._run_id,
            "path": output.path,
            "content": output.kind,
            "bytes": output.length_bytes,
            "digest": output.digest,
            "source_bytes": output.source_bytes,
            "files": len(output.files),
            "findings": json.dumps(output.findings, ensure_ascii=False),
            "made_at": moment,
            "verified_at": moment,
            "verified_by": "source",
            **{name: output.facts.get(name) for name in FACTS},
        }
        cursor = self._connection.execute(
            f"INSERT INTO output ({', '.join(columns)})"  # noqa: S608  # names of our own
            f" VALUES ({', '.join('?' * len(columns))})",
            tuple(columns.values()),
        )
        self._connection.executemany(
            "UPDATE file SET state = 'stored', digest = ?, output_id = ?, position = ?"
            " WHERE id = ?",
            [
                (digest, cursor.lastrowid, position, file_id)
                for position, (file_id, digest) in enumerate(output.files)
            ],
        )


def _in_one_tar(one: SeriesWork, other: SeriesWork) -> bool:
    container = container_of(one)
    return container is not None and container == container_of(other)
