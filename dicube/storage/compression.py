"""zstd for sections, with a bound on what decompression may ask for."""

from typing import Final

import zstandard

from dicube.exceptions import InvalidCubeFileError

MAX_SECTION_BYTES: Final = 1 << 32  # metadata of a series beyond 4 GiB is no metadata
_CHUNK: Final = 1 << 24


def compress(data: bytes, *, level: int = 3) -> bytes:
    """One zstd frame that states its content size."""
    # Long-distance matching finds the header of the slice before, however long headers are.
    parameters = zstandard.ZstdCompressionParameters.from_level(
        level, source_size=len(data), enable_ldm=len(data) > 1 << 20
    )
    return zstandard.ZstdCompressor(compression_params=parameters).compress(data)


def decompress(data: bytes, *, where: str, limit: int = MAX_SECTION_BYTES) -> bytes:
    """The content of a zstd frame.

    Memory grows with what really comes out, not with what the frame announces.

    Raises
    ------
    InvalidCubeFileError
        The data is damaged, or its content is longer than `limit` bytes.
    """
    decompressor = zstandard.ZstdDecompressor(max_window_size=1 << 27)
    parts: list[bytes] = []
    total = 0
    try:
        with decompressor.stream_reader(data) as reader:
            while part := reader.read(_CHUNK):
                parts.append(part)
                total += len(part)
                if total > limit:
                    raise InvalidCubeFileError(
                        f"a section expands to more than {limit} bytes", where=where
                    )
    except (zstandard.ZstdError, MemoryError) as error:
        raise InvalidCubeFileError(
            "a compressed section is damaged", where=where, hint="restore the file from a copy"
        ) from error
    return b"".join(parts)
