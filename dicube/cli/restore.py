"""`dicube restore`: the files of an archive, or of cube files, as the trees they came from."""

from pathlib import Path
from typing import Annotated, Final

import typer

from dicube.archive.query import QueryError, query
from dicube.archive.restore import RestoreSummary, restore_cubes, restore_ledger
from dicube.cli.exit_codes import ExitCode
from dicube.cli.paths import check_exists
from dicube.cli.progress import stages
from dicube.cli.text import count_text, help_lines, printable, size_text
from dicube.storage.formats import is_cube_suffix

EXAMPLES: Final = help_lines(
    "Examples:",
    "dicube restore archive/archive.sqlite back  # all that was archived",
    "dicube restore study.sqlite back --archive s3://bucket/study  # which is there now",
    "dicube restore archive/archive.sqlite back --where \"modality = 'CT'\"  # a part of it",
    "dicube restore ct.dcbs mr.dcbs back  # without a ledger: the names that the cubes have",
)


def restore(
    sources: Annotated[
        list[Path],
        typer.Argument(
            metavar="LEDGER|FILE...",
            help="The ledger of an archive, archive/archive.sqlite; or .dcbs and .dcba files.",
        ),
    ],
    folder: Annotated[
        Path, typer.Argument(metavar="DEST", help="Made if need be; other files in it stay.")
    ],
    archive: Annotated[
        str | None,
        typer.Option(
            metavar="DIR|URL",
            help="Where the archive is now, if it was moved without its ledger.",
            show_default="where it was written",
        ),
    ] = None,
    where: Annotated[
        str | None,
        typer.Option(
            metavar="EXPR",
            help="Only files of series, or of zip files, for which this is true: see dicube query.",
            show_default="all",
        ),
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace other files of the same names.")
    ] = False,
) -> None:
    """Bring archived files back, as the trees that they came from.

    From a ledger, each file goes to DEST/SOURCE/PATH: the name of its source, and its path in
    there; members of a zip or tar file go to a folder of its name. Uncompressed DICOM and all other
    files come back byte for byte, compared with their digests in the ledger; compressed DICOM comes
    back in explicit VR little endian, with equal elements and pixels. An archive of .dcbr files
    does not hold its images exactly: in the place of each comes a derived image, with UIDs of its
    own, as dicube export writes it.

    Files that are there already are left, so that the command goes on where it was interrupted.
    Other files of the same names stay (exit code 4). What is damaged in the archive is reported,
    and everything else is restored (exit code 1). A .dcbr file holds no source files: dicube export
    makes DICOM files of it.
    """
    for source in sources:
        check_exists(source)
    cubes = [source for source in sources if is_cube_suffix(source)]
    if (cubes and len(cubes) < len(sources)) or (not cubes and len(sources) > 1):
        raise typer.BadParameter("one ledger, or cube files", param_hint="LEDGER|FILE...")
    if cubes and (archive is not None or where is not None):
        raise typer.BadParameter("only with a ledger", param_hint="--archive, --where")
    outputs = None if where is None else _chosen(sources[0], where)
    with stages() as progress:
        if cubes:
            summary = restore_cubes(cubes, folder, overwrite=overwrite, progress=progress)
        else:
            summary = restore_ledger(
                sources[0],
                folder,
                archive=archive,
                outputs=outputs,
                overwrite=overwrite,
                progress=progress,
            )
    _report(folder, summary)


def _chosen(ledger: Path, expression: str) -> list[str]:
    """Paths of the files of the archive for which an expression is true."""
    try:
        with query(ledger, expression, columns=["path"]) as rows:
            return [str(row["path"]) for row in rows if row["path"] is not None]
    except QueryError as error:
        raise typer.BadParameter(str(error), param_hint="--where") from error


def _report(folder: Path, summary: RestoreSummary) -> None:
    parts = [f"{count_text(summary.identical, 'file')} identical byte for byte"]
    if summary.equal:
        parts.append(f"{count_text(summary.equal, 'compressed file')} with equal pixels")
    if summary.derived:
        images = count_text(summary.derived, "derived image")
        parts.append(f"{images} in the place of sources that .dcbr files do not hold")
    parts.append(f"{size_text(summary.length_bytes)} written")
    if summary.present:
        parts.append(f"{count_text(summary.present, 'file')} there before")
    typer.echo(printable(f"{folder}: {', '.join(parts)}"))
    if summary.not_archived:
        missing = count_text(summary.not_archived, "file")
        typer.echo(f"{missing} of the sources not restored: not in the archive yet, or failed")
    for conflict in summary.conflicts:
        typer.echo(f"in the way: {printable(conflict)}", err=True)
    for problem in summary.problems:
        typer.echo(f"error: {printable(problem)}", err=True)
    if summary.problems:
        raise typer.Exit(ExitCode.DIFFERENT)
    if summary.conflicts:
        typer.echo("choose another folder, or replace them with --overwrite", err=True)
        raise typer.Exit(ExitCode.CONFLICT)
