"""Metadata tables of what was pulled, whatever it was written as."""

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from threading import Lock
from typing import Any, Final

import pydicom

from dicube.exceptions import DataConsistencyError
from dicube.extras import extra_module
from dicube.pacs.outputs import OutputFormat
from dicube.pacs.pull_job import PulledSeries

_WITHOUT_METADATA: Final = ("nifti", "npz")


class PulledTables:
    """Collects the metadata of series while they are pulled.

    Cubes and DICOM files have theirs in the output. Of the other formats the headers are kept when
    the instances arrive.

    Parameters
    ----------
    target : path
        .xlsx, .csv or .parquet.
    output_format : "dcbs", "dcba", "dicom", "nifti" or "npz"
    is_deidentified : bool

    Raises
    ------
    DataConsistencyError
        The target exists or has another suffix, or de-identified series are written in a format
        without metadata.
    MissingDependencyError
        The extra "tables" is not installed.
    """

    def __init__(
        self,
        target: str | os.PathLike[str],
        output_format: OutputFormat,
        *,
        is_deidentified: bool = False,
    ) -> None:
        # Here, not above: pandas, and what comes with it, is an extra.
        from dicube.interchange.tables.tables import SHEETS  # noqa: PLC0415
        from dicube.interchange.tables.writing import check_targets  # noqa: PLC0415

        extra_module("pandas", extra="tables", purpose="a metadata table")
        self._target = Path(target)
        check_targets(self._target, SHEETS, overwrite=False)
        self._keeps_headers = output_format in _WITHOUT_METADATA
        if self._keeps_headers and is_deidentified:
            raise DataConsistencyError(
                f"the metadata of de-identified series are not in {output_format} files",
                hint="pull as dcbs, dcba or dicom to get a table, then convert",
            )
        self._headers: list[pydicom.Dataset] = []
        self._lock = Lock()

    def inspect(self, files: Sequence[Path]) -> None:
        """Take the headers of instances that arrived; see `pull`."""
        if self._keeps_headers:
            found = [pydicom.dcmread(path, stop_before_pixels=True, force=True) for path in files]
            with self._lock:
                self._headers += found

    def write(self, series: Iterable[PulledSeries]) -> list[Path]:
        """Write the tables of all series; those that were there as NIfTI or NPZ are in none.

        Raises
        ------
        DataConsistencyError
            There is nothing to make a table of, or it cannot be written.
        """
        from dicube.interchange.tables import metadata_tables  # noqa: PLC0415

        sources: list[Any] = list(self._headers)
        if not self._keeps_headers:
            sources = [path for each in series for path in each.files if path.suffix != ".json"]
        if not sources:
            raise DataConsistencyError(
                "nothing was pulled that a table could be made of",
                hint="series that are there already as NIfTI or NPZ have no metadata",
            )
        return metadata_tables(sources).write(self._target)
