"""Ways to put a tree of DICOM files away, ours and those of others, and what comes of each."""

import json
import os
import re
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pydicom
from bench_data import data_folder
from environments import PUBLISHED, ROOT, EnvironmentUnavailableError, interpreter_of
from watched import Watched, run_watched

sys.path.insert(0, str(ROOT))
from tests.archive.corpus import Corpus
from tests.peers import PEERS

OURS: Final = "DiCube .dcbs, 2 workers"
ONE_WORKER: Final = "DiCube .dcbs, 1 worker"

Command = list[str | Path]


@dataclass(frozen=True)
class Lost:
    """Files that are not in the result."""

    images: int
    others: int
    failed: tuple[str, ...] = ()  # folders of the test data with images
    undecoded: int = 0  # of these, for want of a decoder


@dataclass(frozen=True)
class Way:
    """One way to put a tree away: its command, and what of the tree its result lacks."""

    command: Callable[[Path, Path], Command]
    lost: Callable[[Watched, Path], Lost]
    codes: tuple[int, ...] = (0,)  # exit statuses that come with a result


@dataclass(frozen=True)
class Measured:
    """One run."""

    seconds: float
    cpu_seconds: float
    main_cpu_seconds: float
    peak_bytes: int
    length_bytes: int
    ledger_bytes: int
    lost: Lost


def ours(suffix: str = "dcbs", workers: int = 2) -> Way:
    def command(tree: Path, out: Path) -> Command:
        start: Command = [sys.executable, "-m", "dicube", "archive", tree, out]
        return [*start, "--format", suffix, "--workers", str(workers), "--memory", "4G"]

    # 1: done, with failures; the ledger says which.
    return Way(command, _not_in_ledger, codes=(0, 1))


def ways_for(corpus: Corpus, images: Mapping[str, int]) -> dict[str, Way]:
    total = sum(images[name] for name in corpus.series.values())
    others = corpus.files - total

    def nothing(_run: Watched, _out: Path) -> Lost:
        return Lost(0, 0)

    def all_but_converted(run: Watched, _out: Path) -> Lost:
        converted = re.findall(r"^Convert (\d+) DICOM", run.output, re.MULTILINE)
        return Lost(total - sum(map(int, converted)), others)

    def of_a_loop(run: Watched, _out: Path) -> Lost:
        loop = json.loads(run.output)
        kept = sum(
            min(loop["kept"].get(path, 0), images[name]) for path, name in corpus.series.items()
        )
        return Lost(total - kept, others, *_failures(corpus, images, loop["failed"]))

    return {
        OURS: ours(),
        ONE_WORKER: ours(workers=1),
        "DiCube .dcba, 2 workers": ours("dcba"),
        "dicube 0.3.0, a loop over folders": Way(_published, of_a_loop),
        "tar --zstd": Way(
            lambda tree, out: ["tar", "--zstd", "-cf", out / "tree.tar.zst", "-C", tree, "."],
            nothing,
        ),
        "dcm2niix -z y": Way(
            lambda tree, out: [
                _dcm2niix(), "-z", "y", "-d", "9", "-f", "%j", "-o", out, tree,
            ],
            all_but_converted,
            codes=(0, 1, 8),  # 1, 8: done, with failures
        ),
    }  # fmt: skip


def _published(tree: Path, out: Path) -> Command:
    try:
        python = interpreter_of(PUBLISHED)
    except EnvironmentUnavailableError as error:
        raise RuntimeError(f"not installed: {error}") from error
    return [python, ROOT / "benchmarks" / "archive_published.py", tree, out]


def _dcm2niix() -> str:
    """The program itself: the one in `bin` is a Python script that starts it."""
    python = PEERS / "python"
    if not python.exists():
        raise RuntimeError("not installed: `make test` does it")
    ask = [python, "-c", "import dcm2niix; print(dcm2niix.bin)"]
    return subprocess.run(ask, capture_output=True, text=True, check=True).stdout.strip()


def run_way(way: Way, tree: Path, out: Path) -> Measured:
    """Run it once into a new folder, which is removed.

    Raises
    ------
    RuntimeError
        It cannot be run, or gave up.
    """
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir()
    # What was written before must not be paid for by the next one.
    os.sync()
    run = run_watched(way.command(tree, out))
    if run.code not in way.codes or not any(out.iterdir()):
        said = run.errors.strip().splitlines() or ["no message"]
        raise RuntimeError(f"exit status {run.code}: {said[-1]}")
    ledger = out / "archive.sqlite"
    measured = Measured(
        run.seconds,
        run.cpu_seconds,
        run.main_cpu_seconds,
        run.peak_bytes,
        sum(path.stat().st_size for path in out.rglob("*") if path.is_file()),
        ledger.stat().st_size if ledger.exists() else 0,
        way.lost(run, out),
    )
    shutil.rmtree(out)
    return measured


def _not_in_ledger(_run: Watched, out: Path) -> Lost:
    with closing(sqlite3.connect(out / "archive.sqlite")) as ledger:
        counts = dict(
            ledger.execute(
                "SELECT kind = 'image', COUNT(*) FROM file "
                "WHERE state NOT IN ('stored', 'duplicate', 'superseded') GROUP BY 1"
            )
        )
    return Lost(counts.get(1, 0), counts.get(0, 0))


def images_of(corpus: Corpus) -> dict[str, int]:
    """How many files with pixels each folder of the test data has."""
    return {
        name: sum(map(_has_pixels, (data_folder() / name).rglob("*")))
        for name in sorted(set(corpus.series.values()))
    }


def _has_pixels(path: Path) -> bool:
    if not path.is_file():
        return False
    try:
        data_set = pydicom.dcmread(path, force=True)
    except (pydicom.errors.InvalidDicomError, OSError, ValueError, EOFError, KeyError):
        return False
    return any(name in data_set for name in ("PixelData", "FloatPixelData", "DoubleFloatPixelData"))


def _failures(
    corpus: Corpus, images: Mapping[str, int], failed: Mapping[str, str]
) -> tuple[tuple[str, ...], int]:
    """Folders of the test data with images that failed, and how many for want of a decoder."""
    reasons = {corpus.series[path]: why for path, why in failed.items() if path in corpus.series}
    reasons = {name: why for name, why in sorted(reasons.items()) if images[name]}
    return tuple(reasons), sum("plugins" in why for why in reasons.values())
