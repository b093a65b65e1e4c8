"""Headers of JPEG 2000 codestreams, HTJ2K included (ITU-T T.800 Annex A, T.814).

Reads the image size and checks that a codestream is complete. The decoders behind are not asked:
OpenJPH decodes a stream that lost its last blocks without a word.
"""

import struct
from typing import NamedTuple

from dicube.codecs.base import MAX_SAMPLES_PER_FRAME, BytesLike, StreamInfo, bytes_view
from dicube.codecs.boxes import walk_boxes
from dicube.exceptions import CodecError

_SOC = b"\xff\x4f"
_SIZ = b"\xff\x51"
_SOT = b"\xff\x90"
_EOC = b"\xff\xd9"
_NLT_MARKER, _SOT_MARKER = 0xFF76, 0xFF90
_CAP_MARKER, _COD_MARKER, _TLM_MARKER = 0xFF50, 0xFF52, 0xFF55
_JP2_SIGNATURE = b"\x00\x00\x00\x0cjP  "

# Lsiz, Rsiz, image size and offset, tile size and offset (each x, y), number of components
_SIZ_LAYOUT = struct.Struct(">HH8IH")
_SEGMENT = struct.Struct(">HH")  # any marker segment: marker, length that counts itself
_SIZ_POSITION = len(_SOC) + len(_SIZ)
_COMPONENT_BYTES = 3  # Ssiz, XRsiz, YRsiz
# Lsot, tile index, length of the tile-part from its SOT marker on, part number, number of parts
_SOT_LAYOUT = struct.Struct(">HHIBB")
_SHORTEST_TILE_PART = len(_SOT) + _SOT_LAYOUT.size + 2  # SOT segment and SOD marker
_MAX_TILES = 65535  # the tile index of SOT has 16 bits

# Progression order and wavelet transform in the COD segment, from its marker (T.800 A.6.1)
_PROGRESSION_BYTE, _TRANSFORM_BYTE = 5, 13
_RPCL, _REVERSIBLE = 2, 1

_CUT_SHORT = "the codestream is cut short or damaged; export the image again"


def is_jp2(data: BytesLike) -> bool:
    """Whether this is a JP2 or JPH file around a codestream."""
    return bytes(bytes_view(data)[: len(_JP2_SIGNATURE)]) == _JP2_SIGNATURE


def unwrap_jp2(data: BytesLike) -> memoryview:
    """Find the codestream of a JP2 or JPH file; a bare codestream is returned as it is.

    Raises
    ------
    CodecError
        The file has no codestream.
    """
    view = bytes_view(data)
    if not is_jp2(view):
        return view
    for kind, payload in walk_boxes(view):
        if kind == b"jp2c":
            return payload
    raise CodecError("the JPEG 2000 file has no codestream box", hint=_CUT_SHORT)


def stream_info(data: BytesLike, *, max_pixels: int = MAX_SAMPLES_PER_FRAME) -> StreamInfo:
    """Read the SIZ marker segment (T.800 A.5.1) of a codestream, bare or in a JP2 or JPH file.

    Parameters
    ----------
    data : bytes-like
    max_pixels : int
        Largest number of samples accepted.

    Returns
    -------
    StreamInfo

    Raises
    ------
    CodecError
        Not a JPEG 2000 codestream, a damaged header, more than `max_pixels` samples, or components
        that differ in size, depth or sign.
    """
    codestream = unwrap_jp2(data)
    if bytes(codestream[:_SIZ_POSITION]) != _SOC + _SIZ:
        raise CodecError("not a JPEG 2000 codestream: SOC and SIZ markers are missing")
    if codestream.nbytes < _SIZ_POSITION + _SIZ_LAYOUT.size:
        raise CodecError("the SIZ marker segment is cut short", hint=_CUT_SHORT)
    length, _, *extents, samples = _SIZ_LAYOUT.unpack_from(codestream, _SIZ_POSITION)
    right, bottom, left, top, tile_width, tile_height, tile_left, tile_top = extents
    bits, signed = _component_format(codestream, length, samples)
    if right <= left or bottom <= top:
        raise CodecError(f"image area from ({left}, {top}) to ({right}, {bottom}) is empty")
    info = StreamInfo(bottom - top, right - left, samples, bits, signed)
    info.check_budget(max_pixels)
    if tile_width < 1 or tile_height < 1 or tile_left > left or tile_top > top:
        raise CodecError(f"tiles of {tile_width} x {tile_height} do not cover the image")
    if _tile_count(extents) > _MAX_TILES:
        raise CodecError(f"{_tile_count(extents)} tiles, a codestream has at most {_MAX_TILES}")
    return info


class CodingStyle(NamedTuple):
    """How a codestream was made.

    Attributes
    ----------
    is_high_throughput : bool
        HTJ2K (T.814), not JPEG 2000 Part 1 alone.
    is_reversible : bool
        The 5/3 wavelet, which loses nothing unless the stream was truncated.
    has_rpcl_options : bool
        Resolution by resolution, with the lengths of its tile-parts up front (RPCL and TLM).
    """

    is_high_throughput: bool
    is_reversible: bool
    has_rpcl_options: bool


def coding_style(data: BytesLike) -> CodingStyle:
    """Read the COD marker segment (T.800 A.6.1) and see which others there are.

    Raises
    ------
    CodecError
        The main header is damaged.
    """
    codestream = unwrap_jp2(data)
    segments, _ = _main_header(codestream)
    place = segments.get(_COD_MARKER)
    if place is None or place + _TRANSFORM_BYTE >= codestream.nbytes:
        raise CodecError("the codestream has no COD marker segment", hint=_CUT_SHORT)
    is_rpcl = codestream[place + _PROGRESSION_BYTE] == _RPCL
    return CodingStyle(
        is_high_throughput=_CAP_MARKER in segments,
        is_reversible=codestream[place + _TRANSFORM_BYTE] == _REVERSIBLE,
        has_rpcl_options=is_rpcl and _TLM_MARKER in segments,
    )


def check_complete(data: BytesLike) -> None:
    """Follow the tile-parts to the EOC marker (T.800 A.4).

    Parameters
    ----------
    data : bytes-like
        What `stream_info` accepted.

    Raises
    ------
    CodecError
        A tile-part reaches past the end, a tile is missing, or the EOC marker is; or the
        codestream uses a non-linear point transform.
    """
    codestream = unwrap_jp2(data)
    segments, position = _main_header(codestream)
    if _NLT_MARKER in segments:
        raise CodecError("non-linear point transforms (T.801 Annex K) are not supported")
    tiles: set[int] = set()
    while bytes(codestream[position : position + 2]) == _SOT:
        if position + _SHORTEST_TILE_PART > codestream.nbytes:
            raise CodecError(f"the tile-part at byte {position} is cut short", hint=_CUT_SHORT)
        _, tile, length, _, _ = _SOT_LAYOUT.unpack_from(codestream, position + 2)
        if length == 0:  # legal for the last one: up to EOC, which padding may follow
            length = codestream.tobytes().rfind(_EOC) - position
        if length < _SHORTEST_TILE_PART:
            raise CodecError(f"the tile-part at byte {position} has no end", hint=_CUT_SHORT)
        tiles.add(tile)
        position += length
    if bytes(codestream[position : position + 2]) != _EOC:
        raise CodecError(
            f"no EOC marker at byte {position}, the codestream has {codestream.nbytes} bytes",
            hint=_CUT_SHORT,
        )
    _, _, *extents, _ = _SIZ_LAYOUT.unpack_from(codestream, _SIZ_POSITION)
    if len(tiles) != _tile_count(extents):
        raise CodecError(f"{len(tiles)} of {_tile_count(extents)} tiles are there", hint=_CUT_SHORT)


def grid_without_levels(data: BytesLike, levels: int) -> tuple[int, int]:
    """Rows and columns of the resolution that is left without the `levels` finest (T.800 B.5).

    Parameters
    ----------
    data : bytes-like
        What `stream_info` accepted.
    levels : int
    """
    _, _, *extents, _ = _SIZ_LAYOUT.unpack_from(unwrap_jp2(data), _SIZ_POSITION)
    # Rounded up: -(-a // b) is that of a / b.
    right, bottom, left, top = (-(-extent // (1 << levels)) for extent in extents[:4])
    return bottom - top, right - left


def _component_format(codestream: memoryview, length: int, samples: int) -> tuple[int, bool]:
    """Bits and sign that all components share."""
    start = _SIZ_POSITION + _SIZ_LAYOUT.size
    end = start + _COMPONENT_BYTES * samples
    if length != end - _SIZ_POSITION or end > codestream.nbytes:
        raise CodecError(
            f"the SIZ marker segment has {length} bytes for {samples} components", hint=_CUT_SHORT
        )
    components = bytes(codestream[start:end])
    depths, horizontal, vertical = (set(components[field::3]) for field in range(3))
    if len(depths) != 1 or horizontal != {1} or vertical != {1}:
        raise CodecError("the components differ in depth, sign or size, which is not supported")
    depth = depths.pop()
    return (depth & 0x7F) + 1, bool(depth & 0x80)


def _tile_count(extents: list[int]) -> int:
    right, bottom, _, _, tile_width, tile_height, tile_left, tile_top = extents
    across = -(-(right - tile_left) // tile_width)
    return across * -(-(bottom - tile_top) // tile_height)


def _main_header(codestream: memoryview) -> tuple[dict[int, int], int]:
    """Byte position of the last segment of each marker, and of the first SOT marker."""
    positions: dict[int, int] = {}
    position = len(_SOC)
    try:
        marker, length = _SEGMENT.unpack_from(codestream, position)
        while marker != _SOT_MARKER:
            if marker < 0xFF00 or length < 2:
                raise CodecError(f"no marker segment at byte {position}", hint=_CUT_SHORT)
            positions[marker] = position
            position += 2 + length
            marker, length = _SEGMENT.unpack_from(codestream, position)
    except struct.error as error:
        raise CodecError(f"no marker segment at byte {position}", hint=_CUT_SHORT) from error
    return positions, position
