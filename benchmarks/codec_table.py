"""HTJ2K codecs beside each other, rounds in turn: `python benchmarks/codec_table.py`.

What the peers do is in `htj2k_peers`. pytest-benchmark (`test_codecs.py`) has more figures of each
call, but finishes one peer before it starts the next; on a shared machine that compares moments.
"""

import argparse

from codec_peer import WARM_UP_SECONDS, measure
from codec_volumes import NAMES, Frames, codec_volume
from htj2k_peers import available_peers
from readme_table import at_least_one, show_table, table_parser

from dicube.codecs import get_num_threads


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
        f"for {1e3 * WARM_UP_SECONDS:.0f} ms. `2.00x` took twice as long as DiCube. "
        "Decoded frames were compared with the original ones.",
    ]
    table = "\n".join(lines)
    show_table("codecs", table, options)


def _options() -> argparse.Namespace:
    parser = table_parser("Measure HTJ2K codecs beside each other.", rounds=9)
    parser.add_argument(
        "--threads", type=at_least_one, default=get_num_threads(), help="besides one"
    )
    parser.add_argument("--volumes", nargs="+", choices=NAMES, default=NAMES)
    return parser.parse_args()


def _rows(title: str, frames: Frames, threads: int, rounds: int) -> list[str]:
    results = measure(available_peers(), frames, threads, rounds)
    ours = next(iter(results.values()))
    return [
        f"| {len(frames)} x {title}, {frames.dtype} | {peer.name} | {threads} "
        f"| {1e3 * times.encode:.1f} ms {times.encode / ours.encode:.2f}x "
        f"| {1e3 * times.decode:.1f} ms {times.decode / ours.decode:.2f}x "
        f"| {times.length / frames.nbytes:.4f} |"
        for peer, times in results.items()
    ]


if __name__ == "__main__":
    main()
