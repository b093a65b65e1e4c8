"""The archive job: list, scan, store, one after the other, and as often as it takes.

The main process alone writes the ledger. Workers get tasks and send results, so that a worker that
dies, or this process, takes nothing with it but the tasks in hand; the next run does those again.
"""

import itertools
import re
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from dicube.archive.apart import check_urls, own_folders
from dicube.archive.counters import Counters, Phase, Watch
from dicube.archive.destination import full_disk, open_destination
from dicube.archive.layout import Layout
from dicube.archive.ledger.opened import ledger_error, open_ledger
from dicube.archive.ledger.places import Places
from dicube.archive.ledger.runs import Outcome, Run
from dicube.archive.ledger.series_queue import SeriesQueue
from dicube.archive.ledger.settings import check_settings
from dicube.archive.removal import remove_sources
from dicube.archive.settings import StoreSettings
from dicube.archive.sources.errors import SourceError
from dicube.archive.sources.listing import check_reachable, list_places
from dicube.archive.work import (
    ConvertTask,
    Place,
    Result,
    ScannedPlace,
    ScanTask,
    SeriesResult,
    Task,
)
from dicube.archive.workers.base import Died, Done, Raised, Workers
from dicube.exceptions import MissingDependencyError, UnreachableError

WorkerPool = Workers[Task, Result]

_LISTED_AT_ONCE: Final = 1000
_FILES_OF_A_SCAN: Final = 500
_SCANS_OF_A_WORKER: Final = 4  # at least, however few files there are
_SERIES_OF_A_TASK: Final = 64
_BYTES_OF_A_TASK: Final = 8 << 20  # so that little is lost with a worker
_MOST_DEATHS: Final = 3
_PATIENCE_S: Final = 0.5


@dataclass(frozen=True)
class ArchiveOptions:
    """What is to be archived, and where.

    Attributes
    ----------
    sources : tuple of str
        Absolute paths of folders and containers, and URLs.
    ledger : Path
    layout : Layout
    store : StoreSettings
    remove_source : bool
        Remove source files that are stored and checked; folders stay.
    """

    sources: tuple[str, ...]
    ledger: Path
    layout: Layout
    store: StoreSettings
    remove_source: bool = False


@dataclass(frozen=True)
class Summary:
    """How a run ended.

    Attributes
    ----------
    run_id : int
    outcome : "done" or "failures"
    counters : Counters
        Of this run.
    failed : int
        Series and files of the whole ledger that are not stored.
    """

    run_id: int
    outcome: Outcome
    counters: Counters
    failed: int


def run_archive(
    options: ArchiveOptions,
    workers: Callable[[], WorkerPool],
    watch: Watch = lambda counters: None,
) -> Summary:
    """Archive sources, or go on where an earlier run was interrupted.

    Parameters
    ----------
    options : ArchiveOptions
    workers : callable
        Starts the workers, which apply `dicube.archive.storing.worker.work_on`.
    watch : callable, optional
        Called with the counters whenever they changed, and twice a second at least.

    Raises
    ------
    DataConsistencyError
        The ledger belongs to an archive of another format, layout or destination; or lies in a
        source, or a source is the destination; or a URL has a password.
    DestinationFullError
        There is no room left; what is done is done, and the next run goes on.
    UnreachableError
        A server does not answer; likewise.
    MetaDataError
        A source, or the bucket to write to, is not there.
    """
    check_urls((*options.sources, options.store.destination))
    own_folders(options.sources, options.store, options.ledger)
    with open_destination(options.store.destination) as destination:
        destination.check_writable()
    options.ledger.parent.mkdir(parents=True, exist_ok=True)
    try:
        with closing(open_ledger(options.ledger, create=True)) as connection:
            return _run(connection, options, workers, watch)
    except sqlite3.OperationalError as error:
        raise ledger_error(error, options.ledger) from error


def _run(
    connection: sqlite3.Connection,
    options: ArchiveOptions,
    workers: Callable[[], WorkerPool],
    watch: Watch,
) -> Summary:
    check_settings(connection, options.store, options.layout, options.ledger)
    recorded = {"sources": options.sources, "format": options.store.file_format}
    with Run(connection, options.ledger, recorded) as run:
        job = _Job(connection, run, options, watch)
        try:
            with workers() as pool:
                summary = job.run(pool)
        except BaseException as error:
            if not full_disk(error):  # else even this could not be written
                run.end("interrupted")
            raise
        run.end(summary.outcome)
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        return summary


class _Job:
    """One run; `counters` say how far it is."""

    def __init__(
        self, connection: sqlite3.Connection, run: Run, options: ArchiveOptions, watch: Watch
    ) -> None:
        self._connection = connection
        self._run = run
        self._options = options
        self._watch = watch
        self._places = Places(connection, run.run_id, options.layout)
        self._queue = SeriesQueue(connection, run.run_id)
        self._alone: list[Place] = []  # places over which a worker died
        self._deaths: dict[int, int] = {}
        self._files_of_a_scan = 1
        self.counters = Counters()

    def run(self, workers: WorkerPool) -> Summary:
        """All phases."""
        self._list()
        self._enter("scanning")
        self.counters.places_found = self._places.unscanned()
        share = self._places.unscanned_files() // (_SCANS_OF_A_WORKER * workers.size)
        self._files_of_a_scan = max(1, min(share, _FILES_OF_A_SCAN))
        self._drive(workers, self._next_scan, lambda: self._places.unscanned() > 0)
        self._queue.plan_kept_files()
        left = self._queue.left()
        self.counters.series_found, self.counters.bytes_found = left.series, left.length_bytes
        self.counters.storing_since = time.monotonic()
        self._enter("storing")
        self._drive(workers, self._next_series, self._queue.is_busy)
        self._queue.note_kept_duplicates()
        failed = self._queue.failed()
        if self._options.remove_source:
            self._enter("removing")
            remove_sources(self._connection, self._options.store.destination)
        self._enter("done")
        outcome: Outcome = "failures" if failed else "done"
        return Summary(self._run.run_id, outcome, self.counters, failed)

    def _enter(self, phase: Phase) -> None:
        self.counters.phase = phase
        self._watch(self.counters)

    def _list(self) -> None:
        self._watch(self.counters)
        options = self._options
        own = own_folders(options.sources, options.store, options.ledger)
        for source in options.sources:
            root = self._places.root(source)
            listed = list_places(source, leave_out=own)
            while some := list(itertools.islice(listed, _LISTED_AT_ONCE)):
                self._places.note(root, some)
                self.counters.places_found += len(some)
                self._watch(self.counters)

    # ---- tasks --------------------------------------------------------------------------------

    def _next_scan(self) -> Task | None:
        if self._alone:
            return ScanTask((self._alone.pop(),))
        places = self._places.take(self._files_of_a_scan)
        return ScanTask(tuple(places)) if places else None

    def _next_series(self) -> Task | None:
        together = self._options.store.memory_bytes // 2  # in the memory of a worker
        series = self._queue.take(_SERIES_OF_A_TASK, _BYTES_OF_A_TASK, together)
        return ConvertTask(tuple(series)) if series else None

    def _drive(
        self,
        workers: WorkerPool,
        next_task: Callable[[], Task | None],
        is_busy: Callable[[], bool],
    ) -> None:
        """Keep the workers busy until nothing is left, not even with other processes."""
        while True:
            while workers.pending < 2 * workers.size and (task := next_task()) is not None:
                workers.submit(task)
            if workers.pending:
                for outcome in workers.wait(_PATIENCE_S):
                    self._take_in(outcome)
            elif is_busy():  # another process has the rest in hand; it may die, too
                time.sleep(_PATIENCE_S)
                self._run.refresh()
            else:
                return
            self._watch(self.counters)

    # ---- outcomes -----------------------------------------------------------------------------

    def _take_in(self, outcome: Done[Task, Result] | Raised[Task] | Died[Task]) -> None:
        if isinstance(outcome, Done):
            self._note(outcome.result)
            return
        if isinstance(outcome, Raised):
            # What is wrong with a file is in the results: SourceErrors are of the scratch folder.
            hopeless = isinstance(outcome.error, MissingDependencyError | SourceError)
            if hopeless or full_disk(outcome.error):
                raise outcome.error
            reason = self._reason(outcome.error)
        else:
            reason = f"a worker died: {outcome.reason}"
        if isinstance(outcome.task, ScanTask):
            self._blame_places(outcome.task.places, reason)
        else:
            ids = [work.series_id for work in outcome.task.series]
            self.counters.failed += self._queue.note_death(ids, _MOST_DEATHS, reason)

    def _reason(self, error: Exception) -> str:
        """Why a task failed; where a server is gone, all others would fail, too, and this raises.

        If it does answer, the connection broke over this task, which is tried again.
        """
        if not isinstance(error, UnreachableError):
            return _fault(error)
        with open_destination(self._options.store.destination) as destination:
            destination.check_writable()
        for source in self._options.sources:
            check_reachable(source)
        return str(error)

    def _note(self, result: Result) -> None:
        scanned = [each for each in result if isinstance(each, ScannedPlace)]
        if scanned:
            self._places.add(scanned)
            self.counters.places += len(scanned)
            self.counters.failed += sum(
                bool(p.problem) + sum(f.is_file for f in p.failures) for p in scanned
            )
        stored = [each for each in result if isinstance(each, SeriesResult)]
        if stored:
            self._queue.store(stored)
            for each in stored:
                self._count(each)

    def _count(self, result: SeriesResult) -> None:
        counters = self.counters
        counters.series += not result.error
        counters.failed += bool(result.error) + len(result.failures)
        counters.duplicates += len(result.duplicates)
        for output in result.outputs:
            counters.files += len(output.files)
            counters.kept += len(output.files) if output.kind == "files" else 0
            frames = output.facts.get("frames")
            counters.frames += frames if isinstance(frames, int) else 0
            counters.bytes_in += output.source_bytes
            counters.bytes_out += output.length_bytes

    def _blame_places(self, places: tuple[Place, ...], reason: str) -> None:
        """Try places again one by one; the one that did it fails in the end."""
        for place in places:
            deaths = self._deaths[place.place_id] = self._deaths.get(place.place_id, 0) + 1
            if deaths < _MOST_DEATHS:
                self._alone.append(place)
            else:
                self._note([ScannedPlace(place.place_id, problem=reason)])


def _fault(error: BaseException) -> str:
    """A fault of the program, without what a message may quote of the data."""
    trace = "".join(getattr(error, "__notes__", []))  # of the worker
    places = re.findall(r'File "[^"]*?([^"/\\]+)", line (\d+)', trace)
    where = f" in {places[-1][0]}, line {places[-1][1]}" if places else ""
    return f"a fault of the program: {type(error).__name__}{where}"
