"""`dicube convert`: a DICOM folder, a cube file or another format in, all but the first out."""

import time
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final, Literal

import typer

from dicube.cli.exchange_target import (
    ExchangeOptions,
    check_exchange_target,
    verify_exchange,
    write_exchange,
)
from dicube.cli.exit_codes import ExitCode
from dicube.cli.paths import (
    Kind,
    check_target,
    exchange_kind,
    exchange_suffixes,
    kind_of,
    read_image,
)
from dicube.cli.progress import Stages, stages
from dicube.cli.summary import Converted, print_summary
from dicube.cli.text import help_lines
from dicube.cli.verify import print_problems
from dicube.codecs import set_num_threads
from dicube.core.conversion import Conversion
from dicube.core.conversion import convert as convert_folder
from dicube.core.image import DicomCubeImage
from dicube.core.image_files import MosaicHandling
from dicube.core.verify import Verification, verify_file
from dicube.dicom.series.arrangement import Incomplete
from dicube.dicom.slice_order import SortMethod
from dicube.interchange.zarr.chunking import Access
from dicube.interchange.zarr.writing import Codec
from dicube.storage.formats import DCBA, DCBR, format_of_name, is_cube_suffix

EXAMPLES: Final = help_lines(
    "Examples:",
    "dicube convert ct_folder ct.dcbs",
    "dicube convert ct_folder ct.dcba --sort position --threads 4",
    "dicube convert ct_folder ct.dcba --effort max  # up to 2 % smaller, slower",
    "dicube convert ct_folder ct.dcbr --roi body --background-error 5  # air within 5",
    "dicube convert two_series one.dcbs --series-uid 1.2.840.113619.2.55",
    "dicube convert ct_folder ct.nii.gz --embed  # NIfTI with the DICOM series inside",
    "dicube convert dwi_folder dwi.nii.gz --sidecar  # and dwi.json, dwi.bval, dwi.bvec",
    "dicube convert ct.dcbs ct.npz  # float32, head first, for training",
    "dicube convert ct.dcbs ct.zarr --chunks training",
    "dicube convert brain.nii.gz brain.dcbs --modality MR",
)


class SortOrder(StrEnum):
    """Values of --sort."""

    INSTANCE = "instance"
    INSTANCE_DESC = "instance-desc"
    POSITION = "position"
    POSITION_DESC = "position-desc"

    @property
    def method(self) -> SortMethod:
        """The sort method of the library."""
        return _METHODS[self]


_METHODS = {
    SortOrder.INSTANCE: SortMethod.INSTANCE_NUMBER_ASC,
    SortOrder.INSTANCE_DESC: SortMethod.INSTANCE_NUMBER_DESC,
    SortOrder.POSITION: SortMethod.POSITION_RIGHT_HAND,
    SortOrder.POSITION_DESC: SortMethod.POSITION_LEFT_HAND,
}


@dataclass(frozen=True)
class _Job:
    """What was asked for."""

    src: Path
    dst: Path
    kind: Kind
    file_format: str | None  # None: another format
    target: Kind | None  # None: a cube file
    exchange: ExchangeOptions
    series_uid: str | None
    group: int | None
    incomplete: Incomplete
    as_3d: bool
    mosaic: MosaicHandling
    sort: SortOrder
    skip_damaged: bool
    keep_sources: bool
    verify: bool
    modality: str | None
    effort: str | None
    roi: str | None
    background_error: int | None
    background_distance: float | None

    @property
    def is_streamed(self) -> bool:
        """Whether a folder goes into a lossless file, which takes no image in memory."""
        return (
            self.kind is Kind.DICOM_FOLDER
            and self.file_format is not None
            and format_of_name(self.file_format, where=str(self.dst)) != DCBR
            and self.mosaic == "keep"
        )


def convert(
    src: Annotated[
        Path, typer.Argument(metavar="SRC", help="A DICOM folder, a cube file, NIfTI, NPZ or Zarr.")
    ],
    dst: Annotated[
        Path,
        typer.Argument(
            metavar="DST",
            help="What to write: .dcbs, .dcba, .dcbr, .nii, .nii.gz, .npz or .zarr.",
        ),
    ],
    file_format: Annotated[
        Literal["dcbs", "dcba", "dcbr"] | None,
        typer.Option("--format", help="Cube format, whatever the suffix of DST says."),
    ] = None,
    series_uid: Annotated[
        str | None,
        typer.Option(
            metavar="UID", help="Which series, where a folder holds several.", show_default=False
        ),
    ] = None,
    group: Annotated[
        int | None,
        typer.Option(
            min=0,
            metavar="N",
            help="Which volume set of the series, as `dicube scan` counts them.",
            show_default=False,
        ),
    ] = None,
    incomplete: Annotated[
        Incomplete,
        typer.Option(
            help="Where frames of a volume are missing: keep all as they come, fill the empty"
            " places, or leave incomplete volumes out."
        ),
    ] = "keep",
    mosaic: Annotated[
        MosaicHandling,
        typer.Option(help="Images that hold the slices of a volume as tiles (Siemens EPI)."),
    ] = "keep",
    as_3d: Annotated[
        bool,
        typer.Option("--as-3d", help="Look for no volumes: all frames by instance number."),
    ] = False,
    sort: Annotated[
        SortOrder, typer.Option(help="Order of the slices of a DICOM folder.")
    ] = SortOrder.INSTANCE,
    skip_damaged: Annotated[
        bool,
        typer.Option("--skip-damaged", help="Leave damaged DICOM files out instead of stopping."),
    ] = False,
    no_sources: Annotated[
        bool,
        typer.Option(
            "--no-sources",
            help="Do not keep the source headers: smaller, but no byte-identical export.",
        ),
    ] = False,
    modality: Annotated[
        str | None,
        typer.Option(
            metavar="CS",
            help="Make new DICOM metadata of this modality (such as MR) for an image without.",
            show_default=False,
        ),
    ] = None,
    effort: Annotated[
        Literal["fast", "default", "max"] | None,
        typer.Option(help="How small a .dcba or .dcbr file has to be.", show_default="default"),
    ] = None,
    roi: Annotated[
        str | None,
        typer.Option(
            metavar="MASK",
            help="What stays exact in a .dcbr file: 'body', a .npy or NIfTI file that is not 0"
            " there, or the segments of a DICOM SEG file (.dcm). `dicube mask` shows what 'body'"
            " finds.",
            show_default=False,
        ),
    ] = None,
    background_error: Annotated[
        int | None,
        typer.Option(
            min=1,
            metavar="N",
            help="Stored values outside of the region are off by no more than this.",
            show_default="1",
        ),
    ] = None,
    background_distance: Annotated[
        float | None,
        typer.Option(
            metavar="D",
            help="Instead: JPEG XL distance outside of the region; it bounds no single value.",
            show_default=False,
        ),
    ] = None,
    embed: Annotated[
        bool | None,
        typer.Option(
            help="Keep the DICOM series in NIfTI, NPZ or Zarr, so that it comes back byte for byte."
            " It identifies the patient as the DICOM files do.",
            show_default="only in Zarr",
        ),
    ] = None,
    sidecar: Annotated[
        bool,
        typer.Option(
            "--sidecar",
            help="Write .json (BIDS), .bval and .bvec beside a NIfTI file; replaces them.",
        ),
    ] = False,
    chunks: Annotated[
        Access | None,
        typer.Option(
            help="What is read at once from Zarr: a slice, or a cube of 32 voxels.",
            show_default="slices",
        ),
    ] = None,
    codec: Annotated[
        Codec | None,
        typer.Option(
            help="Of Zarr: blosc, which all readers have, or htj2k, which needs dicube.",
            show_default="blosc",
        ),
    ] = None,
    verify: Annotated[
        bool, typer.Option(help="Read what was written again and compare it with SRC.")
    ] = True,
    threads: Annotated[
        int | None, typer.Option(min=1, help="Threads of the codecs.", show_default="processors")
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace DST.")] = False,
) -> None:
    """Make one file of a series.

    SRC and DST may have any of the formats; to write DICOM files, use `dicube export`. .dcbs and
    .dcba are lossless; .dcbr is so inside a region only, and says so in its DICOM elements.
    """
    target = None if file_format is not None else exchange_kind(dst)
    job = _Job(
        src=src,
        dst=dst,
        kind=kind_of(src),
        file_format=_cube_format(dst, file_format),
        target=target,
        exchange=ExchangeOptions(embed, sidecar, chunks, codec),
        series_uid=series_uid,
        group=group,
        incomplete=incomplete,
        as_3d=as_3d,
        mosaic=mosaic,
        sort=sort,
        skip_damaged=skip_damaged,
        keep_sources=not no_sources,
        verify=verify,
        modality=modality,
        effort=effort,
        roi=roi,
        background_error=background_error,
        background_distance=background_distance,
    )
    _check_options(job)
    job.exchange.check(target, overwrite=overwrite)
    if target is None:
        check_target(dst, overwrite=overwrite)
    else:
        check_exchange_target(dst, target, overwrite=overwrite)
    if threads is not None:
        set_num_threads(threads)
    start = time.perf_counter()
    with stages() as progress:
        if job.is_streamed:
            converted = Converted.of_folder(_stream(job, progress))
        else:
            image = _read(job, progress)
            _write(image, job, progress)
            converted = Converted.of_image(image, src)
        result = _verify(job, None if job.is_streamed else image, progress)
    print_summary(converted, dst, time.perf_counter() - start, result)
    if result is not None and not result.ok:
        print_problems(dst, result)
        raise typer.Exit(ExitCode.DIFFERENT)


def _cube_format(dst: Path, chosen: str | None) -> str | None:
    """Name of the cube format to write; None for another format."""
    if chosen is not None:
        return chosen
    if exchange_kind(dst) is not None:
        return None
    if not is_cube_suffix(dst):
        raise typer.BadParameter(
            f"the name ends in none of .dcbs, .dcba, .dcbr, {', '.join(exchange_suffixes())}; give"
            " --format, or use `dicube export` to write a folder of DICOM files",
            param_hint="DST",
        )
    return format_of_name(dst.suffix, where=str(dst)).suffix


def _check_options(job: _Job) -> None:
    """Refuse options that would have no effect."""
    of_folder = {
        "--series-uid": job.series_uid is not None,
        "--group": job.group is not None,
        "--incomplete": job.incomplete != "keep",
        "--as-3d": job.as_3d,
        "--mosaic": job.mosaic != "keep",
        "--sort": job.sort is not SortOrder.INSTANCE,
        "--skip-damaged": job.skip_damaged,
    }
    given = [name for name, is_given in of_folder.items() if is_given]
    if given and job.kind is not Kind.DICOM_FOLDER:
        raise typer.BadParameter(
            f"only for a DICOM folder, SRC is {job.kind.value}", param_hint=given
        )
    if job.modality is not None and job.kind in (Kind.DICOM_FOLDER, Kind.CUBE_FILE):
        raise typer.BadParameter(
            f"only for NIfTI, NPZ and Zarr, SRC is {job.kind.value}", param_hint="--modality"
        )
    written = job.file_format and format_of_name(job.file_format, where=str(job.dst))
    if job.effort is not None and written not in (DCBA, DCBR):
        raise typer.BadParameter("only for a .dcba or .dcbr file", param_hint="--effort")
    of_region = {
        "--roi": job.roi is not None,
        "--background-error": job.background_error is not None,
        "--background-distance": job.background_distance is not None,
    }
    given = [name for name, is_given in of_region.items() if is_given]
    if given and written != DCBR:
        raise typer.BadParameter("only for a .dcbr file", param_hint=given)


def _read(job: _Job, progress: Stages) -> DicomCubeImage:
    if job.kind is not Kind.DICOM_FOLDER:
        image = read_image(job.src, job.kind, progress)
        if job.modality is not None:
            image.init_meta(job.modality)
        return image
    return DicomCubeImage.from_dicom_folder(
        job.src,
        job.sort.method,
        series_uid=job.series_uid,
        group=job.group,
        on_damaged="skip" if job.skip_damaged else "raise",
        incomplete=job.incomplete,
        as_3d=job.as_3d,
        mosaic=job.mosaic,
        progress=progress,
    )


def _stream(job: _Job, progress: Stages) -> Conversion:
    return convert_folder(
        job.src,
        job.dst,
        file_format=job.file_format,
        sort_method=job.sort.method,
        series_uid=job.series_uid,
        group=job.group,
        on_damaged="skip" if job.skip_damaged else "raise",
        incomplete=job.incomplete,
        as_3d=job.as_3d,
        keep_sources=job.keep_sources,
        check=not job.verify,  # verifying decodes the file anyway
        effort=job.effort,
        progress=progress,
    )


def _write(image: DicomCubeImage, job: _Job, progress: Stages) -> None:
    with progress.busy("writing"):
        if job.target is not None:
            write_exchange(image, job.dst, job.target, job.exchange)
        else:
            image.to_file(
                job.dst,
                file_format=job.file_format,
                keep_sources=job.keep_sources,
                check=not job.verify,  # verifying decodes the file anyway
                effort=job.effort,
                roi=job.roi,
                background_error=job.background_error,
                background_distance=job.background_distance,
            )


def _verify(job: _Job, image: DicomCubeImage | None, progress: Stages) -> Verification | None:
    if not job.verify:
        return None
    if job.target is not None:
        assert image is not None
        with progress.busy("verifying"):
            return verify_exchange(image, job.dst, job.target, job.exchange)
    # Slices of unpacked mosaics are no images of the folder; their digest is checked all the same.
    is_of_folder = job.kind is Kind.DICOM_FOLDER and job.mosaic == "keep"
    against = job.src if is_of_folder else None
    with progress.busy("verifying"):
        return verify_file(job.dst, against=against, progress=progress)
