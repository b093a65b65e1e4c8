"""Jobs and their items as values: what is to be done, how far it is, what came of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, NamedTuple


class State(StrEnum):
    """Of an item, and of a job as a whole."""

    QUEUED = "queued"
    RUNNING = "running"
    PAUSED = "paused"
    CANCELLED = "cancelled"
    FAILED = "failed"
    DONE = "done"


class Action(StrEnum):
    """What a user can do to a job."""

    PAUSE = "pause"
    RESUME = "resume"
    CANCEL = "cancel"
    RETRY = "retry"


# A job is in the first of these states that one of its items is in.
_PRECEDENCE: Final = (
    State.RUNNING,
    State.QUEUED,
    State.PAUSED,
    State.FAILED,
    State.CANCELLED,
    State.DONE,
)


@dataclass(frozen=True)
class Item:
    """One unit of work: a series to pull, an upload to look through, a volume set to convert.

    Attributes
    ----------
    id : int
    job : str
    kind : str
        Which worker knows what to do.
    label : str
        For people; may hold descriptions of the patient's data, so it is never logged.
    request : dict
        What the worker needs.
    state : State
    wish : State or None
        What a running item is to become: paused or cancelled.
    stage : str
    done : int
    total : int or None
    bytes : int
        Received or written.
    error : str
        Why it failed.
    findings : tuple of str
        What the user should know all the same.
    results : tuple of str
        Files and folders made, relative to the library.
    """

    id: int
    job: str
    kind: str
    label: str
    request: dict[str, Any]
    state: State
    wish: State | None = None
    stage: str = ""
    done: int = 0
    total: int | None = None
    bytes: int = 0
    error: str = ""
    findings: tuple[str, ...] = ()
    results: tuple[str, ...] = ()


@dataclass(frozen=True)
class Job:
    """Several items that were asked for together.

    Attributes
    ----------
    id : str
    kind : "pull" or "convert"
    title : str
        For people; never logged.
    created : float
        Seconds since 1970, UTC.
    items : tuple of Item
    """

    id: str
    kind: str
    title: str
    created: float
    items: tuple[Item, ...]

    @property
    def state(self) -> State:
        """Of the job as a whole."""
        return overall_state([item.state for item in self.items])


class NewItem(NamedTuple):
    """An item that is to be added; see `Item`."""

    kind: str
    label: str
    request: dict[str, Any]


def overall_state(states: Sequence[State]) -> State:
    """The state of a job from those of its items; one without items has nothing left to do."""
    return next((state for state in _PRECEDENCE if state in states), State.DONE)
