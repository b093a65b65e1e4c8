"""`dicube archive`: trees of DICOM into one checked archive, however long it takes."""

import os
import signal
from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Annotated, Final, Literal, NoReturn

import typer

from dicube.archive.job import ArchiveOptions, Summary, WorkerPool, run_archive
from dicube.archive.layout import DEFAULT_LAYOUT, Layout
from dicube.archive.ledger.opened import open_ledger
from dicube.archive.location import LEDGER_NAME, report_paths
from dicube.archive.report import write_report
from dicube.archive.settings import StoreSettings
from dicube.archive.storing.cubes import LEAST_MEMORY
from dicube.archive.storing.worker import work_on
from dicube.archive.work import CubeFormat
from dicube.archive.workers.dask import DaskWorkers
from dicube.archive.workers.local import LocalWorkers
from dicube.cli.archive_progress import shown
from dicube.cli.exit_codes import ExitCode
from dicube.cli.text import count_text, help_lines, printable, size_text
from dicube.exceptions import MissingDependencyError
from dicube.storage.remote import is_url

EXAMPLES: Final = help_lines(
    "Examples:",
    "dicube archive /data/incoming /data/archive --format dcba",
    "dicube archive ct.zip mr.tar.gz /data/archive --format dcbs --workers 8 --memory 16G",
    "dicube archive s3://hospital/2024 /data/archive --format dcba --scratch /fast/tmp",
    "dicube archive /data s3://bucket/archive --format dcba --ledger archive.sqlite",
    "dicube archive /data /archive --format dcba --scheduler tcp://head:8786  # Dask",
    "",
    "The same command again goes on where it was interrupted, and adds what is new.",
    "dicube restore brings the tree back, dicube verify --ledger checks the archive,",
    "dicube query asks the ledger.",
)

_UNITS: Final = {"K": 10, "M": 20, "G": 30, "T": 40}


def archive(
    paths: Annotated[
        list[str],
        typer.Argument(
            metavar="SRC... DEST",
            help="What to archive: folders, zip and tar files, URLs (s3://, https://). Last, where"
            " to: a folder, or a URL.",
        ),
    ],
    file_format: Annotated[
        CubeFormat,
        typer.Option(
            "--format",
            help="dcbs: fast; dcba: small; dcbr: only a region is exact, see --roi, and images do"
            " not come back as they were.",
        ),
    ] = "dcba",
    layout: Annotated[
        str,
        typer.Option(
            metavar="PATTERN",
            help="How series are named in DEST: DICOM keywords in braces, '/' for folders.",
        ),
    ] = DEFAULT_LAYOUT,
    ledger: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="The ledger, on a disk of this machine; needed where DEST is a URL.",
            show_default=f"DEST/{LEDGER_NAME}",
        ),
    ] = None,
    workers: Annotated[
        int | None,
        typer.Option(
            min=1,
            metavar="N",
            help="Worker processes.",
            show_default="processors, as far as the memory goes",
        ),
    ] = None,
    threads: Annotated[int, typer.Option(min=1, metavar="N", help="Threads of each worker.")] = 1,
    memory: Annotated[
        str | None,
        typer.Option(
            metavar="SIZE",
            help="Memory of all workers together, such as 16G; each has an equal share, of which"
            " it needs 150M at least. A series that needs more fails, and says how much.",
            show_default="half of the machine",
        ),
    ] = None,
    scratch: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="A folder for files of zip and tar files and of URLs that are too large for the"
            " memory.",
            show_default=False,
        ),
    ] = None,
    effort: Annotated[
        Literal["fast", "default", "max"] | None,
        typer.Option(
            help="How much work it may be to make .dcba and .dcbr files small.",
            show_default="default",
        ),
    ] = None,
    roi: Annotated[
        str | None,
        typer.Option(
            metavar="MASK",
            help='Of .dcbr: what stays exact, "body" or a file with a mask.',
            show_default="body",
        ),
    ] = None,
    background_error: Annotated[
        int | None,
        typer.Option(
            min=1,
            metavar="N",
            help="Of .dcbr: stored values outside of the region are off by no more than this.",
            show_default="1",
        ),
    ] = None,
    scheduler: Annotated[
        str | None,
        typer.Option(
            metavar="tcp://HOST:PORT",
            help="Work on this Dask cluster, whose workers have to see SRC and DEST under the same"
            " paths. Then --workers says by what --memory is divided.",
            show_default=False,
        ),
    ] = None,
    dask: Annotated[
        bool, typer.Option("--dask", help="Work on a Dask cluster of this machine.")
    ] = False,
    remove_source: Annotated[
        bool,
        typer.Option(
            "--remove-source",
            help="At the end remove source files that are stored; right before, the file that"
            " holds them is read again and its digest compared. Compressed DICOM is removed, too,"
            " and comes back with equal values, not byte for byte.",
        ),
    ] = False,
) -> None:
    """Archive every DICOM series below SRC, and all other files beside them, losing nothing.

    Every series becomes cube files in DEST, each decoded and compared with its source before it
    counts; what is no image is kept as it is. A ledger says where everything is. It can be
    interrupted at any moment and started again, by hand or by a timer; finished work is not
    repeated. Sources are only read, unless --remove-source is given.

    The ledger, and paths made of Patient IDs, identify patients: keep others out of DEST.

    Exit codes: 0 all is stored; 1 done, but some could not be stored, and "dicube query LEDGER
    --failures" says why; 3 SRC, or the bucket of DEST, is not there; 4 the ledger belongs to
    another archive, or nothing can be written to DEST; 7 the network is lost; 8 the disk is full;
    130 interrupted. docs/archive.md tells the rest.
    """
    if len(paths) < 2:
        raise typer.BadParameter("give at least one source, and the destination", param_hint="SRC")
    *sources, destination = (_absolute(path) for path in paths)
    if ledger is None and is_url(destination):
        raise typer.BadParameter("needed where DEST is a URL", param_hint="--ledger")
    _check_options(file_format, effort, roi, background_error, remove_source=remove_source)
    total = _memory(memory)
    count = workers or max(1, min(os.cpu_count() or 1, total // LEAST_MEMORY))
    pattern = Layout(layout)
    options = ArchiveOptions(
        sources=tuple(sources),
        ledger=(ledger or Path(destination) / LEDGER_NAME).absolute(),
        layout=pattern,
        store=StoreSettings(
            destination=destination,
            file_format=file_format,
            memory_bytes=total // count,
            threads=threads,
            effort=effort,
            roi=(roi or "body") if file_format == "dcbr" else None,
            background_error=background_error,
            scratch=None if scratch is None else scratch.absolute(),
            keywords=pattern.keywords,
            may_repeat=dask or scheduler is not None,
        ),
        remove_source=remove_source,
    )
    signal.signal(signal.SIGTERM, _interrupt)  # a service that stops us is no different from Ctrl-C
    with shown() as watch:
        summary = run_archive(options, _pool(options.store, count, scheduler, dask=dask), watch)
    _print_summary(options, summary)
    _report(options.ledger, summary)
    if summary.failed:
        raise typer.Exit(ExitCode.DIFFERENT)


def _pool(
    settings: StoreSettings, count: int, scheduler: str | None, *, dask: bool
) -> Callable[[], WorkerPool]:
    function = partial(work_on, settings)
    if scheduler is not None:
        return lambda: DaskWorkers.on_cluster(function, scheduler)
    if dask:
        return lambda: DaskWorkers.local(function, count)
    return lambda: LocalWorkers(function, count)


def _absolute(path: str) -> str:
    path = path.removeprefix("file://")
    if is_url(path):
        return path.rstrip("/")
    whole = Path(path).absolute()
    # A source is called after its last step, which has to be a name.
    return str(whole.resolve() if ".." in whole.parts else whole)


def _check_options(
    file_format: CubeFormat,
    effort: str | None,
    roi: str | None,
    background_error: int | None,
    *,
    remove_source: bool,
) -> None:
    """Refuse options that would have no effect, or lose something."""
    if effort is not None and file_format == "dcbs":
        raise typer.BadParameter("only for .dcba and .dcbr", param_hint="--effort")
    if file_format != "dcbr" and (roi is not None or background_error is not None):
        raise typer.BadParameter("only for .dcbr", param_hint="--roi, --background-error")
    if file_format == "dcbr" and remove_source:
        raise typer.BadParameter(
            "a .dcbr file does not hold its background exactly, so that the sources would be lost",
            param_hint="--remove-source",
        )


def _memory(text: str | None) -> int:
    """A size with its unit, in bytes."""
    if text is None:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2
    number, unit = text[:-1], text[-1:].upper()
    if not number.isdecimal() or unit not in _UNITS or int(number) == 0:
        raise typer.BadParameter("a number with K, M, G or T behind it", param_hint="--memory")
    return int(number) << _UNITS[unit]


def _interrupt(number: int, frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt


def _report(ledger: Path, summary: Summary) -> None:
    """Write the report beside the ledger, in the place of that of the run before."""
    paths = report_paths(ledger)
    try:
        with closing(open_ledger(ledger)):  # who only reads leaves files of SQLite behind
            write_report(ledger, summary.run_id, *paths)
    except MissingDependencyError as error:
        typer.echo(f"no page of the report: {error}", err=True)
    typer.echo(printable(f"  report {paths[1 if paths[1].exists() else 0]}"))


def _print_summary(options: ArchiveOptions, summary: Summary) -> None:
    counters = summary.counters
    ratio = "" if counters.ratio is None else f", {counters.ratio:.2f}:1"
    lines = [
        f"{options.store.destination}: {counters.series} series stored,"
        f" {count_text(counters.files, 'file')},"
        f" {size_text(counters.bytes_in)} in {size_text(counters.bytes_out)}{ratio}",
        f"  {counters.seconds:.1f} s; {count_text(counters.duplicates, 'duplicate')} stored once,"
        f" {count_text(counters.kept, 'file')} kept as they are",
        f"  ledger {options.ledger}",
    ]
    if summary.failed:
        lines.append(f"  {summary.failed} could not be stored: dicube query LEDGER --failures")
    if options.store.file_format == "dcbr":
        lines.append(
            "  .dcbr files do not hold their sources; keep those: dicube restore gives derived"
            " images"
        )
    typer.echo("\n".join(map(printable, lines)))
