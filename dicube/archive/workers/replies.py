"""Replies: what became of a task, as the bytes that a worker sends to the main process.

Whatever the function returns or raises arrives as something that can be read: a result or an error
that cannot be pickled is replaced by an error that says so.
"""

import pickle
import traceback
from collections.abc import Callable
from typing import Any, Generic, NamedTuple

from dicube.archive.workers.base import Done, Raised, Result, Task
from dicube.exceptions import DicomCubeError


class _Returned(NamedTuple, Generic[Result]):
    result: Result


class _Failed(NamedTuple):
    error: Exception
    trace: str


def reply_to(function: Callable[[Any], object], task: bytes) -> bytes:
    """Apply the function to a pickled task; never raises."""
    try:
        result = function(pickle.loads(task))  # noqa: S301 (of the main process)
    except Exception as error:  # noqa: BLE001 (the main process decides what it means)
        return reply_of_error(error)
    try:
        return pickle.dumps(_Returned(result))
    except Exception as error:  # noqa: BLE001 (any class may refuse in its own way)
        return reply_of_error(
            DicomCubeError(f"a {type(result).__name__} cannot be sent to another process: {error}")
        )


def reply_of_error(error: Exception) -> bytes:
    """The reply of a worker that could do nothing but fail."""
    trace = "".join(traceback.format_exception(error))
    try:
        reply = pickle.dumps(_Failed(error, trace))
        pickle.loads(reply)  # noqa: S301 (our own; some errors are pickled but not read again)
    except Exception:  # noqa: BLE001 (any class may refuse in its own way)
        return pickle.dumps(_Failed(DicomCubeError(f"{type(error).__name__}: {error}"), trace))
    return reply


def outcome_of(task: Task, reply: bytes) -> Done[Task, Any] | Raised[Task]:
    """What a reply to a task says."""
    try:
        content = pickle.loads(reply)  # noqa: S301 (of our own process)
    except Exception as error:  # noqa: BLE001 (any class may refuse in its own way)
        return Raised(task, DicomCubeError(f"what a worker sent cannot be read: {error}"))
    if isinstance(content, _Failed):
        content.error.add_note(content.trace)
        return Raised(task, content.error)
    return Done(task, content.result)
