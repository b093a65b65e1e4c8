"""Ledgers as SQLite databases: made, opened to be written, opened to be read."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from dicube.archive.ledger.schema import TABLES, VERSION
from dicube.exceptions import (
    DataConsistencyError,
    DestinationFullError,
    DicomCubeError,
    MetaDataError,
)

_WAIT_S: Final = 60.0  # for another process to end its transaction
_APPLICATION_ID: Final = 0x44694375  # "DiCu": PRAGMA application_id tells ledgers from other files


def open_ledger(path: Path, *, create: bool = False) -> sqlite3.Connection:
    """Open a ledger to be written; transactions are those that `BEGIN IMMEDIATE` starts.

    Parameters
    ----------
    path : Path
    create : bool
        Make it where there is none.

    Raises
    ------
    MetaDataError
        There is no such file.
    DataConsistencyError
        It is no ledger, or one of another version.
    DestinationFullError
        The disk is full.
    """
    if not create and not path.is_file():
        raise MetaDataError("no such ledger", where=str(path), hint="check the path")
    if create:
        # It names patients; the files that SQLite makes beside it get the same rights.
        try:
            path.touch(mode=0o600)
        except OSError as error:
            raise _not_opened(path) from error
    connection = _connect(f"{path.absolute().as_uri()}?mode=rw", path)
    with _closed_if_wrong(connection, path):
        if create:
            _create(connection)
        _check(connection, path)
        connection.execute("PRAGMA journal_mode = WAL")
        # A power cut must not take back what was committed: sources may be removed after it.
        connection.execute("PRAGMA synchronous = FULL")
    return connection


def read_ledger(path: Path) -> sqlite3.Connection:
    """Open a ledger to be read, also while others write.

    Raises
    ------
    MetaDataError
        There is no such file.
    DataConsistencyError
        It is no ledger, or one of another version.
    """
    if not path.is_file():
        raise MetaDataError("no such ledger", where=str(path), hint="check the path")
    connection = _connect(_reading_uri(path), path)
    with _closed_if_wrong(connection, path):
        _check(connection, path)
        connection.execute("PRAGMA query_only = ON")
    return connection


@contextmanager
def _closed_if_wrong(connection: sqlite3.Connection, path: Path) -> Iterator[None]:
    """Close the connection if the block raises; errors of SQLite become ours."""
    try:
        yield
    except sqlite3.DatabaseError as error:
        connection.close()
        raise ledger_error(error, path) from error
    except BaseException:
        connection.close()
        raise


def ledger_error(error: sqlite3.DatabaseError, path: Path) -> DicomCubeError:
    """What an error of SQLite means to those who work with the ledger."""
    if not isinstance(error, sqlite3.OperationalError):
        return _no_ledger(path)
    code = getattr(error, "sqlite_errorcode", None)
    if code in (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR_SHMSIZE):
        return DestinationFullError(
            "the disk is full", where=str(path), hint="make room, then start the command again"
        )
    if code == sqlite3.SQLITE_BUSY:
        return MetaDataError(
            f"another process has kept the ledger for more than {_WAIT_S:.0f} s",
            where=str(path),
            hint="start the command again",
        )
    return MetaDataError(
        f"the ledger cannot be read or written: {error}",
        where=str(path),
        hint="check the disk and the rights",
    )


def _reading_uri(path: Path) -> str:
    """With a log, others may be writing; without one, SQLite would make it to read the ledger."""
    uri = f"{path.absolute().as_uri()}?mode=ro"
    has_log = path.with_name(f"{path.name}-wal").exists()
    may_make_one = os.access(path.absolute().parent, os.W_OK)
    return uri if has_log or may_make_one else f"{uri}&immutable=1"


def _connect(uri: str, path: Path) -> sqlite3.Connection:
    try:
        connection = sqlite3.connect(uri, uri=True, timeout=_WAIT_S, isolation_level=None)
    except sqlite3.OperationalError as error:
        raise _not_opened(path) from error
    connection.row_factory = sqlite3.Row
    return connection


def _create(connection: sqlite3.Connection) -> None:
    """Make the tables, unless they are there; one of two processes waits for the other."""
    connection.execute("BEGIN IMMEDIATE")
    is_empty = not connection.execute("SELECT COUNT(*) FROM sqlite_master").fetchone()[0]
    if is_empty:
        for statement in TABLES.split(";\n"):
            connection.execute(statement)
        connection.execute(f"PRAGMA application_id = {_APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {VERSION}")
    connection.execute("COMMIT")


def _check(connection: sqlite3.Connection, path: Path) -> None:
    if connection.execute("PRAGMA application_id").fetchone()[0] != _APPLICATION_ID:
        raise _no_ledger(path)
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if version != VERSION:
        raise DataConsistencyError(
            f"the ledger has version {version}, this program knows {VERSION}",
            where=str(path),
            hint="use the version of DiCube that wrote it, or a newer one",
        )


def _no_ledger(path: Path) -> DataConsistencyError:
    return DataConsistencyError(
        "this is no ledger of an archive", where=str(path), hint="check the path"
    )


def _not_opened(path: Path) -> MetaDataError:
    return MetaDataError(
        "the ledger cannot be opened", where=str(path), hint="check the folder and its rights"
    )
