"""Counts of a ledger: files and series by state, cubes and bytes by modality."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any, Final, NamedTuple

from dicube.archive.ledger.opened import read_ledger
from dicube.archive.query import translating

_OUTPUTS: Final = """
SELECT coalesce(modality, iif(content = 'cube', '', 'files')) AS modality, COUNT(*) AS outputs,
    SUM(files) AS files, SUM(source_bytes) AS source_bytes, SUM(bytes) AS bytes,
    COUNT(problem) AS problems
FROM output GROUP BY 1 ORDER BY source_bytes DESC
"""


class Share(NamedTuple):
    """Outputs of one modality, or all of them.

    Attributes
    ----------
    modality : str
        "" for cubes that do not say it, "files" for zip files of files kept as they are.
    outputs, files : int
        Cubes or zip files, and the source files in them.
    source_bytes, bytes : int
    problems : int
        Outputs that the last check found to be wrong.
    """

    modality: str
    outputs: int
    files: int
    source_bytes: int
    bytes: int
    problems: int

    @property
    def ratio(self) -> float | None:
        """How many times smaller; None where there is nothing."""
        return round(self.source_bytes / self.bytes, 3) if self.bytes else None


class Summary(NamedTuple):
    """What is in an archive.

    Attributes
    ----------
    series, places : mapping
        How many, by state.
    files : mapping
        By state: how many, and their bytes.
    shares : list of Share
        The largest first.
    """

    series: dict[str, int]
    places: dict[str, int]
    files: dict[str, tuple[int, int]]
    shares: list[Share]

    @property
    def total(self) -> Share:
        """All outputs together."""
        sums = [sum(column) for column in zip(*(share[1:] for share in self.shares), strict=True)]
        return Share("all", *(sums or [0] * 5))

    def as_json(self) -> dict[str, Any]:
        """The same for JSON."""
        files = {state: {"files": n, "bytes": size} for state, (n, size) in self.files.items()}
        return {
            "series": self.series,
            "places": self.places,
            "files": files,
            "outputs": [{**share._asdict(), "ratio": share.ratio} for share in self.shares],
            "total": {**self.total._asdict(), "ratio": self.total.ratio},
        }


def summary(ledger: Path) -> Summary:
    """Count what is in a ledger, all of it at one moment.

    Raises
    ------
    MetaDataError, DataConsistencyError
        There is no ledger at this path, or it is of another version.
    """
    with closing(read_ledger(Path(ledger))) as connection, translating():
        connection.execute("BEGIN")
        return summary_of(connection)


def summary_of(connection: sqlite3.Connection) -> Summary:
    """The same of an open ledger."""
    counts = {
        table: dict(
            connection.execute(f"SELECT state, COUNT(*) FROM {table} GROUP BY state").fetchall()  # noqa: S608
        )
        for table in ("series", "place")
    }
    files = {
        state: (number, length)
        for state, number, length in connection.execute(
            "SELECT state, COUNT(*), SUM(bytes) FROM file GROUP BY state"
        )
    }
    shares = [Share(*row) for row in connection.execute(_OUTPUTS)]
    return Summary(counts["series"], counts["place"], files, shares)
