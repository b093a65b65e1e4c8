"""zstd for sections, with a bound on what decompression may ask for."""

import io
from typing import Final

import zstandard

from dicube.exceptions import InvalidCubeFileError

# A section may unfold to this many times its own size, or to the smaller figure, whichever is more.
# Headers of real series shrink to a seventieth at most; a bomb of zstd reaches a 30 000th.
_MAX_EXPANSION: Final = 1 << 10
_SMALL_SECTION: Final = 1 << 30
_CHUNK: Final = 1 << 24
_SHORT_WINDOW_LOG: Final = 20
_WINDOW_LOG: Final = 27  # 128 MiB; decoders refuse more unless they are asked (RFC 8878, 3.1.1.1.2)


def expansion_limit(length: int) -> int:
    """Most bytes that a section of `length` bytes may unfold to (docs/format.md, section 10)."""
    return max(_SMALL_SECTION, _MAX_EXPANSION * length)


def compress(data: bytes, *, level: int = 3) -> bytes:
    """One zstd frame that states its content size.

    Raises
    ------
    InvalidCubeFileError
        The content is so large and so repetitive that a reader would take it for an attack.
    """
    options = {}
    if len(data) > 1 << _SHORT_WINDOW_LOG:
        # Long-distance matching finds the header of the slice before, however long headers are, but
        # only inside the window, which is 2 MiB at this level unless told otherwise.
        options = {"enable_ldm": True, "window_log": _WINDOW_LOG}
    parameters = zstandard.ZstdCompressionParameters.from_level(
        level, source_size=len(data), **options
    )
    packed = zstandard.ZstdCompressor(compression_params=parameters).compress(data)
    if len(data) > expansion_limit(len(packed)):
        raise InvalidCubeFileError(
            f"a section of {len(data)} bytes shrinks to {len(packed)}: it could not be read again",
            hint="leave the source files out with keep_sources=False",
        )
    return packed


def decompress(data: bytes, *, where: str, limit: int | None = None) -> bytes:
    """The content of a zstd frame.

    Memory grows with what really comes out, not with what the frame announces.

    Parameters
    ----------
    data : bytes
    where : str
        For the message.
    limit : int, optional
        Most bytes to unfold to; by default `expansion_limit`.

    Raises
    ------
    InvalidCubeFileError
        The data is damaged, or its content is longer than `limit` bytes.
    """
    limit = expansion_limit(len(data)) if limit is None else limit
    content = io.BytesIO()
    try:
        announced = zstandard.frame_content_size(data)
        if announced > limit:
            raise InvalidCubeFileError(
                f"a section expands to more than {limit} bytes",
                where=where,
                hint="the file is damaged or forged",
            )
        decompressor = zstandard.ZstdDecompressor(max_window_size=1 << _WINDOW_LOG)
        with decompressor.stream_reader(data) as reader:
            while content.tell() <= announced and (part := reader.read(_CHUNK)):
                content.write(part)
    except (zstandard.ZstdError, MemoryError) as error:
        raise _damaged(where) from error
    # The reader takes the end of the data for the end of the frame, so a missing rest shows here.
    if content.tell() != announced:
        raise _damaged(where)
    return content.getvalue()


def _damaged(where: str) -> InvalidCubeFileError:
    return InvalidCubeFileError(
        "a compressed section is damaged", where=where, hint="restore the file from a copy"
    )
