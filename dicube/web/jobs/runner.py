"""A few threads that work off the queue, one item at a time each."""

import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from dicube.exceptions import DicomCubeError
from dicube.web.jobs.states import Item, NewItem, State
from dicube.web.jobs.store import JobStore

_NOTE_EVERY_S: Final = 0.2  # a page needs no more, and each note is a transaction
_STOP_WAIT_S: Final = 10.0

logger = logging.getLogger(__name__)


class Interrupted(Exception):
    """The item is to be paused or cancelled, or the server stops; no error."""


@dataclass(frozen=True)
class Outcome:
    """What a worker made of an item; see `Item`."""

    findings: Sequence[str] = ()
    results: Sequence[str] = ()
    more: Sequence[NewItem] = ()


class Control:
    """How a worker hears of wishes, and tells how far it is."""

    def __init__(self, item: Item, store: JobStore, stopping: threading.Event) -> None:
        self._item = item
        self._store = store
        self._stopping = stopping
        self._noted_s = float("-inf")
        self._stage = ""

    def cancelled(self) -> bool:
        """Whether to stop now; what is done so far is kept for the next time."""
        return self._stopping.is_set() or self._store.wish(self._item.id) is not None

    def note(self, stage: str, done: int, total: int | None, size: int = 0) -> None:
        """Tell how far it is; called as often as a worker likes."""
        now = time.monotonic()
        if stage == self._stage and done != total and now - self._noted_s < _NOTE_EVERY_S:
            return
        self._stage, self._noted_s = stage, now
        self._store.progress(self._item, stage, done, total, size)

    def progress(self, stage: str, done: int, total: int) -> None:
        """As `note`, for work that has no other way to be interrupted.

        Raises
        ------
        Interrupted
            It is to stop.
        """
        self.note(stage, done, total)
        if self.cancelled():
            raise Interrupted

    def end_state(self) -> State:
        """What an interrupted item becomes: queued, if only the server stops."""
        return self._store.wish(self._item.id) or State.QUEUED


Worker = Callable[[Item, Control], Outcome]


class JobRunner:
    """The threads.

    Parameters
    ----------
    store : JobStore
    workers : mapping from the kind of an item to what does it
    threads : int
        Items under way at a time.
    """

    def __init__(self, store: JobStore, workers: Mapping[str, Worker], threads: int) -> None:
        self._store = store
        self._workers = workers
        self._stopping = threading.Event()
        self._wake = threading.Condition()
        store.listen(lambda _: self._notify())
        # Daemons: a server that does not answer must not keep the program from ending.
        self._threads = [
            threading.Thread(target=self._work, name=f"job-{number}", daemon=True)
            for number in range(threads)
        ]

    def start(self) -> None:
        """Begin, with what an earlier run left first."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Interrupt what runs; it is queued again, and goes on at the next start."""
        self._stopping.set()
        self._notify()
        for thread in self._threads:
            thread.join(_STOP_WAIT_S)

    def _notify(self) -> None:
        with self._wake:
            self._wake.notify_all()

    def _work(self) -> None:
        while not self._stopping.is_set():
            with self._wake:
                item = self._store.take()
                if item is None:
                    self._wake.wait()
                    continue
            self._do(item)

    def _do(self, item: Item) -> None:
        control = Control(item, self._store, self._stopping)
        try:
            outcome = self._workers[item.kind](item, control)
        except Interrupted:
            self._store.end(item, control.end_state())
        except (DicomCubeError, OSError) as error:
            if control.cancelled():
                self._store.end(item, control.end_state())
                return
            # Labels and messages of peers may identify somebody; the kind of error does not.
            logger.warning("item %d of job %s failed: %s", item.id, item.job, type(error).__name__)
            self._store.end(item, State.FAILED, error=str(error))
        except Exception as error:
            # A mistake of ours fails the item, not the thread.
            logger.exception("item %d of job %s", item.id, item.job)
            self._store.end(item, State.FAILED, error=f"internal error: {type(error).__name__}")
        else:
            self._store.end(
                item,
                State.DONE,
                findings=outcome.findings,
                results=outcome.results,
                more=outcome.more,
            )
