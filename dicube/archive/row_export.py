"""Rows of an answer as CSV, JSON or Parquet, written while they are read."""

import json
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO, Final

from dicube.archive.query import Answer, Value
from dicube.exceptions import DataConsistencyError
from dicube.extras import extra_module
from dicube.interchange.csv_text import csv_line
from dicube.storage.atomic import replacing

SUFFIXES: Final = (".csv", ".json", ".parquet")
_GROUP_ROWS: Final = 1 << 16  # of Parquet: some megabytes in memory


def write_answer(answer: Answer, path: Path, *, guard_formulas: bool = False) -> int:
    """Write all rows as the suffix says; an existing file is replaced in one step.

    Parameters
    ----------
    answer : Answer
    path : Path
    guard_formulas : bool
        In CSV put an apostrophe before text that begins like a formula.

    Returns
    -------
    int
        How many rows there were.

    Raises
    ------
    MissingDependencyError
        pyarrow is not installed, and Parquet is wanted.
    DataConsistencyError
        The suffix is none of SUFFIXES, the file cannot be written, or a text is in a column of
        numbers, and Parquet is wanted.
    """
    suffix = path.suffix.lower()
    with answer:
        if suffix not in SUFFIXES:
            raise DataConsistencyError(
                f"rows are written as {', '.join(SUFFIXES)}",
                where=str(path),
                hint="name the file so",
            )
        try:
            with replacing(path) as file:
                if suffix == ".parquet":
                    return _write_parquet(answer, file, where=str(path))
                lines = (
                    json_lines(answer) if suffix == ".json" else csv_lines(answer, guard_formulas)
                )
                # One line more than rows: the heading of CSV, the last bracket of JSON.
                return sum(bool(file.write(line.encode())) for line in lines) - 1
        except OSError as error:
            raise DataConsistencyError(
                f"cannot be written: {error.strerror}", where=str(path)
            ) from error


def csv_lines(answer: Answer, guard_formulas: bool) -> Iterator[str]:
    """A line of headings, and one for each row."""
    yield csv_line(answer.columns)
    for row in answer.tuples():
        yield csv_line(row, guard_formulas=guard_formulas)


def json_lines(answer: Answer) -> Iterator[str]:
    """A JSON array with an object on each line, then a line that closes it."""
    before = "["
    for row in answer:
        yield f"{before}{json.dumps(row, ensure_ascii=False)}"
        before = ",\n "
    yield "]\n" if before != "[" else "[]\n"


def _write_parquet(answer: Answer, file: BinaryIO, *, where: str) -> int:
    pyarrow = extra_module("pyarrow", extra="tables", purpose="Parquet")
    parquet = extra_module("pyarrow.parquet", extra="tables", purpose="Parquet")
    types = {int: pyarrow.int64(), float: pyarrow.float64(), str: pyarrow.string()}
    schema = pyarrow.schema([(name, types[kind]) for name, kind in answer.columns.items()])
    written, rows = 0, answer.tuples()
    with parquet.ParquetWriter(file, schema) as writer:
        while group := list(islice(rows, _GROUP_ROWS)):
            writer.write_table(_table(pyarrow, schema, group, where=where))
            written += len(group)
    return written


def _table(pyarrow: Any, schema: Any, group: list[tuple[Value, ...]], *, where: str) -> Any:
    columns = zip(*group, strict=True)
    try:
        arrays = [
            pyarrow.array(cells, field.type) for cells, field in zip(columns, schema, strict=True)
        ]
    except (pyarrow.ArrowInvalid, pyarrow.ArrowTypeError) as error:
        raise DataConsistencyError(
            "a column of numbers holds text, which Parquet has no place for",
            where=where,
            hint="write .csv or .json",
        ) from error
    return pyarrow.Table.from_arrays(arrays, schema=schema)
