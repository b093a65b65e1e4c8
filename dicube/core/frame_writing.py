"""Frames on their way into a cube file: encoded, checked, digested and written as they come."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np

from dicube.codecs import get_codec
from dicube.codecs.base import Mask
from dicube.codecs.jxl import Background, JxlRoiCodec
from dicube.core.contents import Array, ValuesDigest
from dicube.core.roi import RoiQuality
from dicube.storage.pixel_utils import SampleEncoding, to_codec_samples
from dicube.storage.writer import CubeWriter


class RoiRequest(NamedTuple):
    """What a .dcbr file has to be made with: a mask for every frame, (frames, rows, columns)."""

    masks: Mask
    background: Background


class EncodeOptions(NamedTuple):
    """How to encode; see `write_cube`."""

    check: bool = True
    num_threads: int | None = None
    effort: str | None = None


class FramesWritten(NamedTuple):
    """What is known once all frames are written.

    Attributes
    ----------
    sample_offset : int
    digest : str
        Of the stored values; of those inside the region where there is one (docs/format.md).
    quality : RoiQuality or None
        What was lost outside of the region.
    """

    sample_offset: int
    digest: str
    quality: RoiQuality | None = None


def write_frames(
    writer: CubeWriter,
    codec_name: str,
    frames: Array,
    encoding: SampleEncoding,
    options: EncodeOptions,
) -> FramesWritten:
    """Write all frames, losslessly; later ones are encoded meanwhile.

    Raises
    ------
    CodecError
        The codec cannot hold such samples, has no such effort, or did not keep the samples.
    """
    codec = get_codec(codec_name)
    written = sample_offset = 0
    digest = ValuesDigest()
    for batch in codec.encode_batches(
        to_codec_samples(frames, encoding),
        num_threads=options.num_threads,
        verify=options.check,
        effort=options.effort,
    ):
        writer.append_frames(batch)
        digest.update(frames[written : written + len(batch)])
        written += len(batch)
        sample_offset = batch.sample_offset
    return FramesWritten(sample_offset, str(digest))


def write_pieces(
    writer: CubeWriter,
    codec_name: str,
    pieces: Iterable[Array],
    encoding: SampleEncoding,
    bits: int,
    options: EncodeOptions,
) -> FramesWritten:
    """As `write_frames`, of a volume that comes in pieces; `bits` hold every stored value.

    A piece is digested when it comes and gone when it is encoded.
    """
    digest = ValuesDigest()

    def samples() -> Iterator[Array]:
        for piece in pieces:
            digest.update(piece)
            yield to_codec_samples(piece, encoding)

    sample_offset = 0
    for batch in get_codec(codec_name).encode_pieces(
        samples(),
        bits=bits if encoding.is_plain else 8 * np.dtype(encoding.codec_dtype).itemsize,
        num_threads=options.num_threads,
        verify=options.check,
        effort=options.effort,
    ):
        writer.append_frames(batch)
        sample_offset = batch.sample_offset
    return FramesWritten(sample_offset, str(digest))


def write_regions(
    writer: CubeWriter, frames: Array, roi: RoiRequest, options: EncodeOptions
) -> FramesWritten:
    """Write all frames, exact inside of a region; else as `write_frames`."""
    batches = JxlRoiCodec().encode_regions(
        frames,
        roi.masks,
        roi.background,
        num_threads=options.num_threads,
        verify=options.check,
        effort=options.effort,
    )
    written = sample_offset = length = largest_error = 0
    digest = ValuesDigest()
    for batch in batches:
        writer.append_frames(batch.codestreams)
        some = slice(written, written + len(batch.codestreams))
        digest.update(inside_only(frames[some], roi.masks[some]))
        written = some.stop
        sample_offset = batch.codestreams.sample_offset
        length += batch.codestreams.nbytes
        largest_error = max(largest_error, batch.largest_error)
    quality = RoiQuality(
        pixels=int(np.count_nonzero(roi.masks)),
        background_error=roi.background.error,
        background_distance=roi.background.distance,
        largest_error=largest_error,
        compression_ratio=round(frames.nbytes / max(length, 1), 3),
    )
    return FramesWritten(sample_offset, str(digest), quality)


def inside_only(frames: Array, masks: Mask) -> Array:
    """The frames with 0 outside of the region: what the digest of a .dcbr file speaks for."""
    inside = masks[..., np.newaxis] if frames.ndim == 4 else masks
    return np.where(inside, frames, frames.dtype.type(0))
