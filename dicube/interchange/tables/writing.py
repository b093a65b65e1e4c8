"""Tables as files: a workbook of Excel, CSV, or Parquet.

What is text in DICOM stays text: a spreadsheet is told so for each cell, because "=1+1" in a
description is no formula, and "000123" no number.
"""

import io
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

from dicube.exceptions import DataConsistencyError
from dicube.extras import extra_module
from dicube.interchange.csv_text import csv_line
from dicube.interchange.tables.cells import Cell, cell_text
from dicube.storage.atomic import replacing

SUFFIXES: Final = (".xlsx", ".csv", ".parquet")
# The limits of Excel: "Excel specifications and limits", worksheet and workbook.
MAX_ROWS: Final = 1_048_576
MAX_COLUMNS: Final = 16_384
MAX_CHARACTERS: Final = 32_767
_WORKBOOK: Final = {
    "in_memory": True,
    "strings_to_formulas": False,
    "strings_to_urls": False,
    "strings_to_numbers": False,
}


def write_tables(
    sheets: Mapping[str, Any], path: Path, *, overwrite: bool, guard_formulas: bool
) -> list[Path]:
    """Write data frames by the name of their sheet; see `MetadataTables.write`."""
    targets = check_targets(path, list(sheets), overwrite=overwrite)
    suffix = path.suffix.lower()
    try:
        if suffix == ".xlsx":
            _write_workbook(sheets, path)
        else:
            encode = _parquet if suffix == ".parquet" else _csv
            _write_files([encode(frame, guard_formulas) for frame in sheets.values()], targets)
    except OSError as error:
        raise DataConsistencyError(
            f"cannot be written: {error.strerror}", where=str(path)
        ) from error
    return targets


def check_targets(path: Path, names: Sequence[str], *, overwrite: bool) -> list[Path]:
    """The files that tables of these names become, if they may be written.

    Raises
    ------
    DataConsistencyError
        The suffix is another one, or a file exists.
    """
    if path.suffix.lower() not in SUFFIXES:
        raise DataConsistencyError(
            f"tables are written as {', '.join(SUFFIXES)}", where=str(path), hint="name the file so"
        )
    targets = target_files(path, names)
    for target in targets:
        if target.exists() and not overwrite:
            raise DataConsistencyError(
                "the target exists already",
                where=str(target),
                hint="choose another name, or replace it with overwrite=True (--overwrite)",
            )
    return targets


def target_files(path: Path, names: Sequence[str]) -> list[Path]:
    """The files that a target becomes: one workbook, or one file for each table."""
    if path.suffix.lower() == ".xlsx":
        return [path]
    return [path.with_name(f"{path.stem}.{name}{path.suffix}") for name in names]


def _write_files(contents: Sequence[bytes], targets: Sequence[Path]) -> None:
    """All files are written aside before the first one is renamed."""
    with ExitStack() as stack:
        files = [stack.enter_context(replacing(target)) for target in targets]
        for file, content in zip(files, contents, strict=True):
            file.write(content)


# ---- Excel --------------------------------------------------------------------------------------


def _write_workbook(sheets: Mapping[str, Any], path: Path) -> None:
    xlsxwriter = extra_module("xlsxwriter", extra="tables", purpose="a workbook")
    for name, frame in sheets.items():
        _check_limits(name, frame, where=str(path))
    # In memory: else parts of it would lie in a folder for temporary files that others can read.
    content = io.BytesIO()
    with xlsxwriter.Workbook(content, _WORKBOOK) as workbook:
        bold = workbook.add_format({"bold": True})
        for name, frame in sheets.items():
            _write_sheets(workbook, name, frame, bold)
    with replacing(path) as file:
        file.write(content.getbuffer())


def _check_limits(name: str, frame: Any, *, where: str) -> None:
    if len(frame.columns) > MAX_COLUMNS:
        raise DataConsistencyError(
            f"{name} has {len(frame.columns)} columns, a sheet has room for {MAX_COLUMNS}",
            where=where,
            hint="take columns out of the template, or write .parquet",
        )
    for column in frame.columns:
        for number, cell in enumerate(_cells(frame[column])):
            if isinstance(cell, str) and len(cell) > MAX_CHARACTERS:
                raise DataConsistencyError(
                    f"{column} in row {number + 1} of {name} has {len(cell)} characters,"
                    f" a cell has room for {MAX_CHARACTERS}",
                    where=where,
                    hint="take the column out of the template, or write .csv or .parquet",
                )


def _write_sheets(workbook: Any, name: str, frame: Any, bold: Any) -> None:
    """A table as a sheet; where it is too long, as several, each with the names of the columns."""
    room = MAX_ROWS - 1
    for part, first in enumerate(range(0, max(len(frame), 1), room), 1):
        sheet = workbook.add_worksheet(name if part == 1 else f"{name}_{part}")
        rows = frame.iloc[first : first + room]
        for x, column in enumerate(frame.columns):
            sheet.write_string(0, x, str(column), bold)
            for y, cell in enumerate(_cells(rows[column]), 1):
                _write_cell(sheet, y, x, cell)
        sheet.freeze_panes(1, 0)
        if len(rows):
            sheet.autofilter(0, 0, len(rows), len(frame.columns) - 1)


class _Exact(float):
    """A number that XlsxWriter, which formats with 16 digits, writes with all that it has."""

    def __format__(self, _spec: str) -> str:
        return repr(float(self))


def _write_cell(sheet: Any, row: int, column: int, cell: Cell) -> None:
    if isinstance(cell, str):
        sheet.write_string(row, column, cell)
    elif isinstance(cell, int) and float(cell) != cell:
        sheet.write_string(row, column, str(cell))  # a workbook holds 64-bit floats
    elif cell is not None:
        sheet.write_number(row, column, _Exact(cell))


def _cells(column: Any) -> Iterator[Cell]:
    """The cells of a column as Python values, None where there is none."""
    missing = column.isna().tolist()
    for cell, is_missing in zip(column.tolist(), missing, strict=True):
        yield None if is_missing else cell


# ---- CSV and Parquet ----------------------------------------------------------------------------


def _csv(frame: Any, guard_formulas: bool) -> bytes:
    lines = [csv_line(map(str, frame.columns))]
    rows = zip(*(_cells(frame[column]) for column in frame.columns), strict=True)
    lines += [csv_line(row, guard_formulas=guard_formulas) for row in rows]
    return "".join(lines).encode()


def _parquet(frame: Any, _guard_formulas: bool) -> bytes:
    """A column has one type: one that holds texts and numbers is written as text."""
    pyarrow = extra_module("pyarrow", extra="tables", purpose="Parquet")
    parquet = extra_module("pyarrow.parquet", extra="tables", purpose="Parquet")
    columns = [_parquet_column(pyarrow, frame[name]) for name in frame.columns]
    buffer = io.BytesIO()
    parquet.write_table(pyarrow.table(columns, names=list(map(str, frame.columns))), buffer)
    return buffer.getvalue()


def _parquet_column(pyarrow: Any, column: Any) -> Any:
    cells = list(_cells(column))
    kind = str(column.dtype)
    if kind in ("Int64", "float64"):
        return pyarrow.array(cells, pyarrow.int64() if kind == "Int64" else pyarrow.float64())
    texts = [None if cell is None else cell_text(cell) for cell in cells]
    return pyarrow.array(texts, pyarrow.string())
