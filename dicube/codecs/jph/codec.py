"""HTJ2K (JPEG 2000 Part 15) without loss, by OpenJPH through imagecodecs.

Irreversible streams of others are decoded by OpenJPEG.
"""

import functools
import threading
from collections.abc import Callable

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
from dicube.codecs.imagecodecs_calls import decode_with, encode_with, library_version
from dicube.codecs.jpeg2000_markers import (
    check_complete,
    is_reversible,
    stream_info,
    unwrap_jp2,
)
from dicube.codecs.jph.checked_decode import decode_checked
from dicube.codecs.sample_rules import check_frames, native_frame
from dicube.exceptions import CodecError

# These decode signed samples wrongly, so what they write could not be read back either.
_BROKEN_OPENJPH = ("0.26.1", "0.26.2")


class JphCodec(FrameCodec):
    """Bare HTJ2K codestreams of 8, 16 and 32 bit integers, signed and unsigned.

    Reversible 5/3 transform, five decompositions, 64 x 64 code-blocks, no colour transform:
    dicube 0.3.0 decodes streams with one wrongly. Streams of others may have it.
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
        self, frames: Samples, *, num_threads: int | None = None, tlm: bool = True
    ) -> Codestreams:
        """Encode without loss, one codestream a frame.

        Parameters
        ----------
        frames : (n, rows, columns[, samples]) integers
            Any strides and byte order.
        num_threads : int, optional
        tlm : bool
            Write a TLM marker segment, an index of the tile-parts (T.800 A.7.1).

        Raises
        ------
        CodecError
            The dtype or shape is not one the codec takes.
        """
        return self._encode_each(frames, _encoder(tlm), num_threads)

    def stream_info(self, data: BytesLike) -> StreamInfo:
        """See `dicube.codecs.jpeg2000_markers.stream_info`."""
        return stream_info(data, max_pixels=MAX_SAMPLES_PER_FRAME)

    def _decode_stream(
        self, data: memoryview, info: StreamInfo, out: Samples | None, *, intact: bool = False
    ) -> Samples:
        codestream = unwrap_jp2(data)
        if not intact:
            check_complete(codestream)
        if not is_reversible(codestream):
            # imagecodecs does not clamp what OpenJPH gives here: 256 becomes 0 in 8 bits.
            return decode_with("jpeg2k_decode", codestream, out, planar=False, numthreads=1)
        _prepare_openjph()
        if intact:
            return decode_with("htj2k_decode", codestream, out, planar=False)
        return decode_checked(codestream, info, out)


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
    check_frames(frame[np.newaxis], JphCodec.capabilities, JphCodec.name)
    return _encoder(tlm)(native_frame(frame))


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
        The codestream is damaged, too large or not HTJ2K.
    """
    codec = JphCodec()
    view = bytes_view(data)
    return codec._decode_stream(view, codec.stream_info(view), None)


def check_openjph(version: str) -> None:
    """Refuse releases of OpenJPH that are not lossless.

    Parameters
    ----------
    version : str
        As imagecodecs reports it, such as "openjph 0.26.3".

    Raises
    ------
    CodecError
        It is one that decodes signed samples wrongly.
    """
    if version.split()[-1:] and version.rsplit(maxsplit=1)[-1] in _BROKEN_OPENJPH:
        raise CodecError(
            f"{version} decodes signed samples wrongly",
            hint="upgrade imagecodecs to a release with OpenJPH 0.26.3 or newer",
        )


_preparing = threading.Lock()
_prepared = False


def _prepare_openjph() -> None:
    """Check the release, and let OpenJPH fill its tables, before threads share it.

    When the first frames of a process were encoded by two threads at once, 2 to 3 of 100 processes
    wrote damaged codestreams; after one frame by one thread none did (150 each). There are tables
    for 32-bit and for 64-bit arithmetic.
    """
    global _prepared
    if _prepared:
        return
    with _preparing:
        if _prepared:
            return
        check_openjph(library_version("htj2k_version"))
        for dtype in (np.int16, np.int32):
            frame = np.arange(64 * 64, dtype=dtype).reshape(64, 64)
            decode_with("htj2k_decode", memoryview(_encode(frame, tlm=True)), planar=False)
        _prepared = True


def _encoder(tlm: bool) -> Callable[[Samples], bytes]:
    _prepare_openjph()
    return functools.partial(_encode, tlm=tlm)


def _encode(frame: Samples, *, tlm: bool) -> bytes:
    # rgb=False: imagecodecs would turn the colour transform on for three samples.
    return encode_with("htj2k_encode", frame, reversible=True, rgb=False, planar=False, tlm=tlm)
