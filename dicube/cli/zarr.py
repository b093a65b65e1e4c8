"""`dicube zarr`: a tree of DICOM series as Zarr groups, and back to prove it."""

from pathlib import Path
from typing import Annotated, Final

import typer

from dicube.cli.exit_codes import ExitCode
from dicube.cli.progress import stages
from dicube.cli.text import count_text, help_lines, printable, size_text
from dicube.interchange.zarr.chunking import Access
from dicube.interchange.zarr.tree import TreeOptions, TreeResult, convert_tree, find_tree
from dicube.interchange.zarr.writing import Codec

EXAMPLES: Final = help_lines(
    "Examples:",
    "dicube zarr data  # data/raw/... to data/converted and data/reconstructed",
    "dicube zarr data --chunks training --codec htj2k",
)


def zarr(
    tree: Annotated[
        Path, typer.Argument(metavar="TREE", help="A folder with a folder `raw` of DICOM series.")
    ],
    chunks: Annotated[
        Access, typer.Option(help="What is read at once: a slice, or a cube of 32 voxels.")
    ] = "slices",
    codec: Annotated[
        Codec, typer.Option(help="blosc, which all readers have, or htj2k, which needs dicube.")
    ] = "blosc",
) -> None:
    """Convert every series below TREE/raw to Zarr, reconstruct it, and compare the files.

    TREE/converted gets a group NAME.zarr and its geometry and DICOM elements as NAME.json;
    TREE/reconstructed the DICOM files again, each compared with its source. For one series, use
    `dicube convert`. The job can be stopped and started again: what is done is compared only, and
    an interrupted write goes on. Nothing that is there is replaced.
    """
    with stages() as progress:
        search = find_tree(tree, progress)
        results = []
        for result in convert_tree(tree, search, TreeOptions(chunks=chunks, codec=codec)):
            results.append(result)
            progress("series", len(results), len(search))
            typer.echo(printable(_line(result)))
            for problem in result.problems:
                typer.echo(printable(f"error: {problem}"), err=True)
    for path, reason in sorted(search.damaged):
        typer.echo(printable(f"error: {path}: {reason}"), err=True)
    failed = sum(bool(result.problems) for result in results)
    typer.echo(
        f"{len(results)} series, {failed} with problems, "
        f"{count_text(len(search.damaged), 'damaged file')}, "
        f"{count_text(len(search.not_images), 'file')} without an image"
    )
    if failed or search.damaged:
        raise typer.Exit(ExitCode.DIFFERENT)


def _line(result: TreeResult) -> str:
    if result.problems:
        return f"{result.name}: FAILED"
    equal = f", {result.equal_files} equal" if result.equal_files else ""
    return (
        f"{result.name}: {size_text(result.source_bytes)} in, {size_text(result.zarr_bytes)} out, "
        f"{count_text(result.identical_files, 'file')} identical{equal}"
        f"{' (was there)' if result.was_done else ''}"
    )
