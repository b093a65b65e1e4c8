"""Companions: an image without its pixels, for formats that have pixels but no room for the rest.

A companion is a cube file without frames (docs/format.md, section 11). NIfTI carries it as a header
extension, Zarr as an array beside the pixels; whoever reads both has the image again, source files
included.
"""

import io
from dataclasses import replace

import numpy as np

from dicube.core.contents import Array, CubeContents, values_digest
from dicube.core.cube_file import contents_with, finish_cube
from dicube.core.frame_writing import FramesWritten
from dicube.core.image_member import parse_image_member
from dicube.exceptions import InvalidCubeFileError
from dicube.storage.byte_source import BytesInMemory
from dicube.storage.dcb_file import DcbFile
from dicube.storage.formats import DCBS
from dicube.storage.pixel_utils import encoding_of
from dicube.storage.writer import CubeWriter


def pack_companion(contents: CubeContents, digest: str) -> bytes:
    """Everything of an image but its values.

    Parameters
    ----------
    contents : CubeContents
    digest : str
        `values_digest` of the values; source files are left out where they belong to others.

    Raises
    ------
    CodecError
        A cube file cannot hold values of this dtype.
    """
    file = io.BytesIO()
    writer = CubeWriter.begin(file, DCBS)
    encoding = encoding_of(contents.values.dtype)
    finish_cube(writer, contents, encoding, FramesWritten(sample_offset=0, digest=digest))
    return file.getvalue()


class Companion:
    """An opened companion.

    Parameters
    ----------
    data : bytes
    where : str
        What it was found in, for messages.

    Attributes
    ----------
    described : CubeContents
        All of the image; its values have the right shape and dtype, and are 0.

    Raises
    ------
    InvalidCubeFileError
        It is damaged.
    """

    def __init__(self, data: bytes, *, where: str) -> None:
        file = DcbFile(BytesInMemory(data, name=where))
        image = parse_image_member(file.pixel_header, frames=None, where=where)
        is_whole = file.has_checksums and not len(file.frames)
        if image is None or image.digest is None or not is_whole:
            raise InvalidCubeFileError(
                "what came with the pixels is no description of an image",
                where=where,
                hint="write it again",
            )
        self._digest = image.digest
        zero = np.zeros((), image.encoding.dtype)
        try:
            values = np.broadcast_to(zero, image.shape)  # takes no memory
        except ValueError as error:
            raise InvalidCubeFileError("the image is too large", where=where) from error
        self.described: CubeContents = contents_with(values, image.axes, file, image)

    def matches(self, values: Array) -> bool:
        """Whether these are the stored values that the companion was made for, bit for bit."""
        wanted = self.described.values
        if (values.shape, values.dtype) != (wanted.shape, wanted.dtype):
            return False
        return values_digest(values) == self._digest

    def contents(self, values: Array) -> CubeContents:
        """The whole image again, of values that match."""
        return replace(self.described, values=values)
