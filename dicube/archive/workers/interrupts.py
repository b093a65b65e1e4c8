"""Ctrl-C goes to all processes of a terminal; only the main process is to decide what it means."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import resource_tracker


@contextmanager
def deaf_to_interrupts() -> Iterator[None]:
    """Processes and threads that are started inside never get SIGINT.

    They inherit the mask of this thread, so that there is no moment, such as the import of numpy,
    in which an interrupt could end them. The main process gets it when the mask is taken off.
    """
    # Starting it unblocks SIGINT; every spawned process needs it.
    resource_tracker.ensure_running()
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
