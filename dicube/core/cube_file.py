"""An image as a cube file, and back: the one place that knows what each section means."""

import json
import math
import os
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt
from spacetransformer import Space
from spacetransformer.core.exceptions import SpaceTransformerError

from dicube.codecs import Codec, Codestreams, get_codec
from dicube.core.axes import Axis, leading_axes, parse_axes
from dicube.core.contents import (
    Array,
    CubeContents,
    packed_meta,
    packed_sources,
    values_digest,
)
from dicube.core.packed import Packed
from dicube.core.pixel_header import PixelDataHeader
from dicube.core.rescale import FrameRescale
from dicube.dicom.dicom_meta import DicomMeta
from dicube.dicom.findings import DicomStatus
from dicube.dicom.geometry import affine_of
from dicube.dicom.source_files import SourceFile
from dicube.exceptions import CodecError, InvalidCubeFileError, MetaDataError
from dicube.storage.dcb_file import DcbFile
from dicube.storage.directory import DIRECTORY_KEY
from dicube.storage.formats import FileFormat
from dicube.storage.header import Section
from dicube.storage.pixel_utils import (
    SampleEncoding,
    encoding_of,
    from_codec_samples,
    parse_encoding,
    to_codec_samples,
)
from dicube.storage.writer import writing

IMAGE_KEY: Final = "Image"
SOURCE_FILES: Final = "SourceFiles"
# Stand for a slope that is no number, so that a reader that knows one slope for all frames fails
# instead of showing wrong values.
_PER_FRAME: Final = "per frame"
_BIT_PATTERNS: Final = "bit patterns"
# A file may unfold to this many times its own size, or to the smaller figure, whichever is more. An
# empty frame of 512 x 512 takes about 150 bytes, so nothing real comes near.
_MAX_EXPANSION: Final = 1 << 16
_SMALL_VOLUME: Final = 1 << 30
_CHECKED_AT_ONCE: Final = 32  # frames decoded together when what was encoded is checked


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


def write_cube(
    contents: CubeContents,
    path: Path,
    file_format: FileFormat,
    *,
    check: bool = True,
    num_threads: int | None = None,
) -> None:
    """Write an image; `path` appears whole or not at all.

    With `check` every codestream is decoded and compared before anything is written.

    Raises
    ------
    CodecError
        The codec cannot hold such samples, or did not keep them.
    """
    encoding = encoding_of(contents.values.dtype)
    codec = get_codec(file_format.codec_name)
    samples = to_codec_samples(contents.frames, encoding)
    codestreams = codec.encode_frames(samples, num_threads=num_threads)
    if check:
        _check_lossless(codec, codestreams, samples, num_threads)
    header = _header_members(contents, encoding)
    header[IMAGE_KEY]["SampleOffset"] = codestreams.sample_offset
    sections = {} if contents.sources is None else {SOURCE_FILES: contents.sources.data}
    with writing(path, file_format) as writer:
        writer.append_frames(codestreams)
        writer.finish(
            status=contents.status.value.encode(),
            meta=b"" if contents.meta is None else contents.meta.data,
            space=_space_bytes(contents.space),
            pixel_header=header,
            sections=sections,
        )


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
        where = str(path)
        image = _image_members(file)
        header = _header(file)
        values, axes = _values(file, header, image, num_threads)
        header.OriginalPixelDtype = values.dtype.name if image else header.OriginalPixelDtype
        return CubeContents(
            values=values,
            axes=axes,
            header=header,
            rescale=_frame_rescale(image, math.prod(axis.size for axis in axes), where),
            meta=None if skip_meta else _meta(file),
            space=_space(file),
            affine=_affine(image, where),
            status=_status(file),
            sources=_sources(file),
            digest=image.get("ValuesDigest"),
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
        image = _image_members(file)
        header = _header(file)
        shape, axes, dtype = _described_values(file, header, image)
        space = _space(file)
        return CubeDescription(
            file_format=file.file_format,
            file_length=file.length,
            frames=len(file.frames),
            shape=shape,
            dtype=dtype,
            axes=axes,
            header=header,
            rescale=_frame_rescale(image, len(file.frames), str(path)),
            meta=_meta(file),
            space=space,
            affine=_affine(image, str(path)) if space is None else affine_of(space),
            status=_status(file),
            sources=_sources(file),
            has_checksums=file.has_checksums,
        )


def read_codestreams(
    path: Path, file_format: FileFormat, digest: str | None
) -> list[memoryview] | None:
    """The codestreams of a file, if it is of this format and holds values of this digest."""
    with DcbFile(path) as file:
        image = _image_members(file)
        plain = file.pixel_header.get("OriginalPixelDtype") == file.pixel_header.get("PixelDtype")
        same = plain and digest is not None and image.get("ValuesDigest") == digest
        return file.frames[:] if same and file.file_format == file_format else None


# ---- writing ----------------------------------------------------------------------------------


def _check_lossless(
    codec: Codec, codestreams: Codestreams, samples: Array, num_threads: int | None
) -> None:
    """Decode some frames at a time, so that memory stays bounded, and compare them."""
    for start in range(0, len(samples), _CHECKED_AT_ONCE):
        some = slice(start, start + _CHECKED_AT_ONCE)
        decoded = codec.decode_frames(codestreams[some], num_threads=num_threads)
        if not np.array_equal(decoded, samples[some]):
            raise CodecError(
                f"the {codec.name} codec did not keep the samples",
                where=f"frames {start} to {start + len(decoded) - 1}",
                hint="please report this, with the versions that `pip list` shows",
            )


def _header_members(contents: CubeContents, encoding: SampleEncoding) -> dict[str, Any]:
    header = contents.header.to_dict()
    header["OriginalPixelDtype"] = encoding.dtype
    header["PixelDtype"] = encoding.codec_dtype
    image: dict[str, Any] = {
        "Shape": list(contents.values.shape),
        "Axes": [axis.to_json() for axis in contents.axes],
        "ValuesDigest": contents.digest or values_digest(contents.values),
        "Rescale": [_json_number(header["RescaleSlope"]), _json_number(header["RescaleIntercept"])],
    }
    if contents.rescale is not None:
        image["FrameRescale"] = {
            "Slope": contents.rescale.slopes.tolist(),
            "Intercept": contents.rescale.intercepts.tolist(),
        }
        header["RescaleSlope"] = header["RescaleIntercept"] = _PER_FRAME
    if not encoding.is_plain:
        header["RescaleSlope"] = header["RescaleIntercept"] = _BIT_PATTERNS
    if contents.affine is not None:
        image["Affine"] = contents.affine.tolist()
    header[IMAGE_KEY] = image
    return header


def _json_number(value: Any) -> float | None:
    return None if value is None or math.isnan(value) else value


def _space_bytes(space: Space | None) -> bytes:
    if space is None:
        return b""
    reversed_axes = asdict(space.reverse_axis_order())  # the file has (x, y, z), memory (z, y, x)
    # A transformed Space may hold numpy numbers, which its own to_json cannot write.
    members = {name: np.asarray(value).tolist() for name, value in reversed_axes.items()}
    return json.dumps(members).encode()


# ---- reading ----------------------------------------------------------------------------------


def _image_members(file: DcbFile) -> dict[str, Any]:
    """What this package adds to the PixelDataHeader; empty for files of the published tool."""
    image = file.pixel_header.get(IMAGE_KEY, {})
    if not isinstance(image, dict):
        raise InvalidCubeFileError("the Image member is no object", where=str(file.path))
    return image


def _header(file: DcbFile) -> PixelDataHeader:
    members = {k: v for k, v in file.pixel_header.items() if k not in (DIRECTORY_KEY, IMAGE_KEY)}
    if IMAGE_KEY in file.pixel_header:
        rescale = _image_members(file).get("Rescale", [1.0, 0.0])
        slope, intercept = (float("nan") if number is None else number for number in rescale)
        members |= {"RescaleSlope": slope, "RescaleIntercept": intercept}
    try:
        return PixelDataHeader.from_dict(members)
    except MetaDataError as error:
        raise InvalidCubeFileError(error.what, where=str(file.path)) from error


def _values(
    file: DcbFile, header: PixelDataHeader, image: dict[str, Any], num_threads: int | None
) -> tuple[Array, tuple[Axis, ...]]:
    where = str(file.path)
    codec = get_codec(file.file_format.codec_name)
    if not image:
        return _published_values(file, num_threads)
    encoding = parse_encoding(header.OriginalPixelDtype, header.PixelDtype, where=where)
    axes = parse_axes(image.get("Axes", []), where=where)
    shape = _shape(image.get("Shape"), axes, file)
    frame_shape = encoding.frame_shape(shape[len(axes) :])
    dtype = np.dtype(encoding.codec_dtype)
    _check_budget(file, math.prod((len(file.frames), *frame_shape)) * dtype.itemsize)
    samples = np.empty((len(file.frames), *frame_shape), dtype=dtype)
    try:
        codec.decode_frames(file.frames[:], out=samples, num_threads=num_threads)
    except CodecError as error:
        raise CodecError(error.what, where=_place(where, error), hint=error.hint) from error
    return from_codec_samples(samples, encoding).reshape(shape), axes


def _described_values(
    file: DcbFile, header: PixelDataHeader, image: dict[str, Any]
) -> tuple[tuple[int, ...], tuple[Axis, ...], np.dtype[Any]]:
    """Shape, axes and dtype that `_values` will give."""
    where = str(file.path)
    if image:
        encoding = parse_encoding(header.OriginalPixelDtype, header.PixelDtype, where=where)
        axes = parse_axes(image.get("Axes", []), where=where)
        return _shape(image.get("Shape"), axes, file), axes, np.dtype(encoding.dtype)
    if not len(file.frames):
        raise InvalidCubeFileError("the file has no frames", where=where)
    try:
        info = get_codec(file.file_format.codec_name).stream_info(file.frames[0])
    except CodecError as error:
        raise CodecError(error.what, where=_place(where, error), hint=error.hint) from error
    if len(file.frames) == 1:
        return info.frame_shape, (), info.dtype
    axes = leading_axes((len(file.frames),), is_stack=True)
    return (len(file.frames), *info.frame_shape), axes, info.dtype


def _published_values(file: DcbFile, num_threads: int | None) -> tuple[Array, tuple[Axis, ...]]:
    """Frames of a file that records no shape; a single one is two-dimensional, as it was there."""
    where = str(file.path)
    if not len(file.frames):
        raise InvalidCubeFileError("the file has no frames", where=where)
    codec = get_codec(file.file_format.codec_name)
    codestreams = file.frames[:]
    try:
        info = codec.stream_info(codestreams[0])
        _check_budget(file, math.prod(info.frame_shape) * info.dtype.itemsize * len(codestreams))
        frames = codec.decode_frames(codestreams, num_threads=num_threads)
    except CodecError as error:
        raise CodecError(error.what, where=_place(where, error), hint=error.hint) from error
    if len(frames) == 1:
        return frames[0], ()
    return frames, leading_axes(frames.shape[:1], is_stack=True)


def _place(where: str, error: CodecError) -> str:
    return f"{where}, {error.where}" if error.where else where


def _shape(shape: Any, axes: tuple[Axis, ...], file: DcbFile) -> tuple[int, ...]:
    """The recorded shape, if it fits the axes and the number of frames."""
    sizes = tuple(axis.size for axis in axes)
    fits = (
        isinstance(shape, list)
        and all(type(size) is int and 0 < size < 1 << 31 for size in shape)
        and len(shape) - len(axes) in (2, 3)
        and tuple(shape[: len(axes)]) == sizes
        and math.prod(sizes) == len(file.frames)
    )
    if not fits:
        raise InvalidCubeFileError(
            f"shape, axes and the {len(file.frames)} frames do not fit each other",
            where=str(file.path),
            hint="the file is damaged; restore it from a copy",
        )
    return tuple(shape)


def _check_budget(file: DcbFile, length: int) -> None:
    if length > max(_SMALL_VOLUME, _MAX_EXPANSION * file.length):
        raise InvalidCubeFileError(
            f"a file of {file.length} bytes announces {length} bytes of pixels",
            where=str(file.path),
            hint="the file is damaged or forged",
        )


def _frame_rescale(image: dict[str, Any], frames: int, where: str) -> FrameRescale | None:
    members = image.get("FrameRescale")
    if members is None:
        return None
    try:
        rescale = FrameRescale(
            np.array(members["Slope"], dtype=np.float64),
            np.array(members["Intercept"], dtype=np.float64),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise InvalidCubeFileError("the rescale of the frames is malformed", where=where) from error
    if not rescale.slopes.shape == rescale.intercepts.shape == (frames,):
        raise InvalidCubeFileError("there is not one rescale for each frame", where=where)
    return rescale


def _affine(image: dict[str, Any], where: str) -> npt.NDArray[np.float64] | None:
    if "Affine" not in image:
        return None
    try:
        affine = np.array(image["Affine"], dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InvalidCubeFileError("the affine is malformed", where=where) from error
    if affine.shape != (4, 4):
        raise InvalidCubeFileError("the affine is not 4 x 4", where=where)
    return affine


def _meta(file: DcbFile) -> Packed[DicomMeta] | None:
    data = file.section(Section.META)
    return packed_meta(data=data, where=str(file.path)) if data else None


def _sources(file: DcbFile) -> Any:
    if not file.has_section(SOURCE_FILES):
        return None
    return packed_sources(data=file.named_section(SOURCE_FILES), where=str(file.path))


def _space(file: DcbFile) -> Space | None:
    data = file.section(Section.SPACE)
    if not data:
        return None
    try:
        # The file has (x, y, z), memory has (z, y, x).
        return Space.from_json(data.decode()).reverse_axis_order()
    except (ValueError, TypeError, KeyError, SpaceTransformerError) as error:
        raise InvalidCubeFileError(
            "the space is malformed", where=str(file.path), hint="the file is damaged"
        ) from error


def _status(file: DcbFile) -> DicomStatus:
    data = file.section(Section.STATUS)
    if not data:
        return DicomStatus.CONSISTENT  # as the published tool reads it
    try:
        return DicomStatus(data.decode())
    except ValueError as error:
        raise InvalidCubeFileError(
            "the status is unknown", where=str(file.path), hint="the file is damaged"
        ) from error
