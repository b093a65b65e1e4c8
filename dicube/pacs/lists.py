"""Lists of accession numbers or patient IDs, from text, CSV or Excel files."""

import csv
import io
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple
from zipfile import BadZipFile

from dicube.exceptions import PacsError
from dicube.extras import extra_module

# Names of columns, without blanks, punctuation and case, by field of `Query`.
_COLUMNS: Final = {
    "accession_number": ("accessionnumber", "accession", "accessionno", "accno"),
    "patient_id": ("patientid", "pid", "mrn"),
    "study_uid": ("studyinstanceuid", "studyuid"),
    "series_uid": ("seriesinstanceuid", "seriesuid"),
}


class ListedKeys(NamedTuple):
    """Values of one column.

    Attributes
    ----------
    field : str
        Of `Query`: "accession_number", "patient_id", "study_uid" or "series_uid".
    values : tuple of str
        Each once, in the order of the file; texts, with leading zeros.
    """

    field: str
    values: tuple[str, ...]


def read_list(
    path: str | os.PathLike[str], *, column: str | None = None, field: str | None = None
) -> ListedKeys:
    """Read a column of a CSV, text or Excel (.xlsx) file.

    Parameters
    ----------
    path : path
    column : str, optional
        Its heading. By default the first one that is called like a key, such as
        "Accession Number" or "PatientID"; in a file of one column without such a heading, all lines
        are values.
    field : str, optional
        What the values are; by default what the heading says, else accession numbers.

    Returns
    -------
    ListedKeys

    Raises
    ------
    PacsError
        The file cannot be read, has no such column, or no values.
    MissingDependencyError
        openpyxl is needed for Excel files.
    """
    source = Path(path)
    rows = _excel_rows(source) if source.suffix.lower() == ".xlsx" else _text_rows(source)
    rows = [row for row in rows if any(row)]
    if not rows:
        raise PacsError("the list is empty", where=str(source))
    heading = rows[0]
    number = _column_number(heading, column, source)
    known = _field_of(heading[number])
    has_heading = column is not None or known is not None
    cells = (row[number] for row in rows[1 if has_heading else 0 :] if len(row) > number)
    values = tuple(dict.fromkeys(cell for cell in cells if cell))
    if not values:
        raise PacsError("the column has no values", where=str(source))
    return ListedKeys(field or known or "accession_number", values)


def _column_number(heading: Sequence[str], column: str | None, source: Path) -> int:
    if column is not None:
        names = [_plain(name) for name in heading]
        if _plain(column) not in names:
            raise PacsError(
                "there is no column of this name",
                where=str(source),
                hint="name a heading of the first line",
            )
        return names.index(_plain(column))
    for number, name in enumerate(heading):
        if _field_of(name) is not None:
            return number
    if len(heading) == 1:
        return 0
    raise PacsError(
        "no heading names accession numbers or patient IDs",
        where=str(source),
        hint="name the column with --column",
    )


def _field_of(heading: str) -> str | None:
    name = _plain(heading)
    return next((field for field, names in _COLUMNS.items() if name in names), None)


def _plain(name: str) -> str:
    return "".join(character for character in name.lower() if character.isalnum())


def _text_rows(path: Path) -> list[list[str]]:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise PacsError(
            "cannot be read as UTF-8 text", where=str(path), hint="save it as CSV UTF-8, or .xlsx"
        ) from error
    first = text.partition("\n")[0]
    # As spreadsheets write it, whatever the language they speak.
    delimiter = max(",;\t", key=first.count)
    rows = csv.reader(io.StringIO(text), delimiter=delimiter)
    return [[cell.strip() for cell in row] for row in rows]


def _excel_rows(path: Path) -> list[list[str]]:
    openpyxl = extra_module("openpyxl", extra="tables", purpose="reading Excel lists")
    try:
        book = openpyxl.load_workbook(path, read_only=True, data_only=True)
    except (OSError, KeyError, ValueError, BadZipFile) as error:
        raise PacsError("cannot be read as an Excel file", where=str(path)) from error
    try:
        return [
            [_cell_text(cell) for cell in row] for row in book.active.iter_rows(values_only=True)
        ]
    finally:
        book.close()


def _cell_text(value: Any) -> str:
    """The text of a cell; a number without the .0 that spreadsheets add."""
    if value is None:
        return ""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return str(value).strip()
