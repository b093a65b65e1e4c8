"""Processes that work on a ledger, and which of them are alive.

Each holds a lock on a file of its own, which the system gives up when the process ends, however it
ends: no times are compared, and no process numbers, which come again.
"""

import fcntl
import json
import os
import sqlite3
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, Literal

from dicube.archive.ledger.transaction import now, transaction
from dicube.closing import Closing
from dicube.version import __version__

Outcome = Literal["done", "failures", "interrupted"]

_TRIED_AGAIN: Final = (
    # Files that failed are looked at anew with their places: they may have changed, or be gone.
    "UPDATE place SET state = 'listed', run_id = NULL WHERE state = 'failed'"
    " OR id IN (SELECT place_id FROM file WHERE state = 'failed')",
    # As if a run had died over it: something may be left of the last try.
    "UPDATE series SET state = 'taken', run_id = NULL WHERE state = 'failed'"
    " OR id IN (SELECT series_id FROM file WHERE state = 'failed')",
    "UPDATE file SET state = 'found' WHERE state = 'failed' AND series_id IS NOT NULL",
)


class Run(Closing):
    """One process as the ledger knows it: the one that made it.

    What dead processes had taken is free again, and what failed before is tried once more.

    Attributes
    ----------
    run_id : int
    """

    def __init__(
        self, connection: sqlite3.Connection, ledger: Path, options: Mapping[str, Any]
    ) -> None:
        self._connection = connection
        self._ledger = ledger
        with transaction(connection):
            cursor = connection.execute(
                "INSERT INTO run (started_at, version, options) VALUES (?, ?, ?)",
                (now(), __version__, json.dumps(options)),
            )
            assert cursor.lastrowid is not None
            self.run_id = cursor.lastrowid
            self._lock = os.open(self._lock_path(self.run_id), os.O_RDWR | os.O_CREAT, 0o600)
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self._bury()

    def end(self, outcome: Outcome) -> None:
        """Note how it went, and free what was taken and not finished."""
        with transaction(self._connection):
            self._free(set(self.others()))
            self._connection.execute(
                "UPDATE run SET ended_at = ?, outcome = ? WHERE id = ?",
                (now(), outcome, self.run_id),
            )

    def others(self) -> list[int]:
        """Other runs that are alive."""
        rows = self._connection.execute(
            "SELECT id FROM run WHERE ended_at IS NULL AND id != ?", (self.run_id,)
        )
        return [row["id"] for row in rows if self._is_alive(row["id"])]

    def refresh(self) -> None:
        """Free what other runs had taken that died meanwhile."""
        with transaction(self._connection):
            self._free({self.run_id, *self.others()})

    def close(self) -> None:
        """Give the lock back."""
        if self._lock >= 0:
            self._lock_path(self.run_id).unlink(missing_ok=True)
            os.close(self._lock)
            self._lock = -1

    def _bury(self) -> None:
        """Free what dead runs had taken; `taken` stays, it says that there may be outputs."""
        alive = {self.run_id, *self.others()}
        rows = self._connection.execute("SELECT id FROM run WHERE ended_at IS NULL").fetchall()
        for row in rows:
            if row["id"] in alive:
                continue
            self._connection.execute(
                "UPDATE run SET ended_at = ?, outcome = 'interrupted' WHERE id = ?",
                (now(), row["id"]),
            )
            self._lock_path(row["id"]).unlink(missing_ok=True)
        self._free(alive - {self.run_id})
        if alive == {self.run_id}:
            for failed in _TRIED_AGAIN:
                self._connection.execute(failed)

    def _free(self, alive: set[int]) -> None:
        """Take back what runs that are not alive had taken."""
        for table, state in (("series", "taken"), ("place", "listed")):
            rows = self._connection.execute(
                f"SELECT DISTINCT run_id FROM {table} WHERE state = ? AND run_id IS NOT NULL",  # noqa: S608
                (state,),
            ).fetchall()
            self._connection.executemany(
                f"UPDATE {table} SET run_id = NULL WHERE run_id = ? AND state = ?",  # noqa: S608
                [(row["run_id"], state) for row in rows if row["run_id"] not in alive],
            )

    def _is_alive(self, run_id: int) -> bool:
        try:
            descriptor = os.open(self._lock_path(run_id), os.O_RDWR)
        except FileNotFoundError:
            return False
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(descriptor)
        return False

    def _lock_path(self, run_id: int) -> Path:
        return self._ledger.with_name(f"{self._ledger.name}.run-{run_id}")
