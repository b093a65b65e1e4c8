"""Decoding of whole volumes: the native codec first, then OpenJPEG for the frames it left."""

import contextlib
from collections.abc import Callable, Sequence

import numpy as np

from dicube.codecs.base import (
    MAX_SAMPLES_PER_FRAME,
    BytesLike,
    Codestreams,
    Samples,
    StreamInfo,
)
from dicube.codecs.frame_codec import joined, naming_frames, single_sample_dropped
from dicube.codecs.jpeg2000_markers import grid_without_levels, is_jp2, stream_info, unwrap_jp2
from dicube.codecs.jph import native
from dicube.codecs.jph.fallback import OpenJpegFallback
from dicube.codecs.jph.part import Part, Region
from dicube.codecs.parallel import map_frames
from dicube.codecs.sample_rules import place, without_single_sample
from dicube.exceptions import CodecError

_FALLBACK = OpenJpegFallback()


def decode_frames(
    codestreams: Codestreams | Sequence[BytesLike], frames: Samples, *, threads: int, intact: bool
) -> None:
    """Decode every codestream into its frame of `frames`, whose shape and dtype are checked.

    Raises
    ------
    CodecError
        Names the lowest frame that failed, and why.
    """
    streams = joined(codestreams)
    report, streams = _decode_native(streams, frames, threads, Part())

    def decode_otherwise(index: int) -> None:
        target = without_single_sample(frames[index])
        _FALLBACK._decode_into(streams[index], target, streams.dtype, intact=intact)

    _decode_left(report, decode_otherwise, threads)
    if report.fault == "unfit":
        raise _unfit(streams, report.frame, frames)
    if report.fault != "none":
        raise _failure(streams, report)


def decode_frame(
    data: memoryview, info: StreamInfo, out: Samples | None, *, intact: bool
) -> Samples:
    """Decode one codestream, into `out` (of just its shape and dtype) if given.

    Raises
    ------
    CodecError
        The codestream is damaged. Who calls knows which frame it is.
    """
    frame = np.empty(info.frame_shape, info.dtype) if out is None else out
    report = native.decode_volume(joined([unwrap_jp2(data)]), frame[np.newaxis], threads=1)
    if report.unsupported_frames:
        return _FALLBACK._decode_stream(data, info, frame, intact=intact)
    if report.fault != "none":
        error = native.failure(report)
        raise CodecError(error.what, hint=error.hint)
    return frame


def decode_part(
    codestreams: Codestreams | Sequence[BytesLike],
    part: Part,
    *,
    threads: int,
) -> Samples:
    """Decode a part of every frame; all frames have the size of the first.

    Raises
    ------
    CodecError
        As `JphCodec.decode_part` says.
    """
    streams = joined(codestreams)
    frames, region = _new_frames(streams, part)
    report, streams = _decode_native(streams, frames, threads, part)
    if report.unsupported_frames and part.discard_levels:
        raise CodecError(
            f"no lower resolution of this codestream is decoded: {report.unsupported_reason}",
            where=f"frame {report.unsupported_frames[0]}",
            hint="decode the frame as a whole",
        )

    def decode_otherwise(index: int) -> None:
        whole = _FALLBACK.decode_frames(streams[index : index + 1], num_threads=1)
        place(region.crop(whole)[0], frames[index])

    _decode_left(report, decode_otherwise, threads)
    if report.fault != "none":
        raise _failure(streams, report)
    return frames


def _decode_native(
    streams: Codestreams, out: Samples, threads: int, part: Part
) -> tuple[native.VolumeReport, Codestreams]:
    """Decode; where that fails at a JPH file, take the codestreams out of all files and try again.

    Returns the report and the codestreams it is about.
    """
    report = native.decode_volume(streams, out, threads=threads, part=part)
    if report.fault == "damaged" and is_jp2(streams[report.frame]):
        bare = map(_bare_or_as_it_is, streams)
        streams = Codestreams.from_parts(bare, streams.dtype, streams.shape)
        report = native.decode_volume(streams, out, threads=threads, part=part)
    return report, streams


def _bare_or_as_it_is(data: BytesLike) -> BytesLike:
    # A file without a codestream must not be told of before the frames in front of it.
    with contextlib.suppress(CodecError):
        return unwrap_jp2(data)
    return data


def _decode_left(report: native.VolumeReport, decode: Callable[[int], None], threads: int) -> None:
    """Decode what the native codec left, up to the frame where it failed.

    So errors come in the order of frames, whoever decodes them.
    """
    failed = report.fault != "none"
    left = [index for index in report.unsupported_frames if not failed or index < report.frame]
    named = naming_frames(decode)
    map_frames(lambda position: named(left[position]), len(left), threads)


def _failure(streams: Codestreams, report: native.VolumeReport) -> CodecError:
    if report.fault == "damaged":
        naming_frames(lambda index: unwrap_jp2(streams[index]))(report.frame)  # may say it better
    return native.failure(report)


def _unfit(streams: Codestreams, index: int, frames: Samples) -> CodecError:
    """How a frame does not fit the array it has to go to."""
    info = _info(streams[index])
    expected = single_sample_dropped(frames.shape[1:])
    where = f"frame {index}"
    if info.frame_shape != expected:
        what = f"holds a frame of shape {info.frame_shape}, expected {expected}"
        return CodecError(what, where=where)
    what = f"samples do not fit {frames.dtype.name}"
    return CodecError(what, where=where, hint=f"decode into {info.dtype.name}")


def _new_frames(streams: Codestreams, part: Part) -> tuple[Samples, Region]:
    """Frames for a part, of the size that the first codestream tells, and the region it is."""
    if not len(streams):
        raise CodecError("no codestreams, and nothing tells the shape of a frame")

    def layout(index: int) -> tuple[StreamInfo, tuple[int, int]]:
        info = _info(streams[index])
        bare = unwrap_jp2(streams[index])
        levels = native.frame_info(bare).levels if part.discard_levels else 0
        if not 0 <= part.discard_levels <= levels:
            raise CodecError(
                f"discard_levels is {part.discard_levels}, the codestream has {levels} levels"
            )
        return info, grid_without_levels(bare, part.discard_levels)

    info, grid = naming_frames(layout)(0)
    region = part.region or Region(0, 0, *grid)
    region.check(grid)
    samples = info.frame_shape[2:] if streams.shape is None else streams.shape[2:]
    shape = (len(streams), region.rows, region.columns, *samples)
    return np.empty(shape, streams.dtype or info.dtype), region


def _info(data: BytesLike) -> StreamInfo:
    return stream_info(data, max_pixels=MAX_SAMPLES_PER_FRAME)
