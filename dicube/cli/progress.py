"""Progress bars and spinners on stderr, and only where somebody looks at them."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID


class Stages:
    """The stages of one command; without `bars` nothing is shown.

    Called with (stage, done, total), from any thread: the callback that `DicomCubeImage` takes as
    `progress`.
    """

    def __init__(self, bars: "Progress | None" = None) -> None:
        self._bars = bars
        self._tasks: dict[str, TaskID] = {}
        self._lock = Lock()

    def __call__(self, stage: str, done: int, total: int) -> None:
        if self._bars is None:
            return
        with self._lock:
            if stage not in self._tasks:
                self._tasks[stage] = self._bars.add_task(stage, total=total)
        self._bars.update(self._tasks[stage], completed=done, total=total)

    @contextmanager
    def busy(self, stage: str) -> Iterator[None]:
        """Show that something goes on of which nobody knows how long it takes."""
        if self._bars is None:
            yield
            return
        task = self._bars.add_task(stage, total=None)
        try:
            yield
        finally:
            self._bars.remove_task(task)


@contextmanager
def stages() -> Iterator[Stages]:
    """Show progress while the block runs; nothing remains of it, and a pipe never sees it."""
    if not sys.stderr.isatty():
        yield Stages()
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
    )

    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bars:
        yield Stages(bars)
