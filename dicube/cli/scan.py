"""`dicube scan`: every volume set below a folder, as a table, JSON lines or Parquet."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import typer

from dicube.cli.paths import check_target
from dicube.cli.progress import stages
from dicube.cli.text import count_text, help_lines, printable, shape_text, size_text
from dicube.dicom.find_series import SeriesSearch, find_series
from dicube.dicom.series.volume_set import VolumeSet
from dicube.interchange.row_files import ROW_SUFFIXES, write_rows

EXAMPLES: Final = help_lines(
    "Examples:",
    "dicube scan /data/incoming",
    "dicube scan /data/incoming --format json | jq 'select(.status != \"consistent\")'",
    "dicube scan /data/incoming --out series.parquet",
    "dicube scan /data/incoming --left-out  # and every file that belongs to no series",
)


def scan(
    tree: Annotated[
        Path, typer.Argument(metavar="TREE", help="A folder; those below are looked into.")
    ],
    file_format: Annotated[
        Literal["table", "json"],
        typer.Option("--format", help="What to print; json is one object a line."),
    ] = "table",
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
    """List every volume set below a folder: series, axes, size and what is odd about it.

    Reads headers only. A series is one set unless its images cannot share a grid; then each set has
    a group number, which `dicube convert --group` takes. Axes name what tells volumes apart: t,
    echo, diffusion... Files that are damaged or no images are counted on stderr.
    """
    if out is not None:
        if out.suffix.lower() not in ROW_SUFFIXES:
            raise typer.BadParameter("name the file .jsonl or .parquet", param_hint="--out")
        check_target(out, overwrite=overwrite)
    with stages() as progress:
        search = find_series(tree, progress=progress)
    rows = [_row(found) for found in search]
    if out is not None:
        write_rows(rows, out)
    else:
        for line in map(json.dumps, rows) if file_format == "json" else _table_lines(search):
            typer.echo(line)
    _say_what_is_left_out(search, listed=left_out)


def _row(found: VolumeSet) -> dict[str, Any]:
    """A volume set as a JSON object, all members of one type in all rows."""
    return {
        "folder": str(found.folder),
        "series_uid": found.series_uid,
        "study_uid": found.study_uid,
        "modality": found.modality,
        "group": found.group,
        "groups": found.groups,
        "kind": found.kind,
        "files": len(found.files),
        "names": list(found.names),
        "shape": list(found.shape),
        "axes": [axis.name for axis in found.axes],
        "timepoints": found.n_timepoints,
        "axes_rule": found.rule,
        "rivals": [f"{rival.rule}: {rival.outcome}" for rival in found.rivals],
        "affine": [] if found.affine is None else found.affine.tolist(),
        "transfer_syntaxes": list(found.transfer_syntaxes),
        "bytes": found.length_bytes,
        "status": found.status.value,
        "findings": [
            {
                "status": finding.status.value,
                "message": finding.message,
                "slices": list(finding.slices),
            }
            for finding in found.findings
        ],
    }


def _table_lines(search: SeriesSearch) -> Iterator[str]:
    """Columns of equal width, one volume set a line."""
    cells = [
        (
            found.modality or "-",
            shape_text(found.shape),
            " ".join(axis.name for axis in found.axes),
            "-" if found.groups == 1 else str(found.group),
            found.kind or "-",
            count_text(len(found.files), "file"),
            size_text(found.length_bytes),
            ", ".join(dict.fromkeys(f.status.value for f in found.findings)) or "consistent",
            found.series_uid or "(no Series Instance UID)",
            str(found.folder),
        )
        for found in search
    ]
    names = ("modality", "shape", "axes", "group", "kind", "files", "size", "findings", "series",
             "folder")  # fmt: skip
    widths = [max(len(row[i]) for row in [names, *cells]) for i in range(len(names))]
    for row in [names, *cells]:
        padded = (text.ljust(width) for text, width in zip(row, widths, strict=True))
        yield printable("  ".join(padded).rstrip())


def _say_what_is_left_out(search: SeriesSearch, *, listed: bool) -> None:
    if listed:
        for path, reason in sorted([*search.not_images, *search.damaged]):
            typer.echo(printable(f"{path}: {reason}"), err=True)
    series = len({(found.folder, found.series_uid) for found in search})
    typer.echo(
        f"{series} series, {count_text(len(search), 'volume set')}, "
        f"{count_text(len(search.damaged), 'damaged file')}, "
        f"{count_text(len(search.not_images), 'file')} without an image",
        err=True,
    )
