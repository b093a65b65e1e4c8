"""Rows with the same members as a file: JSON lines, or Parquet through pyarrow (extra "tables")."""

import json
import os
from pathlib import Path
from typing import Any, Final

from dicube.exceptions import DataConsistencyError
from dicube.extras import extra_module
from dicube.storage.atomic import replacing

ROW_SUFFIXES: Final = (".jsonl", ".parquet")


def write_rows(rows: list[dict[str, Any]], path: str | os.PathLike[str]) -> None:
    """Write rows as the suffix says; an existing file is replaced in one step.

    Raises
    ------
    MissingDependencyError
        pyarrow is not installed, and Parquet is wanted.
    DataConsistencyError
        The suffix is none of ROW_SUFFIXES, or the file cannot be written.
    """
    target = Path(path)
    if target.suffix.lower() not in ROW_SUFFIXES:
        raise DataConsistencyError(
            "rows are written as .jsonl or .parquet", where=str(path), hint="name the file so"
        )
    write = _write_parquet if target.suffix.lower() == ".parquet" else _write_json_lines
    try:
        write(rows, target)
    except OSError as error:
        raise DataConsistencyError(
            f"cannot be written: {error.strerror}", where=str(path)
        ) from error


def _write_json_lines(rows: list[dict[str, Any]], target: Path) -> None:
    with replacing(target) as file:
        for row in rows:
            file.write(json.dumps(row).encode() + b"\n")


def _write_parquet(rows: list[dict[str, Any]], target: Path) -> None:
    pyarrow = extra_module("pyarrow", extra="tables", purpose="Parquet")
    parquet = extra_module("pyarrow.parquet", extra="tables", purpose="Parquet")
    with replacing(target) as file:
        parquet.write_table(pyarrow.Table.from_pylist(rows), file)
