"""JPEG XL without loss: the native codec, and libjxl through imagecodecs for what it leaves."""

import math
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from dicube.codecs.base import (
    MAX_SAMPLES_PER_FRAME,
    BytesLike,
    Capabilities,
    Codestreams,
    Samples,
    StreamInfo,
    bytes_view,
)
from dicube.codecs.frame_codec import FrameCodec
from dicube.codecs.imagecodecs_calls import decode_with
from dicube.codecs.jxl import native
from dicube.codecs.jxl.codestream import bare_codestream, stream_info
from dicube.codecs.jxl.decoding import decode_frames
from dicube.codecs.jxl.sample_mapping import (
    HALF_BITS,
    allowed_bits,
    check_bits,
    from_stored,
    is_split,
    sample_offset,
    split,
)
from dicube.codecs.parallel import map_in_order, thread_count
from dicube.codecs.sample_rules import check_frames, place
from dicube.exceptions import CodecError, MissingDependencyError

# Of the samples in a batch: encoding it takes tens of milliseconds, much longer than handing it
# over. Frames come in eights, because that many are encoded at a time.
_BATCH_BYTES = 1 << 20
_BATCH_FRAMES = 8


class JxlCodec(FrameCodec):
    """Bare JPEG XL codestreams of 8, 16 and 32 bit integers.

    `dicube.codecs.jxl.sample_mapping` tells how signed and 32 bit samples are stored. Streams of
    others may be in a container and may be lossy.
    """

    name = "jxl"
    suffixes = (".jxl",)
    transfer_syntaxes = (
        "1.2.840.10008.1.2.4.110",  # JPEG XL lossless
        "1.2.840.10008.1.2.4.111",  # JPEG XL JPEG recompression
        "1.2.840.10008.1.2.4.112",  # JPEG XL
    )
    capabilities = Capabilities(
        dtypes=("uint8", "int8", "uint16", "int16", "uint32", "int32"),
        samples=(1, 3, 4),
        encodes=True,
        lossy_decoding=True,
        efforts=native.EFFORTS,
    )

    def encode_frames(
        self,
        frames: Samples,
        *,
        num_threads: int | None = None,
        verify: bool = False,
        effort: str = "default",
        bits: int | None = None,
    ) -> Codestreams:
        """Encode without loss, one codestream a frame.

        Parameters
        ----------
        frames : (n, rows, columns[, samples]) integers
            Any strides and byte order.
        num_threads : int, optional
        verify : bool
            Decode each frame right after it was encoded, and compare it.
        effort : str
            "fast", "default" or "max", the smallest.
        bits : int, optional
            Bits per sample in the header of every frame; by default the fewest that hold all
            values of this call. 1 to 8 for uint8, 2 to 8 for int8, 9 to 16 for 16 bit samples.

        Returns
        -------
        Codestreams
            With `sample_offset` 2**(bits - 1) for signed samples, else 0.

        Raises
        ------
        CodecError
            The dtype or shape is not one the codec takes, there is no such effort, or a value does
            not fit `bits`; or `verify` found that samples were not kept.
        """
        encoder = self.encoder(frames, effort, bits)
        return encoder.encode(frames, 0, verify=verify, threads=thread_count(num_threads))

    def encode_batches(
        self,
        frames: Samples,
        *,
        num_threads: int | None = None,
        verify: bool = False,
        effort: str | None = None,
    ) -> Iterator[Codestreams]:
        """As `encode_frames`, some frames at a time; see `Codec`."""
        encoder = self.encoder(frames, effort or "default", None)
        return self._encode_with(encoder, frames, num_threads, verify=verify)

    def encode_pieces(
        self,
        pieces: Iterable[Samples],
        *,
        bits: int,
        num_threads: int | None = None,
        verify: bool = False,
        effort: str | None = None,
    ) -> Iterator[Codestreams]:
        """See `Codec`; each piece has a model of its own, and all frames the same depth."""
        for piece in pieces:
            depth = None if is_split(piece.dtype) else allowed_bits(piece.dtype, bits)
            encoder = self.encoder(piece, effort or "default", depth)
            yield from self._encode_with(encoder, piece, num_threads, verify=verify)

    def _encode_with(
        self,
        encoder: "FrameEncoder",
        frames: Samples,
        num_threads: int | None,
        *,
        verify: bool,
    ) -> Iterator[Codestreams]:
        size = frames_per_batch(frames)

        def encode(first: int) -> Codestreams:
            batch = frames[first : first + size]
            return encoder.encode(batch, first, verify=verify, threads=1)

        return map_in_order(encode, range(0, len(frames), size), num_threads)

    def encoder(self, frames: Samples, effort: str, bits: int | None) -> "FrameEncoder":
        """Learn how to encode frames like these; for the arguments see `encode_frames`."""
        check_frames(frames, self.capabilities, self.name)
        check_bits(frames.dtype, bits)
        self.capabilities.check_effort(effort)
        if not len(frames):
            return FrameEncoder(None)
        if is_split(frames.dtype):
            return FrameEncoder(native.learn_model(split(frames), effort, HALF_BITS))
        return FrameEncoder(native.learn_model(frames, effort, bits))

    def stream_info(self, data: BytesLike) -> StreamInfo:
        """See `dicube.codecs.jxl.codestream.stream_info`."""
        return stream_info(data, max_pixels=MAX_SAMPLES_PER_FRAME)

    def _decode_all(
        self,
        codestreams: Codestreams | Sequence[BytesLike],
        frames: Samples,
        num_threads: int | None,
        *,
        intact: bool,
    ) -> None:
        dtype = codestreams.dtype if isinstance(codestreams, Codestreams) else None
        like_out = dtype in (None, frames.dtype.newbyteorder("="))
        if not like_out or is_split(frames.dtype) or not frames.flags.aligned:
            super()._decode_all(codestreams, frames, num_threads, intact=intact)
            return
        decode_frames(
            codestreams, frames, self._decode_into, threads=thread_count(num_threads), intact=intact
        )

    def _decode_stream(
        self, data: memoryview, info: StreamInfo, out: Samples | None, *, intact: bool = False
    ) -> Samples:
        bare = bare_codestream(data)
        samples = np.empty(info.frame_shape, info.dtype) if out is None else out
        if native.is_built() and native.decode_frame(bare, samples, decodes_all=False):
            return samples
        try:
            # index=0: imagecodecs would otherwise look for further frames of an animation.
            return decode_with("jpegxl_decode", bare, samples, index=0, numthreads=1)
        except MissingDependencyError:
            if native.is_built() and native.decode_frame(bare, samples):
                return samples
            raise

    def _decode_into(
        self,
        data: memoryview,
        target: Samples,
        sample_dtype: np.dtype[Any] | None,
        *,
        intact: bool = False,
    ) -> None:
        dtype = sample_dtype or target.dtype
        info = self.stream_info(data)
        if dtype.kind == "u" and info.frame_shape == target.shape:
            super()._decode_into(data, target, sample_dtype)
            return
        if not self._fits(info, target.shape, dtype):
            raise CodecError(f"holds a frame of shape {info.frame_shape}, expected {target.shape}")
        stored = self._decode_stream(data, info, None)
        if info.frame_shape == target.shape and is_split(dtype):
            # As wide as the stream, not two halves: a stream of another encoder to be widened.
            dtype = np.dtype(f"{dtype.kind}{stored.itemsize}")
        place(from_stored(stored, info.bits, dtype), target)

    def _fits(self, info: StreamInfo, shape: tuple[int, ...], dtype: np.dtype[Any]) -> bool:
        if is_split(dtype) and info.bits == HALF_BITS:
            doubled = (2 * shape[0], *shape[1:])
            return info.frame_shape in (doubled, shape)
        return info.frame_shape == shape


def frames_per_batch(frames: Samples) -> int:
    """How many frames to encode, hand over and write at a time."""
    frame_bytes = max(1, math.prod(frames.shape[1:]) * frames.itemsize)
    return -(-_BATCH_BYTES // frame_bytes // _BATCH_FRAMES) * _BATCH_FRAMES


class FrameEncoder(NamedTuple):
    """Encodes frames of the volume that its model was learned from; None: of no frames at all."""

    model: native.VolumeModel | None

    def encode(self, frames: Samples, first: int, *, verify: bool, threads: int) -> Codestreams:
        """Encode some of the frames, `first` being the number of the first, for errors."""
        if self.model is None:
            return Codestreams(b"", [], [], frames.dtype, frames.shape[1:])
        halves = is_split(frames.dtype)
        streams = native.encode_volume(
            split(frames) if halves else frames,
            self.model,
            verify=verify,
            threads=threads,
            first=first,
        )
        bits = 2 * HALF_BITS if halves else self.model.bits
        return Codestreams(
            streams.buffer,
            streams.offsets,
            streams.lengths,
            frames.dtype,
            frames.shape[1:],
            sample_offset(frames.dtype, bits),
        )


def imencode_jxl(frame: Samples, *, effort: str = "default", bits: int | None = None) -> bytes:
    """Encode one frame as a bare JPEG XL codestream, without loss.

    JPEG XL has only unsigned samples. Signed ones are stored as value + 2**(bits - 1), and 32 bit
    ones as a 16 bit image of twice the rows; `imdecode_jxl` needs the dtype to undo either.

    Parameters
    ----------
    frame : (rows, columns[, samples]) integers of 8, 16 or 32 bits
        1, 3 or 4 samples; any strides and byte order.
    effort : str
        "fast", "default" or "max", the smallest.
    bits : int, optional
        Bits per sample in the header; by default the fewest that hold all values.

    Raises
    ------
    CodecError
        The dtype or shape is not one the codec takes, there is no such effort, or a value does not
        fit `bits`.
    """
    codestreams = JxlCodec().encode_frames(
        frame[np.newaxis], num_threads=1, effort=effort, bits=bits
    )
    return bytes(codestreams[0])


def imdecode_jxl(data: BytesLike, *, dtype: npt.DTypeLike | None = None) -> Samples:
    """Decode one JPEG XL codestream, bare or in a container.

    Parameters
    ----------
    data : bytes-like
    dtype : numpy dtype, optional
        What was encoded. A signed one takes the offset 2**(bits - 1) off again, one of 32 bits
        joins the halves that `imencode_jxl` put below each other. By default the samples come as
        they are stored: uint8 up to 8 bits, else uint16.

    Returns
    -------
    (rows, columns[, samples]) integers

    Raises
    ------
    CodecError
        The codestream is damaged, too large, of a kind that is not decoded, or does not hold
        samples of `dtype`.
    """
    codec = JxlCodec()
    view = bytes_view(data)
    info = codec.stream_info(view)
    wanted = info.dtype if dtype is None else np.dtype(dtype).newbyteorder("=")
    if wanted.name not in codec.capabilities.dtypes:
        raise CodecError(f"dtype is {wanted.name}, expected integers of 8, 16 or 32 bits")
    if is_split(wanted) and (info.bits != HALF_BITS or info.rows % 2):
        raise CodecError(
            f"{info.rows} rows of {info.bits} bits are not a {wanted.name} frame",
            hint="leave dtype out, or give one of 16 bits",
        )
    samples = from_stored(codec._decode_stream(view, info, None), info.bits, wanted)
    if samples.dtype == wanted:
        return samples
    frame = np.empty(samples.shape, wanted)
    place(samples, frame)
    return frame
