"""`dicube pacs`: DICOM servers: search, pull, send, and why it does not work."""

import json
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, fields
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from dicube.cli.exit_codes import ExitCode
from dicube.cli.pacs_server import ServerOptions, server_options
from dicube.cli.pacs_table import print_rows
from dicube.cli.paths import check_exists
from dicube.cli.progress import stages
from dicube.cli.text import count_text, help_lines, printable, size_text
from dicube.core.image import DicomCubeImage
from dicube.exceptions import PacsError
from dicube.pacs import (
    PacsClient,
    PullProgress,
    Query,
    SeriesMatch,
    SeriesOutcome,
    diagnose,
    load_servers,
    open_client,
    pull_all,
    read_list,
)
from dicube.storage.formats import is_cube_suffix

FIND_EXAMPLES: Final = help_lines(
    "Examples:",
    "dicube pacs find --accession-number A1234",
    "dicube pacs find --patient-name 'MUELLER*' --study-date 20200101-20201231 --level study",
    "dicube pacs find --modality MR --study-date 20240501 --csv > series.csv",
)
PULL_EXAMPLES: Final = help_lines(
    "Examples:",
    "dicube pacs pull data --accession-number A1234",
    "dicube pacs pull data --list accession_numbers.xlsx --format nifti",
    "dicube pacs pull data --list cohort.csv --column 'Patient ID' --modality CT --jobs 2",
    "dicube pacs pull data --series-uid 1.2.840.113619.2.55 --server archive",
)
SEND_EXAMPLES: Final = help_lines(
    "Examples:",
    "dicube pacs send ct_folder",
    "dicube pacs send ct.dcbs seg.dcm --server research",
)
ECHO_EXAMPLES: Final = help_lines(
    "Examples:",
    "dicube pacs echo --host 10.0.0.5 --port 104 --aet ARCHIVE",
    "dicube pacs echo --server archive --explain",
)

app = typer.Typer(
    help="DICOM servers (PACS): search, pull series as files, send files.",
    epilog=help_lines(
        "Examples:",
        "dicube pacs echo --explain",
        "dicube pacs find --accession-number A1234",
        "dicube pacs pull data --accession-number A1234",
        "dicube pacs send ct.dcbs",
        "dicube pacs servers",
    ),
    no_args_is_help=True,
)


class Level(StrEnum):
    """Values of --level."""

    PATIENT = "patient"
    STUDY = "study"
    SERIES = "series"


class PullFormat(StrEnum):
    """Values of --format of `pull`."""

    DCBS = "dcbs"
    DCBA = "dcba"
    DICOM = "dicom"
    NIFTI = "nifti"
    NPZ = "npz"


AccessionNumber = Annotated[str | None, typer.Option(metavar="SH", help="Wildcards * and ? work.")]
PatientId = Annotated[str | None, typer.Option(metavar="LO")]
PatientName = Annotated[str | None, typer.Option(metavar="PN", help="Family^Given.")]
StudyDate = Annotated[
    str | None, typer.Option(metavar="DATE", help="20240131 or 20240101-20241231.")
]
StudyUid = Annotated[str | None, typer.Option("--study-uid", metavar="UID")]
SeriesUid = Annotated[str | None, typer.Option("--series-uid", metavar="UID")]
Modality = Annotated[str | None, typer.Option(metavar="CS", help="Such as CT or MR.")]
Description = Annotated[
    str | None, typer.Option("--series-description", metavar="LO", help="Such as '*T1*'.")
]


@app.command(epilog=ECHO_EXAMPLES)
@server_options
def echo(
    options: ServerOptions,
    explain: Annotated[
        bool,
        typer.Option("--explain", help="Try everything that a pull needs, and say what fails."),
    ] = False,
) -> None:
    """Ask a server for a sign of life."""
    server = options.server()
    if not explain:
        with open_client(server) as client:
            client.echo()
        typer.echo(f"{printable(server.where)}: answers")
        return
    is_good = True
    for check in diagnose(server):
        mark = {True: "ok", False: "FAILS", None: "-"}[check.ok]
        typer.echo(f"{check.what:<12} {mark:<6} {printable(check.message)}")
        if check.hint and not check.ok:
            typer.echo(f"{'':<19} {printable(check.hint)}")
        is_good = is_good and check.ok is not False
    if not is_good:
        raise typer.Exit(ExitCode.SERVER)


@app.command(epilog=FIND_EXAMPLES)
@server_options
def find(
    options: ServerOptions,
    accession_number: AccessionNumber = None,
    patient_id: PatientId = None,
    patient_name: PatientName = None,
    study_date: StudyDate = None,
    study_uid: StudyUid = None,
    series_uid: SeriesUid = None,
    modality: Modality = None,
    series_description: Description = None,
    level: Annotated[Level, typer.Option(help="What to list.")] = Level.SERIES,
    limit: Annotated[int | None, typer.Option(min=1, help="Most answers.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV.")] = False,
) -> None:
    """List patients, studies or series of a server. What it prints identifies patients."""
    if as_json and as_csv:
        raise typer.BadParameter("only one of --json and --csv", param_hint="--csv")
    query = Query(
        accession_number=accession_number,
        patient_id=patient_id,
        patient_name=patient_name,
        study_date=study_date,
        study_uid=study_uid,
        series_uid=series_uid,
        modality=modality,
        series_description=series_description,
        limit=limit,
    )
    with open_client(options.server()) as client, stages() as progress, progress.busy("searching"):
        found: Sequence[Any]
        if level is Level.PATIENT:
            found = client.find_patients(query)
        elif level is Level.STUDY:
            found = client.find_studies(query)
        else:
            found = client.find_series(query)
    rows = [asdict(match) for match in found]
    if as_json:
        typer.echo(json.dumps(rows, indent=2, ensure_ascii=False))
    else:
        print_rows(rows, as_csv=as_csv)


@app.command(epilog=PULL_EXAMPLES)
@server_options
def pull(
    options: ServerOptions,
    target: Annotated[Path, typer.Argument(metavar="FOLDER", help="Where the files go.")],
    accession_number: AccessionNumber = None,
    patient_id: PatientId = None,
    study_date: StudyDate = None,
    study_uid: StudyUid = None,
    series_uid: SeriesUid = None,
    modality: Modality = None,
    series_description: Description = None,
    listed: Annotated[
        Path | None,
        typer.Option(
            "--list", metavar="FILE", help="Accession numbers or patient IDs: .csv, .txt or .xlsx."
        ),
    ] = None,
    column: Annotated[
        str | None,
        typer.Option(
            metavar="NAME", help="Its heading in --list.", show_default="one that says what it is"
        ),
    ] = None,
    output_format: Annotated[
        PullFormat, typer.Option("--format", help="What each series becomes.")
    ] = PullFormat.DCBS,
    scratch: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            help="Where instances are meanwhile.",
            show_default="in the target",
        ),
    ] = None,
    jobs: Annotated[int, typer.Option(min=1, max=16, help="Series at a time.")] = 1,
) -> None:
    """Fetch series, and write each as STUDY_UID/SERIES_UID with the suffix of the format.

    What is interrupted goes on when the same command runs again, and what is there already is not
    fetched twice. A series counts only when all instances that the server lists have arrived.
    """
    narrow: dict[str, Any] = {
        "study_date": study_date,
        "modality": modality,
        "series_description": series_description,
    }
    keys = {
        "accession_number": accession_number,
        "patient_id": patient_id,
        "study_uid": study_uid,
        "series_uid": series_uid,
    }
    given: dict[str, Any] = {name: value for name, value in keys.items() if value}
    if bool(given) == (listed is not None):
        raise typer.BadParameter(
            "say what to pull: with --list, or with --accession-number, --patient-id,"
            " --study-uid or --series-uid"
        )
    queries = [Query(**given, **narrow)]
    if listed is not None:
        check_exists(listed)
        column_read = read_list(listed, column=column)
        queries = [Query(**{**narrow, column_read.field: value}) for value in column_read.values]
    with open_client(options.server()) as client:
        found, empty = _series_of(client, queries)
        outcomes = _pull_all(client, found, target, output_format, scratch, jobs)
    failed = _report(outcomes, target)
    if empty:
        # Which ones identifies patients; their lines in the list do not.
        numbers = ", ".join(str(number) for number in empty[:20])
        typer.echo(
            f"nothing matches {count_text(len(empty), 'entry').replace('entrys', 'entries')}"
            f" of the search: number {numbers}{', ...' if len(empty) > 20 else ''}",
            err=True,
        )
    if failed or empty:
        raise typer.Exit(ExitCode.SERVER)


@app.command(epilog=SEND_EXAMPLES)
@server_options
def send(
    options: ServerOptions,
    sources: Annotated[
        list[Path],
        typer.Argument(metavar="SOURCE...", help="DICOM files, folders of them, or cube files."),
    ],
) -> None:
    """Send DICOM files as they are; a cube file is sent as the DICOM files that it holds."""
    for source in sources:
        check_exists(source)
    with (
        open_client(options.server()) as client,
        stages() as progress,
        _files_of(sources) as files,
    ):
        stored = client.store(files, progress=lambda done, total: progress("sending", done, total))
    typer.echo(f"{count_text(stored.stored, 'instance')} sent, {size_text(stored.bytes)}")
    for failure in stored.failed:
        typer.echo(f"not sent: {printable(f'{failure.path}: {failure.reason}')}", err=True)
    if stored.failed:
        raise typer.Exit(ExitCode.SERVER)


@app.command()
def servers(
    config: Annotated[
        Path | None, typer.Option(metavar="FILE.toml", help="A file of [servers.NAME].")
    ] = None,
) -> None:
    """Show the servers that are configured, without their secrets."""
    found = load_servers(config)
    if not found:
        typer.echo("no server is configured: see docs/pacs.md", err=True)
        raise typer.Exit(ExitCode.INPUT)
    for server in found.values():
        typer.echo(f"[{printable(server.name)}]")
        for field in fields(server):
            value = getattr(server, field.name)
            if field.name != "name" and value not in (None, ""):
                typer.echo(f"  {field.name:<14} {printable(str(value)) if field.repr else '(set)'}")


@app.command()
@server_options
def receive(
    options: ServerOptions,
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Where instances go.")],
) -> None:
    """Listen at --calling-port, and keep every instance that is sent, until interrupted."""
    # Here, not above: it imports pynetdicom.
    from dicube.cli.pacs_receive import listen  # noqa: PLC0415

    listen(options.server(), folder)


def _series_of(client: PacsClient, queries: Sequence[Query]) -> tuple[list[SeriesMatch], list[int]]:
    """The series of all queries, each once, and the numbers of the queries without any."""
    found: dict[str, SeriesMatch] = {}
    empty = []
    with stages() as progress:
        for number, query in enumerate(queries, 1):
            matches = client.find_series(query)
            found.update({match.series_uid: match for match in matches})
            if not matches:
                empty.append(number)
            progress("searching", number, len(queries))
    return list(found.values()), empty


def _pull_all(
    client: PacsClient,
    found: Sequence[SeriesMatch],
    target: Path,
    output_format: PullFormat,
    scratch: Path | None,
    jobs: int,
) -> list[SeriesOutcome]:
    numbers = {series.series_uid: number for number, series in enumerate(found, 1)}
    outcomes = []
    with stages() as progress:

        def report(series: SeriesMatch, state: PullProgress) -> None:
            name = f"series {numbers[series.series_uid]}, {state.stage}"
            if state.stage in ("receive", "convert") and state.total:
                progress(name, state.done, state.total)

        for outcome in pull_all(
            client,
            found,
            target,
            output_format=output_format.value,
            scratch=scratch,
            jobs=jobs,
            progress=report,
        ):
            outcomes.append(outcome)
            progress("series", len(outcomes), len(found))
    return outcomes


def _report(outcomes: Iterable[SeriesOutcome], target: Path) -> int:
    """Print what became of each series; returns how many failed."""
    failed = 0
    for series, pulled, error in outcomes:
        if pulled is None:
            failed += 1
            typer.echo(f"failed: {printable(f'{series.series_uid}: {error}')}", err=True)
            continue
        names = ", ".join(str(path.relative_to(target)) for path in pulled.files)
        got = f"{size_text(pulled.bytes)} received" if pulled.bytes else "nothing received"
        typer.echo(f"{printable(names)}: {count_text(pulled.instances, 'instance')}, {got}")
        for finding in pulled.findings:
            typer.echo(f"  {printable(finding)}")
    return failed


@contextmanager
def _files_of(sources: Sequence[Path]) -> Iterator[list[Path]]:
    """The DICOM files of all sources; cube files are exported while the block runs."""
    with tempfile.TemporaryDirectory(prefix="dicube-send-") as scratch:
        files: list[Path] = []
        for number, source in enumerate(sources):
            if source.is_dir():
                files += sorted(path for path in source.rglob("*") if path.is_file())
            elif is_cube_suffix(source):
                image = DicomCubeImage.from_file(source)
                files += image.to_dicom_folder(Path(scratch) / str(number))
            else:
                files.append(source)
        if not files:
            raise PacsError("there is no file to send", where=str(sources[0]))
        yield files
