"""The jobs on the disk: an SQLite database that each change goes to at once.

It holds what users asked for, names and descriptions included, so only its owner may read it. One
process has it open at a time, and a second one is told so; threads take turns.
"""

import json
import secrets
import sqlite3
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from dicube.exceptions import DataConsistencyError
from dicube.web.jobs.states import Action, Item, Job, NewItem, State

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS job (
    id TEXT PRIMARY KEY, kind TEXT NOT NULL, title TEXT NOT NULL, created REAL NOT NULL
);
CREATE TABLE IF NOT EXISTS item (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    job TEXT NOT NULL REFERENCES job (id) ON DELETE CASCADE,
    kind TEXT NOT NULL, label TEXT NOT NULL, request TEXT NOT NULL,
    state TEXT NOT NULL DEFAULT 'queued', wish TEXT,
    stage TEXT NOT NULL DEFAULT '', done INTEGER NOT NULL DEFAULT 0, total INTEGER,
    bytes INTEGER NOT NULL DEFAULT 0, error TEXT NOT NULL DEFAULT '',
    findings TEXT NOT NULL DEFAULT '[]', results TEXT NOT NULL DEFAULT '[]'
);
CREATE INDEX IF NOT EXISTS item_of_job ON item (job);
CREATE INDEX IF NOT EXISTS item_in_state ON item (state);
"""
_LOCK_WAIT_S: Final = 1.0
_VERSION: Final = 1  # of the schema
_ACTIONS: Final[dict[Action, tuple[str, ...]]] = {
    Action.PAUSE: (
        "UPDATE item SET state = 'paused' WHERE job = ? AND state = 'queued'",
        "UPDATE item SET wish = 'paused' WHERE job = ? AND state = 'running'",
    ),
    Action.RESUME: (
        "UPDATE item SET state = 'queued' WHERE job = ? AND state = 'paused'",
        "UPDATE item SET wish = NULL WHERE job = ? AND state = 'running' AND wish = 'paused'",
    ),
    Action.CANCEL: (
        "UPDATE item SET state = 'cancelled' WHERE job = ? AND state IN ('queued', 'paused')",
        "UPDATE item SET wish = 'cancelled' WHERE job = ? AND state = 'running'",
    ),
    Action.RETRY: (
        "UPDATE item SET state = 'queued', error = '', done = 0, stage = ''"
        " WHERE job = ? AND state IN ('failed', 'cancelled')",
    ),
}
Listener = Callable[[str], None]  # is told the id of a job that changed


class JobStore:
    """All jobs. Safe to share between threads.

    Items that ran when the process ended are queued again, or get the state that was wished for.

    Parameters
    ----------
    path : Path
        Made if need be, readable by its owner only.

    Raises
    ------
    DataConsistencyError
        The file is no database of ours, of a newer version, or another process has it open.
    """

    def __init__(self, path: Path) -> None:
        self._lock = threading.RLock()
        self._listeners: list[Listener] = []
        path.touch(mode=0o600)
        self._database = sqlite3.connect(
            path, check_same_thread=False, isolation_level=None, timeout=_LOCK_WAIT_S
        )
        self._database.row_factory = sqlite3.Row
        try:
            self._prepare()
        except sqlite3.OperationalError as error:
            self._database.close()
            raise DataConsistencyError(
                "another server has the jobs of this library open",
                where=str(path),
                hint="use that one, or stop it",
            ) from error
        except sqlite3.DatabaseError as error:
            self._database.close()
            raise DataConsistencyError(
                "is no database of jobs, or damaged", where=str(path), hint="move it away"
            ) from error
        self._take_up()

    def _prepare(self) -> None:
        # Two servers would do the same jobs twice. The lock goes with the process, however it ends.
        self._database.execute("PRAGMA locking_mode = EXCLUSIVE")
        version = self._database.execute("PRAGMA user_version").fetchone()[0]
        if version > _VERSION:
            raise DataConsistencyError(
                f"the database of jobs has version {version}, this program knows {_VERSION}",
                hint="use a newer dicube",
            )
        self._database.execute("PRAGMA journal_mode = WAL")
        self._database.execute("PRAGMA foreign_keys = ON")
        self._database.executescript(_SCHEMA)
        self._database.execute("BEGIN EXCLUSIVE")
        self._database.execute("COMMIT")
        self._database.execute(f"PRAGMA user_version = {_VERSION}")

    def _take_up(self) -> None:
        with self._changing():
            self._database.execute(
                "UPDATE item SET state = coalesce(wish, 'queued'), wish = NULL"
                " WHERE state = 'running'"
            )

    # ---- asking ---------------------------------------------------------------------------------

    def jobs(self) -> list[Job]:
        """All jobs, the newest first."""
        with self._lock:
            rows = self._database.execute("SELECT * FROM job ORDER BY created DESC").fetchall()
            return [self._job(row) for row in rows]

    def job(self, job: str) -> Job:
        """One job.

        Raises
        ------
        KeyError
            There is none.
        """
        with self._lock:
            row = self._database.execute("SELECT * FROM job WHERE id = ?", (job,)).fetchone()
            if row is None:
                raise KeyError(job)
            return self._job(row)

    def wish(self, item: int) -> State | None:
        """What a running item is to become; cancelled where it is gone."""
        with self._lock:
            row = self._database.execute("SELECT wish FROM item WHERE id = ?", (item,)).fetchone()
        if row is None:
            return State.CANCELLED
        return None if row["wish"] is None else State(row["wish"])

    def _job(self, row: sqlite3.Row) -> Job:
        items = self._database.execute(
            "SELECT * FROM item WHERE job = ? ORDER BY id", (row["id"],)
        ).fetchall()
        return Job(row["id"], row["kind"], row["title"], row["created"], tuple(map(_item, items)))

    # ---- changing -------------------------------------------------------------------------------

    def add(self, kind: str, title: str, items: Iterable[NewItem]) -> Job:
        """Add a job, its items queued."""
        job = secrets.token_hex(8)
        with self._changing(job):
            self._database.execute(
                "INSERT INTO job VALUES (?, ?, ?, ?)", (job, kind, title, time.time())
            )
            self._insert(job, items)
        return self.job(job)

    def act(self, job: str, action: Action) -> Job:
        """Pause, resume, cancel or retry what of a job can be; KeyError where there is none."""
        self.job(job)
        with self._changing(job):
            for statement in _ACTIONS[action]:
                self._database.execute(statement, (job,))
        return self.job(job)

    def forget(self, job: str) -> None:
        """Take a job that has come to its end off the list; its results stay.

        Raises
        ------
        KeyError
            There is no such job.
        DataConsistencyError
            It has not come to its end.
        """
        state = self.job(job).state
        if state not in (State.DONE, State.FAILED, State.CANCELLED):
            raise DataConsistencyError(f"the job is {state}", hint="cancel it first")
        with self._changing(job):
            self._database.execute("DELETE FROM job WHERE id = ?", (job,))

    def take(self) -> Item | None:
        """The next queued item, now running; None if there is none."""
        with self._lock:
            row = self._database.execute(
                "UPDATE item SET state = 'running', wish = NULL, error = '' WHERE id ="
                " (SELECT id FROM item WHERE state = 'queued' ORDER BY id LIMIT 1) RETURNING *"
            ).fetchone()
        if row is None:
            return None
        self._tell(row["job"])
        return _item(row)

    def progress(self, item: Item, stage: str, done: int, total: int | None, size: int) -> None:
        """Note how far a running item is."""
        with self._changing(item.job):
            self._database.execute(
                "UPDATE item SET stage = ?, done = ?, total = ?, bytes = ? WHERE id = ?",
                (stage, done, total, size, item.id),
            )

    def end(
        self,
        item: Item,
        state: State,
        *,
        error: str = "",
        findings: Sequence[str] = (),
        results: Sequence[str] = (),
        more: Iterable[NewItem] = (),
    ) -> None:
        """Note what came of a running item, and add what it found to do, in one step."""
        with self._changing(item.job):
            self._database.execute(
                "UPDATE item SET state = ?, wish = NULL, error = ?, findings = ?, results = ?"
                " WHERE id = ?",
                (state, error, json.dumps(list(findings)), json.dumps(list(results)), item.id),
            )
            self._insert(item.job, more)

    def _insert(self, job: str, items: Iterable[NewItem]) -> None:
        self._database.executemany(
            "INSERT INTO item (job, kind, label, request) VALUES (?, ?, ?, ?)",
            [(job, item.kind, item.label, json.dumps(item.request)) for item in items],
        )

    @contextmanager
    def _changing(self, job: str | None = None) -> Iterator[None]:
        """One transaction; whoever listens is told afterwards."""
        with self._lock:
            self._database.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                self._database.execute("ROLLBACK")
                raise
            self._database.execute("COMMIT")
        if job is not None:
            self._tell(job)

    # ---- listening ------------------------------------------------------------------------------

    def listen(self, listener: Listener) -> None:
        """Call this with the id of each job that changes, from any thread."""
        self._listeners.append(listener)

    def _tell(self, job: str) -> None:
        for listener in self._listeners:
            listener(job)

    def close(self) -> None:
        """Close the database."""
        with self._lock:
            self._database.close()


def _item(row: sqlite3.Row) -> Item:
    columns: dict[str, Any] = dict(row)
    columns["state"] = State(columns["state"])
    columns["wish"] = None if columns["wish"] is None else State(columns["wish"])
    columns["request"] = json.loads(columns["request"])
    for name in ("findings", "results"):
        columns[name] = tuple(json.loads(columns[name]))
    return Item(**columns)
