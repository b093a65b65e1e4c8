"""`dicube seg`: DICOM segmentations from label images, and back."""

import json
from pathlib import Path
from typing import Annotated, Any, Final

import numpy as np
import typer

from dicube.cli.paths import Kind, check_exists, check_target, kind_of, read_image
from dicube.cli.progress import stages
from dicube.cli.text import (
    count_text,
    help_lines,
    numbers_text,
    printable,
    shape_text,
    size_text,
)
from dicube.core.image import DicomCubeImage
from dicube.core.lazy_cube import LazyCube
from dicube.core.segmentation import SegmentationKind
from dicube.exceptions import DataConsistencyError
from dicube.interchange.label_files import write_label_file
from dicube.interchange.seg import Segmentation, read_seg, write_seg
from dicube.interchange.seg.labels import SegmentationLike
from dicube.interchange.seg.template import from_dcmqi_metainfo
from dicube.storage.formats import DCBR, format_of_name, is_cube_suffix

WRITE_EXAMPLES: Final = help_lines(
    "Examples:",
    "dicube seg write labels.nii.gz ct_folder seg.dcm --template metainfo.json",
    "dicube seg write labels.nii.gz ct.dcbs seg.dcm --template metainfo.json --crop",
    "dicube seg write labels.npy ct_folder map.dcm --template metainfo.json --type labelmap",
    "dicube seg write labels.nii.gz dce.dcbs seg.dcm --template metainfo.json --volume 0",
)
READ_EXAMPLES: Final = help_lines(
    "Examples:",
    "dicube seg read seg.dcm labels.nii.gz --source ct_folder  # on the grid of the series",
    "dicube seg read seg.dcm labels.nii.gz  # on the grid that its frames span",
    "dicube seg read seg.dcm liver.npy --source ct.dcbs --segment 2  # one mask",
    "dicube seg read ct.dcbs labels.nii.gz  # what `dicube seg add` put there",
)
INFO_EXAMPLES: Final = help_lines(
    "Examples:", "dicube seg info seg.dcm", "dicube seg info seg.dcm --json"
)
ADD_EXAMPLES: Final = help_lines(
    "Examples:",
    "dicube seg add ct_folder organs.dcm ct.dcbs",
    "dicube seg add ct.dcbs lesions.dcm both.dcbs  # beside what ct.dcbs has already",
    "dicube seg read both.dcbs lesions.nii.gz --which 1",
)
_TYPES_HELP: Final = (
    "A bit for each voxel and segment; eight bits, fractions of 255; or labels, which only recent"
    " programs read."
)

app = typer.Typer(
    help="DICOM segmentations (SEG) from label images, and back.",
    epilog=help_lines(
        "Examples:",
        "dicube seg write labels.nii.gz ct_folder seg.dcm --template metainfo.json",
        "dicube seg read seg.dcm labels.nii.gz --source ct_folder",
        "dicube seg info seg.dcm",
        "dicube seg add ct_folder seg.dcm ct.dcbs",
    ),
    no_args_is_help=True,
)


@app.command(epilog=WRITE_EXAMPLES)
def write(
    labels: Annotated[
        Path,
        typer.Argument(
            metavar="LABELS", help="A label image: NIfTI, cube file, or .npy in (z, y, x) order."
        ),
    ],
    source: Annotated[
        Path,
        typer.Argument(metavar="SOURCE", help="The series: a DICOM folder or file, or a cube."),
    ],
    out: Annotated[Path, typer.Argument(metavar="OUT.dcm", help="The file to write.")],
    template: Annotated[
        Path,
        typer.Option(
            metavar="metainfo.json",
            help="What the labels mean, as the editor at qiicr.org/dcmqi writes it.",
        ),
    ],
    kind: Annotated[SegmentationKind, typer.Option("--type", help=_TYPES_HELP)] = "binary",
    crop: Annotated[
        bool, typer.Option("--crop", help="Frames show the box around all segments only.")
    ] = False,
    keep_empty_slices: Annotated[
        bool, typer.Option("--keep-empty-slices", help="A frame for each slice and segment.")
    ] = False,
    skip_missing: Annotated[
        bool,
        typer.Option("--skip-missing", help="Leave labels out that the template does not know."),
    ] = False,
    transfer_syntax: Annotated[
        str,
        typer.Option(help="Of fractional and labelmap: explicit, rle, jpeg2000, jpegls, htj2k."),
    ] = "explicit",
    volume: Annotated[
        int | None,
        typer.Option(min=0, metavar="N", help="Which volume of a 4D series.", show_default="one"),
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace OUT.dcm.")] = False,
) -> None:
    """Write a label image as a DICOM segmentation of a series.

    The label image has to be on the grid of the series, but its slices, rows and columns may run in
    other directions. Nothing is resampled. Segments get the numbers 1, 2, 3... in the order of
    their labels. Needs the extra: pip install 'dicube[seg]'.
    """
    for path in (labels, source, template):
        check_exists(path)
    check_target(out, overwrite=overwrite)
    meaning = from_dcmqi_metainfo(template)
    with stages() as progress:
        with progress.busy("reading"):
            image = _read_labels(labels)
        with progress.busy("writing"):
            write_seg(
                out,
                image,
                source,
                meaning,
                inplane_cropping=crop,
                skip_empty_slices=not keep_empty_slices,
                skip_missing_segment=skip_missing,
                kind=kind,
                transfer_syntax=transfer_syntax,
                volume=volume,
            )
            segments = read_seg(out).segments
    typer.echo(
        f"{printable(str(out))}: {count_text(len(segments), 'segment')},"
        f" {size_text(out.stat().st_size)}"
    )
    _echo_segments(segments)


@app.command(epilog=ADD_EXAMPLES)
def add(
    source: Annotated[
        Path, typer.Argument(metavar="SOURCE", help="The series: a DICOM folder, or a cube file.")
    ],
    file: Annotated[
        Path, typer.Argument(metavar="SEG.dcm", help="A DICOM segmentation on the same grid.")
    ],
    out: Annotated[
        Path, typer.Argument(metavar="OUT", help="The cube file to write: .dcbs or .dcba.")
    ],
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace OUT.")] = False,
) -> None:
    """Write a cube file of a series with a segmentation inside, beside those it has.

    Masks are kept without loss, each on its own. `image.segmentations` has them in Python.
    """
    for path in (source, file):
        check_exists(path)
    if not is_cube_suffix(out) or format_of_name(out.suffix, where=str(out)) == DCBR:
        raise typer.BadParameter("name the file .dcbs or .dcba", param_hint="OUT")
    check_target(out, overwrite=overwrite)
    with stages() as progress:
        image = read_image(source, kind_of(source), progress)
        with progress.busy("reading"):
            found = read_seg(file, image)
        with progress.busy("writing"):
            image.segmentations = [*image.segmentations, found]
            image.to_file(out)
    typer.echo(
        f"{printable(str(out))}: {count_text(len(image.segmentations), 'segmentation')},"
        f" {size_text(out.stat().st_size)}"
    )
    _echo_segments(found.segments)


@app.command(epilog=READ_EXAMPLES)
def read(
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE", help="A DICOM segmentation, or a cube file that has segmentations."
        ),
    ],
    out: Annotated[
        Path, typer.Argument(metavar="OUT", help="The label image: .nii, .nii.gz or .npy.")
    ],
    source: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER_OR_CUBE",
            help="The series that was segmented; OUT is on its grid.",
            show_default="the grid of the frames",
        ),
    ] = None,
    segment: Annotated[
        int | None,
        typer.Option(min=1, metavar="N", help="One segment alone.", show_default="all of them"),
    ] = None,
    which: Annotated[
        int | None,
        typer.Option(
            min=0, metavar="N", help="Which segmentation of a cube file.", show_default="the only"
        ),
    ] = None,
    volume: Annotated[
        int | None,
        typer.Option(min=0, metavar="N", help="Which volume of a 4D series.", show_default="one"),
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace OUT.")] = False,
) -> None:
    """Write the segments as a label image, or one of them as a mask.

    A label image has the number of one segment in each voxel: segments that overlap, and
    fractional ones, are written one by one, with --segment.
    """
    check_exists(file)
    if source is not None:
        check_exists(source)
    check_target(out, overwrite=overwrite)
    is_cube = is_cube_suffix(file)
    for option, given in (("--source", source), ("--volume", volume)):
        if is_cube and given is not None:
            raise typer.BadParameter("only for a DICOM segmentation", param_hint=option)
    if which is not None and not is_cube:
        raise typer.BadParameter("only for a cube file", param_hint="--which")
    with stages() as progress, progress.busy("reading"):
        segmentation = _of_cube(file, which) if is_cube else read_seg(file, source, volume=volume)
        values = segmentation.label_map() if segment is None else segmentation.mask(segment)
        write_label_file(values, segmentation.affine, out)
    what = "labels" if segment is None else f"segment {segment}"
    typer.echo(f"{printable(str(out))}: {what}, {shape_text(segmentation.shape)}")


@app.command(epilog=INFO_EXAMPLES)
def info(
    file: Annotated[Path, typer.Argument(metavar="SEG.dcm", help="A DICOM segmentation.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Show the segments, how many voxels each has, and the grid of the frames."""
    check_exists(file)
    with stages() as progress, progress.busy("reading"):
        segmentation = read_seg(file)
    facts = _facts(segmentation)
    if as_json:
        typer.echo(json.dumps(facts, indent=2))
        return
    spacing = np.linalg.norm(segmentation.affine[:3, :3], axis=0)
    overlap = ", segments overlap" if facts["overlaps"] else ""
    typer.echo(f"type        {segmentation.kind}{overlap}")
    typer.echo(f"grid        {shape_text(segmentation.shape)} (z, y, x)")
    typer.echo(f"spacing     {numbers_text(spacing.tolist())} mm")
    typer.echo(f"origin      {numbers_text(segmentation.affine[:3, 3].tolist())} mm (LPS)")
    for member in facts["segments"]:
        typer.echo(
            f"segment {member['number']:<3} {printable(member['label'])}:"
            f" {count_text(member['voxels'], 'voxel')},"
            f" {printable(member['type']['meaning'])}, {member['algorithm_type'].lower()}"
        )


def _of_cube(file: Path, which: int | None) -> Segmentation:
    """One of the segmentations of a cube file; no frame is decoded."""
    with LazyCube(file) as cube:
        found = cube.segmentations
    if which is None and len(found) == 1:
        return found[0]
    if which is None or which >= len(found):
        raise DataConsistencyError(
            f"the file has {count_text(len(found), 'segmentation')}",
            where=str(file),
            hint=f"choose one with --which, 0 to {len(found) - 1}" if found else None,
        )
    return found[which]


def _facts(segmentation: Segmentation) -> dict[str, Any]:
    return {
        "kind": segmentation.kind,
        "shape": list(segmentation.shape),
        "affine": segmentation.affine.tolist(),
        "overlaps": segmentation.overlaps,
        "segments": [
            {
                "number": segment.number,
                "label": segment.label,
                "category": segment.category._asdict(),
                "type": segment.type._asdict(),
                "algorithm_type": segment.algorithm_type,
                "voxels": int(np.count_nonzero(mask.values)),
            }
            for segment, mask in segmentation
        ],
    }


def _echo_segments(segments: Any) -> None:
    for segment in segments:
        typer.echo(f"  {segment.number}  {printable(segment.label)}")


def _read_labels(path: Path) -> SegmentationLike:
    if path.name.lower().endswith(".npy"):
        try:
            return np.asarray(np.load(path, allow_pickle=False))
        except (OSError, ValueError) as error:
            raise DataConsistencyError("cannot be read as .npy", where=str(path)) from error
    kind = kind_of(path)
    if kind is Kind.DICOM_FOLDER:
        raise DataConsistencyError(
            "labels are read from NIfTI, cube and .npy files", where=str(path)
        )
    if kind is Kind.NIFTI_FILE:
        return DicomCubeImage.from_nifti(path)
    return DicomCubeImage.from_file(path)
