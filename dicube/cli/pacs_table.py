"""What a search found, as a table or as CSV."""

import csv
import io
from collections.abc import Mapping, Sequence
from typing import Any, Final

import typer

from dicube.cli.text import count_text, printable

# Columns of the table, and how wide they may be; CSV has all of them.
_WIDTHS: Final = {
    "patient_id": 16,
    "patient_name": 24,
    "patient_birth_date": 10,
    "study_date": 8,
    "accession_number": 16,
    "study_description": 20,
    "modalities": 10,
    "modality": 8,
    "series_number": 6,
    "series_description": 24,
    "series_count": 6,
    "instance_count": 9,
    "study_count": 7,
}
_HEADINGS: Final = {
    "patient_birth_date": "born", "study_date": "date", "accession_number": "accession",
    "study_description": "study", "series_number": "number", "series_description": "series",
    "series_count": "series", "instance_count": "instances", "study_count": "studies",
    "patient_id": "patient", "patient_name": "name",
}  # fmt: skip


def print_rows(rows: Sequence[Mapping[str, Any]], *, as_csv: bool) -> None:
    """Print matches, one a line."""
    if as_csv:
        if rows:
            text = io.StringIO()
            writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
            writer.writeheader()
            writer.writerows({name: _text(value) for name, value in row.items()} for row in rows)
            typer.echo(text.getvalue(), nl=False)
        return
    columns = [name for name in _WIDTHS if rows and name in rows[0]]
    lines = [[_HEADINGS.get(name, name) for name in columns]]
    lines += [[_cell(row[name], _WIDTHS[name]) for name in columns] for row in rows]
    widths = [max(len(line[i]) for line in lines) for i in range(len(columns))]
    for line in lines if rows else ():
        cells = (cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        typer.echo("  ".join(cells).rstrip())
    typer.echo(count_text(len(rows), "match").replace("matchs", "matches"))


def _text(value: Any) -> str:
    if isinstance(value, tuple):
        return "\\".join(value)
    return "" if value is None else str(value)


def _cell(value: Any, width: int) -> str:
    text = printable(_text(value))
    return text if len(text) <= width else text[: width - 1] + "\u2026"
