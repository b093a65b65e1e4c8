"""Cube files behind a URL, read in ranges through fsspec (extra "remote")."""

import sys
from collections.abc import Sequence
from typing import Any, Final

from dicube.exceptions import (
    DicomCubeError,
    InvalidCubeFileError,
    MissingDependencyError,
    UnreachableError,
)
from dicube.storage.byte_source import read_together
from dicube.storage.header import HEADER_LENGTH_BYTES, Extent

# A request takes as long as some hundred kilobytes, so what lies no further apart comes in one.
_GAP: Final = 1 << 17
# The tables, the checksums and the PixelDataHeader are at the end (docs/format.md, section 3); of
# a few thousand frames they are shorter than this.
_TAIL_BYTES: Final = 1 << 16
# What packages under fsspec raise where the network is to blame, not the file that was asked for.
_NO_ANSWERS: Final = (
    ("aiohttp", "ClientConnectionError"),
    ("aiohttp", "ClientPayloadError"),
    ("botocore.exceptions", "ConnectionError"),
    ("botocore.exceptions", "HTTPClientError"),
    ("botocore.exceptions", "IncompleteReadError"),
)


def is_url(path: object) -> bool:
    """Whether a path names something that fsspec has to open, such as "s3://bucket/ct.dcbs"."""
    return isinstance(path, str) and "://" in path


class RemoteFile:
    """A file behind a URL; only the ranges that are asked for are fetched.

    Header and tail are fetched at once when it is opened, and kept.

    Raises
    ------
    MissingDependencyError
        fsspec, or what it needs for such URLs, is not installed.
    InvalidCubeFileError
        There is no such file, or the server ignores ranges.
    """

    def __init__(self, url: str) -> None:
        self.name = url
        self.bytes_fetched = 0
        self.requests = 0
        self._kept: list[tuple[Extent, memoryview]] = []
        self._files, self._path = file_system(url)
        try:
            self.length = int(self._files.info(self._path)["size"])
        except (TypeError, ValueError) as error:
            raise InvalidCubeFileError(
                "the server does not say how long the file is", where=url
            ) from error
        except Exception as error:  # each file system has errors of its own
            raise self._failure(error) from error
        ends = [Extent(0, min(HEADER_LENGTH_BYTES, self.length))]
        tail = min(_TAIL_BYTES, self.length)
        ends.append(Extent(self.length - tail, tail))
        fetched = [memoryview(data) for data in self._fetch(ends)]
        self._kept = list(zip(ends, fetched, strict=True))

    def read(self, extents: Sequence[Extent]) -> list[memoryview]:
        """See `ByteSource`."""
        found = [self._from_kept(extent) for extent in extents]
        missing = [extent for extent, data in zip(extents, found, strict=True) if data is None]
        fetched = iter(read_together(missing, _GAP, self._fetch) if missing else ())
        return [next(fetched) if data is None else data for data in found]

    def close(self) -> None:
        """See `ByteSource`; connections are those of fsspec, which keeps them."""
        self._files = None

    def _from_kept(self, extent: Extent) -> memoryview | None:
        for kept, data in self._kept:
            if kept.offset <= extent.offset and extent.end <= kept.end:
                start = extent.offset - kept.offset
                return data[start : start + extent.length]
        return None

    def _fetch(self, hulls: Sequence[Extent]) -> list[bytes]:
        if self._files is None:
            raise InvalidCubeFileError("the file is closed", where=self.name)
        starts, ends = [hull.offset for hull in hulls], [hull.end for hull in hulls]
        try:
            parts = self._files.cat_ranges([self._path] * len(hulls), starts, ends)
        except Exception as error:  # each file system has errors of its own
            raise self._failure(error) from error
        self.requests += len(hulls)
        for hull, part in zip(hulls, parts, strict=True):
            if isinstance(part, Exception):
                raise self._failure(part) from part
            self.bytes_fetched += len(part)
            if len(part) > hull.length:
                raise InvalidCubeFileError(
                    f"the server sent {len(part)} bytes where {hull.length} were asked for: it "
                    "ignores ranges",
                    where=self.name,
                    hint="download the file, then open it",
                )
            if len(part) < hull.length:
                raise InvalidCubeFileError(
                    f"the server sent {len(part)} of {hull.length} bytes", where=self.name
                )
        return list(parts)

    def _failure(self, error: BaseException) -> DicomCubeError:
        if isinstance(error, ImportError):
            return _missing(self.name)
        return InvalidCubeFileError(
            f"cannot be fetched: {type(error).__name__}", where=self.name, hint="check the URL"
        )


def unreachable(error: BaseException, *, where: str) -> UnreachableError | None:
    """What to raise for an error of fsspec if the server did not answer; None if it did."""
    # Who raised them has imported them.
    kinds = [getattr(sys.modules.get(module), name, ()) for module, name in _NO_ANSWERS]
    if not isinstance(error, (ConnectionError, TimeoutError, *filter(None, kinds))):
        return None
    return UnreachableError(
        f"the server does not answer, or the connection broke: {type(error).__name__}",
        where=where,
        hint="check the network, then start the command again: it goes on where it ended",
    )


def file_system(url: str, **options: Any) -> tuple[Any, str]:
    """What fsspec has for a URL, made with these options, and the path in there.

    Raises
    ------
    MissingDependencyError
        fsspec, or what it needs for such URLs, is not installed.
    InvalidCubeFileError
        Nobody knows such URLs.
    """
    try:
        from fsspec.core import url_to_fs  # noqa: PLC0415  # an extra

        files, path = url_to_fs(url, **options)
    except ImportError as error:
        raise _missing(url) from error
    except ValueError as error:
        raise InvalidCubeFileError("no such kind of URL", where=url) from error
    return files, str(path)


def _missing(url: str) -> MissingDependencyError:
    protocol = url.partition("://")[0]
    return MissingDependencyError(
        f"URLs of {protocol}:// need fsspec and its package for them",
        hint="pip install 'dicube[remote]'; for s3:// also s3fs, for gs:// gcsfs",
    )
