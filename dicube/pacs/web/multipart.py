"""multipart/related bodies (RFC 2387, PS3.18 8.6.1): read and written as streams."""

import re
import secrets
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final

from dicube.exceptions import PacsError, ServerUnavailableError

_BOUNDARY: Final = re.compile(r'boundary="?([^";,]+)"?', re.IGNORECASE)
_MOST_HEADERS: Final = 1 << 16
_PIECE_BYTES: Final = 1 << 18


def boundary_of(content_type: str, where: str) -> bytes:
    """The boundary that a Content-Type names.

    Raises
    ------
    PacsError
        It is no multipart type.
    """
    found = _BOUNDARY.search(content_type)
    if not content_type.lower().startswith("multipart/") or found is None:
        raise PacsError(
            "the server's answer is not multipart",
            where=where,
            hint="is dicomweb_url the root of a DICOMweb service?",
        )
    return found[1].strip().encode("latin-1")


def parts_of(pieces: Iterable[bytes], boundary: bytes, where: str) -> Iterator[Iterator[bytes]]:
    """The bodies of the parts, each as pieces that have to be used up before the next part.

    Raises
    ------
    ServerUnavailableError
        The body ends before its last boundary; the part that was under way is not whole.
    PacsError
        It is malformed.
    """
    body = _Body(pieces, where)
    delimiter = b"--" + boundary
    for _ in body.until(delimiter):
        pass  # the preamble
    delimiter = b"\r\n" + delimiter
    while not body.starts_with(b"--"):
        body.skip_headers()
        yield body.until(delimiter)


class _Body:
    """Bytes that come in pieces, with a little look ahead."""

    def __init__(self, pieces: Iterable[bytes], where: str) -> None:
        self._pieces = iter(pieces)
        self._ahead = b""
        self._where = where

    def until(self, delimiter: bytes) -> Iterator[bytes]:
        """What comes before a delimiter, which is taken away, too."""
        while True:
            place = self._ahead.find(delimiter)
            if place >= 0:
                found, self._ahead = self._ahead[:place], self._ahead[place + len(delimiter) :]
                if found:
                    yield found
                return
            sure = len(self._ahead) - len(delimiter) + 1  # the rest may begin a delimiter
            if sure > 0:
                found, self._ahead = self._ahead[:sure], self._ahead[sure:]
                yield found
            self._more()

    def skip_headers(self) -> None:
        """Pass the headers of a part, up to the empty line; there may be none."""
        while not self.starts_with(b"\r\n\r\n"):
            end = self._ahead.find(b"\r\n\r\n")
            if end >= 0:
                self._ahead = self._ahead[end:]
                break
            if len(self._ahead) > _MOST_HEADERS:
                raise PacsError("a part of the answer has no end of headers", where=self._where)
            self._more()
        self._ahead = self._ahead[4:]

    def starts_with(self, start: bytes) -> bool:
        """Whether these bytes come next."""
        while len(self._ahead) < len(start):
            self._more()
        return self._ahead.startswith(start)

    def _more(self) -> None:
        piece = next(self._pieces, None)
        if piece is None:
            raise ServerUnavailableError("the answer ended early", where=self._where)
        self._ahead += piece


class MultipartFiles:
    """A body of DICOM files for STOW-RS: sized, and read from the files while it is sent."""

    def __init__(self, paths: Sequence[Path]) -> None:
        boundary = secrets.token_hex(16)
        self.content_type = f'multipart/related; type="application/dicom"; boundary={boundary}'
        self._start = f"--{boundary}\r\nContent-Type: application/dicom\r\n\r\n".encode()
        self._end = f"--{boundary}--\r\n".encode()
        self._sizes = [(path, path.stat().st_size) for path in paths]

    def __len__(self) -> int:
        """Bytes of the body."""
        parts = sum(len(self._start) + size + 2 for _, size in self._sizes)
        return parts + len(self._end)

    def __iter__(self) -> Iterator[bytes]:
        """The bytes, in pieces.

        Raises
        ------
        PacsError
            A file changed its length meanwhile.
        """
        for path, size in self._sizes:
            yield self._start
            with open(path, "rb") as file:
                left = size
                while piece := file.read(min(_PIECE_BYTES, left)):
                    left -= len(piece)
                    yield piece
            if left:
                raise PacsError("the file became shorter while it was sent", where=str(path))
            yield b"\r\n"
        yield self._end
