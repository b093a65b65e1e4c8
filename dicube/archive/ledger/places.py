"""What the sources hold: roots, places, and the files that were found there."""

import sqlite3
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from dicube.archive.layout import Layout
from dicube.archive.ledger.transaction import transaction
from dicube.archive.sources.listing import ListedPlace
from dicube.archive.work import FileFacts, Place, ScannedPlace

# What a place counts for; a container, of which nobody knows, as much as a small series.
_FILES: Final = "CASE WHEN container IS NULL THEN MAX(files, 1) ELSE 64 END"


class Root(NamedTuple):
    """A source, and its name in the archive."""

    root_id: int
    url: str
    label: str


class Places:
    """The tables `root`, `place` and `file`.

    Parameters
    ----------
    connection : sqlite3.Connection
    run_id : int
    layout : Layout
        Names series that turn up.
    """

    def __init__(self, connection: sqlite3.Connection, run_id: int, layout: Layout) -> None:
        self._connection = connection
        self._run_id = run_id
        self._layout = layout

    def root(self, url: str) -> Root:
        """A source by its path or URL; new ones get a name that no other has."""
        with transaction(self._connection):
            found = self._connection.execute("SELECT * FROM root WHERE url = ?", (url,)).fetchone()
            if found is None:
                taken = {row["label"] for row in self._connection.execute("SELECT label FROM root")}
                wanted = url.rstrip("/").rpartition("/")[2] or "root"
                names = (wanted if n == 1 else f"{wanted}~{n}" for n in range(1, len(taken) + 2))
                label = next(name for name in names if name not in taken)
                self._connection.execute(
                    "INSERT INTO root (url, label) VALUES (?, ?)", (url, label)
                )
                found = self._connection.execute(
                    "SELECT * FROM root WHERE url = ?", (url,)
                ).fetchone()
        return Root(found["id"], found["url"], found["label"])

    def note(self, root: Root, listed: Sequence[ListedPlace]) -> None:
        """Note places; those that are new or changed are to be scanned."""
        rows = [
            (root.root_id, place.path, place.container, place.fingerprint, len(place.files))
            for place in listed
        ]
        with transaction(self._connection):
            # A place that somebody scans just now is left to them with the fingerprint it had:
            # the next listing sees that it changed.
            self._connection.executemany(
                "INSERT INTO place (root_id, path, container, fingerprint, files, state)"
                " VALUES (?, ?, ?, ?, ?, 'listed') ON CONFLICT (root_id, path) DO UPDATE SET"
                " container = excluded.container, fingerprint = excluded.fingerprint,"
                " files = excluded.files, state = 'listed', problem = NULL, run_id = NULL"
                " WHERE (fingerprint != excluded.fingerprint"
                " OR container IS NOT excluded.container)"
                " AND (state != 'listed' OR run_id IS NULL)",
                rows,
            )

    def take(self, most_files: int) -> list[Place]:
        """Places that nobody scans yet; they are ours now.

        One at least, if there is one; more as long as they have no more files together.
        """
        taken: list[Place] = []
        files = 0
        with transaction(self._connection):
            for row in self._connection.execute(
                f"SELECT place.id, url, path, container, {_FILES} AS files"  # noqa: S608  # our own
                " FROM place JOIN root ON root.id = root_id"
                " WHERE state = 'listed' AND run_id IS NOT ? AND (run_id IS NULL OR run_id NOT IN"
                " (SELECT id FROM run WHERE ended_at IS NULL)) ORDER BY place.id LIMIT ?",
                (self._run_id, most_files),
            ):
                files += row["files"]
                if taken and files > most_files:
                    break
                taken.append(Place(row["id"], row["url"], row["path"], row["container"]))
            self._connection.executemany(
                "UPDATE place SET run_id = ? WHERE id = ?",
                [(self._run_id, place.place_id) for place in taken],
            )
        return taken

    def unscanned(self) -> int:
        """How many places are still to be scanned, by whomever."""
        return int(
            self._connection.execute(
                "SELECT COUNT(*) FROM place WHERE state = 'listed'"
            ).fetchone()[0]
        )

    def unscanned_files(self) -> int:
        """How many files are in there, as far as anybody knows."""
        return int(
            self._connection.execute(
                f"SELECT COALESCE(SUM({_FILES}), 0) FROM place WHERE state = 'listed'"  # noqa: S608
            ).fetchone()[0]
        )

    def add(self, scanned: Iterable[ScannedPlace]) -> None:
        """Note what places hold."""
        with transaction(self._connection):
            for place in scanned:
                self._add_place(place)

    def _add_place(self, place: ScannedPlace) -> None:
        known = {
            row["name"]: row
            for row in self._connection.execute(
                "SELECT id, name, bytes, modified_ns, state FROM file"
                " WHERE place_id = ? AND state != 'superseded'",
                (place.place_id,),
            )
        }
        series: dict[str, int] = {}
        for facts in place.files:
            before = known.pop(facts.name, None)
            if before is not None:
                if _is_same(before, facts):
                    continue
                self._forget(before)
            self._add_file(place, facts, series)
        for failure in place.failures:
            before = known.pop(failure.name, None)
            if before is not None and before["state"] in ("stored", "duplicate"):
                continue  # it is safe, whatever became of it
            if before is not None:
                self._forget(before)
            self._connection.execute(
                "INSERT INTO file (place_id, name, bytes, modified_ns, kind, state, reason)"
                " VALUES (?, ?, 0, 0, 'other', ?, ?)",
                (
                    place.place_id,
                    failure.name,
                    "failed" if failure.is_file else "left",
                    failure.reason,
                ),
            )
        if not place.problem:
            for gone in known.values():
                if gone["state"] not in ("stored", "duplicate"):
                    self._forget(gone)
        self._connection.execute(
            "UPDATE place SET state = ?, problem = ?, run_id = ? WHERE id = ?",
            (
                "failed" if place.problem else "scanned",
                place.problem or None,
                self._run_id,
                place.place_id,
            ),
        )

    def _add_file(self, place: ScannedPlace, facts: FileFacts, series: dict[str, int]) -> None:
        is_image = facts.kind == "image"
        if is_image and facts.series_uid not in series:
            series[facts.series_uid] = self._series_id(place, facts.series_uid)
        self._connection.execute(
            "INSERT INTO file (place_id, name, bytes, modified_ns, kind, state, reason, sop_uid,"
            " series_id, digest) VALUES (?, ?, ?, ?, ?, 'found', ?, ?, ?, ?)",
            (
                place.place_id,
                facts.name,
                facts.length_bytes,
                facts.modified_ns,
                facts.kind,
                facts.reason or None,
                facts.sop_uid or None,
                series[facts.series_uid] if is_image else None,
                facts.digest or None,
            ),
        )

    def _series_id(self, place: ScannedPlace, series_uid: str) -> int:
        """The series that new images belong to, which has something to do now."""
        own_place = 0 if series_uid else place.place_id
        found = self._connection.execute(
            "SELECT id, state FROM series WHERE series_uid = ? AND place_id = ?",
            (series_uid, own_place),
        ).fetchone()
        if found is not None:
            self._connection.execute(
                "UPDATE series SET state = 'found', run_id = NULL WHERE id = ? AND state = 'done'",
                (found["id"],),
            )
            return int(found["id"])
        return new_series(
            self._connection,
            "images",
            series_uid,
            own_place,
            self._layout.stem(place.values.get(series_uid, {})),
        )

    def _forget(self, row: sqlite3.Row) -> None:
        """Make room for another file of that name; where the old one is stored, it is known on."""
        if row["state"] in ("stored", "duplicate"):
            self._connection.execute(
                "UPDATE file SET state = 'superseded' WHERE id = ?", (row["id"],)
            )
        else:
            self._connection.execute("DELETE FROM file WHERE id = ?", (row["id"],))


def new_series(
    connection: sqlite3.Connection, content: str, series_uid: str, place_id: int, wanted: str
) -> int:
    """A new row of `series`, its stem made unique."""
    stem = _free_stem(connection, wanted)
    cursor = connection.execute(
        "INSERT INTO series (content, series_uid, place_id, stem, state)"
        " VALUES (?, ?, ?, ?, 'found')",
        (content, series_uid, place_id, stem),
    )
    assert cursor.lastrowid is not None
    return cursor.lastrowid


def _free_stem(connection: sqlite3.Connection, wanted: str) -> str:
    """`wanted`, or with a number behind it the first that is free.

    Series are never removed, so the numbers have no gaps, and few questions find the last.
    """

    def stem(number: int) -> str:
        return wanted if number == 1 else f"{wanted}~~{number}"

    def is_free(number: int) -> bool:
        found = connection.execute("SELECT 1 FROM series WHERE stem = ?", (stem(number),))
        return found.fetchone() is None

    free = 1
    while not is_free(free):
        free *= 2
    numbers = range(free // 2 + 1, free)
    return stem(numbers.start + bisect_left(numbers, True, key=is_free))


def _is_same(row: sqlite3.Row, facts: FileFacts) -> bool:
    """Whether a file is the one that is known; one that failed is looked at anew."""
    unchanged = (row["bytes"], row["modified_ns"]) == (facts.length_bytes, facts.modified_ns)
    return unchanged and row["state"] not in ("failed", "left")
