"""HTJ2K codecs beside each other, rounds in turn: `python benchmarks/codec_table.py`.

What the peers do is in `htj2k_peers`. pytest-benchmark (`test_codecs.py`) has more figures of each
call, but finishes one peer before it starts the next; on a shared machine that compares moments.
"""

import argparse
import statistics
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from codec_volumes import NAMES, Frames, codec_volume
from environments import ROOT
from htj2k_peers import Htj2kPeer, available_peers
from readme_table import update_readme

from dicube.codecs import get_num_threads

_WARM_UP_SECONDS = 0.02


class Times(NamedTuple):
    """Median seconds of a peer for a whole volume, and the bytes of what it encoded."""

    encode: float
    decode: float
    length: int


def main() -> None:
    options = _options()
    lines = [
        "| frames | codec | threads | encode | decode | size |",
        "| --- | --- | ---: | ---: | ---: | ---: |",
    ]
    for name in options.volumes:
        title, frames = codec_volume(name)
        print(f"measuring {title} ...", flush=True)
        for threads in sorted({1, options.threads}):
            lines += _rows(title, frames, threads, options.rounds)
    lines += [
        "",
        f"Medians of {options.rounds} rounds, all codecs in turn in each of them, each warmed up "
        f"for {1e3 * _WARM_UP_SECONDS:.0f} ms. `2.00x` took twice as long as DiCube. "
        "Decoded frames were compared with the original ones.",
    ]
    table = "\n".join(lines)
    print(table)
    if options.update_readme:
        update_readme(ROOT / "README.md", "codecs", table)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Measure HTJ2K codecs beside each other.")
    parser.add_argument("--rounds", type=int, default=9, help="that count, after one that does not")
    parser.add_argument("--threads", type=int, default=get_num_threads(), help="besides one")
    parser.add_argument("--volumes", nargs="+", choices=NAMES, default=NAMES)
    parser.add_argument("--update-readme", action="store_true", help="put the table into README.md")
    options = parser.parse_args()
    if options.rounds < 1 or options.threads < 1:
        parser.error("rounds and threads have to be at least 1")
    return options


def _rows(title: str, frames: Frames, threads: int, rounds: int) -> list[str]:
    results = measure(frames, threads, rounds)
    ours = next(iter(results.values()))
    return [
        f"| {len(frames)} x {title}, {frames.dtype} | {peer.name} | {threads} "
        f"| {1e3 * times.encode:.1f} ms {times.encode / ours.encode:.2f}x "
        f"| {1e3 * times.decode:.1f} ms {times.decode / ours.decode:.2f}x "
        f"| {times.length / frames.nbytes:.4f} |"
        for peer, times in results.items()
    ]


def measure(frames: Frames, threads: int, rounds: int) -> dict[Htj2kPeer, Times]:
    """Times of every peer, ours first.

    Raises
    ------
    AssertionError
        A peer does not give the frames back: a wrong answer has no speed.
    """
    peers = available_peers()
    seconds: dict[tuple[Htj2kPeer, str], list[float]] = {}
    lengths = {}
    for peer in peers:
        peer.prepare(frames)
        peer.decode(1)
        np.testing.assert_array_equal(peer.decoded(), frames, err_msg=peer.name)
    for number in range(rounds + 1):
        for peer in peers:
            for operation in (peer.encode, peer.decode):
                _warm_up(operation, threads)
                elapsed, result = _timed(operation, threads)
                if number:
                    seconds.setdefault((peer, operation.__name__), []).append(elapsed)
                if operation.__name__ == "encode":
                    lengths[peer] = result
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
    while time.perf_counter() - start < _WARM_UP_SECONDS:
        operation(threads)


def _timed(operation: Callable[[int], Any], threads: int) -> tuple[float, Any]:
    start = time.perf_counter()
    result = operation(threads)
    return time.perf_counter() - start, result


if __name__ == "__main__":
    main()
