"""Workers that are those of a Dask cluster: of many machines, or of this one."""

import logging
import pickle
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import CancelledError
from contextlib import ExitStack
from queue import Empty, SimpleQueue
from typing import Any, Final, Self

from dicube.archive.workers.base import Died, Outcome, Raised, Result, Task, Workers
from dicube.archive.workers.interrupts import deaf_to_interrupts
from dicube.archive.workers.replies import outcome_of, reply_to
from dicube.exceptions import DicomCubeError
from dicube.extras import extra_module

_PATIENCE_S: Final = 30.0  # for the scheduler to answer
_LOOK_S: Final = 0.5  # between looks for workers that have come


class DaskWorkers(Workers[Task, Result]):
    """The workers of a Dask cluster.

    Dask gives the task of a worker that died to another one; when several died over it
    (`distributed.scheduler.allowed-failures`), it counts as died.

    Use `DaskWorkers.on_cluster` or `DaskWorkers.local`.

    Parameters
    ----------
    function : callable
        Of a module that the workers can import, or a `functools.partial` of it.
    client : distributed.Client
    closing : ExitStack
        Closes what was opened for these workers.
    """

    def __init__(self, function: Callable[[Task], Result], client: Any, closing: ExitStack) -> None:
        self._function = function
        self._client = client
        self._closing = closing
        self._waiting: deque[Task] = deque()
        self._tasks: dict[Any, Task] = {}  # by future: those that Dask has
        self._finished: SimpleQueue[Any] = SimpleQueue()

    @classmethod
    def on_cluster(cls, function: Callable[[Task], Result], address: str) -> Self:
        """Work on a cluster that runs already, and goes on to run afterwards.

        Parameters
        ----------
        function : callable
        address : str
            Of the scheduler, such as "tcp://10.0.0.1:8786".

        Raises
        ------
        DicomCubeError
            The scheduler cannot be reached.
        MissingDependencyError
            Dask is not installed.
        """
        distributed = _module("distributed")
        with ExitStack() as closing:
            try:
                client = closing.enter_context(
                    distributed.Client(address, timeout=_PATIENCE_S, set_as_default=False)
                )
            except (OSError, ValueError) as error:
                raise DicomCubeError(
                    f"the Dask scheduler cannot be reached: {error}",
                    where=address,
                    hint="check the address, and that the versions of Dask are the same",
                ) from error
            return cls(function, client, closing.pop_all())

    @classmethod
    def local(cls, function: Callable[[Task], Result], size: int) -> Self:
        """Work on a cluster of this machine that lives as long as these workers.

        Parameters
        ----------
        function : callable
        size : int
            Number of processes.

        Raises
        ------
        MissingDependencyError
            Dask is not installed.
        """
        distributed = _module("distributed")
        # A worker that has a task is no candidate for a second one.
        settings = _module("dask.config").set({"distributed.scheduler.worker-saturation": 1.0})
        with ExitStack() as closing:
            with settings, deaf_to_interrupts():
                cluster = distributed.LocalCluster(
                    n_workers=size,
                    threads_per_worker=1,
                    processes=True,
                    host="127.0.0.1",
                    # The scheduler has an HTTP server in any case: at any port, without pages.
                    dashboard_address="127.0.0.1:0",
                    scheduler_kwargs={"dashboard": False},
                    memory_limit=None,
                    # What it would say of workers that die is an outcome here.
                    silence_logs=logging.CRITICAL,
                )
                closing.enter_context(cluster)
                client = closing.enter_context(distributed.Client(cluster, set_as_default=False))
            return cls(function, client, closing.pop_all())

    @property
    def size(self) -> int:
        """Number of threads of all workers, as far as they are there now."""
        return max(1, sum(map(int, self._client.nthreads().values())))

    @property
    def pending(self) -> int:
        """How many tasks were submitted whose outcome `wait` has not returned."""
        return len(self._waiting) + len(self._tasks)

    def submit(self, task: Task) -> None:
        """Hand the task to the scheduler, or let it wait while all workers are busy."""
        self._waiting.append(task)
        self._hand_out()

    def wait(self, timeout_s: float) -> list[Outcome[Task, Result]]:
        """Outcomes in the order of completion, as soon as there is one; none after the timeout."""
        end = time.monotonic() + timeout_s
        outcomes: list[Outcome[Task, Result]] = []
        while not outcomes or not self._finished.empty():
            left_s = end - time.monotonic()
            try:
                future = self._finished.get(timeout=max(0.0, min(left_s, _LOOK_S)))
            except Empty:
                if left_s <= _LOOK_S:
                    break
                self._hand_out()  # there may be more workers than before
                continue
            if future.status == "lost":  # with the worker that held the result; it is done again
                future.add_done_callback(self._finished.put)
            else:
                outcomes.append(self._outcome(future))
        self._hand_out()
        return outcomes

    def close(self) -> None:
        """Give up what is not done, and end what was started here; never the cluster of others."""
        if self._tasks:
            self._client.cancel(list(self._tasks))
            self._tasks.clear()
        self._waiting.clear()
        self._closing.close()

    def _hand_out(self) -> None:
        """Let Dask have one task for each thread: it blames all that a worker has when it dies."""
        if not self._waiting:
            return
        for _ in range(min(len(self._waiting), self.size - len(self._tasks))):
            task = self._waiting.popleft()
            # Pickled here, as for local workers: Dask need not look into it.
            future = self._client.submit(reply_to, self._function, pickle.dumps(task), pure=False)
            self._tasks[future] = task
            future.add_done_callback(self._finished.put)

    def _outcome(self, future: Any) -> Outcome[Task, Result]:
        task = self._tasks[future]
        outcome: Outcome[Task, Result]
        try:
            outcome = outcome_of(task, future.result())
        except CancelledError as error:  # which nobody did here
            raise DicomCubeError(
                "the Dask scheduler is gone", hint="start it again, and then this"
            ) from error
        except _module("distributed").scheduler.KilledWorker as error:
            outcome = Died(task, f"{error.allowed_failures + 1} workers died over it")
        except Exception as error:  # noqa: BLE001 (of the worker: such as a module it lacks)
            outcome = Raised(task, error)
        del self._tasks[future]
        return outcome


def _module(name: str) -> Any:
    return extra_module(name, extra="dask", purpose="working on a Dask cluster")
