"""`dicube pacs pull`: series of a server as files."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from dicube.cli.exit_codes import ExitCode
from dicube.cli.pacs_keys import (
    AccessionNumber,
    Description,
    Modality,
    PatientId,
    SeriesUid,
    StudyDate,
    StudyUid,
)
from dicube.cli.pacs_server import ServerOptions, server_options
from dicube.cli.paths import check_exists
from dicube.cli.progress import stages
from dicube.cli.text import count_text, help_lines, printable, size_text
from dicube.dicom.deidentify import DeidentifyKey, DeidentifyOptions, Retain
from dicube.pacs import (
    PacsClient,
    PullProgress,
    Query,
    SeriesMatch,
    SeriesOutcome,
    open_client,
    pull_all,
    read_list,
)
from dicube.pacs.outputs import OutputFormat
from dicube.pacs.pulled_tables import PulledTables

EXAMPLES: Final = help_lines(
    "Examples:",
    "dicube pacs pull data --accession-number A1234",
    "dicube pacs pull data --list accession_numbers.xlsx --format nifti",
    "dicube pacs pull data --list cohort.csv --column 'Patient ID' --modality CT --jobs 2",
    "dicube pacs pull study --list cohort.csv --deidentify study.key --table study.xlsx",
    "dicube pacs pull data --series-uid 1.2.840.113619.2.55 --server archive",
)


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
        OutputFormat, typer.Option("--format", help="What each series becomes.")
    ] = "dcbs",
    key_file: Annotated[
        Path | None,
        typer.Option(
            "--deidentify",
            metavar="KEYFILE",
            help="De-identify each series with the secret in this file, which is made if it is not"
            " there; names of outputs are the new UIDs.",
            show_default=False,
        ),
    ] = None,
    retain: Annotated[
        list[Retain] | None,
        typer.Option(
            help="With --deidentify: as `dicube deidentify --retain`.", show_default=False
        ),
    ] = None,
    table: Annotated[
        Path | None,
        typer.Option(
            metavar="OUT.xlsx",
            help="Write metadata tables of the series, too; also .csv and .parquet.",
            show_default=False,
        ),
    ] = None,
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
    if retain and key_file is None:
        raise typer.BadParameter("only with --deidentify", param_hint="--retain")
    tables = None
    if table is not None:
        tables = PulledTables(table, output_format, is_deidentified=key_file is not None)
    clean = None
    if key_file is not None:
        clean = DeidentifyOptions(frozenset(retain or ()), DeidentifyKey.kept_in(key_file))
    with open_client(options.server()) as client:
        found, empty = _series_of(client, queries)
        outcomes = _pull_all(
            client,
            found,
            target,
            output_format=output_format,
            scratch=scratch,
            deidentify=clean,
            inspect=None if tables is None else tables.inspect,
            jobs=jobs,
        )
    failed = _report(outcomes, target)
    pulled = [outcome.pulled for outcome in outcomes if outcome.pulled is not None]
    if tables is not None and pulled:
        for path in tables.write(pulled):
            typer.echo(printable(str(path)))
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
    **how: Any,
) -> list[SeriesOutcome]:
    numbers = {series.series_uid: number for number, series in enumerate(found, 1)}
    outcomes = []
    with stages() as progress:

        def report(series: SeriesMatch, state: PullProgress) -> None:
            name = f"series {numbers[series.series_uid]}, {state.stage}"
            if state.stage in ("receive", "convert") and state.total:
                progress(name, state.done, state.total)

        for outcome in pull_all(client, found, target, progress=report, **how):
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
