"""What is known of the stored values of a cube file before any frame is decoded."""

import math
from typing import Any, Final, NamedTuple

import numpy as np

from dicube.codecs import get_codec
from dicube.core.axes import leading_axes
from dicube.core.image_member import ImageMember
from dicube.dicom.series.axis import Axis
from dicube.exceptions import CodecError, InvalidCubeFileError
from dicube.storage.dcb_file import DcbFile

# A file may unfold to this many times its own size, or to the smaller figure, whichever is more. An
# empty frame of 512 x 512 takes about 150 bytes, so nothing real comes near.
_MAX_EXPANSION: Final = 1 << 16
_SMALL_VOLUME: Final = 1 << 30


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
            where=file.name,
            hint="the file is damaged or forged",
        )
    return layout


def _published_layout(file: DcbFile) -> ValuesLayout:
    count = len(file.frames)
    if not count:
        raise InvalidCubeFileError("the file has no frames", where=file.name)
    try:
        info = get_codec(file.file_format.codec_name).stream_info(file.frames[0])
    except CodecError as error:
        raise placed_error(error, file) from error
    if count == 1:
        return ValuesLayout(info.frame_shape, (), info.dtype)
    shape = (count, *info.frame_shape)
    return ValuesLayout(shape, leading_axes((count,)), info.dtype)


def placed_error(error: CodecError, file: DcbFile) -> CodecError:
    """The error with the file in front of the frame."""
    where = f"{file.name}, {error.where}" if error.where else file.name
    return CodecError(error.what, where=where, hint=error.hint)
