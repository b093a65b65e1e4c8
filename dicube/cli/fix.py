"""`dicube fix`: a repaired copy of a series."""

import math
from pathlib import Path
from typing import Annotated, Final

import typer

from dicube.cli.paths import Kind, check_target, exchange_kind, kind_of, read_image
from dicube.cli.progress import stages
from dicube.cli.text import count_text, finding_text, help_lines, printable, shape_text, size_text
from dicube.core.image import DicomCubeImage
from dicube.core.tilt import tilt_degrees
from dicube.exceptions import DataConsistencyError
from dicube.storage.formats import DCBR, format_of_name, is_cube_suffix

EXAMPLES: Final = help_lines(
    "Examples:",
    "dicube fix ct_folder  # what could be fixed; writes nothing",
    "dicube fix ct_folder straight.dcbs --tilt  # then: dicube export straight.dcbs copy",
    "dicube fix tilted.dcba straight.nii.gz --tilt --fill -1024",
)


def fix(
    src: Annotated[
        Path, typer.Argument(metavar="SRC", help="A DICOM folder, a cube file or a NIfTI file.")
    ],
    dst: Annotated[
        Path | None,
        typer.Argument(
            metavar="DST",
            help="The file to write: .dcbs, .dcba, .nii or .nii.gz.",
            show_default=False,
        ),
    ] = None,
    tilt: Annotated[
        bool,
        typer.Option("--tilt", help="Straighten a stack that a gantry tilt shears."),
    ] = False,
    fill: Annotated[
        float | None,
        typer.Option(
            metavar="VALUE",
            help="Stored value for voxels outside of the slices.",
            show_default="padding value, else the smallest",
        ),
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace DST.")] = False,
) -> None:
    """Write a repaired copy of a series; SRC stays as it is.

    --tilt shifts each slice within its plane until rows, columns and slices are at right angles,
    and widens the field of view so that nothing is cut. Values are interpolated between pixels, so
    the copy is no substitute for the source: it is a derived series with UIDs of its own and says
    so. Without a repair option, the command lists what could be fixed and what else was noticed.
    """
    kind = kind_of(src)
    if not tilt:
        with stages() as progress:
            image = read_image(src, kind, progress)
        _print_repairs(image)
        raise typer.BadParameter("no repair was asked for", param_hint="--tilt")
    target = _checked_target(src, dst, overwrite=overwrite)
    with stages() as progress:
        image = read_image(src, kind, progress)
        with progress.busy("straightening"):
            straight = image.resample_tilt(fill=fill)
        with progress.busy("writing"):
            if exchange_kind(target) is Kind.NIFTI_FILE:
                straight.to_nifti(target)
            else:
                straight.to_file(target)
    _print_straightened(image, straight, target)


def _checked_target(src: Path, dst: Path | None, *, overwrite: bool) -> Path:
    """DST, before any work is done."""
    if dst is None:
        raise typer.BadParameter("name the file to write", param_hint="DST")
    if exchange_kind(dst) is not Kind.NIFTI_FILE:
        if not is_cube_suffix(dst):
            raise typer.BadParameter(
                "the name ends in none of .dcbs, .dcba, .nii and .nii.gz; `dicube export` makes"
                " DICOM files of a cube file",
                param_hint="DST",
            )
        if format_of_name(dst.suffix, where=str(dst)) == DCBR:
            raise typer.BadParameter(
                "a .dcbr file needs a region: write .dcbs, then use `dicube convert --roi`",
                param_hint="DST",
            )
    if dst.exists() and dst.samefile(src):
        raise DataConsistencyError(
            "the target is the source, which stays as it is",
            where=str(dst),
            hint="choose another name",
        )
    check_target(dst, overwrite=overwrite)
    return dst


def _print_repairs(image: DicomCubeImage) -> None:
    if image.space is None and image.affine is not None:
        typer.echo(f"--tilt would straighten the stack by {tilt_degrees(image.affine):.1f} degrees")
    else:
        typer.echo("nothing that could be fixed")
    for finding in image.findings:
        typer.echo(f"finding: {finding_text(*finding)}")


def _print_straightened(before: DicomCubeImage, after: DicomCubeImage, target: Path) -> None:
    assert before.affine is not None
    dimensions = len(after.axes) + 2
    filled = math.prod(after.shape[:dimensions]) - math.prod(before.shape[:dimensions])
    parts = [
        f"straightened by {tilt_degrees(before.affine):.1f} degrees",
        f"{shape_text(before.shape)} to {shape_text(after.shape)}",
        f"{count_text(filled, 'voxel')} outside of the slices filled",
        size_text(target.stat().st_size),
    ]
    typer.echo(f"{printable(str(target))}: {', '.join(parts)}")
    typer.echo("values are interpolated: a derived series, no substitute for the source")
    for path, reason in before.skipped_files:
        typer.echo(printable(f"skipped {path}: {reason}"))
