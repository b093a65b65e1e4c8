"""An image from a folder of DICOM files, and a folder of DICOM files from an image."""

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

import numpy as np

from dicube.core.axes import volume_shape
from dicube.core.contents import CubeContents, packed_meta, packed_sources, values_digest
from dicube.core.pixel_header import PixelDataHeader
from dicube.core.rescale import rescale_of
from dicube.dicom.dicom_io import DicomSeries, SeriesOptions, read_series
from dicube.dicom.dicom_meta import DicomMeta
from dicube.dicom.dicom_status import get_dicom_status
from dicube.dicom.dicom_tags import CommonTags, TagLike
from dicube.dicom.export import (
    files_from_meta,
    files_from_sources,
    names_from_meta,
    write_files,
)
from dicube.dicom.folder_scan import Progress
from dicube.dicom.geometry import slice_positions, space_of, stack_geometry
from dicube.dicom.judgement import first_volume
from dicube.dicom.series.axis import Axis
from dicube.dicom.series.frame_meta import frame_meta
from dicube.dicom.series.frame_table import SAME_PLACE_MM
from dicube.dicom.series.mosaic import mosaic_of, unpacked_meta
from dicube.dicom.series.padding import padded_meta
from dicube.dicom.volume import VolumePlan
from dicube.exceptions import DataConsistencyError, MetaDataError

_WORTH_A_THREAD: Final = 1 << 18  # bytes of a file


def read_folder(
    folder: str | os.PathLike[str],
    options: SeriesOptions,
    *,
    num_threads: int | None,
    progress: Progress | None,
) -> CubeContents:
    """Everything that `DicomCubeImage.from_dicom_folder` needs."""
    return read_contents(
        read_series(folder, options, progress=progress), num_threads=num_threads, progress=progress
    )


def read_contents(
    series: DicomSeries, *, num_threads: int | None, progress: Progress | None
) -> CubeContents:
    """An image from the instances of a series."""
    plan = VolumePlan.of(series)
    volume = plan.read(range(len(plan.layouts)), num_threads=num_threads, progress=progress)
    contents = describe_series(plan)
    contents.values = plan.arranged(volume.values).reshape(plan.arranged_shape)
    if plan.is_whole:
        contents.sources = packed_sources(value=volume.source_files)
        contents.digest = values_digest(contents.values)
    return contents


def describe_series(plan: VolumePlan) -> CubeContents:
    """Everything about a series but its pixels and source files.

    `values` has their shape and dtype, takes no memory, and is to be replaced.
    """
    arrangement, order = plan.series.arrangement, plan.series.frame_order
    meta = plan.series.meta
    if not plan.is_whole:
        meta, order = padded_meta(meta, arrangement.order, arrangement.axes[-1].size), None
    source_frames = plan.series.table.frames if plan.is_whole else frame_meta(meta)
    frames = source_frames if order is None else source_frames.taken(order.tolist())
    rescale = rescale_of(frames)
    axes = arrangement.axes
    volume = first_volume(axes)
    affine = stack_geometry(frames.taken(volume) if volume else frames).affine
    shape = plan.arranged_shape
    space = None if affine is None else space_of(affine, volume_shape(shape, axes))
    dtype = plan.dtype.name
    header = PixelDataHeader(
        RescaleSlope=float(rescale.slopes[0]) if rescale.is_uniform else float("nan"),
        RescaleIntercept=float(rescale.intercepts[0]) if rescale.is_uniform else float("nan"),
        OriginalPixelDtype=dtype,
        PixelDtype=dtype,
        WindowCenter=_first_number(frames, CommonTags.WindowCenter),
        WindowWidth=_first_number(frames, CommonTags.WindowWidth),
    )
    return CubeContents(
        values=np.broadcast_to(np.zeros((), plan.dtype), shape),
        axes=axes,
        header=header,
        rescale=None if rescale.is_uniform else rescale,
        meta=packed_meta(value=meta),
        space=space,
        affine=affine if space is None else None,
        status=get_dicom_status(meta, volume=volume, frames=frames),
        skipped=plan.series.skipped,
        frame_order=order,
        rule=arrangement.rule,
        rivals=arrangement.rivals,
    )


def unpack_mosaics(contents: CubeContents) -> CubeContents:
    """The image with the tiles of each mosaic as slices; it is no longer that of its source files.

    Raises
    ------
    DataConsistencyError
        The images are no mosaics, or do not say how their tiles lie.
    """
    assert contents.meta is not None
    mosaic = mosaic_of(contents.meta.value)
    if mosaic is None or contents.values.ndim - len(contents.axes) > 2:
        raise DataConsistencyError(
            "the images are no mosaics, or do not say how their tiles lie",
            hint='read them with mosaic="keep"',
        )
    values = mosaic.unpacked(contents.frames)
    # Mosaics in several places are volumes, too, but no series of volumes in one place.
    outer = [
        axis._replace(name="frame", unit="") if axis.name == "z" else axis
        for axis in contents.axes
        if axis.name != "z" or axis.size > 1
    ]
    axes = (*outer, Axis("z", mosaic.slices, "mm"))
    source = contents.meta.value
    meta = unpacked_meta(source, mosaic)
    affine = stack_geometry(meta.taken(range(mosaic.slices))).affine
    if not source.is_shared(CommonTags.ImagePositionPatient) and not _in_one_place(source):
        affine = None
    shape = (*(axis.size for axis in axes), mosaic.rows, mosaic.columns)
    rescale = contents.rescale
    return replace(
        contents,
        values=values.reshape(shape),
        axes=axes,
        rescale=None if rescale is None else rescale.repeated(mosaic.slices),
        meta=packed_meta(value=meta),
        space=None if affine is None else space_of(affine, volume_shape(shape, axes)),
        affine=None,
        status=get_dicom_status(meta, volume=first_volume(axes)),
        sources=None,
        digest=None,
    )


def _in_one_place(meta: DicomMeta) -> bool:
    """Whether all slices have one position, but for its last digits."""
    positions = slice_positions(meta)
    found = np.array([position for position in positions if position is not None])
    return len(found) == len(positions) and bool(np.ptp(found, axis=0).max() <= SAME_PLACE_MM)


def write_folder(
    contents: CubeContents,
    folder: str | os.PathLike[str],
    *,
    uid: str | None,
    codestreams: Sequence[bytes | memoryview] | None,
    overwrite: bool,
    progress: Progress | None,
) -> list[Path]:
    """The files of an image; from its source files where it has them, else from its metadata.

    Raises
    ------
    MetaDataError
        The image has neither.
    """
    frames, places = contents.frames, contents.file_order
    if places is not None:
        frames = frames[places]
        codestreams = None if codestreams is None else [codestreams[place] for place in places]
    if contents.sources is not None:
        sources = contents.sources.value
        names = [source.name for source in sources]
        files = files_from_sources(sources, frames, uid, codestreams)
    elif contents.meta is not None:
        names = names_from_meta(contents.meta.value)
        files = files_from_meta(contents.meta.value, frames, uid, codestreams)
    else:
        raise MetaDataError(
            "the image has no DICOM metadata", hint="make some with image.init_meta(modality=...)"
        )
    # Small files are written faster than threads can pass the interpreter lock around.
    large = contents.values.nbytes >= len(names) * _WORTH_A_THREAD
    return write_files(
        folder,
        names,
        files,
        overwrite=overwrite,
        num_threads=None if large else 1,
        progress=progress,
    )


def _first_number(meta: DicomMeta, tag: TagLike) -> float | None:
    """First value of the first slice, where that is a number."""
    value = meta.get_values(tag)[0]
    value = value[0] if isinstance(value, list) and value else value
    return float(value) if isinstance(value, (int, float)) else None
