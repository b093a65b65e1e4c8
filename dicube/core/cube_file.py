"""An image as a cube file, and back: the one place that knows what each section means."""

import json
import os
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt
from spacetransformer import Space
from spacetransformer.core.exceptions import SpaceTransformerError

from dicube.core.axes import AxesRule
from dicube.core.contents import (
    Array,
    CubeContents,
    packed_meta,
    packed_segmentations,
    packed_sources,
)
from dicube.core.frame_reader import FrameReader
from dicube.core.frame_writing import (
    EncodeOptions,
    FramesWritten,
    RoiRequest,
    write_frames,
    write_regions,
)
from dicube.core.image_member import (
    ImageMember,
    header_members,
    parse_image_member,
    parse_pixel_header,
)
from dicube.core.packed import Packed
from dicube.core.pixel_header import PixelDataHeader
from dicube.core.rescale import FrameRescale
from dicube.core.roi import RegionOfInterest, RoiQuality
from dicube.core.segmentation import Segmentation
from dicube.core.space_members import parse_space, space_members
from dicube.core.values_layout import values_layout
from dicube.dicom.derivation import lossy_derivative
from dicube.dicom.dicom_meta import DicomMeta
from dicube.dicom.findings import DicomStatus
from dicube.dicom.geometry import affine_of
from dicube.dicom.series.axis import Axis
from dicube.dicom.source_files import SourceFile
from dicube.exceptions import InvalidCubeFileError
from dicube.storage.dcb_file import DcbFile
from dicube.storage.formats import DCBR, FileFormat
from dicube.storage.header import Section
from dicube.storage.pixel_utils import SampleEncoding, encoding_of
from dicube.storage.writer import CubeWriter, writing

SOURCE_FILES: Final = "SourceFiles"
SEGMENTATIONS: Final = "Segmentations"


class CubeDescription(NamedTuple):
    """All that a cube file says about its image, without the values.

    Attributes that are not listed are those of `CubeContents`.

    Attributes
    ----------
    file_format : FileFormat
    file_length : int
        Bytes of the whole file.
    frames : int
    shape : tuple of int
        Of the stored values.
    dtype : numpy dtype
        Of the stored values.
    affine : (4, 4) float64 or None
        That of the space, or of a sheared stack.
    has_checksums : bool
        False for files of the published tool.
    quality : RoiQuality or None
        What was lost outside of the region of interest of a .dcbr file.
    """

    file_format: FileFormat
    file_length: int
    frames: int
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    axes: tuple[Axis, ...]
    header: PixelDataHeader
    rescale: FrameRescale | None
    meta: Packed[DicomMeta] | None
    space: Space | None
    affine: npt.NDArray[np.float64] | None
    status: DicomStatus
    sources: Packed[list[SourceFile]] | None
    has_checksums: bool
    quality: RoiQuality | None
    frame_order: npt.NDArray[np.intp] | None
    axes_rule: AxesRule
    segmentations: Packed[list[Segmentation]] | None


def write_cube(
    contents: CubeContents,
    path: Path,
    file_format: FileFormat,
    options: EncodeOptions,
    roi: RoiRequest | None = None,
) -> None:
    """Write an image; `path` appears whole or not at all.

    Frames are written while later ones are being encoded. With `check` every codestream is decoded
    and compared before it is written. Source files are left out where the values do not have
    `contents.digest`: they would hold what an edit removed. A .dcbr file, which takes a region,
    never has them, and its metadata are those of a derived image if anything was lost.

    Raises
    ------
    CodecError
        The codec cannot hold such samples, has no such effort, or did not keep the samples.
    """
    encoding = encoding_of(contents.values.dtype)
    frames = contents.frames
    with writing(path, file_format) as writer:
        if roi is None:
            written = write_frames(writer, file_format.codec_name, frames, encoding, options)
        else:
            written = write_regions(writer, frames, roi, options)
        if written.quality is not None:
            contents = _with_losses(contents, written.quality, written.digest)
            if contents.roi is not None:
                before = contents.roi.quality
                written = written._replace(quality=written.quality.after(before))
        finish_cube(writer, contents, encoding, written)


def finish_cube(
    writer: CubeWriter, contents: CubeContents, encoding: SampleEncoding, written: FramesWritten
) -> None:
    """Write everything but the frames, which are written."""
    sections = {}
    if contents.sources is not None and written.digest == contents.digest:
        sections[SOURCE_FILES] = contents.sources.data
    if contents.segmentations is not None:
        sections[SEGMENTATIONS] = contents.segmentations.data
    writer.finish(
        status=contents.status.value.encode(),
        meta=b"" if contents.meta is None else contents.meta.data,
        space=_space_bytes(contents),
        pixel_header=header_members(contents, encoding, written),
        sections=sections,
    )


def _with_losses(contents: CubeContents, quality: RoiQuality, digest: str) -> CubeContents:
    """The contents without source files, and with metadata that say what was lost."""
    contents = replace(contents, sources=None)
    if contents.meta is not None and not quality.is_lossless:
        meta = lossy_derivative(
            contents.meta.value,
            ratio=quality.compression_ratio,
            description=f"JPEG XL, outside of a region of interest stored values are off by up to "
            f"{quality.largest_error}",
            result=f"{digest} {quality}",
        )
        contents.meta = packed_meta(value=meta)
    return contents


def read_cube(
    path: str | os.PathLike[str], *, skip_meta: bool = False, num_threads: int | None = None
) -> CubeContents:
    """Read an image: all frames now, metadata and source files when they are asked for.

    Raises
    ------
    InvalidCubeFileError
        No cube file, or a damaged one.
    CodecError
        A codestream cannot be decoded.
    """
    with DcbFile(path) as file:
        image = image_member(file)
        reader = FrameReader(file, image)
        layout = reader.layout
        values, masks = reader.with_masks(range(len(file.frames)), num_threads)
        roi = None
        if masks is not None and image is not None and image.quality is not None:
            grid = layout.shape[: len(layout.axes) + 2]
            roi = RegionOfInterest(masks.reshape(grid), image.quality)
        return contents_with(
            values.reshape(layout.shape), layout.axes, file, image, roi=roi, skip_meta=skip_meta
        )


def contents_with(
    values: Array,
    axes: tuple[Axis, ...],
    file: DcbFile,
    image: ImageMember | None,
    *,
    roi: RegionOfInterest | None = None,
    skip_meta: bool = False,
) -> CubeContents:
    """An image of values that are decoded, and of what an open file says about them."""
    return CubeContents(
        values=values,
        axes=axes,
        header=parse_pixel_header(file.pixel_header, image, where=file.name),
        rescale=None if image is None else image.frame_rescale,
        meta=None if skip_meta else _meta(file),
        space=_space(file, image),
        affine=None if image is None else image.affine,
        status=_status(file),
        sources=_sources(file),
        digest=None if image is None else image.digest,
        roi=roi,
        frame_order=None if image is None else image.frame_order,
        rule="" if image is None else image.axes_rule.rule,
        rivals=() if image is None else image.axes_rule.rivals,
        segmentations=_segmentations(file, image),
    )


def read_meta(path: str | os.PathLike[str]) -> DicomMeta | None:
    """The metadata alone; None where the file has none."""
    with DcbFile(path) as file:
        packed = _meta(file)
    return None if packed is None else packed.value


def read_description(path: str | os.PathLike[str]) -> CubeDescription:
    """Describe an image without decoding a frame.

    Of the frames nothing is read; of a file of the published tool, which records no shape, the
    header of the first one.

    Raises
    ------
    InvalidCubeFileError
        No cube file, or a damaged one.
    CodecError
        The header of the first frame is malformed.
    """
    with DcbFile(path) as file:
        return describe(file)


def describe(file: DcbFile, *, is_kept_open: bool = False) -> CubeDescription:
    """As `read_description`, of a file that is open.

    If it is kept open, metadata and source files are read when they are asked for.
    """
    image = image_member(file)
    layout = values_layout(file, image)
    space = _space(file, image)
    sheared = None if image is None else image.affine
    return CubeDescription(
        file_format=file.file_format,
        file_length=file.length,
        frames=len(file.frames),
        shape=layout.shape,
        dtype=layout.dtype,
        axes=layout.axes,
        header=parse_pixel_header(file.pixel_header, image, where=file.name),
        rescale=None if image is None else image.frame_rescale,
        meta=_meta(file, is_kept_open=is_kept_open),
        space=space,
        affine=sheared if space is None else affine_of(space),
        status=_status(file),
        sources=_sources(file, is_kept_open=is_kept_open),
        has_checksums=file.has_checksums,
        quality=None if image is None else image.quality,
        frame_order=None if image is None else image.frame_order,
        axes_rule=AxesRule("") if image is None else image.axes_rule,
        segmentations=_segmentations(file, image, is_kept_open=is_kept_open),
    )


def read_codestreams(
    path: Path, file_format: FileFormat, digest: str | None
) -> list[memoryview] | None:
    """The codestreams of a file, if it is of this format and holds values of this digest."""
    with DcbFile(path) as file:
        image = image_member(file)
        same = image is not None and image.encoding.is_plain and image.digest == digest
        return file.frames[:] if same and file.file_format == file_format else None


def _space_bytes(contents: CubeContents) -> bytes:
    """The section; that of a series of volumes is empty, because the published tool refuses it."""
    if contents.space is None or len(contents.axes) > 1:
        return b""
    return json.dumps(space_members(contents.space)).encode()


def image_member(file: DcbFile) -> ImageMember | None:
    """The "Image" member of an open file, checked against its format; None if it is published."""
    where = file.name
    image = parse_image_member(file.pixel_header, frames=len(file.frames), where=where)
    if image is not None and not file.has_checksums:
        raise InvalidCubeFileError(
            "the directory of the sections is missing", where=where, hint="the file is damaged"
        )
    has_region = image is not None and image.quality is not None
    if has_region != (file.file_format == DCBR):
        raise InvalidCubeFileError(
            "the file has a region of interest, or lacks one, against its format",
            where=where,
            hint="the file is damaged",
        )
    return image


def _meta(file: DcbFile, *, is_kept_open: bool = False) -> Packed[DicomMeta] | None:
    if not file.header.extents[Section.META].length:
        return None
    load = partial(file.section, Section.META)
    return packed_meta(data=load if is_kept_open else load(), where=file.name)


def _sources(file: DcbFile, *, is_kept_open: bool = False) -> Packed[list[SourceFile]] | None:
    if not file.has_section(SOURCE_FILES):
        return None
    load = partial(file.named_section, SOURCE_FILES)
    return packed_sources(data=load if is_kept_open else load(), where=file.name)


def _segmentations(
    file: DcbFile, image: ImageMember | None, *, is_kept_open: bool = False
) -> Packed[list[Segmentation]] | None:
    if image is None or not file.has_section(SEGMENTATIONS):
        return None
    space = _space(file, image)
    affine = image.affine if space is None else affine_of(space)
    if affine is None:
        raise InvalidCubeFileError(
            "the file has segmentations, but no place for them",
            where=file.name,
            hint="the file is damaged",
        )
    load = partial(file.named_section, SEGMENTATIONS)
    return packed_segmentations(
        image.volume_shape, affine, data=load if is_kept_open else load(), where=file.name
    )


def _space(file: DcbFile, image: ImageMember | None) -> Space | None:
    data = file.section(Section.SPACE)
    if not data and (image is None or image.space is None):
        return None
    try:
        space = parse_space(json.loads(data) if data else image and image.space)
    except (ValueError, TypeError, OverflowError, SpaceTransformerError) as error:
        raise InvalidCubeFileError(
            "the space is malformed", where=file.name, hint="the file is damaged"
        ) from error
    if image is not None and tuple(space.shape) != image.volume_shape:
        raise InvalidCubeFileError(
            "the space is not of the shape of the volume",
            where=file.name,
            hint="the file is damaged",
        )
    return space


def _status(file: DcbFile) -> DicomStatus:
    data = file.section(Section.STATUS)
    if not data:
        return DicomStatus.CONSISTENT  # as the published tool reads it
    try:
        return DicomStatus(data.decode())
    except ValueError as error:
        raise InvalidCubeFileError(
            "the status is unknown", where=file.name, hint="the file is damaged"
        ) from error
