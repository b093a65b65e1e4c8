"""HTJ2K (JPEG 2000 Part 15) by the native codec, whole volumes at a time.

Frames outside its scope, mostly JPEG 2000 Part 1, are decoded by OpenJPEG through imagecodecs.
"""

import math
from collections.abc import Iterator, Sequence

import numpy as np

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
from dicube.codecs.jpeg2000_markers import stream_info
from dicube.codecs.jph import native
from dicube.codecs.jph.decoding import decode_frame, decode_frames, decode_part
from dicube.codecs.jph.options import EncodeOptions
from dicube.codecs.jph.part import Part, Region
from dicube.codecs.parallel import map_in_order, thread_count
from dicube.codecs.sample_rules import check_frames

# Of the samples in a batch: encoding it takes milliseconds, much longer than handing it over.
_BATCH_BYTES = 1 << 20


class JphCodec(FrameCodec):
    """Bare HTJ2K codestreams of 8, 16 and 32 bit integers, signed and unsigned.

    Written are one tile, the reversible 5/3 transform and one cleanup pass; `EncodeOptions` has
    the rest. Streams of others may use what the standard offers, and may be lossy.
    """

    name = "jph"
    suffixes = (".j2c", ".jph", ".jhc")
    transfer_syntaxes = (
        "1.2.840.10008.1.2.4.201",  # HTJ2K, lossless only
        "1.2.840.10008.1.2.4.202",  # HTJ2K with RPCL options, lossless only
        "1.2.840.10008.1.2.4.203",  # HTJ2K
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
        levels: int | None = EncodeOptions.levels,
        block_size: tuple[int, int] = EncodeOptions.block_size,
        progression: str = EncodeOptions.progression,
        tlm: bool = EncodeOptions.tlm,
        colour_transform: bool = EncodeOptions.colour_transform,
        bit_depth: int | None = EncodeOptions.bit_depth,
    ) -> Codestreams:
        """Encode without loss, one codestream a frame.

        Parameters
        ----------
        frames : (n, rows, columns[, samples]) integers
            Any strides and byte order.
        num_threads : int, optional
        verify : bool
            Decode each frame right after it was encoded, and compare it.
        levels, block_size, progression, tlm, colour_transform, bit_depth
            See `dicube.codecs.jph.options.EncodeOptions`.

        Raises
        ------
        CodecError
            The dtype or shape is not one the codec takes, an option is out of range, or a sample
            does not fit `bit_depth`; or `verify` found that samples were not kept.
        """
        check_frames(frames, self.capabilities, self.name)
        options = EncodeOptions(levels, block_size, progression, tlm, colour_transform, bit_depth)
        options.check(frames)
        return native.encode_volume(
            frames, options, verify=verify, threads=thread_count(num_threads)
        )

    def encode_batches(
        self,
        frames: Samples,
        *,
        num_threads: int | None = None,
        verify: bool = False,
        effort: str | None = None,
    ) -> Iterator[Codestreams]:
        """As `encode_frames` with its defaults, some frames at a time; see `Codec`."""
        self.capabilities.check_effort(effort)
        check_frames(frames, self.capabilities, self.name)
        options = EncodeOptions()
        size = max(1, _BATCH_BYTES // max(1, math.prod(frames.shape[1:]) * frames.itemsize))

        def encode(first: int) -> Codestreams:
            batch = frames[first : first + size]
            return native.encode_volume(batch, options, verify=verify, threads=1, first=first)

        return map_in_order(encode, range(0, len(frames), size), num_threads)

    def decode_part(
        self,
        codestreams: Codestreams | Sequence[BytesLike],
        *,
        discard_levels: int = 0,
        region: tuple[int, int, int, int] | None = None,
        num_threads: int | None = None,
    ) -> Samples:
        """Decode a lower resolution of every frame, a region, or a region of a lower resolution.

        Only what is needed is decoded: packets up to the resolution, and code-blocks that touch the
        region. All frames have the size of the first.

        Parameters
        ----------
        codestreams : Codestreams or sequence of n bytes-like
        discard_levels : int
            1 halves rows and columns, rounded up, 2 quarters them, and so on.
        region : (row, column, rows, columns), optional
            In pixels of the resolution asked for; by default the whole frame.
        num_threads : int, optional

        Returns
        -------
        (n, rows, columns[, samples]) integers
            Of the dtype that `decode_frames` gives. Samples of a lower resolution are those of the
            low-pass band (T.800 Annex F), which are means weighted by the 5/3 filter.

        Raises
        ------
        CodecError
            A codestream is damaged or has fewer levels, the region is not inside the frame, or no
            frame tells the size.
        """
        part = Part(discard_levels, None if region is None else Region(*region))
        return decode_part(codestreams, part, threads=thread_count(num_threads))

    def stream_info(self, data: BytesLike) -> StreamInfo:
        """See `dicube.codecs.jpeg2000_markers.stream_info`."""
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
        if dtype is not None and dtype.itemsize != frames.itemsize:
            # Samples get the sign of `dtype` before they are widened, which takes two steps.
            super()._decode_all(codestreams, frames, num_threads, intact=intact)
            return
        decode_frames(codestreams, frames, threads=thread_count(num_threads), intact=intact)

    def _decode_stream(
        self, data: memoryview, info: StreamInfo, out: Samples | None, *, intact: bool = False
    ) -> Samples:
        return decode_frame(data, info, out, intact=intact)


def imencode_jph(frame: Samples, *, tlm: bool = True) -> bytes:
    """Encode one frame as an HTJ2K codestream, without loss.

    Parameters
    ----------
    frame : (rows, columns[, samples]) integers of 8, 16 or 32 bits
        1, 3 or 4 samples; any strides and byte order.
    tlm : bool
        Write a TLM marker segment, an index of the tile-parts (T.800 A.7.1).

    Raises
    ------
    CodecError
        The dtype or shape is not one the codec takes.
    """
    return bytes(JphCodec().encode_frames(frame[np.newaxis], num_threads=1, tlm=tlm)[0])


def imdecode_jph(data: BytesLike) -> Samples:
    """Decode one HTJ2K codestream, bare or in a JPH file.

    Parameters
    ----------
    data : bytes-like

    Returns
    -------
    (rows, columns[, samples]) integers
        The narrowest of 8, 16 and 32 bits that holds the depth of the stream, and its sign.

    Raises
    ------
    CodecError
        The codestream is damaged, too large or not JPEG 2000.
    """
    codec = JphCodec()
    view = bytes_view(data)
    return codec._decode_stream(view, codec.stream_info(view), None)
