"""Work on many frames with a few threads.

imagecodecs gives up the interpreter lock while it works, so plain threads are enough. Each call is
itself single-threaded: frames are the better grain, and the thread count stays what was asked for.
"""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Result = TypeVar("Result")

# Beyond eight threads memory bandwidth, not the processor, limits the codecs on usual machines.
_num_threads = min(os.cpu_count() or 1, 8)


def set_num_threads(count: int) -> None:
    """Set how many threads the codecs use when a call does not say.

    Raises
    ------
    ValueError
        `count` is below 1.
    """
    global _num_threads
    _num_threads = _checked(count)


def get_num_threads() -> int:
    """How many threads the codecs use when a call does not say."""
    return _num_threads


def map_frames(
    function: Callable[[int], Result], count: int, num_threads: int | None = None
) -> list[Result]:
    """Results of ``function(0)`` to ``function(count - 1)``, in this order.

    Parameters
    ----------
    function : callable
        Takes a frame index. Called from several threads at once.
    count : int
    num_threads : int, optional
        By default what `get_num_threads` says. One thread or one frame: no pool is started.

    Raises
    ------
    ValueError
        `num_threads` is below 1.
    BaseException
        What `function` raised for the lowest index that failed; later frames may not have run.
    """
    threads = min(get_num_threads() if num_threads is None else _checked(num_threads), count)
    if threads <= 1:
        return [function(index) for index in range(count)]
    pool = ThreadPoolExecutor(threads, thread_name_prefix="dicube-codec")
    try:
        futures = [pool.submit(function, index) for index in range(count)]
        # Asked in order, so the first failure met here is the one of the lowest index.
        return [future.result() for future in futures]
    finally:
        pool.shutdown(cancel_futures=True)


def _checked(count: int) -> int:
    if count < 1:
        raise ValueError(f"the number of threads is {count}, it has to be at least 1")
    return count
