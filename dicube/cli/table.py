"""`dicube table`: the metadata of series as a workbook, CSV or Parquet."""

from pathlib import Path
from typing import Annotated, Final

import typer

from dicube.cli.paths import check_target
from dicube.cli.progress import stages
from dicube.cli.text import count_text, help_lines, printable
from dicube.dicom.folder_scan import SkippedFile

EXAMPLES: Final = help_lines(
    "Examples:",
    "dicube table incoming ct.dcbs incoming.xlsx",
    "dicube table incoming incoming.parquet  # a file for each table",
    "dicube table --print-template mr > my_mr.json",
    "dicube table incoming incoming.xlsx --template mr=my_mr.json",
    "dicube table --print-mr-config > rules.json",
    "dicube table incoming incoming.xlsx --mr-config rules.json",
)


def table(
    paths: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="SRC... OUT",
            help="Folders, DICOM files and cube files, then the file to write: .xlsx, .csv or "
            ".parquet.",
            show_default=False,
        ),
    ] = None,
    template: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=FILE",
            help="A template in place of ours: mr, ct, dx, mg, general, or a modality such as PT.",
            show_default=False,
        ),
    ] = None,
    mr_config: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Rules for the sheet MR_Cleaned.", show_default="our own"
        ),
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace files that exist.")
    ] = False,
    guard_formulas: Annotated[
        bool,
        typer.Option(
            "--guard-formulas",
            help="In CSV put an apostrophe before text that begins like a formula.",
        ),
    ] = False,
    left_out: Annotated[
        bool, typer.Option("--left-out", help="List files that are no DICOM, with the reason.")
    ] = False,
    print_template: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Print one of our templates.", show_default=False),
    ] = None,
    print_mr_config: Annotated[
        bool, typer.Option("--print-mr-config", help="Print our rules for MR.")
    ] = False,
) -> None:
    """Write tables of DICOM elements: a row for each instance, and for each series.

    MR series get normalised features as well: the class of the sequence, plane, fat suppression,
    contrast and dynamic phases..., each with the rule that decided. Headers are read, pixels are
    not. Of .csv and .parquet each table is a file: OUT.DICOM_Metadata.csv, OUT.Series_Summary.csv,
    OUT.MR_Cleaned.csv. Needs the extra "tables".
    """
    # Here, not above: the rules of MR are not needed to show the help.
    from dicube.interchange.tables import (  # noqa: PLC0415
        metadata_tables,
        mr_rules_text,
        template_text,
    )

    if print_template is not None or print_mr_config:
        text = mr_rules_text() if print_template is None else template_text(print_template)
        typer.echo(text, nl=False)
        return
    if paths is None or len(paths) < 2:
        raise typer.BadParameter("name a source and the file to write", param_hint="SRC... OUT")
    *sources, out = paths
    _check_target(out, overwrite=overwrite)
    with stages() as progress:
        tables = metadata_tables(
            sources, templates=_templates(template or []), progress=progress, mr_config=mr_config
        )
        with progress.busy("writing"):
            written = tables.write(out, overwrite=overwrite, guard_formulas=guard_formulas)
    for path in written:
        typer.echo(printable(str(path)))
    _say_what_is_left_out(tables.left_out if left_out else (), tables.damaged)
    mr = 0 if tables.mr_cleaned is None else len(tables.mr_cleaned)
    typer.echo(
        f"{count_text(len(tables.instances), 'instance')}, {len(tables.series)} series, "
        f"{mr} of them MR, {count_text(len(tables.damaged), 'damaged file')}, "
        f"{count_text(len(tables.left_out), 'file')} that are no DICOM"
    )


def _check_target(out: Path, *, overwrite: bool) -> None:
    """Refuse another suffix, and files that are there, before any header is read."""
    from dicube.interchange.tables.tables import SHEETS  # noqa: PLC0415
    from dicube.interchange.tables.writing import SUFFIXES, target_files  # noqa: PLC0415

    if out.suffix.lower() not in SUFFIXES:
        raise typer.BadParameter(
            f"name the file to write {', '.join(SUFFIXES)}; it comes last", param_hint="OUT"
        )
    for target in target_files(out, SHEETS):
        check_target(target, overwrite=overwrite)


def _templates(given: list[str]) -> dict[str, str]:
    chosen = {}
    for text in given:
        name, separator, path = text.partition("=")
        if not separator or not name or not path:
            raise typer.BadParameter(
                f"{text!r} is not of the form NAME=FILE, such as mr=my_mr.json",
                param_hint="--template",
            )
        chosen[name] = path
    return chosen


def _say_what_is_left_out(
    left_out: tuple[SkippedFile, ...], damaged: tuple[SkippedFile, ...]
) -> None:
    for path, reason in left_out:
        typer.echo(printable(f"{path}: {reason}"), err=True)
    for path, reason in damaged:
        typer.echo(printable(f"error: {path}: {reason}"), err=True)
