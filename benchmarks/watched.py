"""Commands, and what they need: time, processor time and memory of all their processes. Linux."""

import os
import subprocess
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Final

_INTERVAL_S: Final = 0.1  # between two looks at the memory
_TICKS: Final = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Watched:
    """What a command took.

    Attributes
    ----------
    seconds : float
    cpu_seconds : float
        Of all its processes.
    main_cpu_seconds : float
        Of the first one, which hands out the work.
    peak_bytes : int
        Highest sum of the memory of all its processes; pages that several share count once (PSS).
    code : int
        Exit status.
    output, errors : str
    """

    seconds: float
    cpu_seconds: float
    main_cpu_seconds: float
    peak_bytes: int
    code: int
    output: str
    errors: str


class _Watch(threading.Thread):
    """Looks at a process and all below it until it ends."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self._pid = pid
        self._ended = threading.Event()
        self.peak_bytes = 0
        self.main_cpu_seconds = 0.0

    def run(self) -> None:
        while not self._ended.wait(_INTERVAL_S):
            memory = sum(map(_memory_bytes, _with_descendants(self._pid)))
            self.peak_bytes = max(self.peak_bytes, memory)
            self.main_cpu_seconds = max(self.main_cpu_seconds, _cpu_seconds(self._pid))

    def end(self) -> None:
        self._ended.set()
        self.join()


def run_watched(command: Sequence[str | Path]) -> Watched:
    """Run a command to its end."""
    before = _children_seconds()
    start = perf_counter()
    with subprocess.Popen(
        [str(word) for word in command],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
    ) as process:
        watch = _Watch(process.pid)
        watch.start()
        try:
            output, errors = process.communicate()
        finally:
            watch.end()
        seconds = perf_counter() - start
    return Watched(
        seconds,
        _children_seconds() - before,
        watch.main_cpu_seconds,
        watch.peak_bytes,
        process.returncode,
        output,
        errors,
    )


def _children_seconds() -> float:
    """Processor time of children that have ended, and of theirs."""
    times = os.times()
    return times.children_user + times.children_system


def _with_descendants(pid: int) -> list[int]:
    found = [pid]
    for parent in found:  # grows while it is walked
        try:
            for children in Path(f"/proc/{parent}/task").glob("*/children"):
                found += map(int, children.read_text().split())
        except OSError:
            continue  # it ended meanwhile
    return found


def _memory_bytes(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return sum(1024 * int(line.split()[1]) for line in lines if line.startswith("Pss:"))


def _cpu_seconds(pid: int) -> float:
    try:
        # After the name, which stands in brackets and may hold anything: state, ..., utime, stime.
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / _TICKS if len(fields) > 12 else 0.0
