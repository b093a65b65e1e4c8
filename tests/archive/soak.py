"""An archive of all test data many times over, killed again and again: `make soak`.

The tests do the same with a part of the data and fewer kills. Here the destination is a small disk
that runs full on the way, processes and workers are killed at random moments, and in the end every
file has to be back. It needs root for the disk, and some gigabytes of memory.
"""

import argparse
import os
import random
import signal
import subprocess
import tempfile
import time
from pathlib import Path

from dicube.archive.restore import restore_ledger
from tests.archive.archives import (
    LEDGER,
    archive_command,
    archived,
    assert_consistent,
    assert_restored,
    children,
    rows,
    stored_outputs,
)
from tests.archive.corpus import make_corpus
from tests.archive.disks import small_disk
from tests.series import DATA

_DISK_FULL = 8


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--copies", type=int, default=20)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=time.time_ns() % 10**6)
    parser.add_argument("--format", default="dcbs", choices=["dcbs", "dcba"])
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="dicube-soak-") as folder:
        soak(Path(folder), options)


def soak(folder: Path, options: argparse.Namespace) -> None:
    chance = random.Random(options.seed)
    corpus = make_corpus(DATA, folder / "src", options.copies, seed=options.seed)
    print(
        f"seed {options.seed}: {corpus.files} files, {corpus.length_bytes >> 20} MiB,"
        f" {len(corpus.containers)} containers, {corpus.duplicates} duplicates",
        flush=True,
    )
    with small_disk(folder / "disk", 256 << 20) as disk:
        arguments = (corpus.folder, disk, "--format", options.format)
        before: dict[str, tuple[int, int]] = {}
        kills = 0
        while kills < options.kills:
            what, code = killed(chance, arguments)
            if code == _DISK_FULL:
                subprocess.run(["mount", "-o", "remount,size=8g", str(disk)], check=True)
            elif code == 0:
                print(f"done after {kills} kills", flush=True)
                break
            else:
                assert code == -signal.SIGKILL, code
                kills += 1
            after = stored_outputs(disk)
            assert {path: after.get(path) for path in before} == before, "an output changed"
            print(f"{what}: {len(after)} outputs, {len(after) - len(before)} new", flush=True)
            before = after
        start = time.monotonic()
        print(archived(*arguments, seconds=7200), f"last run: {time.monotonic() - start:.0f} s")
        after = stored_outputs(disk)
        assert {path: after[path] for path in before} == before
        assert_consistent(disk)
        seconds, runs = rows(disk / LEDGER, "SELECT (SELECT SUM(seconds) FROM series),"
                             " (SELECT COUNT(*) FROM run)")[0]  # fmt: skip
        print(f"consistent: {len(after)} outputs by {runs} runs, {seconds:.0f} s of work")
        start = time.monotonic()
        summary = restore_ledger(disk / LEDGER, folder / "out")
        print(f"{summary.identical} files byte for byte, {summary.equal} equal, "
              f"{time.monotonic() - start:.0f} s")  # fmt: skip
        assert summary.identical + summary.equal == corpus.files
        assert_restored(corpus, folder / "out" / "src", folder / "scratch")
        print("every file is back")


def killed(chance: random.Random, arguments: tuple[object, ...]) -> tuple[str, int]:
    """Start the command; kill it, or a worker and then it. What was done, and its exit code."""
    process = subprocess.Popen(
        archive_command(*arguments), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        what = "killed"
        if chance.random() < 0.4:
            process.wait(chance.uniform(2, 8))
    except subprocess.TimeoutExpired:
        for child in children(process.pid)[:1]:
            os.kill(child, signal.SIGKILL)
            what = "a worker killed, then all"
    try:
        process.wait(chance.uniform(1, 12))
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    return (
        what if process.returncode < 0 else f"exit code {process.returncode}"
    ), process.returncode


if __name__ == "__main__":
    main()
