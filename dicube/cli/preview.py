"""`dicube preview`: the frames of a series on one sheet, as PNG."""

from pathlib import Path
from typing import Annotated, Final

import typer

from dicube.cli.paths import check_target, kind_of, read_image
from dicube.cli.progress import stages
from dicube.cli.text import count_text, help_lines, printable, size_text
from dicube.interchange.preview import MAX_FRAMES, write_preview

EXAMPLES: Final = help_lines(
    "Examples:",
    "dicube preview ct.dcbs ct.png",
    "dicube preview ct_folder lung.png --window -600,1500 --max-frames 16",
)


def preview(
    src: Annotated[
        Path,
        typer.Argument(metavar="SRC", help="A cube file, a DICOM folder or a NIfTI file."),
    ],
    out: Annotated[Path, typer.Argument(metavar="OUT.png", help="The picture to write.")],
    window: Annotated[
        str | None,
        typer.Option(
            metavar="C,W",
            help="Centre and width, in output values such as HU.",
            show_default="that of the series, or the range of its values",
        ),
    ] = None,
    columns: Annotated[
        int | None,
        typer.Option(min=1, metavar="N", help="Frames side by side.", show_default="a square"),
    ] = None,
    max_frames: Annotated[
        int, typer.Option(min=1, metavar="N", help="Of more frames, evenly spaced ones are shown.")
    ] = MAX_FRAMES,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace OUT.png.")] = False,
) -> None:
    """Draw a contact sheet of the frames. Needs the extra: pip install 'dicube[preview]'."""
    limits = None if window is None else _window(window)
    kind = kind_of(src)
    check_target(out, overwrite=overwrite)
    with stages() as progress:
        image = read_image(src, kind, progress)
        with progress.busy("drawing"):
            shown = write_preview(image, out, window=limits, columns=columns, max_frames=max_frames)
    size = size_text(out.stat().st_size)
    typer.echo(f"{printable(str(out))}: {count_text(len(shown), 'frame')}, {size}")


def _window(text: str) -> tuple[float, float]:
    """Centre and width from "C,W"."""
    try:
        centre, width = (float(number) for number in text.split(","))
    except ValueError:
        raise typer.BadParameter(
            "give centre and width, such as 40,400", param_hint="--window"
        ) from None
    if not width > 0:
        raise typer.BadParameter("the width has to be above 0", param_hint="--window")
    return centre, width
