"""Rows as a Parquet file, through pyarrow (extra "tables")."""

import os
from pathlib import Path
from typing import Any

from dicube.exceptions import DataConsistencyError, MissingDependencyError
from dicube.storage.atomic import replacing


def write_parquet(rows: list[dict[str, Any]], path: str | os.PathLike[str]) -> None:
    """Write rows with the same members as a table; an existing file is replaced in one step.

    Raises
    ------
    MissingDependencyError
        pyarrow is not installed.
    DataConsistencyError
        The file cannot be written.
    """
    try:
        import pyarrow  # noqa: PLC0415  # an extra, and slow to import
        from pyarrow import parquet  # noqa: PLC0415
    except ImportError as error:
        raise MissingDependencyError(
            "Parquet needs pyarrow", hint="pip install 'dicube[tables]'"
        ) from error
    try:
        with replacing(Path(path)) as file:
            parquet.write_table(pyarrow.Table.from_pylist(rows), file)
    except OSError as error:
        raise DataConsistencyError(
            f"cannot be written: {error.strerror}", where=str(path)
        ) from error
