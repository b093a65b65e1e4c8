"""`dicube query`: questions to the ledger of an archive."""

import json
from collections.abc import Mapping, Sequence
from enum import StrEnum
from itertools import chain, islice
from pathlib import Path
from typing import Annotated, Final

import typer

from dicube.archive.file_lists import differences, duplicates, failures
from dicube.archive.query import Answer, QueryError, Value, count
from dicube.archive.query import query as rows_of
from dicube.archive.row_export import SUFFIXES, csv_lines, json_lines, write_answer
from dicube.archive.summary import Share, Summary
from dicube.archive.summary import summary as summary_of
from dicube.cli.paths import check_target
from dicube.cli.progress import stages
from dicube.cli.text import count_text, help_lines, printable, size_text

EXAMPLES: Final = help_lines(
    "Examples:",
    "dicube query archive.sqlite --summary",
    "dicube query archive.sqlite \"modality = 'CT' and rows = 512\"",
    "dicube query archive.sqlite \"ratio < 1.5\" --sort 'bytes desc' --limit 20",
    "dicube query archive.sqlite \"findings like '%gap%'\" --columns path,findings",
    "dicube query archive.sqlite \"study_date >= '2024'\" --output found.parquet",
    "dicube query archive.sqlite --failures --format csv > failures.csv",
)
_SHOWN: Final = (
    "path", "modality", "rows", "columns", "slices", "files", "source_bytes", "bytes", "ratio",
    "state",
)  # fmt: skip
_MEASURED_ROWS: Final = (
    200  # that say how wide the columns of the table are; later ones may be wider
)


_LISTS: Final = {
    "--duplicates": duplicates,
    "--failures": failures,
    "--differences": differences,
}


class Format(StrEnum):
    """How rows are printed."""

    TABLE = "table"
    CSV = "csv"
    JSON = "json"


def query(
    ledger: Annotated[
        Path,
        typer.Argument(
            metavar="LEDGER", help="archive.sqlite of an archive, or what --ledger named."
        ),
    ],
    expression: Annotated[
        str,
        typer.Argument(
            metavar="[EXPR]",
            help="Which rows: a condition of SQL over the columns of docs/ledger.md.",
            show_default="all rows",
        ),
    ] = "",
    columns: Annotated[
        str, typer.Option(metavar="A,B,C", help="Columns, in this order.", show_default=False)
    ] = "",
    sort: Annotated[
        str,
        typer.Option(
            metavar="ORDER",
            help="Columns, each with asc or desc: 'bytes desc'.",
            show_default=False,
        ),
    ] = "",
    limit: Annotated[
        int | None, typer.Option(min=0, metavar="N", help="At most N rows.", show_default=False)
    ] = None,
    only_count: Annotated[bool, typer.Option("--count", help="Only say how many.")] = False,
    summary: Annotated[
        bool,
        typer.Option(
            "--summary", help="What is in the archive: states, modalities, bytes and ratios."
        ),
    ] = False,
    list_duplicates: Annotated[
        bool, typer.Option("--duplicates", help="Copies of files, and where they are stored.")
    ] = False,
    list_failures: Annotated[
        bool, typer.Option("--failures", help="What is not in the archive, and why.")
    ] = False,
    list_differences: Annotated[
        bool,
        typer.Option("--differences", help="Files of one SOP Instance UID whose bytes differ."),
    ] = False,
    as_format: Annotated[
        Format, typer.Option("--format", help="How rows are printed.")
    ] = Format.TABLE,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE",
            help=f"Write rows: {', '.join(SUFFIXES)}.",
            show_default=False,
        ),
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace a file that exists.")
    ] = False,
    guard_formulas: Annotated[
        bool,
        typer.Option(
            "--guard-formulas",
            help="In CSV put an apostrophe before text that begins like a formula.",
        ),
    ] = False,
) -> None:
    """Ask the ledger of an archive, also while it is being written.

    There is a row for each cube, for each zip file of files that are kept as they are, and for each
    series that has neither yet. EXPR is what stands after WHERE: comparisons, and, or, not, like,
    in, between. docs/ledger.md describes the columns, a wrong name lists them. Text stands in
    single quotes. Parquet needs the extra "tables".
    """
    flags = {
        "--count": only_count, "--summary": summary, "--duplicates": list_duplicates,
        "--failures": list_failures, "--differences": list_differences,
    }  # fmt: skip
    asked = [name for name, is_wanted in flags.items() if is_wanted]
    _check_use(asked, bool(expression), bool(columns or sort or limit is not None), output)
    if output is not None:
        check_target(output, overwrite=overwrite)
    try:
        if summary:
            _print_summary(summary_of(ledger), as_format)
        elif only_count:
            typer.echo(count(ledger, expression))
        else:
            answer = _LISTS[asked[0]](ledger) if asked else None
            if answer is None:
                chosen = _chosen(columns, has_width=output is None and as_format is Format.TABLE)
                answer = rows_of(ledger, expression, columns=chosen, sort=sort, limit=limit)
            _give(answer, as_format, output, guard_formulas)
    except QueryError as error:
        raise typer.BadParameter(str(error)) from error


def _check_use(
    asked: list[str], has_expression: bool, has_row_options: bool, output: Path | None
) -> None:
    """Refuse options that would do nothing."""
    if len(asked) > 1:
        raise typer.BadParameter("ask for one of them", param_hint=" and ".join(asked))
    if asked and has_row_options:
        raise typer.BadParameter("goes without --columns, --sort, --limit", param_hint=asked[0])
    if asked and has_expression and asked != ["--count"]:
        raise typer.BadParameter("goes without an expression", param_hint=asked[0])
    if asked and asked[0] in ("--count", "--summary") and output is not None:
        raise typer.BadParameter("is printed, not written", param_hint=asked[0])
    if output is not None and output.suffix.lower() not in SUFFIXES:
        raise typer.BadParameter(
            f"name the file to write {', '.join(SUFFIXES)}", param_hint="--output"
        )


def _chosen(columns: str, *, has_width: bool) -> Sequence[str] | None:
    if columns:
        return [name.strip() for name in columns.split(",")]
    return _SHOWN if has_width else None


def _give(answer: Answer, as_format: Format, output: Path | None, guard_formulas: bool) -> None:
    if output is not None:
        with stages() as progress, progress.busy("writing"):
            number = write_answer(answer, output, guard_formulas=guard_formulas)
        typer.echo(f"{printable(str(output))}: {count_text(number, 'row')}")
        return
    with answer:
        if as_format is Format.TABLE:
            _print_table(answer)
            return
        lines = (
            json_lines(answer) if as_format is Format.JSON else csv_lines(answer, guard_formulas)
        )
        for line in lines:
            typer.echo(line, nl=False)


def _print_table(answer: Answer) -> None:
    """Rows in columns, and at the end how many."""
    rows = ([_cell(value) for value in row.values()] for row in answer)
    first = list(islice(rows, _MEASURED_ROWS))
    widths = [max(map(len, column)) for column in zip(answer.columns, *first, strict=True)]
    numbers = [kind is not str for kind in answer.columns.values()]

    def say(cells: Sequence[str]) -> None:
        padded = (
            cell.rjust(width) if is_number else cell.ljust(width)
            for cell, width, is_number in zip(cells, widths, numbers, strict=True)
        )
        typer.echo("  ".join(padded).rstrip())

    if first:
        say(list(answer.columns))
    total = 0
    for cells in chain(first, rows):
        say(cells)
        total += 1
    typer.echo(count_text(total, "row"))


def _cell(value: Value) -> str:
    if isinstance(value, float):
        return f"{value:.6g}"
    return "" if value is None else printable(str(value))


def _print_summary(found: Summary, as_format: Format) -> None:
    if as_format is Format.JSON:
        typer.echo(json.dumps(found.as_json(), indent=2))
        return
    if as_format is Format.CSV:
        raise typer.BadParameter("is printed as table or json", param_hint="--summary")
    typer.echo(f"series  {_states(found.series)}")
    typer.echo(f"places  {_states(found.places)}")
    for state, (number, length) in found.files.items():
        typer.echo(f"files   {state}: {number:,}, {size_text(length)}")
    rows = [["modality", "outputs", "files", "source", "stored", "ratio"]]
    rows += [_share_cells(share) for share in (*found.shares, found.total)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    typer.echo("")
    for name, *cells in rows:
        aligned = (cell.rjust(width) for cell, width in zip(cells, widths[1:], strict=True))
        typer.echo("  ".join((name.ljust(widths[0]), *aligned)))
    if found.total.problems:
        typer.echo(
            f'{count_text(found.total.problems, "output")} found to be wrong: "problem is not null"'
        )


def _states(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{state}: {number:,}" for state, number in counts.items()) or "none"


def _share_cells(share: Share) -> list[str]:
    return [
        printable(share.modality) or "unknown", f"{share.outputs:,}", f"{share.files:,}",
        size_text(share.source_bytes), size_text(share.bytes),
        "-" if share.ratio is None else f"{share.ratio:.2f}",
    ]  # fmt: skip
