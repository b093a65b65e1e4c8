"""How far an archive job is: a bar where somebody looks at it, JSON lines in a log."""

import json
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from dicube.archive.counters import Counters, Watch
from dicube.cli.text import count_text, size_text

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

_LINE_EVERY_S: Final = 5.0


@contextmanager
def shown() -> Iterator[Watch]:
    """Show counters on stderr while the block runs."""
    if not sys.stderr.isatty():
        yield _Lines()
        return
    # Here, not above: a tenth of a second that `dicube --help` need not wait.
    from rich.console import Console  # noqa: PLC0415
    from rich.progress import (  # noqa: PLC0415
        BarColumn,
        Progress,
        SpinnerColumn,
        TaskProgressColumn,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[detail]}"),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bars:
        yield _Bars(bars)


class _Lines:
    """A JSON object a line: at each change of phase, and now and then."""

    def __init__(self) -> None:
        self._phase = ""
        self._last = 0.0

    def __call__(self, counters: Counters) -> None:
        now = time.monotonic()
        if counters.phase == self._phase and now - self._last < _LINE_EVERY_S:
            return
        self._phase, self._last = counters.phase, now
        print(json.dumps(counters.as_json()), file=sys.stderr, flush=True)  # noqa: T201


class _Bars:
    """One bar for each phase; that of storing counts bytes, because series differ in size."""

    def __init__(self, bars: "Progress") -> None:
        self._bars = bars
        self._tasks: dict[str, TaskID] = {}

    def __call__(self, counters: Counters) -> None:
        done, total = _done_of(counters)
        if counters.phase not in self._tasks:
            self._tasks[counters.phase] = self._bars.add_task(
                counters.phase, total=total, detail=""
            )
        self._bars.update(
            self._tasks[counters.phase], completed=done, total=total, detail=_detail(counters)
        )


def _done_of(counters: Counters) -> tuple[int, int | None]:
    """What is done of a phase, and of how much; None where nobody knows."""
    if counters.phase == "scanning":
        return counters.places, counters.places_found
    if counters.phase == "storing":
        return counters.bytes_in, max(counters.bytes_found, counters.bytes_in)
    return 0, None


def _detail(counters: Counters) -> str:
    if counters.phase != "storing":
        return count_text(counters.places_found, "folder")
    parts = [
        f"{counters.series}/{counters.series_found} series",
        count_text(counters.frames, "frame"),
        f"{size_text(counters.bytes_in)} in, {size_text(counters.bytes_out)} out",
    ]
    if counters.ratio is not None:
        parts.append(f"{counters.ratio:.2f}:1")
    if counters.bytes_per_second is not None:
        parts.append(f"{size_text(round(counters.bytes_per_second))}/s")
    if counters.failed:
        parts.append(f"{counters.failed} failed")
    return ", ".join(parts)
