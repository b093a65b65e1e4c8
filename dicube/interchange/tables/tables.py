"""Metadata tables: rows of instances, of series, and of MR series with normalised features."""

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from pydicom.dataset import Dataset

from dicube.dicom.folder_scan import Progress, SkippedFile
from dicube.exceptions import DicomCubeError
from dicube.interchange.tables.cells import Cell, several
from dicube.interchange.tables.data_frame import data_frame
from dicube.interchange.tables.headers import HeaderReader, SeriesHeaders, Source
from dicube.interchange.tables.mr.normalise import features_of
from dicube.interchange.tables.mr.rules import MrRules, load_mr_rules
from dicube.interchange.tables.rows import (
    InstanceRow,
    instance_rows,
    series_cells,
    series_of_rows,
)
from dicube.interchange.tables.template import (
    TableColumn,
    Template,
    load_template,
    templates_by_modality,
)
from dicube.interchange.tables.writing import write_tables

PathLike = str | os.PathLike[str]

MR: Final = "MR"
SERIES: Final = "Series"
SHEETS: Final = ("DICOM_Metadata", "Series_Summary", "MR_Cleaned")


@dataclass(frozen=True)
class MetadataTables:
    """The tables of some sources.

    Attributes
    ----------
    instances : pandas.DataFrame
        `DICOM_Metadata`: Series (the number of the row of its series, from 1), Folder, File, and
        the columns of the templates.
    series : pandas.DataFrame
        `Series_Summary`: Series, Folder, Instances, Frames, and the columns of the templates.
    mr_cleaned : pandas.DataFrame or None
        `MR_Cleaned`: the features of each MR series, each with the rule that decided; None where
        there is no MR.
    left_out : tuple of SkippedFile
        Files without a row: no DICOM.
    damaged : tuple of SkippedFile
        Files without a row: DICOM that cannot be read.
    """

    instances: Any
    series: Any
    mr_cleaned: Any
    left_out: tuple[SkippedFile, ...] = ()
    damaged: tuple[SkippedFile, ...] = ()

    @property
    def sheets(self) -> dict[str, Any]:
        """The tables that there are, by the name of their sheet."""
        tables = zip(SHEETS, (self.instances, self.series, self.mr_cleaned), strict=True)
        return {name: table for name, table in tables if table is not None}

    def write(
        self, path: PathLike, *, overwrite: bool = False, guard_formulas: bool = False
    ) -> list[Path]:
        """Write the tables; files appear whole or not at all.

        Parameters
        ----------
        path : path
            .xlsx is one file with three sheets. Of OUT.csv and OUT.parquet each table is a file:
            OUT.DICOM_Metadata.csv, OUT.Series_Summary.csv, OUT.MR_Cleaned.csv.
        overwrite : bool
            Replace files that exist.
        guard_formulas : bool
            In CSV put an apostrophe before text that begins like a formula, for people who open it
            with a spreadsheet. Other formats need no guard.

        Returns
        -------
        list of Path
            The files written.

        Raises
        ------
        DataConsistencyError
            The suffix is another one, a file exists or cannot be written, or a text is longer than
            a cell of a spreadsheet may be.
        MissingDependencyError
            The package that writes the format is not installed.
        """
        return write_tables(
            self.sheets, Path(path), overwrite=overwrite, guard_formulas=guard_formulas
        )


def metadata_tables(
    sources: Iterable[Source] | Source,
    *,
    templates: Mapping[str, PathLike | Template | Mapping[str, Any]] | None = None,
    progress: Progress | None = None,
    mr_config: PathLike | Mapping[str, Any] | None = None,
) -> MetadataTables:
    """The metadata of series as tables.

    Parameters
    ----------
    sources : one or several of: path, pydicom.Dataset, DICOM JSON object
        Folders, with those below; cube files; DICOM files; and answers of a PACS to C-FIND or
        QIDO-RS. An answer without SOP Instance UID is a series: it has no row among the instances.
    templates : mapping, optional
        In place of our templates: by name ("mr", "ct", "dx", "mg", "general") or by Modality, a
        path, a `Template` or its document.
    progress : callable, optional
        Called with ("headers", files done, files found).
    mr_config : path or mapping, optional
        Rules for MR in place of ours.

    Returns
    -------
    MetadataTables

    Raises
    ------
    MetaDataError
        A path does not exist, a template or the rules are malformed, a header has no series.
    MissingDependencyError
        pandas or jsonschema is not installed.

    Examples
    --------
    >>> from dicube.interchange.tables import metadata_tables
    >>> tables = metadata_tables(["incoming", "ct.dcbs"])  # doctest: +SKIP
    >>> tables.write("incoming.xlsx")  # doctest: +SKIP
    """
    if isinstance(sources, (str, os.PathLike, Mapping, Dataset)):
        sources = [sources]
    by_modality = templates_by_modality(templates)
    rules = load_mr_rules(mr_config)
    reader = HeaderReader(progress)
    rows: list[InstanceRow] = []
    for headers in reader.read(list(sources)):
        rows += _rows(headers, by_modality, reader.damaged)
    series = series_of_rows(rows)
    return MetadataTables(
        instances=_instances(series, by_modality),
        series=_summary(series, by_modality),
        mr_cleaned=_mr_cleaned(series, rules),
        left_out=tuple(sorted(reader.left_out)),
        damaged=tuple(sorted(reader.damaged)),
    )


def template_of(modality: str, by_modality: Mapping[str, Template]) -> Template:
    """The template of a modality."""
    return by_modality.get(modality, by_modality[""])


def _rows(
    headers: SeriesHeaders, by_modality: Mapping[str, Template], damaged: list[SkippedFile]
) -> list[InstanceRow]:
    """The rows of a series from one place; instances that cannot be understood are damaged."""
    found = {str(value) for value in headers.meta.get_values("Modality")}
    columns = _columns_to_read(sorted(found), by_modality)
    try:
        return instance_rows(headers, columns)
    except DicomCubeError as error:
        if len(headers.names) == 1:
            damaged.append(SkippedFile(Path(headers.folder, headers.names[0]), error.what))
            return []
    rows = []
    for number, name in enumerate(headers.names):
        alone = SeriesHeaders(headers.folder, (name,), headers.meta.taken([number]))
        rows += _rows(alone, by_modality, damaged)
    return rows


def _columns_to_read(
    modalities: Sequence[str], by_modality: Mapping[str, Template]
) -> list[TableColumn]:
    """What the templates want, and for MR what the rules want."""
    wanted = [template_of(modality, by_modality) for modality in modalities]
    if MR in modalities:
        wanted.append(load_template("mr"))
    columns: dict[str, TableColumn] = {}
    for template in wanted:
        for column in template.columns:
            columns.setdefault(column.name, column)
    return list(columns.values())


def _columns(
    rows: Iterable[InstanceRow], by_modality: Mapping[str, Template]
) -> dict[str, TableColumn]:
    """The columns of all modalities that there are, in the order of the templates."""
    columns: dict[str, TableColumn] = {}
    for modality in dict.fromkeys(row.modality for row in rows):
        for column in template_of(modality, by_modality).columns:
            columns.setdefault(column.name, column)
    return columns


def _instances(series: Sequence[Sequence[InstanceRow]], by_modality: Mapping[str, Template]) -> Any:
    shown = [[row for row in rows if row.instance_uid or row.folder] for rows in series]
    columns = _columns((row for rows in shown for row in rows), by_modality)
    records: list[dict[str, Cell]] = []
    for number, rows in enumerate(shown, 1):
        for row in rows:
            wanted = template_of(row.modality, by_modality).columns
            cells = {column.name: several(row.values[column.name]) for column in wanted}
            records.append({**cells, SERIES: number, "Folder": row.folder, "File": row.file})
    return data_frame(records, [SERIES, "Folder", "File", *columns])


def _summary(series: Sequence[Sequence[InstanceRow]], by_modality: Mapping[str, Template]) -> Any:
    columns = _columns((row for rows in series for row in rows), by_modality)
    names = [column.name for column in columns.values() if column.in_summary]
    records = []
    for number, rows in enumerate(series, 1):
        wanted = _columns(rows, by_modality).values()
        instances = [row for row in rows if row.instance_uid or row.folder]
        records.append(
            {
                SERIES: number,
                "Folder": " | ".join(dict.fromkeys(row.folder for row in rows)),
                "Instances": len(instances) or None,
                "Frames": sum(row.frames for row in instances) or None,
                **series_cells(rows, wanted),
            }
        )
    return data_frame(records, [SERIES, "Folder", "Instances", "Frames", *names])


def _mr_cleaned(series: Sequence[Sequence[InstanceRow]], rules: MrRules) -> Any:
    rows: list[dict[str, Cell]] = [
        {**row.cells, SERIES: number, "Folder": row.folder}
        for number, rows in enumerate(series, 1)
        for row in rows
        if row.modality == MR
    ]
    return data_frame(*features_of(rows, rules)) if rows else None
