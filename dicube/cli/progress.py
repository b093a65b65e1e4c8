"""Progress bars and spinners on stderr, and only where somebody looks at them."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock

from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    SpinnerColumn,
    TaskID,
    TaskProgressColumn,
    TextColumn,
    TimeElapsedColumn,
)


class Stages:
    """The stages of one command.

    Called with (stage, done, total), from any thread: the callback that `DicomCubeImage` takes as
    `progress`.
    """

    def __init__(self, bars: Progress) -> None:
        self._bars = bars
        self._tasks: dict[str, TaskID] = {}
        self._lock = Lock()

    def __call__(self, stage: str, done: int, total: int) -> None:
        with self._lock:
            if stage not in self._tasks:
                self._tasks[stage] = self._bars.add_task(stage, total=total)
        self._bars.update(self._tasks[stage], completed=done, total=total)

    @contextmanager
    def busy(self, stage: str) -> Iterator[None]:
        """Show that something goes on of which nobody knows how long it takes."""
        task = self._bars.add_task(stage, total=None)
        try:
            yield
        finally:
            self._bars.remove_task(task)


@contextmanager
def stages() -> Iterator[Stages]:
    """Show progress while the block runs; nothing remains of it, and a pipe never sees it."""
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TimeElapsedColumn(),
    )
    console = Console(stderr=True)
    hidden = not sys.stderr.isatty()
    with Progress(*columns, console=console, transient=True, disable=hidden) as bars:
        yield Stages(bars)
