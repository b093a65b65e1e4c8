"""`dicube export`: a cube file as a folder of DICOM files."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final

import typer

from dicube.cli.paths import check_exists
from dicube.cli.progress import stages
from dicube.cli.text import count_text, help_lines, printable, size_text
from dicube.core.image import DicomCubeImage
from dicube.core.layouts import Layout
from dicube.dicom.stored_form import Precision
from dicube.exceptions import DataConsistencyError

EXAMPLES: Final = help_lines(
    "Examples:",
    "dicube export ct.dcbs copy  # the source files, byte for byte",
    "dicube export ct.dcbs small --transfer-syntax htj2k  # codestreams are copied",
    "dicube export ct.dcba smaller --transfer-syntax jxl  # likewise",
    "dicube export dce.dcbs volumes --layout per_timepoint  # a multi-frame file for each volume",
    "dicube export t2map.dcbs maps --layout classic --precision int16  # floats as 16 bits",
)


class TransferSyntax(StrEnum):
    """Values of --transfer-syntax: those of `dicube.dicom.export.TRANSFER_SYNTAXES`."""

    EXPLICIT = "explicit"
    HTJ2K = "htj2k"
    HTJ2K_RPCL = "htj2k-rpcl"
    JPEG2000 = "jpeg2000"
    JPEGLS = "jpegls"
    JXL = "jxl"
    RLE = "rle"


def export(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A .dcbs, .dcba or .dcbr file.")],
    folder: Annotated[
        Path, typer.Argument(metavar="FOLDER", help="Made if need be; other files in it stay.")
    ],
    transfer_syntax: Annotated[
        TransferSyntax | None,
        typer.Option(
            help="Encode pixels this way, without loss. Few DICOM readers know jxl yet.",
            show_default="as in the source files",
        ),
    ] = None,
    layout: Annotated[
        Layout | None,
        typer.Option(
            help="Write a new, derived series: a file for each slice, a multi-frame file for each"
            " volume, or one for all.",
            show_default="the series as it is",
        ),
    ] = None,
    precision: Annotated[
        Precision | None,
        typer.Option(
            help="Of a --layout: floats exactly, or as the closest 16-bit integers.",
            show_default="exact",
        ),
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace files of the same name.")
    ] = False,
) -> None:
    """Write the DICOM files again.

    Without --transfer-syntax the source files come back byte for byte. Those that were compressed
    come back with equal elements and pixels in explicit VR little endian. Those of a .dcbr file
    are derived images with UIDs of their own.

    With --layout the files are a new series that names its sources.
    """
    _refuse_what_has_no_effect(transfer_syntax, layout, precision)
    check_exists(file)
    if folder.exists() and not folder.is_dir():
        raise DataConsistencyError("the target is no folder", where=str(folder))
    with stages() as progress:
        with progress.busy("reading"):
            image = DicomCubeImage.from_file(file)
        with progress.busy("encoding"):
            written = image.to_dicom_folder(
                folder,
                transfer_syntax=None if transfer_syntax is None else transfer_syntax.value,
                layout=layout,
                precision=precision or "exact",
                overwrite=overwrite,
                progress=progress,
            )
    size = sum(path.stat().st_size for path in written)
    typer.echo(f"{printable(str(folder))}: {count_text(len(written), 'file')}, {size_text(size)}")


def _refuse_what_has_no_effect(
    transfer_syntax: TransferSyntax | None,
    layout: Layout | None,
    precision: Precision | None,
) -> None:
    if precision is not None and layout is None:
        raise typer.BadParameter("only with --layout", param_hint="--precision")
    is_classic = layout in (None, "classic")
    if transfer_syntax not in (None, TransferSyntax.EXPLICIT) and not is_classic:
        raise typer.BadParameter(
            "multi-frame layouts are written uncompressed", param_hint="--transfer-syntax"
        )
