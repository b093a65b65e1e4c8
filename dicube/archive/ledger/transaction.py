"""Changes of the ledger that happen whole or not at all."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from dicube.exceptions import DestinationFullError


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """Nobody else writes while the block runs; if it raises, nothing has changed."""
    try:
        connection.execute("BEGIN IMMEDIATE")  # in here: an interrupt may come right after it
        yield
        connection.execute("COMMIT")
    except BaseException as error:
        if connection.in_transaction:  # a full disk may have ended it
            connection.execute("ROLLBACK")
        if getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL:
            raise DestinationFullError(
                "the disk is full, and the ledger cannot grow",
                hint="make room, then start the command again",
            ) from error
        raise


def now() -> str:
    """The time as the ledger writes it: ISO 8601, UTC."""
    return datetime.now(UTC).isoformat(timespec="seconds")
