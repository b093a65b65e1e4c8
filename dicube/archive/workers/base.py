"""What a pool of workers promises: every task that was submitted comes back as one outcome."""

from abc import abstractmethod
from typing import Generic, NamedTuple, TypeVar

from dicube.closing import Closing

Task = TypeVar("Task")
Result = TypeVar("Result")


class Done(NamedTuple, Generic[Task, Result]):
    """The function returned."""

    task: Task
    result: Result


class Raised(NamedTuple, Generic[Task]):
    """The function raised; the trace of the worker is a note of the error."""

    task: Task
    error: Exception


class Died(NamedTuple, Generic[Task]):
    """The process that worked on it ended, for which nobody but this task can be blamed."""

    task: Task
    reason: str


Outcome = Done[Task, Result] | Raised[Task] | Died[Task]


class Workers(Closing, Generic[Task, Result]):
    """Processes that apply one function to tasks; for use by one thread.

    Tasks, results and the function travel as pickles: the function is one of a module, or a
    `functools.partial` of it.
    """

    @property
    @abstractmethod
    def size(self) -> int:
        """How many tasks are worked on at the same time."""

    @property
    @abstractmethod
    def pending(self) -> int:
        """How many tasks were submitted whose outcome `wait` has not returned."""

    @abstractmethod
    def submit(self, task: Task) -> None:
        """Take a task; it waits its turn while all workers are busy."""

    @abstractmethod
    def wait(self, timeout_s: float) -> list[Outcome[Task, Result]]:
        """Outcomes in the order of completion, as soon as there is one; none after the timeout.

        Raises
        ------
        DicomCubeError
            Workers cannot be started, or reached.
        """

    @abstractmethod
    def close(self) -> None:
        """End the workers, also those that are busy; again is fine."""
