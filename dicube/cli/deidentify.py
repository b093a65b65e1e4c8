"""`dicube deidentify`: a copy of a series that does not say whose it is."""

from pathlib import Path
from typing import Annotated, Final

import typer

from dicube.cli.exchange_target import ExchangeOptions, check_exchange_target, write_exchange
from dicube.cli.paths import Kind, check_target, exchange_kind, kind_of, read_image
from dicube.cli.progress import Stages, stages
from dicube.cli.text import help_lines, printable
from dicube.core.deidentified import write_report
from dicube.core.image import DicomCubeImage
from dicube.dicom.deidentify import (
    DeidentifyKey,
    DeidentifyOptions,
    DeidentifyReport,
    Retain,
    SafePrivate,
)
from dicube.exceptions import DataConsistencyError
from dicube.storage.formats import DCBR, format_of_name, is_cube_suffix

EXAMPLES: Final = help_lines(
    "Examples:",
    "dicube deidentify ct_folder ct.dcbs --key-file study.key --report ct.json",
    "dicube deidentify ct.dcbs clean_folder  # DICOM files; UIDs and pseudonym are random",
    "dicube deidentify dce.dcbs dce_clean.dcbs --retain modified-dates --key-file study.key",
    "dicube deidentify mr.dcbs clean.dcbs --retain safe-private --keep-private ours.txt",
    "dicube deidentify ct.dcbs ct.nii.gz --patient-id STUDY-017",
)


def deidentify(
    src: Annotated[
        Path, typer.Argument(metavar="SRC", help="A DICOM folder, a cube file, NIfTI, NPZ or Zarr.")
    ],
    out: Annotated[
        Path,
        typer.Argument(
            metavar="OUT",
            help="What to write: .dcbs, .dcba, .nii, .nii.gz, .npz, .zarr, or a folder of DICOM"
            " files.",
        ),
    ],
    key_file: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="A secret, made if it is not there: with the same one UIDs, pseudonyms and dates"
            " of several series fit each other. Keep it apart from OUT.",
            show_default="random",
        ),
    ] = None,
    retain: Annotated[
        list[Retain] | None,
        typer.Option(
            help="Keep something that the profile takes away; may be given several times.",
            show_default=False,
        ),
    ] = None,
    keep_private: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Private elements to keep, one on each line, such as"
            " `0019,xx0C SIEMENS MR HEADER`.",
            show_default="with --retain safe-private those of PS3.15",
        ),
    ] = None,
    patient_id: Annotated[
        str | None,
        typer.Option(metavar="ID", help="The new Patient ID.", show_default="a pseudonym"),
    ] = None,
    patient_name: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="The new Patient's Name.", show_default="the new ID"),
    ] = None,
    report: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Write what was done to each element, .json or .csv; no values are in it.",
            show_default=False,
        ),
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace OUT, or files of the same name in it.")
    ] = False,
) -> None:
    """Write a copy of a series without what identifies the patient; SRC stays as it is.

    The Basic Application Level Confidentiality Profile of PS3.15 annex E is applied to all
    elements, those in sequences too. The pixels stay as they are: what they may still show is said,
    and it is for you to look. Source headers are not kept.
    """
    kind = kind_of(src)
    _check_target(src, out, overwrite=overwrite)
    if report is not None:
        check_target(report, overwrite=overwrite)
    if key_file is not None and out.absolute() in key_file.absolute().parents:
        raise typer.BadParameter("keep the key apart from OUT", param_hint="--key-file")
    options = _options(retain, key_file, keep_private, patient_id, patient_name)
    with stages() as progress:
        image = read_image(src, kind, progress)
        with progress.busy("de-identifying"):
            clean, done = image.deidentified(options)
        _write(clean, out, progress, overwrite=overwrite)
    if report is not None:
        write_report(done, report)
    _print_report(out, done)


def _options(
    retain: list[Retain] | None,
    key_file: Path | None,
    keep_private: Path | None,
    patient_id: str | None,
    patient_name: str | None,
) -> DeidentifyOptions:
    """The options, everything but the key checked before a new one is made."""
    kept = frozenset(retain or ())
    safe = None if keep_private is None else SafePrivate.from_file(keep_private)
    if safe is not None and Retain.SAFE_PRIVATE in kept:
        safe = SafePrivate(safe.elements | SafePrivate.of_standard().elements)
    if safe is not None:
        kept |= {Retain.SAFE_PRIVATE}
    DeidentifyOptions(kept, None, safe, patient_id, patient_name)
    key = None if key_file is None else DeidentifyKey.kept_in(key_file)
    return DeidentifyOptions(kept, key, safe, patient_id, patient_name)


def _check_target(src: Path, out: Path, *, overwrite: bool) -> None:
    """Refuse a target before any work is done, above all the source itself."""
    if out.exists() and out.samefile(src):
        raise DataConsistencyError(
            "the target is the source, which stays as it is",
            where=str(out),
            hint="choose another name",
        )
    exchanged = exchange_kind(out)
    if exchanged is not None:
        if exchanged is Kind.ZARR_GROUP and overwrite:
            raise typer.BadParameter(
                "a Zarr group is never replaced; remove it first", param_hint="--overwrite"
            )
        check_exchange_target(out, exchanged, overwrite=overwrite)
    elif is_cube_suffix(out):
        if format_of_name(out.suffix, where=str(out)) == DCBR:
            raise typer.BadParameter(
                "a .dcbr file needs a region: write .dcbs, then use `dicube convert --roi`",
                param_hint="OUT",
            )
        check_target(out, overwrite=overwrite)
    elif out.exists() and not out.is_dir():
        raise DataConsistencyError("the target is no folder", where=str(out))


def _write(image: DicomCubeImage, out: Path, progress: Stages, *, overwrite: bool) -> None:
    exchanged = exchange_kind(out)
    with progress.busy("writing"):
        if exchanged is not None:
            write_exchange(image, out, exchanged, ExchangeOptions())
        elif is_cube_suffix(out):
            image.to_file(out)
        else:
            image.to_dicom_folder(out, overwrite=overwrite, progress=progress)


def _print_report(out: Path, report: DeidentifyReport) -> None:
    typer.echo(f"{printable(str(out))}: {', '.join(report.profile)}")
    counts = [f"{count} {action}" for action, count in report.counts().items()]
    typer.echo(f"elements: {', '.join(counts) or 'none that identify'}")
    for part in report.dropped:
        typer.echo(f"left out or changed: {part}")
    for notice in report.pixels:
        typer.echo(f"look at the pixels: {notice}")
    typer.echo("pixels are as they were; nobody looked at them")
