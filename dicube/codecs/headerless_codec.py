"""Codecs whose streams say neither the shape nor the dtype of their frame: the caller does.

Decoding needs `out`, or Codestreams that remember both. Frames of one-bit samples are planes of
packed bytes: decode them into `out` of shape (n, 1, bytes of a frame).
"""

from typing import Any

import numpy as np

from dicube.codecs.base import BytesLike, Samples, StreamInfo
from dicube.codecs.frame_codec import FrameCodec
from dicube.exceptions import CodecError


class HeaderlessCodec(FrameCodec):
    """Base of such codecs; they implement `_decode_into`, which checks what it gets itself."""

    def stream_info(self, data: BytesLike) -> StreamInfo:
        """Not possible: raises CodecError."""
        raise CodecError(
            f"{self.name} streams do not say the shape and dtype of their frame", hint="give out="
        )

    def check_header(self, data: BytesLike, shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
        """Nothing to compare before decoding."""

    def _check_out_by_header(self, codestreams: Any, out: Samples, given: tuple[int, ...]) -> None:
        """Nothing to compare before decoding."""

    def _decode_stream(
        self, data: memoryview, info: StreamInfo, out: Samples | None, *, intact: bool = False
    ) -> Samples:
        raise AssertionError("frames without a header are decoded by _decode_into")
