"""`dicube pacs`: DICOM servers: search, pull, send, and why it does not work."""

import json
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, fields
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import typer

from dicube.cli import pacs_pull
from dicube.cli.exit_codes import ExitCode
from dicube.cli.pacs_keys import (
    AccessionNumber,
    Description,
    Modality,
    PatientId,
    PatientName,
    SeriesUid,
    StudyDate,
    StudyUid,
)
from dicube.cli.pacs_server import ServerOptions, server_options
from dicube.cli.pacs_table import print_rows
from dicube.cli.paths import check_exists
from dicube.cli.progress import stages
from dicube.cli.text import count_text, help_lines, printable, size_text
from dicube.core.image import DicomCubeImage
from dicube.exceptions import PacsError
from dicube.pacs import (
    Query,
    diagnose,
    load_servers,
    open_client,
)
from dicube.storage.formats import is_cube_suffix

FIND_EXAMPLES: Final = help_lines(
    "Examples:",
    "dicube pacs find --accession-number A1234",
    "dicube pacs find --patient-name 'MUELLER*' --study-date 20200101-20201231 --level study",
    "dicube pacs find --modality MR --study-date 20240501 --csv > series.csv",
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
    level: Annotated[
        Literal["patient", "study", "series"], typer.Option(help="What to list.")
    ] = "series",
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
        if level == "patient":
            found = client.find_patients(query)
        elif level == "study":
            found = client.find_studies(query)
        else:
            found = client.find_series(query)
    rows = [asdict(match) for match in found]
    if as_json:
        typer.echo(json.dumps(rows, indent=2, ensure_ascii=False))
    else:
        print_rows(rows, as_csv=as_csv)


app.command(epilog=pacs_pull.EXAMPLES)(pacs_pull.pull)


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
