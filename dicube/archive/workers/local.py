"""Workers that are processes of this machine.

Each has a connection of its own and one task at a time. A connection that ends without a reply is
the end of its process, so the task to blame is known, and no other one is touched.
"""

import multiprocessing
import pickle
import signal
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from typing import Final, Generic, NamedTuple

from dicube.archive.workers.base import Died, Outcome, Raised, Result, Task, Workers
from dicube.archive.workers.interrupts import deaf_to_interrupts
from dicube.archive.workers.process import READY, serve
from dicube.archive.workers.replies import outcome_of
from dicube.exceptions import DicomCubeError

_MAX_FAILED_STARTS: Final = 3  # in a row: a start may be unlucky, as when memory is short
_PATIENCE_S: Final = 5.0  # for a process to end by itself

# Not fork: the main process has threads, whose locks a forked child would inherit.
_SPAWN: Final = multiprocessing.get_context("spawn")


class _Job(NamedTuple, Generic[Task]):
    task: Task
    message: bytes


@dataclass(eq=False)
class _Worker(Generic[Task]):
    process: SpawnProcess
    connection: Connection
    is_ready: bool = False
    job: _Job[Task] | None = None

    @property
    def is_idle(self) -> bool:
        return self.is_ready and self.job is None


class LocalWorkers(Workers[Task, Result]):
    """Processes of this machine, started when there is work and replaced when they die.

    They are deaf to SIGINT, and end when the main process does, however it ends. A script that
    makes them has to guard its main part with `if __name__ == "__main__"`.

    Parameters
    ----------
    function : callable
        Of a module, or a `functools.partial` of it: it is imported in each process.
    size : int
        Number of processes.
    """

    def __init__(self, function: Callable[[Task], Result], size: int) -> None:
        assert size > 0
        self._function = pickle.dumps(function)
        self._size = size
        self._waiting: deque[_Job[Task]] = deque()
        self._workers: list[_Worker[Task]] = []
        self._outcomes: list[Outcome[Task, Result]] = []
        self._failed_starts = 0
        self._last_words = ""

    @property
    def size(self) -> int:
        """Number of processes."""
        return self._size

    @property
    def pending(self) -> int:
        """How many tasks were submitted whose outcome `wait` has not returned."""
        busy = sum(worker.job is not None for worker in self._workers)
        return len(self._waiting) + busy + len(self._outcomes)

    def submit(self, task: Task) -> None:
        """Give the task to an idle process, or let it wait for one."""
        self._waiting.append(_Job(task, pickle.dumps(task)))
        self._hand_out()

    def wait(self, timeout_s: float) -> list[Outcome[Task, Result]]:
        """Outcomes in the order of completion, as soon as there is one; none after the timeout."""
        end = time.monotonic() + timeout_s
        while not self._outcomes:
            self._check_starts()
            self._hand_out()
            workers = {worker.connection: worker for worker in self._workers}
            heard = wait(list(workers), max(0.0, end - time.monotonic()))
            if not heard:
                break
            for connection in heard:
                assert isinstance(connection, Connection)
                self._hear(workers[connection])
        self._hand_out()
        outcomes, self._outcomes = self._outcomes, []
        return outcomes

    def close(self) -> None:
        """End the processes: idle ones by themselves, others are killed."""
        for worker in self._workers:
            worker.connection.close()
            if not worker.is_idle:
                worker.process.kill()
        for worker in self._workers:
            _ended(worker.process)
        self._workers.clear()
        self._waiting.clear()
        self._outcomes.clear()

    def _check_starts(self) -> None:
        if self._waiting and self._failed_starts >= _MAX_FAILED_STARTS:
            raise DicomCubeError(
                f"worker processes cannot start: {self._last_words}",
                hint="see what they printed",
            )

    def _hand_out(self) -> None:
        """Give waiting tasks to idle processes; start processes for others."""
        for worker in self._workers:
            if worker.is_idle and self._waiting:
                self._give(worker)
        if self._failed_starts >= _MAX_FAILED_STARTS:
            return
        starting = sum(not worker.is_ready for worker in self._workers)
        for _ in range(min(len(self._waiting) - starting, self._size - len(self._workers))):
            self._start()

    def _give(self, worker: _Worker[Task]) -> None:
        try:
            worker.connection.send_bytes(self._waiting[0].message)
        except OSError:
            return  # it died while it was idle, which `wait` will hear
        worker.job = self._waiting.popleft()

    def _start(self) -> None:
        ours, theirs = multiprocessing.Pipe()
        with theirs, deaf_to_interrupts():
            # A daemon: ended with the interpreter when nobody closes the pool.
            process = _SPAWN.Process(target=serve, args=(theirs, self._function), daemon=True)
            process.start()
        self._workers.append(_Worker(process, ours))

    def _hear(self, worker: _Worker[Task]) -> None:
        """Take what a worker sent; an end without it is the end of its process."""
        try:
            message = worker.connection.recv_bytes()
        except (EOFError, OSError):
            self._bury(worker)
            return
        if worker.job is not None:
            self._outcomes.append(outcome_of(worker.job.task, message))
            worker.job = None
        elif message == READY:
            worker.is_ready = True
            self._failed_starts = 0
        else:
            # It would fail again each time.
            self._failed_starts = _MAX_FAILED_STARTS
            self._last_words = _error_of(message)

    def _bury(self, worker: _Worker[Task]) -> None:
        self._workers.remove(worker)
        worker.connection.close()
        reason = _ended(worker.process)
        if worker.job is not None:
            self._outcomes.append(Died(worker.job.task, reason))
        elif not worker.is_ready and self._failed_starts < _MAX_FAILED_STARTS:
            self._failed_starts += 1
            self._last_words = reason


def _error_of(message: bytes) -> str:
    outcome = outcome_of(None, message)
    assert isinstance(outcome, Raised)
    return f"{type(outcome.error).__name__}: {outcome.error}"


def _ended(process: SpawnProcess) -> str:
    """Wait until a process that is to end has ended; how it did."""
    process.join(_PATIENCE_S)
    if process.exitcode is None:
        process.kill()
        process.join()
    code = process.exitcode
    process.close()
    assert code is not None
    if code >= 0:
        return f"the process ended with exit code {code}"
    short = ", perhaps because memory was short" if -code == signal.SIGKILL else ""
    return f"the process was ended by signal {-code} ({signal.strsignal(-code)}){short}"
