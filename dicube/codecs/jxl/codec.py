"""JPEG XL without loss, by libjxl through imagecodecs."""

from collections.abc import Callable
from typing import Any

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
from dicube.codecs.imagecodecs_calls import decode_with, encode_with
from dicube.codecs.jxl import native
from dicube.codecs.jxl.codestream import bare_codestream, stream_info
from dicube.codecs.jxl.sample_mapping import (
    HALF_BITS,
    bit_depth,
    from_stored,
    is_split,
    sample_offset,
    to_stored,
)
from dicube.codecs.sample_rules import check_frames, native_frame, place
from dicube.exceptions import CodecError, MissingDependencyError

_EFFORTS = range(1, 11)


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
    )

    def encode_frames(
        self,
        frames: Samples,
        *,
        num_threads: int | None = None,
        verify: bool = False,
        effort: int = 3,
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
        effort : int
            1 (fastest) to 10 (smallest).
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
            The dtype or shape is not one the codec takes, or a value does not fit `bits`;
            or `verify` found that samples were not kept.
        """
        check_frames(frames, self.capabilities, self.name)
        depth = bit_depth(frames, bits)
        return self._encode_each(
            frames,
            _encoder(depth, effort),
            num_threads,
            verify=verify,
            sample_offset=sample_offset(frames.dtype, depth),
        )

    def stream_info(self, data: BytesLike) -> StreamInfo:
        """See `dicube.codecs.jxl.codestream.stream_info`."""
        return stream_info(data, max_pixels=MAX_SAMPLES_PER_FRAME)

    def _decode_stream(
        self, data: memoryview, info: StreamInfo, out: Samples | None, *, intact: bool = False
    ) -> Samples:
        bare = bare_codestream(data)
        try:
            # index=0: imagecodecs would otherwise look for further frames of an animation.
            return decode_with("jpegxl_decode", bare, out, index=0, numthreads=1)
        except MissingDependencyError:
            samples = np.empty(info.frame_shape, info.dtype) if out is None else out
            if native.decode_frame(bare, samples):
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


def imencode_jxl(frame: Samples, *, effort: int = 3, bits: int | None = None) -> bytes:
    """Encode one frame as a bare JPEG XL codestream, without loss.

    JPEG XL has only unsigned samples. Signed ones are stored as value + 2**(bits - 1), and 32 bit
    ones as a 16 bit image of twice the rows; `imdecode_jxl` needs the dtype to undo either.

    Parameters
    ----------
    frame : (rows, columns[, samples]) integers of 8, 16 or 32 bits
        1, 3 or 4 samples; any strides and byte order.
    effort : int
        1 (fastest) to 10 (smallest).
    bits : int, optional
        Bits per sample in the header; by default the fewest that hold all values.

    Raises
    ------
    CodecError
        The dtype or shape is not one the codec takes, or a value does not fit `bits`.
    """
    check_frames(frame[np.newaxis], JxlCodec.capabilities, JxlCodec.name)
    return _encoder(bit_depth(frame, bits), effort)(native_frame(frame))


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


def _encoder(bits: int, effort: int) -> Callable[[Samples], bytes]:
    if effort not in _EFFORTS:
        raise CodecError(f"effort is {effort}, JPEG XL takes 1 to 10")
    stored_bits = min(bits, HALF_BITS)

    def encode(frame: Samples) -> bytes:
        encoded = encode_with(
            "jpegxl_encode",
            to_stored(frame, bits),
            lossless=True,
            effort=effort,
            bitspersample=stored_bits,
            numthreads=1,
        )
        # Above 12 bits libjxl adds a container, whatever it is asked; no decoder needs it.
        return bytes(bare_codestream(encoded))

    return encode
