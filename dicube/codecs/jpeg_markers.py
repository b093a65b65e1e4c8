"""Frame headers of JPEG, lossless JPEG and JPEG-LS streams (ITU-T T.81 Annex B, T.87 Annex C)."""

import struct

from dicube.codecs.base import MAX_SAMPLES_PER_FRAME, BytesLike, StreamInfo, bytes_view
from dicube.exceptions import CodecError

_SOI = b"\xff\xd8"
_EOI = b"\xff\xd9"
_SOS = 0xDA
# SOF0 to SOF15 without DHT (C4), JPG (C8) and DAC (CC), and SOF55 of JPEG-LS.
_FRAME_HEADERS = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC} | {0xF7}
_WITHOUT_LENGTH = frozenset(range(0xD0, 0xD9)) | {0x01}  # RST0 to RST7, SOI, TEM
_FRAME_LAYOUT = struct.Struct(">HBHHB")  # Lf, precision, lines, samples per line, components


def stream_info(data: BytesLike, *, max_pixels: int = MAX_SAMPLES_PER_FRAME) -> StreamInfo:
    """Read the frame header of a JPEG, lossless JPEG or JPEG-LS stream.

    Parameters
    ----------
    data : bytes-like
    max_pixels : int
        Largest number of samples accepted.

    Returns
    -------
    StreamInfo
        Never signed: these formats have no signed samples.

    Raises
    ------
    CodecError
        Not such a stream, a damaged header, or more than `max_pixels` samples.
    """
    view = bytes_view(data)
    position = _frame_header_position(view)
    if position + _FRAME_LAYOUT.size > view.nbytes:
        raise CodecError("the frame header is cut short")
    _, bits, rows, columns, samples = _FRAME_LAYOUT.unpack_from(view, position)
    info = StreamInfo(rows, columns, samples, bits, signed=False)
    info.check_budget(max_pixels)
    return info


def check_complete(data: BytesLike) -> None:
    """Make sure that an EOI marker follows the frame header.

    libjpeg fills up what a stream lost with gray and only warns; CharLS may take very long.
    Entropy coded data cannot hold an EOI marker, so one behind the header, with padding after it
    or without, shows that the stream has its end.

    Raises
    ------
    CodecError
        The stream is cut short.
    """
    view = bytes_view(data)
    if view.tobytes().rfind(_EOI) < _frame_header_position(view):
        raise CodecError(
            "the JPEG stream ends without an EOI marker",
            hint="the stream is cut short; export the image again",
        )


def _frame_header_position(view: memoryview) -> int:
    """Byte position behind the SOF marker."""
    if bytes(view[:2]) != _SOI:
        raise CodecError("not a JPEG stream: the SOI marker is missing")
    position = 2
    while position + 4 <= view.nbytes:
        if view[position] != 0xFF:
            raise CodecError(f"no marker at byte {position} of the JPEG stream")
        marker = view[position + 1]
        if marker == 0xFF:  # fill byte (T.81 B.1.1.2)
            position += 1
        elif marker in _WITHOUT_LENGTH:
            position += 2
        elif marker in _FRAME_HEADERS:
            return position + 2
        elif marker == _SOS:
            break
        else:
            position += 2 + int.from_bytes(view[position + 2 : position + 4], "big")
    raise CodecError("the JPEG stream has no frame header")
