"""Some frames of an open cube file, whole, or the part that is asked for."""

import math
from collections.abc import Sequence

import numpy as np

from dicube.codecs import get_codec
from dicube.codecs.base import Mask
from dicube.codecs.jph import JphCodec
from dicube.codecs.jxl import JxlRoiCodec
from dicube.core.contents import Array
from dicube.core.image_member import ImageMember
from dicube.core.values_layout import placed_error, values_layout
from dicube.exceptions import CodecError, DataConsistencyError, InvalidCubeFileError
from dicube.storage.dcb_file import DcbFile
from dicube.storage.pixel_utils import encoding_of, from_codec_samples

Rectangle = tuple[int, int, int, int]  # row, column, rows, columns


class FrameReader:
    """Decodes frames of a file by their number. Safe to share between threads.

    Attributes
    ----------
    layout : ValuesLayout
        Of all frames together.
    """

    def __init__(self, file: DcbFile, image: ImageMember | None) -> None:
        self.layout = values_layout(file, image)
        self._file = file
        dtype = self.layout.dtype
        self._encoding = image.encoding if image is not None else encoding_of(dtype)
        self._frame_shape = self.layout.shape[len(self.layout.axes) :]
        self._codec = get_codec(file.file_format.codec_name)

    @property
    def has_levels(self) -> bool:
        """Whether lower resolutions and regions can be decoded on their own.

        That takes a wavelet codec, and samples that are values and no bit patterns.
        """
        return isinstance(self._codec, JphCodec) and self._encoding.is_plain

    @property
    def frame_bytes(self) -> int:
        """Bytes of the stored values of a frame."""
        return math.prod(self._frame_shape) * np.dtype(self._encoding.dtype).itemsize

    def whole(self, numbers: Sequence[int], num_threads: int | None) -> Array:
        """Stored values of these frames; see `with_masks`."""
        return self.with_masks(numbers, num_threads)[0]

    def with_masks(
        self, numbers: Sequence[int], num_threads: int | None
    ) -> tuple[Array, Mask | None]:
        """Stored values of these frames, and their masks.

        Returns
        -------
        values : (n, rows, columns[, samples]) array
        masks : (n, rows, columns) bool, or None
            The region of interest; files of other formats have none.

        Raises
        ------
        InvalidCubeFileError
            A frame fails its checksum or is no frame of this image.
        CodecError
            A codestream cannot be decoded; the message names the frame.
        """
        codestreams = self._file.frames.take(numbers)
        shape = self._encoding.frame_shape(self._frame_shape)
        dtype = np.dtype(self._encoding.codec_dtype)
        masks = None
        # Checksums have proved the frames to be those that were compared when they were written.
        intact = self._file.has_checksums
        try:
            if codestreams:
                self._codec.check_header(codestreams[0], shape, dtype)
            samples = np.empty((len(numbers), *shape), dtype)
            if isinstance(self._codec, JxlRoiCodec):
                _, masks = self._codec.decode_regions(
                    codestreams, out=samples, num_threads=num_threads, intact=intact
                )
            else:
                self._codec.decode_frames(
                    codestreams, out=samples, num_threads=num_threads, intact=intact
                )
        except CodecError as error:
            raise placed_error(error, self._file) from error
        except DataConsistencyError as error:
            raise InvalidCubeFileError(
                "the frames are not of the shape that the file announces",
                where=self._file.name,
                hint="the file is damaged; restore it from a copy",
            ) from error
        return from_codec_samples(samples, self._encoding), masks

    def part(
        self,
        numbers: Sequence[int],
        level: int,
        rectangle: Rectangle | None,
        num_threads: int | None,
    ) -> Array:
        """Stored values of a rectangle of a lower resolution; only where `has_levels`.

        Raises
        ------
        InvalidCubeFileError, CodecError
            As for `whole`; or the frames have fewer levels.
        """
        assert isinstance(self._codec, JphCodec)
        codestreams = self._file.frames.take(numbers)
        try:
            decoded = self._codec.decode_part(
                codestreams, discard_levels=level, region=rectangle, num_threads=num_threads
            )
        except CodecError as error:
            if level == 0 and rectangle is not None:
                # Perhaps a codestream of others that has no parts for us; damage shows once more.
                row, column, rows, columns = rectangle
                whole = self.whole(numbers, num_threads)
                return whole[:, row : row + rows, column : column + columns]
            raise placed_error(error, self._file) from error
        # The depth in a codestream may be less than the dtype has; values keep their meaning.
        return decoded.astype(self._encoding.dtype, copy=False)
