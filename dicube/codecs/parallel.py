"""Work on many frames with a few threads.

imagecodecs gives up the interpreter lock while it works, so plain threads are enough. Each call is
itself single-threaded: frames are the better grain, and the thread count stays what was asked for.
"""

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

_BLOCKS_PER_THREAD = 8  # small enough blocks that all threads end at about the same time
_WORTH_A_THREAD = 1 << 14  # samples of a frame

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


def thread_count(num_threads: int | None) -> int:
    """The threads that a call asks for, by default what `get_num_threads` says.

    Raises
    ------
    ValueError
        `num_threads` is below 1.
    """
    return _num_threads if num_threads is None else _checked(num_threads)


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
    threads = min(thread_count(num_threads), count)
    if threads <= 1:
        return [function(index) for index in range(count)]

    def run(block: range) -> list[Result]:
        return [function(index) for index in block]

    # Blocks of neighbours: handing out each frame alone costs more than decoding a small one.
    size = -(-count // (threads * _BLOCKS_PER_THREAD))
    blocks = [range(start, min(start + size, count)) for start in range(0, count, size)]
    return [result for results in map_in_order(run, blocks, threads) for result in results]


def map_in_order(
    function: Callable[[Item], Result], items: Iterable[Item], num_threads: int | None = None
) -> Iterator[Result]:
    """Results of `function` in the order of `items`, while threads make the next ones.

    No more than two results for each thread wait to be taken, however many items there are.

    Raises
    ------
    ValueError
        `num_threads` is below 1.
    BaseException
        What `function` raised for the first item that failed; later ones may not have run.
    """
    threads = thread_count(num_threads)
    if threads == 1:
        yield from map(function, items)
        return
    pool = ThreadPoolExecutor(threads, thread_name_prefix="dicube-codec")
    waiting: deque[Future[Result]] = deque()
    try:
        for item in items:
            waiting.append(pool.submit(function, item))
            if len(waiting) > 2 * threads:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)


def one_ahead(function: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
    """Results of `function` in the order of `items`, while a thread makes the next one.

    Raises
    ------
    BaseException
        What `function` raised.
    """
    pool = ThreadPoolExecutor(1, thread_name_prefix="dicube-ahead")
    waiting: Future[Result] | None = None
    try:
        for item in items:
            started = pool.submit(function, item)
            if waiting is not None:
                yield waiting.result()
            waiting = started
        if waiting is not None:
            yield waiting.result()
    finally:
        pool.shutdown(cancel_futures=True)


def useful_threads(samples_per_frame: int, num_threads: int | None) -> int | None:
    """The threads asked for, or one where frames are so small that threads would only wait.

    Threads pass the interpreter lock around between frames; for 64 x 64 samples two of them took
    twice as long as one (benchmarks/test_codecs.py).
    """
    return num_threads if samples_per_frame >= _WORTH_A_THREAD else 1


def _checked(count: int) -> int:
    if count < 1:
        raise ValueError(f"the number of threads is {count}, it has to be at least 1")
    return count
