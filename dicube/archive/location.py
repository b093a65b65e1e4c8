"""Where the archive of a ledger is."""

import sqlite3
from pathlib import Path
from typing import Final

from dicube.archive.destination import Destination, open_destination
from dicube.exceptions import MetaDataError

#: Name of the ledger that lies in its archive.
LEDGER_NAME: Final = "archive.sqlite"


def destination_of(
    ledger: Path, connection: sqlite3.Connection, moved_to: str | None = None
) -> Destination:
    """The destination whose files a ledger lists.

    Parameters
    ----------
    ledger : Path
    connection : sqlite3.Connection
        To this ledger.
    moved_to : str, optional
        Its path or URL, if it is no longer where it was written. A ledger that moved with its
        archive finds it without.

    Raises
    ------
    MetaDataError
        There is no such folder.
    """
    row = connection.execute("SELECT value FROM setting WHERE name = 'destination'").fetchone()
    recorded = None if row is None else str(row[0])
    places = [moved_to] if moved_to is not None else [recorded]
    if moved_to is None and ledger.name == LEDGER_NAME:
        places.append(str(ledger.absolute().parent))
    for place in places:
        if place is not None:
            destination = open_destination(place)
            if destination.is_there():
                return destination
    raise MetaDataError(
        "the archive is not there",
        where=places[0] or str(ledger),
        hint="say where it is now with --archive",
    )


def report_paths(ledger: Path) -> tuple[Path, Path]:
    """Where the report of the last run is, as JSON and as a page."""
    return ledger.with_suffix(".report.json"), ledger.with_suffix(".report.html")


def is_own_file(ledger: Path, path: Path) -> bool:
    """Whether a file is the ledger, one that SQLite or a run made beside it, or the report."""
    if path.parent != ledger.parent:
        return False
    beside = path.name.startswith((f"{ledger.name}-", f"{ledger.name}.run-"))
    return beside or path == ledger or path in report_paths(ledger)
