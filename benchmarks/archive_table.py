"""`dicube archive` beside other ways to put a tree of DICOM files away, in one run.

    python benchmarks/archive_table.py [--rounds 3] [--copies 4]    # the test data, four times
    python benchmarks/archive_table.py --growth     # memory and time of more and more series
    python benchmarks/archive_table.py --kinds      # rates, for docs/archive-planning.md
    ... --update-readme --json archive.json

The tree is that of `tests/archive/corpus.py` with its junk, without containers and duplicates,
which not all of these tools know. Rounds are interleaved. `--json` adds to the file what was
measured; `archive_plan.py` makes the plan of it.
"""

import argparse
import json
import os
import platform
import shutil
import sys
import tempfile
import time
import warnings
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from statistics import median
from typing import Any, Final

from archive_series import KINDS, SMALL, Kind, SeriesMaker
from archive_ways import ONE_WORKER, OURS, Measured, images_of, ours, run_way, ways_for
from bench_data import data_folder
from environments import ROOT
from readme_table import at_least_one, show_table, table_parser

sys.path.insert(0, str(ROOT))
from tests.archive.corpus import Corpus, make_corpus

_GROWTH: Final = (1000, 2000, 5000, 10000)
_KIND_MB: Final = 600  # of source for each kind of series
_PER_FOLDER: Final = 100  # series


def main() -> None:
    parser = table_parser("Measure how a tree of DICOM files is put away.", rounds=3)
    parser.add_argument("--copies", type=at_least_one, default=4, help="of the test data")
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--growth", action="store_true", help="memory and time of more series")
    what.add_argument("--kinds", action="store_true", help="rates for typical kinds of series")
    parser.add_argument(
        "--series", type=at_least_one, nargs="+", default=_GROWTH, help="of --growth"
    )
    parser.add_argument(
        "--scratch", type=Path, help="where the trees are made; they take gigabytes"
    )
    parser.add_argument("--json", type=Path, help="add what was measured to this file")
    options = parser.parse_args()
    if not data_folder().is_dir():
        print("nothing is measured without the test data: set DICUBE_TEST_DATA")
        return
    warnings.simplefilter("ignore")  # pydicom's, of files that are odd on purpose
    with tempfile.TemporaryDirectory(dir=options.scratch) as scratch:
        if options.growth:
            _growth(Path(scratch), options)
        elif options.kinds:
            _kinds(Path(scratch), options)
        else:
            _peers(Path(scratch), options)


# Beside others


def _peers(scratch: Path, options: argparse.Namespace) -> None:
    corpus = make_corpus(
        data_folder(), scratch / "tree", options.copies, zips=False, duplicates=False
    )
    for link in corpus.links:
        (corpus.folder / link).unlink()  # dcm2niix follows them, and finds the tree in itself
    images = images_of(corpus)
    ways = ways_for(corpus, images)
    runs: dict[str, list[Measured]] = {name: [] for name in ways}
    faults: dict[str, str] = {}
    for number in range(1 + options.rounds):  # the first one warms up
        for name, way in ways.items():
            try:
                runs[name].append(run_way(way, corpus.folder, scratch / "out"))
            except (RuntimeError, OSError) as error:
                faults[name] = str(error)
        print(f"round {number} of {options.rounds} done", flush=True)
    counted = {name: measured[1:] for name, measured in runs.items() if name not in faults}
    _add_json(options.json, "peers", {name: list(map(asdict, m)) for name, m in counted.items()})
    show_table("archive", _table(corpus, images, counted, faults, options.rounds), options)


def _table(
    corpus: Corpus,
    images: Mapping[str, int],
    runs: Mapping[str, list[Measured]],
    faults: Mapping[str, str],
    rounds: int,
) -> str:
    seconds = {name: median(run.seconds for run in of) for name, of in runs.items()}
    base = seconds.get(OURS)
    total = sum(images[name] for name in corpus.series.values())
    lines = [
        "| way | time | MB/s of source | size, % of source | memory | images lost | others lost |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for name, of in runs.items():
        took, lost = seconds[name], of[-1].lost
        ratio = "" if base is None else f" {took / base:.2f}x"
        lines.append(
            f"| {name} | {took:.1f} s{ratio} | {corpus.length_bytes / 1e6 / took:.0f} "
            f"| {100 * median(run.length_bytes for run in of) / corpus.length_bytes:.1f} "
            f"| {max(run.peak_bytes for run in of) / 1e6:.0f} MB | {lost.images} | {lost.others} |"
        )
    lines += [f"| {name} | failed: {why} | | | | | |" for name, why in faults.items()]
    lines += [
        "",
        f"{corpus.files} files, {total} of them images, {corpus.length_bytes / 1e6:.0f} MB, from a "
        f"warm cache. Medians of {rounds} rounds, in turn; `2.00x` took twice as long. Memory is "
        f"the highest sum of all processes at one time. {_conditions()}",
    ]
    if base is not None and ONE_WORKER in seconds:
        lines += ["", f"Two workers are {seconds[ONE_WORKER] / base:.2f} times as fast as one."]
    lines += [
        f"\n{name}: {len(lost.failed)} of {sum(map(bool, images.values()))} series with images "
        f"fail, {lost.undecoded} of them compressed ones, whose decoders it does not install."
        for name, lost in ((name, of[-1].lost) for name, of in runs.items())
        if lost.failed
    ]
    return "\n".join(lines)


def _conditions() -> str:
    return f"{platform.machine()}, {os.cpu_count()} processors, Python {platform.python_version()}."


# More and more series


def _growth(scratch: Path, options: argparse.Namespace) -> None:
    counts = sorted(options.series)
    runs: dict[int, list[Measured]] = {count: [] for count in counts}
    trees = {count: scratch / f"{count}" for count in counts}
    _make_nested(SMALL, trees)
    for number in range(1 + options.rounds):
        for count in counts:
            runs[count].append(run_way(ours(), trees[count], scratch / "out"))
        print(f"round {number} of {options.rounds} done", flush=True)
    counted = {count: of[1:] for count, of in runs.items()}
    measured = {count: _summary(of, count, SMALL.files) for count, of in counted.items()}
    _add_json(options.json, "growth", list(measured.values()))
    lines = [
        "| series | files | time | series/s | main process, CPU | memory | ledger |",
        "| ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for count, of in measured.items():
        lines.append(
            f"| {count} | {count * SMALL.files} | {of['seconds']:.1f} s "
            f"| {count / of['seconds']:.0f} | {of['main_cpu_seconds']:.1f} s "
            f"| {of['peak_bytes'] / 1e6:.0f} MB | {of['ledger_bytes'] / 1e6:.1f} MB |"
        )
    text = (
        f"Series of {SMALL.description}, 2 workers, `--memory 4G`. Medians of {options.rounds} "
        f"rounds, in turn; memory is the highest sum of all processes at one time. {_conditions()}"
    )
    show_table("archive-growth", "\n".join([*lines, "", text]), options)


def _make_nested(kind: Kind, trees: Mapping[int, Path]) -> None:
    """Trees of so many series each; the files of the largest are links of the others, too."""
    maker = SeriesMaker(kind)
    largest = trees[max(trees)]
    for number in range(max(trees)):
        folder = Path(f"{number // _PER_FOLDER:04d}") / f"{number:06d}"
        maker.write(largest / folder, number)
        for count, tree in trees.items():
            if number < count < max(trees):
                shutil.copytree(largest / folder, tree / folder, copy_function=os.link)


# Rates of typical series


def _kinds(scratch: Path, options: argparse.Namespace) -> None:
    makers = {kind: SeriesMaker(kind) for kind in KINDS}
    counts = {k: max(4, round(_KIND_MB * 1e6 / m.length_bytes)) for k, m in makers.items()}
    for kind, maker in makers.items():
        for number in range(counts[kind]):
            maker.write(scratch / kind.name / f"{number:06d}", number)
    runs: dict[tuple[Kind, str, int], list[Measured]] = {
        (kind, suffix, workers): []
        for kind in KINDS
        for suffix, workers in (("dcbs", 1), ("dcbs", 2), ("dcba", 2))
    }
    for number in range(1 + options.rounds):
        for (kind, suffix, workers), of in runs.items():
            of.append(run_way(ours(suffix, workers), scratch / kind.name, scratch / "out"))
        print(f"round {number} of {options.rounds} done", flush=True)
    measured = [
        {
            "kind": kind.name,
            "description": kind.description,
            "format": suffix,
            "workers": workers,
            "source_bytes": counts[kind] * makers[kind].length_bytes,
            **_summary(of[1:], counts[kind], kind.files),
        }
        for (kind, suffix, workers), of in runs.items()
    ]
    _add_json(options.json, "kinds", measured)
    for row in measured:
        print(row)


def _summary(runs: list[Measured], series: int, files: int) -> dict[str, Any]:
    """Medians, of all series together; the highest memory."""
    lost = runs[-1].lost
    if lost.images or lost.others:
        raise SystemExit(f"{lost} of {series} series: nothing can be said about rates")
    names = ("seconds", "cpu_seconds", "main_cpu_seconds", "length_bytes", "ledger_bytes")
    medians = {name: median(getattr(run, name) for run in runs) for name in names}
    peak = max(run.peak_bytes for run in runs)
    return {"series": series, "files_of_each": files, "peak_bytes": peak, **medians}


def _add_json(path: Path | None, name: str, measured: object) -> None:
    if path is None:
        return
    document = json.loads(path.read_text()) if path.exists() else {}
    document[name] = measured
    document[f"{name} measured"] = f"{time.strftime('%Y-%m-%d')}; {_conditions()}"
    path.write_text(json.dumps(document, indent=1))


if __name__ == "__main__":
    main()
