"""What an archive was begun with, and has to go on with."""

import sqlite3
from pathlib import Path

from dicube.archive.layout import Layout
from dicube.archive.ledger.transaction import transaction
from dicube.archive.settings import StoreSettings
from dicube.exceptions import DataConsistencyError


def check_settings(
    connection: sqlite3.Connection, store: StoreSettings, layout: Layout, ledger: Path
) -> None:
    """Note the settings of a new archive; of one that is there, compare them.

    Raises
    ------
    DataConsistencyError
        They differ.
    """
    settings = {
        "destination": store.destination,
        "format": store.file_format,
        "layout": layout.pattern,
    }
    with transaction(connection):
        for name, value in settings.items():
            connection.execute("INSERT OR IGNORE INTO setting VALUES (?, ?)", (name, value))
        if str(ledger.parent) == store.destination:  # the archive may have been moved
            connection.execute(
                "UPDATE setting SET value = ? WHERE name = 'destination'", (store.destination,)
            )
        known = read_settings(connection)
    for name, value in settings.items():
        if known[name] != value:
            raise DataConsistencyError(
                f"the archive was begun with the {name} {known[name]}, not {value}",
                where=str(ledger),
                hint="go on with that, or begin another archive with a ledger of its own",
            )


def read_settings(connection: sqlite3.Connection) -> dict[str, str]:
    """The settings of an archive: destination, format and layout."""
    return {row["name"]: row["value"] for row in connection.execute("SELECT * FROM setting")}
