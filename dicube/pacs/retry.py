"""Trying again, a bounded number of times, with waits that grow."""

import random
import time
from collections.abc import Callable
from typing import Final, TypeVar

from dicube.exceptions import PullCancelled, ServerUnavailableError

Result = TypeVar("Result")

ATTEMPTS: Final = 4
_FIRST_WAIT_S: Final = 0.4
_LONGEST_WAIT_S: Final = 10.0
_LOOKS_EVERY_S: Final = 0.1


def with_retries(action: Callable[[], Result], *, attempts: int = ATTEMPTS) -> Result:
    """Call something that may fail because the server cannot at the moment.

    Raises
    ------
    ServerUnavailableError
        The last attempt failed, too.
    """
    for attempt in range(attempts - 1):
        try:
            return action()
        except ServerUnavailableError:
            wait(attempt)
    return action()


def wait(attempt: int, cancelled: Callable[[], bool] | None = None) -> None:
    """Wait after a failed attempt, the first of which is 0: twice as long each time, and jittered.

    Raises
    ------
    PullCancelled
        `cancelled` says so meanwhile.
    """
    longest = min(_FIRST_WAIT_S * 2**attempt, _LONGEST_WAIT_S)
    # Clients that lost the same server at the same time must not come back together.
    end = time.monotonic() + random.uniform(longest / 2, longest)  # noqa: S311  # no secret
    while (left := end - time.monotonic()) > 0:
        raise_if(cancelled)
        time.sleep(min(left, _LOOKS_EVERY_S))


def raise_if(cancelled: Callable[[], bool] | None) -> None:
    """Stop where the caller wants it.

    Raises
    ------
    PullCancelled
        `cancelled` says so.
    """
    if cancelled is not None and cancelled():
        raise PullCancelled("cancelled", hint="the next pull goes on from what has arrived")
