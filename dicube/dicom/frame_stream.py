"""The frames of one instance, one after the other, so that they need not all be in memory."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from dicube.codecs import codec_for_transfer_syntax
from dicube.dicom.instance import UNCOMPRESSED_UIDS, Instance
from dicube.dicom.pixel_data import codestreams_of
from dicube.dicom.pixel_layout import PixelLayout, stored_values, unpack_values
from dicube.exceptions import CodecError, DataConsistencyError

Array = npt.NDArray[Any]


def iter_frames(instance: Instance, layout: PixelLayout) -> Iterator[Array]:
    """Stored values of each frame, (rows, columns[, samples]).

    Raises
    ------
    CodecError
        The transfer syntax is unknown or a codestream is damaged.
    DataConsistencyError
        There are fewer pixels than the data set says.
    """
    assert instance.pixels is not None
    if instance.pixels.encapsulated:
        yield from _decoded_frames(instance, layout)
        return
    data = memoryview(instance.pixel_bytes())
    if len(data) < layout.native_length:
        raise DataConsistencyError(
            f"the pixel data has {len(data)} bytes, {layout.frames} frames need"
            f" {layout.native_length}",
            where=str(instance.path),
            hint="the file is cut short; copy it again",
        )
    if layout.bits_allocated == 1:
        pixels = layout.rows * layout.columns
        for first in range(0, layout.frames * pixels, pixels):
            # Frames follow each other without a gap, and may begin within a byte (PS3.5 8.1.1).
            packed = np.frombuffer(data[first // 8 : (first + pixels + 7) // 8], np.uint8)
            bits = np.unpackbits(packed, bitorder="little")[first % 8 : first % 8 + pixels]
            yield bits.reshape(layout.rows, layout.columns)
        return
    single = replace(layout, frames=1)
    length = single.native_length
    for first in range(0, layout.frames * length, length):
        yield unpack_values(data[first : first + length], single)[0][0]


def _decoded_frames(instance: Instance, layout: PixelLayout) -> Iterator[Array]:
    where = str(instance.path)
    if instance.transfer_syntax in UNCOMPRESSED_UIDS:
        raise CodecError("encapsulated pixel data in an uncompressed transfer syntax", where=where)
    single = replace(layout, frames=1)
    pixels = layout.rows * layout.columns
    for number, stream in enumerate(codestreams_of(instance, layout.frames)):
        try:
            codec = codec_for_transfer_syntax(instance.transfer_syntax)
            if layout.bits_allocated > 1:
                words = np.empty(single.shape, layout.dtype)
                codec.decode_frames([stream], out=words)
                yield stored_values(words, single)[0]
                continue
            packed = np.empty((1, 1, (pixels + 7) // 8), np.uint8)
            codec.decode_frames([stream], out=packed)
        except CodecError as error:
            raise CodecError(
                error.what, where=f"{where}, frame {number}", hint=error.hint
            ) from error
        bits = np.unpackbits(packed.reshape(-1), count=pixels, bitorder="little")
        yield bits.reshape(layout.rows, layout.columns)
