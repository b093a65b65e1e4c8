"""Deflated Image Frame Compression of DICOM (PS3.5 A.4.13), used for segmentations."""

import zlib
from typing import Any

import numpy as np

from dicube.codecs.base import Capabilities, Codestreams, Samples
from dicube.codecs.headerless_codec import HeaderlessCodec
from dicube.codecs.sample_rules import place
from dicube.exceptions import CodecError


class DeflateCodec(HeaderlessCodec):
    """Raw deflate (RFC 1951) of the little endian bytes of a frame; decoding only."""

    name = "deflate"
    suffixes = ()
    transfer_syntaxes = ("1.2.840.10008.1.2.8.1",)
    capabilities = Capabilities(
        dtypes=("uint8", "int8", "uint16", "int16", "uint32", "int32"),
        samples=(1, 3),
        encodes=False,
        lossy_decoding=False,
    )

    def encode_frames(
        self, frames: Samples, *, num_threads: int | None = None, verify: bool = False
    ) -> Codestreams:
        """Not possible: raises CodecError."""
        raise CodecError("deflated frames are only read", hint="choose another transfer syntax")

    def _decode_into(
        self,
        data: memoryview,
        target: Samples,
        sample_dtype: np.dtype[Any] | None,
        *,
        intact: bool = False,
    ) -> None:
        inflater = zlib.decompressobj(-zlib.MAX_WBITS)
        try:
            # One byte more than fits tells a longer frame; no more is ever unfolded.
            frame = inflater.decompress(data, target.nbytes + 1)
        except zlib.error as error:
            raise CodecError("the deflated frame is damaged") from error
        if len(frame) != target.nbytes:
            raise CodecError(
                f"the deflated frame has not the {target.nbytes} bytes of its image",
                hint="the stream is cut short or the shape is wrong",
            )
        words = np.frombuffer(frame, target.dtype.newbyteorder("<")).reshape(target.shape)
        place(words.astype(target.dtype), target)
