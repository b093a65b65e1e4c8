"""JPEG XL codestreams: taken out of their container, and their headers read bit by bit.

Follows ISO/IEC 18181-1 (SizeHeader, ImageMetadata) and 18181-2 (boxes) as far as the size, depth
and channels of an image. What DiCube neither writes nor decodes is refused here, before libjxl
is asked: animations, previews, rotated images, floating point, more than 16 bits.
"""

from dicube.codecs.base import MAX_SAMPLES_PER_FRAME, BytesLike, StreamInfo, bytes_view
from dicube.codecs.boxes import walk_boxes
from dicube.codecs.jxl.bit_reader import BitReader
from dicube.exceptions import CodecError

_CODESTREAM_SIGNATURE = b"\xff\x0a"
_CONTAINER_SIGNATURE = b"\x00\x00\x00\x0cJXL \x0d\x0a\x87\x0a"
_LAST_PART = 0x80000000  # top bit of the index in front of a jxlp part

# Width from height, by the ratio field of SizeHeader.
_RATIOS = {1: (1, 1), 2: (12, 10), 3: (4, 3), 4: (3, 2), 5: (16, 9), 6: (5, 4), 7: (2, 1)}
# Distributions of U32 fields: (number of bits, value added) for each selector.
_SIZES = ((9, 1), (13, 1), (18, 1), (30, 1))
_INTEGER_DEPTHS = ((0, 8), (0, 10), (0, 12), (6, 1))
_EXTRA_CHANNEL_COUNTS = ((0, 0), (0, 1), (4, 2), (12, 1))
_DIMENSION_SHIFTS = ((0, 0), (0, 3), (0, 4), (3, 1))
_NAME_LENGTHS = ((0, 0), (4, 0), (5, 16), (10, 48))
_CFA_CHANNELS = ((0, 1), (2, 0), (4, 3), (8, 19))
_ENUM = ((0, 0), (0, 1), (4, 2), (6, 18))

_ALPHA, _SPOT_COLOUR, _CFA = 0, 2, 5  # extra channel types with fields of their own
_GRAY = 1  # colour space


def bare_codestream(data: BytesLike) -> memoryview:
    """Take the codestream out of a container: one jxlc box, or jxlp parts put together.

    Parameters
    ----------
    data : bytes-like
        A container, or a bare codestream, which is returned as it is.

    Raises
    ------
    CodecError
        Neither of them, or a container without a complete codestream.
    """
    view = bytes_view(data)
    if bytes(view[:2]) == _CODESTREAM_SIGNATURE:
        return view
    if bytes(view[: len(_CONTAINER_SIGNATURE)]) != _CONTAINER_SIGNATURE:
        raise CodecError("not a JPEG XL codestream or container")
    parts: list[memoryview] = []
    complete = False
    for kind, payload in walk_boxes(view):
        if kind == b"jxlc":
            return payload
        if kind == b"jxlp":
            index = int.from_bytes(payload[:4], "big")
            if index & ~_LAST_PART != len(parts):
                raise CodecError(
                    f"part {index & ~_LAST_PART} of the codestream comes as {len(parts)}"
                )
            parts.append(payload[4:])
            complete = bool(index & _LAST_PART)
            if complete:
                break
    if not complete:
        raise CodecError(
            "the JPEG XL container has no complete codestream",
            hint="the file is cut short; export the image again",
        )
    return memoryview(b"".join(parts))


def stream_info(data: BytesLike, *, max_pixels: int = MAX_SAMPLES_PER_FRAME) -> StreamInfo:
    """Read size, depth and channels from the headers of a codestream, bare or in a container.

    Parameters
    ----------
    data : bytes-like
    max_pixels : int
        Largest number of samples accepted.

    Returns
    -------
    StreamInfo
        Never signed: JPEG XL has no signed samples.

    Raises
    ------
    CodecError
        A damaged header, more than `max_pixels` samples, or a kind of image that is not decoded.
    """
    codestream = bare_codestream(data)
    if bytes(codestream[:2]) != _CODESTREAM_SIGNATURE:
        raise CodecError("the codestream in the JPEG XL container has no signature")
    reader = BitReader(codestream[2:])
    rows, columns = _read_size(reader)
    if reader.flag():  # all_default: 8 bit RGB, which libjxl decodes to sRGB
        info = StreamInfo(rows, columns, 3, 8, signed=False)
    else:
        bits, samples = _read_image_metadata(reader)
        info = StreamInfo(rows, columns, samples, bits, signed=False)
    info.check_budget(max_pixels)
    return info


def _read_size(reader: BitReader) -> tuple[int, int]:
    """SizeHeader: rows and columns."""
    small = reader.flag()
    rows = _read_side(reader, small)
    ratio = reader.take(3)
    if ratio == 0:
        return rows, _read_side(reader, small)
    numerator, denominator = _RATIOS[ratio]
    return rows, rows * numerator // denominator


def _read_side(reader: BitReader, small: bool) -> int:
    return 8 * (reader.take(5) + 1) if small else reader.u32(_SIZES)


def _read_image_metadata(reader: BitReader) -> tuple[int, int]:
    """ImageMetadata behind its all_default bit: bits per sample and number of channels."""
    if reader.flag():
        _read_extra_fields(reader)
    bits = _read_depth(reader)
    reader.flag()  # modular_16bit_buffers, a hint for decoders
    extra_channels = reader.u32(_EXTRA_CHANNEL_COUNTS)
    for _ in range(extra_channels):
        extra_bits = _read_extra_channel(reader)
        if extra_bits != bits:
            raise CodecError(
                f"an extra channel of {extra_bits} bits beside {bits} is not supported"
            )
    reader.flag()  # xyb_encoded: lossy, but decodes to the colour space that follows
    return bits, _read_colour_channels(reader) + extra_channels


def _read_extra_fields(reader: BitReader) -> None:
    orientation = reader.take(3) + 1
    if orientation != 1:
        raise CodecError(f"JPEG XL orientation {orientation} is not supported, only 1")
    if reader.flag():  # intrinsic size: for display only
        _read_size(reader)
    if reader.flag():
        raise CodecError("a JPEG XL preview image is not supported")
    if reader.flag():
        raise CodecError(
            "a JPEG XL animation is not supported", hint="use one codestream for each frame"
        )


def _read_depth(reader: BitReader) -> int:
    if reader.flag():
        raise CodecError("floating point samples in JPEG XL are not supported")
    bits = reader.u32(_INTEGER_DEPTHS)
    if bits > 16:
        raise CodecError(f"JPEG XL samples of {bits} bits are not supported, at most 16")
    return bits


def _read_extra_channel(reader: BitReader) -> int:
    """Skip the description of an extra channel; return its bits per sample."""
    if reader.flag():  # default: 8 bit alpha
        return 8
    kind = reader.u32(_ENUM)
    bits = _read_depth(reader)
    reader.u32(_DIMENSION_SHIFTS)
    reader.skip(8 * reader.u32(_NAME_LENGTHS))
    if kind == _ALPHA:
        reader.flag()
    elif kind == _SPOT_COLOUR:
        reader.skip(4 * 16)
    elif kind == _CFA:
        reader.u32(_CFA_CHANNELS)
    return bits


def _read_colour_channels(reader: BitReader) -> int:
    """ColourEncoding, as far as it tells gray from colour."""
    if reader.flag():  # default: sRGB
        return 3
    reader.flag()  # want_icc
    return 1 if reader.u32(_ENUM) == _GRAY else 3
