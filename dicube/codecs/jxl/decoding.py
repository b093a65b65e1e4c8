"""Decoding of whole volumes: the native codec first, then frame by frame what it left."""

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np

from dicube.codecs.base import BytesLike, Codestreams, Samples, bytes_view
from dicube.codecs.frame_codec import joined, naming_frames
from dicube.codecs.jxl import native
from dicube.codecs.parallel import map_frames
from dicube.codecs.sample_rules import without_single_sample


class DecodeInto(Protocol):
    """Decodes one codestream into its place, by whatever means."""

    def __call__(
        self,
        data: memoryview,
        target: Samples,
        sample_dtype: np.dtype[Any] | None,
        *,
        intact: bool = False,
    ) -> None: ...


def decode_frames(
    codestreams: Codestreams | Sequence[BytesLike],
    frames: Samples,
    decode_otherwise: DecodeInto,
    *,
    threads: int,
    intact: bool,
) -> None:
    """Decode every codestream into its frame of `frames`, whose shape and dtype are checked.

    Raises
    ------
    CodecError
        Names the lowest frame that failed, and why.
    """
    streams = joined(codestreams)
    left: Sequence[int] = range(len(streams))
    error = None
    if native.is_built():
        report = native.decode_volume(streams, frames, threads=threads)
        if report.fault != "unfit":  # of another width, perhaps, which the other way can take
            left = report.unsupported_frames
        if report.fault not in ("none", "unfit"):
            # Errors come in the order of frames, and the other way may have more to say about this.
            error = native.failure(report)
            left = [*(index for index in left if index < report.frame), report.frame]

    def decode(index: int) -> None:
        target = without_single_sample(frames[index])
        decode_otherwise(bytes_view(streams[index]), target, streams.dtype, intact=intact)

    named = naming_frames(decode)
    map_frames(lambda position: named(left[position]), len(left), threads)
    if error is not None:
        raise error
