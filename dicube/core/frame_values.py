"""Stored values out of the codestreams of a cube file, and what is known of them beforehand."""

import math
from typing import Any, Final, NamedTuple

import numpy as np

from dicube.codecs import get_codec
from dicube.codecs.jxl import JxlRoiCodec
from dicube.core.axes import Axis, leading_axes
from dicube.core.contents import Array
from dicube.core.image_member import ImageMember
from dicube.core.roi import RegionOfInterest
from dicube.exceptions import CodecError, DataConsistencyError, InvalidCubeFileError
from dicube.storage.dcb_file import DcbFile
from dicube.storage.pixel_utils import encoding_of, from_codec_samples

# A file may unfold to this many times its own size, or to the smaller figure, whichever is more. An
# empty frame of 512 x 512 takes about 150 bytes, so nothing real comes near.
_MAX_EXPANSION: Final = 1 << 16
_SMALL_VOLUME: Final = 1 << 30


class StoredValues(NamedTuple):
    """The stored values of a file, their leading axes, and the region where they are exact."""

    values: Array
    axes: tuple[Axis, ...]
    roi: RegionOfInterest | None


class ValuesLayout(NamedTuple):
    """Shape, leading axes and dtype of the stored values of a file."""

    shape: tuple[int, ...]
    axes: tuple[Axis, ...]
    dtype: np.dtype[Any]


def values_layout(file: DcbFile, image: ImageMember | None) -> ValuesLayout:
    """What the stored values will be; of a file that does not say, what its first frame says.

    A single frame of such a file is two-dimensional, as the published tool gives it.

    Raises
    ------
    InvalidCubeFileError
        The file has no frames, or announces more pixels than so few bytes can hold.
    CodecError
        The header of the first codestream is malformed.
    """
    if image is not None:
        layout = ValuesLayout(image.shape, image.axes, np.dtype(image.encoding.dtype))
    else:
        layout = _published_layout(file)
    length = math.prod(layout.shape) * layout.dtype.itemsize
    if length > max(_SMALL_VOLUME, _MAX_EXPANSION * file.length):
        raise InvalidCubeFileError(
            f"a file of {file.length} bytes announces {length} bytes of pixels",
            where=str(file.path),
            hint="the file is damaged or forged",
        )
    return layout


def read_values(
    file: DcbFile, image: ImageMember | None, *, num_threads: int | None
) -> StoredValues:
    """Decode all frames.

    Raises
    ------
    InvalidCubeFileError
        As for `values_layout`, or a frame fails its checksum or is no frame of this image.
    CodecError
        A codestream cannot be decoded.
    """
    layout = values_layout(file, image)
    encoding = image.encoding if image is not None else encoding_of(layout.dtype)
    frame_shape = encoding.frame_shape(layout.shape[len(layout.axes) :])
    dtype = np.dtype(encoding.codec_dtype)
    codec = get_codec(file.file_format.codec_name)
    codestreams = file.frames[:]
    masks = None
    try:
        codec.check_header(codestreams[0], frame_shape, dtype)
        samples = np.empty((len(codestreams), *frame_shape), dtype=dtype)
        # Checksums have proved the frames to be those that were compared when they were written.
        intact = file.has_checksums
        if isinstance(codec, JxlRoiCodec):
            _, masks = codec.decode_regions(
                codestreams, out=samples, num_threads=num_threads, intact=intact
            )
        else:
            codec.decode_frames(codestreams, out=samples, num_threads=num_threads, intact=intact)
    except CodecError as error:
        raise placed_error(error, file) from error
    except DataConsistencyError as error:
        raise InvalidCubeFileError(
            "the frames are not of the shape that the file announces",
            where=str(file.path),
            hint="the file is damaged; restore it from a copy",
        ) from error
    values = from_codec_samples(samples, encoding).reshape(layout.shape)
    roi = None
    if masks is not None and image is not None and image.quality is not None:
        grid = layout.shape[: len(layout.axes) + 2]
        roi = RegionOfInterest(masks.reshape(grid), image.quality)
    return StoredValues(values, layout.axes, roi)


def _published_layout(file: DcbFile) -> ValuesLayout:
    count = len(file.frames)
    if not count:
        raise InvalidCubeFileError("the file has no frames", where=str(file.path))
    try:
        info = get_codec(file.file_format.codec_name).stream_info(file.frames[0])
    except CodecError as error:
        raise placed_error(error, file) from error
    if count == 1:
        return ValuesLayout(info.frame_shape, (), info.dtype)
    shape = (count, *info.frame_shape)
    return ValuesLayout(shape, leading_axes((count,), is_stack=True), info.dtype)


def placed_error(error: CodecError, file: DcbFile) -> CodecError:
    """The error with the file in front of the frame."""
    where = f"{file.path}, {error.where}" if error.where else str(file.path)
    return CodecError(error.what, where=where, hint=error.hint)
