"""Frames with a region of interest: exact inside of a mask, at a chosen quality outside.

A frame is three JPEG XL codestreams behind their lengths (docs/format.md, section 8): the mask, of
one bit; the foreground, lossless; the background, which any decoder shows at the right brightness.
Each has the size of the frame, with the lowest value of all frames where another one counts: what
is constant costs next to nothing, and filling with neighbouring values made files larger.
"""

from collections.abc import Iterator, Sequence
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from dicube.codecs.base import (
    BytesLike,
    Capabilities,
    Codestreams,
    Mask,
    Samples,
    StreamInfo,
    bytes_view,
)
from dicube.codecs.frame_codec import FrameCodec
from dicube.codecs.jxl.background import (
    Background,
    Parts,
    by_sample,
    encode_lossy,
    largest_error,
)
from dicube.codecs.jxl.codec import JxlCodec, frames_per_batch
from dicube.codecs.jxl.roi_frame import joined_parts, parts_of, split_frames
from dicube.codecs.jxl.sample_mapping import is_split
from dicube.codecs.parallel import map_in_order
from dicube.codecs.sample_rules import check_frames
from dicube.exceptions import CodecError, DataConsistencyError

_JXL: Final = JxlCodec()
_MASK_EFFORT: Final = "fast"  # the others make masks no smaller


class RoiBatch(NamedTuple):
    """Some encoded frames.

    Attributes
    ----------
    codestreams : Codestreams
        One item a frame, with all three codestreams in it.
    largest_error : int
        The largest difference of a sample outside of the region from the true one.
    """

    codestreams: Codestreams
    largest_error: int


class JxlRoiCodec(FrameCodec):
    """Frames of three JPEG XL codestreams: mask, foreground and background.

    Encoding takes a mask beside the frames, so it has a method of its own, `encode_regions`.
    """

    name = "jxl-roi"
    suffixes = ()
    transfer_syntaxes = ()
    capabilities = Capabilities(
        dtypes=JxlCodec.capabilities.dtypes,
        samples=JxlCodec.capabilities.samples,
        encodes=False,
        lossy_decoding=True,
        efforts=JxlCodec.capabilities.efforts,
    )

    def encode_frames(
        self, frames: Samples, *, num_threads: int | None = None, verify: bool = False
    ) -> Codestreams:
        """Refuse: there is no region.

        Raises
        ------
        CodecError
            Always.
        """
        raise CodecError("frames have to come with a region", hint="use encode_regions")

    def encode_regions(
        self,
        frames: Samples,
        masks: Mask,
        background: Background,
        *,
        num_threads: int | None = None,
        verify: bool = False,
        effort: str | None = None,
    ) -> Iterator[RoiBatch]:
        """Encode some frames at a time and in order, while threads encode the next ones.

        Parameters
        ----------
        frames : (n, rows, columns[, samples]) integers
            Any strides and byte order.
        masks : (n, rows, columns) bool
            True for the region, whose samples stay exact.
        background : Background
        num_threads : int, optional
        verify : bool
            Decode what has to be exact, and compare it.
        effort : "fast", "default" or "max", optional

        Raises
        ------
        DataConsistencyError
            The masks do not have the shape of the frames.
        CodecError
            As for `JxlCodec.encode_frames`; or 32-bit samples should be lossy, which libjxl cannot.
        """
        check_frames(frames, JxlCodec.capabilities, self.name)
        _check_masks(masks, frames)
        chosen = effort or "default"
        if not len(frames):
            return
        parts = Parts.of(frames, background)
        bits = parts.bits(frames.dtype)
        mask_encoder = _JXL.encoder(masks.view(np.uint8), _MASK_EFFORT, 1)
        foreground_encoder = _JXL.encoder(parts.foreground(frames, masks), chosen, bits)
        background_encoder = None
        if background.distance is None:
            background_encoder = _JXL.encoder(parts.background(frames, masks), chosen, bits)
        elif is_split(frames.dtype):
            raise CodecError(
                "32 bit samples cannot be lossy by a distance", hint="give background_error"
            )

        def encode(first: int) -> RoiBatch:
            some = slice(first, first + size)
            inside, true = masks[some], frames[some]
            mask_streams = mask_encoder.encode(
                inside.view(np.uint8), first, verify=verify, threads=1
            )
            foreground_streams = foreground_encoder.encode(
                parts.foreground(true, inside), first, verify=verify, threads=1
            )
            kept = parts.background(true, inside)
            if background_encoder is None:
                assert bits is not None
                assert background.distance is not None
                streams = encode_lossy(kept, bits, background.distance)
                kept = _JXL.decode_frames(streams, out=np.empty_like(kept), num_threads=1)
            else:
                streams = background_encoder.encode(kept, first, verify=verify, threads=1)
            joined_frames = Codestreams.from_parts(
                map(joined_parts, mask_streams, foreground_streams, streams),
                frames.dtype,
                frames.shape[1:],
                sample_offset=foreground_streams.sample_offset,
            )
            return RoiBatch(joined_frames, largest_error(true, kept, inside))

        size = frames_per_batch(frames)
        yield from map_in_order(encode, range(0, len(frames), size), num_threads)

    def decode_frames(
        self,
        codestreams: Codestreams | Sequence[BytesLike],
        *,
        out: Samples | None = None,
        num_threads: int | None = None,
        intact: bool = False,
    ) -> Samples:
        """See `FrameCodec.decode_frames`."""
        frames, _ = self.decode_regions(
            codestreams, out=out, num_threads=num_threads, intact=intact
        )
        return frames

    def decode_regions(
        self,
        codestreams: Codestreams | Sequence[BytesLike],
        *,
        out: Samples | None = None,
        num_threads: int | None = None,
        intact: bool = False,
    ) -> tuple[Samples, Mask]:
        """Decode all frames and their masks.

        Returns
        -------
        frames : (n, rows, columns[, samples]) integers
            `out`, or a new array; see `FrameCodec.decode_frames`.
        masks : (n, rows, columns) bool
            True where samples are exact.

        Raises
        ------
        CodecError, DataConsistencyError
            As for `FrameCodec.decode_frames`.
        """
        if out is None:
            out = self._new_frames(codestreams)
        else:
            self._check_out(codestreams, out)
        masks, foregrounds, backgrounds = split_frames(codestreams, out)
        inside = _decode_masks(masks, out.shape[:3], num_threads)
        _JXL.decode_frames(foregrounds, out=out, num_threads=num_threads, intact=intact)
        outside = np.empty(out.shape, out.dtype)
        _JXL.decode_frames(backgrounds, out=outside, num_threads=num_threads, intact=intact)
        np.copyto(out, outside, where=by_sample(~inside, out))
        return out, inside

    def stream_info(self, data: BytesLike) -> StreamInfo:
        """What the header of the foreground says, which lacks no bits of the background."""
        return _JXL.stream_info(parts_of(bytes_view(data))[1])

    def _decode_stream(
        self, data: memoryview, info: StreamInfo, out: Samples | None, *, intact: bool = False
    ) -> Samples:
        target = np.empty(info.frame_shape, info.dtype) if out is None else out
        self.decode_frames([data], out=target[np.newaxis], num_threads=1, intact=intact)
        return target

    def _fits(self, info: StreamInfo, shape: tuple[int, ...], dtype: np.dtype[Any]) -> bool:
        return _JXL._fits(info, shape, dtype)


def imencode_jxl_roi(
    frame: Samples,
    mask: npt.ArrayLike,
    *,
    background_error: int | None = None,
    background_distance: float | None = None,
    effort: str = "default",
) -> bytes:
    """Encode one frame, exactly inside of a mask and at a chosen quality outside.

    Parameters
    ----------
    frame : (rows, columns[, samples]) integers of 8, 16 or 32 bits
        1, 3 or 4 samples; any strides and byte order.
    mask : (rows, columns) bool
        True for the region of interest.
    background_error : int, optional
        Largest difference of a sample outside of the region, at least 1. The default is 1.
    background_distance : float, optional
        Instead: Butteraugli distance for the lossy mode of libjxl, above 0 and up to 25.
    effort : "fast", "default" or "max"

    Returns
    -------
    bytes
        Three JPEG XL codestreams behind their lengths (docs/format.md, section 8).

    Raises
    ------
    CodecError
        The dtype or shape is not one the codec takes, or an option is out of range.
    DataConsistencyError
        The mask does not have the rows and columns of the frame.

    Examples
    --------
    >>> frame = np.arange(4096, dtype=np.uint16).reshape(64, 64)
    >>> mask = np.zeros((64, 64), bool)
    >>> mask[16:48, 16:48] = True
    >>> decoded, region = imdecode_jxl_roi(imencode_jxl_roi(frame, mask, background_error=5))
    >>> bool((decoded == frame)[region].all()), int(abs(decoded.astype(int) - frame).max())
    (True, 5)
    """
    background = Background.chosen(background_error, background_distance)
    batches = JxlRoiCodec().encode_regions(
        frame[np.newaxis],
        np.asarray(mask, dtype=bool)[np.newaxis],
        background,
        num_threads=1,
        effort=effort,
    )
    return bytes(next(batches).codestreams[0])


def imdecode_jxl_roi(
    data: BytesLike, *, dtype: npt.DTypeLike | None = None
) -> tuple[Samples, Mask]:
    """Decode what `imencode_jxl_roi` wrote.

    Parameters
    ----------
    data : bytes-like
    dtype : numpy dtype, optional
        What was encoded; needed for signed and 32-bit samples, as for `imdecode_jxl`.

    Returns
    -------
    frame : (rows, columns[, samples]) integers
    mask : (rows, columns) bool
        True where samples are exact.

    Raises
    ------
    CodecError
        A codestream is damaged, or does not hold samples of `dtype`.
    """
    codec = JxlRoiCodec()
    view = bytes_view(data)
    info = codec.stream_info(view)
    wanted = info.dtype if dtype is None else np.dtype(dtype).newbyteorder("=")
    shape = info.frame_shape
    if is_split(wanted):
        shape = (shape[0] // 2, *shape[1:])
    frames, masks = codec.decode_regions(Codestreams(view, [0], [view.nbytes], wanted, shape))
    return frames[0], masks[0]


def _check_masks(masks: Mask, frames: Samples) -> None:
    if masks.dtype != bool or masks.shape != frames.shape[:3]:
        raise DataConsistencyError(
            f"the mask is {masks.dtype.name} of shape {masks.shape}, expected bool of "
            f"{frames.shape[:3]}"
        )


def _decode_masks(
    codestreams: Codestreams, shape: tuple[int, ...], num_threads: int | None
) -> Mask:
    masks = np.empty(shape, np.uint8)
    _JXL.decode_frames(codestreams, out=masks, num_threads=num_threads)
    if masks.size and masks.max() > 1:
        raise CodecError(
            "a mask has more than one bit",
            where=f"frame {int(np.argmax(masks.reshape(len(masks), -1).max(axis=1) > 1))}",
            hint="the frame is damaged",
        )
    return masks.view(bool)
