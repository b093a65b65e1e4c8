"""Asking a server until an inbox is full, or nothing more comes."""

from collections.abc import Callable

from dicube.exceptions import ServerUnavailableError
from dicube.pacs.client import Cancelled
from dicube.pacs.inbox import Inbox
from dicube.pacs.retry import ATTEMPTS, raise_if, wait


def fill(
    inbox: Inbox, ask: Callable[[], None], *, is_listed: bool, cancelled: Cancelled | None
) -> None:
    """Ask for what is missing, again and again.

    Parameters
    ----------
    inbox : Inbox
    ask : callable
        Asks once for everything that is missing at the time.
    is_listed : bool
        Whether the inbox knows what is wanted; if not, one answer without an error is enough.
    cancelled : callable, optional

    Raises
    ------
    ServerUnavailableError
        The server broke off each time, and nothing arrived any more.
    PullCancelled
        `cancelled` says so.
    """
    attempt = 0
    while True:
        raise_if(cancelled)
        if is_listed and not inbox.missing:
            return
        before = inbox.received
        failure: ServerUnavailableError | None = None
        try:
            ask()
        except ServerUnavailableError as error:
            failure = error
        if (failure is None and not is_listed) or (is_listed and not inbox.missing):
            return
        # As long as something arrives the server is not given up.
        is_progress = inbox.received > before
        attempt = 0 if is_progress else attempt + 1
        if attempt >= ATTEMPTS:
            if failure is not None:
                raise failure
            return
        if failure is not None or not is_progress:
            wait(max(attempt - 1, 0), cancelled)
