"""The `dicube` program: its commands, its global options and its help."""

import logging
import warnings
from typing import Annotated, Final

import typer

from dicube.cli import (
    archive,
    convert,
    deidentify,
    export,
    fix,
    info,
    mask,
    meta,
    pacs,
    preview,
    query,
    restore,
    scan,
    seg,
    serve,
    table,
    verify,
    web,
    zarr,
)
from dicube.cli.exit_codes import EXIT_CODES_HELP, ReportingGroup
from dicube.cli.text import help_lines
from dicube.version import __version__

_COMMANDS: Final = (
    ("dicube scan /data", "every series below a folder"),
    ("dicube convert ct_folder ct.dcbs", "compress a series, prove it lossless"),
    ("dicube convert ct.dcbs ct.dcba", "smaller, slower"),
    ("dicube info ct.dcbs", "what is in the file"),
    ("dicube meta ct.dcbs Modality 0018,0050", "some DICOM elements"),
    ("dicube export ct.dcbs copy", "the source files, byte for byte"),
    ("dicube verify ct.dcbs --against ct_folder", "is it whole, is it that folder?"),
    ("dicube restore archive.sqlite back", "archived trees, byte for byte"),
    ("dicube verify --ledger archive.sqlite", "is every file of an archive whole?"),
    ("dicube preview ct.dcbs ct.png", "all frames on one sheet"),
    ("dicube fix ct_folder new.dcbs --tilt", "a copy without its gantry tilt"),
    ("dicube mask ct_folder body.png", "the region that `--roi body` keeps exact"),
    ("dicube seg info seg.dcm", "the segments of a DICOM segmentation"),
    ("dicube deidentify ct.dcbs clean.dcbs", "without what identifies the patient"),
    ("dicube table incoming incoming.xlsx", "DICOM elements and MR features as tables"),
    ("dicube query archive.sqlite --summary", "what an archive holds, by its ledger"),
    ("dicube zarr data", "every series of data/raw as Zarr, and back"),
    ("dicube pacs pull data --accession-number A1", "series of a PACS as files"),
    ("dicube web --demo --open", "search, pull and look at series in the browser"),
    ("dicube serve cubes", "a folder of cubes as DICOMweb"),
)
_EPILOG: Final = "\n\n".join(
    (
        help_lines("Examples:", *(f"{line:<41}  # {what}" for line, what in _COMMANDS)),
        "Each command has a help of its own: dicube COMMAND --help",
        help_lines("Exit codes:", *EXIT_CODES_HELP),
    )
)

app = typer.Typer(
    name="dicube",
    cls=ReportingGroup,
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,  # plain help keeps the lines of the examples together
    # The pretty traceback shows local variables, and those hold values of the patient's data.
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog=_EPILOG,
)


def main() -> None:
    """Run the program; what the installed `dicube` calls."""
    app()


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"dicube {__version__}")
        raise typer.Exit


@app.callback()
def _start(
    debug: Annotated[
        bool,
        typer.Option(
            "--debug",
            help="Show tracebacks and log messages, which may hold values of the data.",
        ),
    ] = False,
    _version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Show the version and stop."
        ),
    ] = False,
) -> None:
    """A DICOM series as one lossless file, and back byte for byte.

    .dcbs is fast (HTJ2K), .dcba is small (JPEG XL); both hold every element and every pixel. .dcbr
    is smaller still: exact in a region of interest, within a chosen error outside of it.
    """
    if debug:
        logging.basicConfig(level=logging.INFO)  # to stderr
        return
    # What a command has to say, it says itself. Messages of libraries may quote values.
    logging.getLogger("dicube").addHandler(logging.NullHandler())
    logging.getLogger("pydicom").addHandler(logging.NullHandler())
    warnings.filterwarnings("ignore", module="pydicom")


app.command(epilog=convert.EXAMPLES)(convert.convert)
app.command(epilog=info.EXAMPLES)(info.info)
app.command(epilog=verify.EXAMPLES)(verify.verify)
app.command(epilog=restore.EXAMPLES)(restore.restore)
app.command(epilog=export.EXAMPLES)(export.export)
app.command(epilog=meta.EXAMPLES)(meta.meta)
app.command(epilog=preview.EXAMPLES)(preview.preview)
app.command(epilog=mask.EXAMPLES)(mask.mask)
app.command(epilog=fix.EXAMPLES)(fix.fix)
app.command(epilog=deidentify.EXAMPLES)(deidentify.deidentify)
app.command(epilog=scan.EXAMPLES)(scan.scan)
app.command(epilog=table.EXAMPLES)(table.table)
app.command(epilog=query.EXAMPLES)(query.query)
app.add_typer(seg.app, name="seg")
app.command(epilog=zarr.EXAMPLES)(zarr.zarr)
app.command(epilog=archive.EXAMPLES)(archive.archive)
app.add_typer(pacs.app, name="pacs")
app.command(epilog=web.EXAMPLES)(web.web)
app.command(epilog=serve.EXAMPLES)(serve.serve)
