"""`dicube scan`: every series below a folder, as a table, JSON lines or Parquet."""

import json
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from dicube.cli.paths import check_target
from dicube.cli.progress import stages
from dicube.cli.text import count_text, help_lines, printable, shape_text, size_text
from dicube.dicom.tree_scan import FolderSummary, SeriesSummary, scan_tree
from dicube.interchange.row_files import ROW_SUFFIXES, write_rows

EXAMPLES: Final = help_lines(
    "Examples:",
    "dicube scan /data/incoming",
    "dicube scan /data/incoming --format json | jq 'select(.status != \"consistent\")'",
    "dicube scan /data/incoming --out series.parquet",
    "dicube scan /data/incoming --left-out  # and every file that belongs to no series",
)


class Format(StrEnum):
    """Values of --format."""

    TABLE = "table"
    JSON = "json"


def scan(
    tree: Annotated[
        Path, typer.Argument(metavar="TREE", help="A folder; those below are looked into.")
    ],
    file_format: Annotated[
        Format, typer.Option("--format", help="What to print; json is one object a line.")
    ] = Format.TABLE,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Write a file instead: .jsonl, or .parquet (extra: pip install 'dicube[tables]').",
            show_default=False,
        ),
    ] = None,
    left_out: Annotated[
        bool,
        typer.Option("--left-out", help="List files that belong to no series, with the reason."),
    ] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace FILE.")] = False,
) -> None:
    """List every series of images below a folder: UIDs, shape, size and what is odd about it.

    Reads headers only. A series in two folders is listed twice, because `dicube convert` takes a
    folder. Files that are damaged or no images are counted on stderr.
    """
    if out is not None:
        if out.suffix.lower() not in ROW_SUFFIXES:
            raise typer.BadParameter("name the file .jsonl or .parquet", param_hint="--out")
        check_target(out, overwrite=overwrite)
    with stages() as progress, progress.busy("scanning"):
        folders = list(scan_tree(tree))
    rows = [_row(series) for folder in folders for series in folder.series]
    if out is not None:
        write_rows(rows, out)
    else:
        for line in map(json.dumps, rows) if file_format is Format.JSON else _table_lines(folders):
            typer.echo(line)
    _say_what_is_left_out(folders, rows, listed=left_out)


def _row(series: SeriesSummary) -> dict[str, Any]:
    """A series as a JSON object, all members of one type in all rows."""
    return {
        "folder": str(series.folder),
        "series_uid": series.series_uid,
        "study_uid": series.study_uid,
        "modality": series.modality,
        "files": series.files,
        "shape": list(series.shape),
        "one_shape": series.is_one_shape,
        "timepoints": series.timepoints,
        "transfer_syntaxes": list(series.transfer_syntaxes),
        "bytes": series.length_bytes,
        "status": series.status.value,
        "findings": [
            {
                "status": finding.status.value,
                "message": finding.message,
                "slices": list(finding.slices),
            }
            for finding in series.findings
        ],
    }


def _table_lines(folders: list[FolderSummary]) -> Iterator[str]:
    """Columns of equal width, one series a line."""
    cells = [
        (
            series.modality or "-",
            shape_text(series.shape) + ("" if series.is_one_shape else " (mixed)"),
            str(series.timepoints),
            count_text(series.files, "file"),
            size_text(series.length_bytes),
            ", ".join(dict.fromkeys(f.status.value for f in series.findings)) or "consistent",
            series.series_uid or "(no Series Instance UID)",
            str(series.folder),
        )
        for folder in folders
        for series in folder.series
    ]
    names = ("modality", "shape", "t", "files", "size", "findings", "series", "folder")
    widths = [max(len(row[i]) for row in [names, *cells]) for i in range(len(names))]
    for row in [names, *cells]:
        padded = (text.ljust(width) for text, width in zip(row, widths, strict=True))
        yield printable("  ".join(padded).rstrip())


def _say_what_is_left_out(
    folders: list[FolderSummary], rows: list[dict[str, Any]], *, listed: bool
) -> None:
    skipped = [file for folder in folders for file in folder.skipped]
    damaged = [file for folder in folders for file in folder.damaged]
    if listed:
        for path, reason in sorted([*skipped, *damaged]):
            typer.echo(printable(f"{path}: {reason}"), err=True)
    typer.echo(
        f"{len(rows)} series, {count_text(len(damaged), 'damaged file')}, "
        f"{count_text(len(skipped), 'file')} without an image",
        err=True,
    )
