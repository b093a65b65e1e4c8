"""`dicube mask`: the region of interest of a .dcbr file, or the body that `--roi body` finds."""

from pathlib import Path
from typing import Annotated, Final

import typer

from dicube.cli.paths import check_target, kind_of, read_image
from dicube.cli.progress import stages
from dicube.cli.text import help_lines, printable
from dicube.interchange.masks import write_mask

EXAMPLES: Final = help_lines(
    "Examples:",
    "dicube mask ct_folder body.png  # look at what `--roi body` keeps exact",
    "dicube mask ct_folder body.nii.gz  # to edit it, then: convert --roi body.nii.gz",
    "dicube mask ct.dcbr region.npy  # the region of a file",
)


def mask(
    src: Annotated[
        Path,
        typer.Argument(metavar="SRC", help="A cube file, a DICOM folder or a NIfTI file."),
    ],
    out: Annotated[
        Path, typer.Argument(metavar="OUT", help="The file to write: .npy, .nii, .nii.gz or .png.")
    ],
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace OUT.")] = False,
) -> None:
    """Write the region of interest as a mask, or as a picture with its outline.

    Of a .dcbr file it is the region that the file has. Of anything else it is the body, told from
    the air around it: a threshold (-900 HU for CT, by Otsu for others) on smoothed frames, without
    small parts, widened by 4 pixels, holes filled. Couch and cushions mostly stay in it. Needs the
    extra: pip install 'dicube[roi]'.
    """
    kind = kind_of(src)
    check_target(out, overwrite=overwrite)
    with stages() as progress:
        image = read_image(src, kind, progress)
        with progress.busy("finding the region"):
            found = image.find_body() if image.roi is None else image.roi.mask
            write_mask(image, found, out)
    what = "the body" if image.roi is None else "the region"
    typer.echo(f"{printable(str(out))}: {what}, {found.mean():.1%} of the pixels")
