"""Codecs behind one interface, and how they are measured beside each other.

Whoever has no call for a whole volume gets a thread pool around the call for a frame, as a user
would write it.
"""

import statistics
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import numpy as np
from codec_volumes import Frames

WARM_UP_SECONDS = 0.02


class CodecPeer(ABC):
    """Encodes and decodes the frames it was given; keeps what it encoded."""

    name: str
    # So slow that it is measured in fewer rounds, and without warming up.
    is_slow = False
    most_rounds = 1 << 10

    def prepare(self, frames: Frames) -> None:
        """Take frames and encode them once; not timed."""
        self.frames = frames
        self.encode(1)

    @abstractmethod
    def encode(self, threads: int) -> int:
        """Encode all frames; the length of all codestreams, bytes."""

    @abstractmethod
    def decode(self, threads: int) -> Any:
        """Decode what was encoded, into memory that is new each time."""

    def decoded(self) -> Frames:
        """The frames once more, decoded; not timed."""
        return np.asarray(self.decode(1))


def mapped(function: Callable[[Any], Any], items: Iterable[Any], threads: int) -> list[Any]:
    """The results of a function that takes one item at a time."""
    if threads == 1:
        return list(map(function, items))
    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(function, items))


class Times(NamedTuple):
    """Median seconds of a peer for a whole volume, and the bytes of what it encoded."""

    encode: float
    decode: float
    length: int


def measure(
    peers: Sequence[CodecPeer], frames: Frames, threads: int, rounds: int
) -> dict[CodecPeer, Times]:
    """Times of every peer, all of them in turn in each round, after one round that does not count.

    Raises
    ------
    AssertionError
        A peer does not give the frames back: a wrong answer has no speed.
    """
    seconds: dict[tuple[CodecPeer, str], list[float]] = {}
    lengths = {}
    for peer in peers:
        peer.prepare(frames)
    for number in range(rounds + 1):
        for peer in peers:
            if number > peer.most_rounds or (number == 0 and peer.is_slow):
                continue
            for operation in (peer.encode, peer.decode):
                if not peer.is_slow:
                    _warm_up(operation, threads)
                elapsed, result = _timed(operation, threads)
                if number:
                    seconds.setdefault((peer, operation.__name__), []).append(elapsed)
                if operation.__name__ == "encode":
                    lengths[peer] = result
    for peer in peers:
        np.testing.assert_array_equal(peer.decoded(), frames, err_msg=peer.name)
    return {
        peer: Times(
            statistics.median(seconds[peer, "encode"]),
            statistics.median(seconds[peer, "decode"]),
            lengths[peer],
        )
        for peer in peers
    }


def _warm_up(operation: Callable[[int], Any], threads: int) -> None:
    """Call until what the turn before left behind is over: caches, free memory, a sleeping core.

    Calls that only take milliseconds would else be measured on a core that has just woken up.
    """
    start = time.perf_counter()
    while time.perf_counter() - start < WARM_UP_SECONDS:
        operation(threads)


def _timed(operation: Callable[[int], Any], threads: int) -> tuple[float, Any]:
    start = time.perf_counter()
    result = operation(threads)
    return time.perf_counter() - start, result
