"""Bodies of several parts (RFC 2387), sent while they are being made."""

import secrets
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple, TypeVar

from starlette.responses import Response, StreamingResponse

Item = TypeVar("Item")


class Part(NamedTuple):
    """One part: its body, what it is, and where it can be had alone."""

    content_type: str
    chunks: Iterable[bytes | memoryview]
    length: int
    location: str


def multipart_response(
    parts: Iterator[Part], part_type: str, headers: Mapping[str, str]
) -> Response:
    """A multipart/related answer of parts of one media type.

    The first part is made before the answer begins, so that what is wrong can still be said.
    """
    boundary = f"dicube-{secrets.token_hex(12)}"
    content_type = f'multipart/related; type="{part_type}"; boundary={boundary}'
    about = {**headers, "Content-Type": content_type}
    return StreamingResponse(_body(begun(parts), boundary), headers=about)


def single_response(part: Part, headers: Mapping[str, str]) -> Response:
    """An answer that is one part; one that is whole already is sent at once, which is faster."""
    about = {
        **headers,
        "Content-Type": part.content_type,
        "Content-Length": str(part.length),
        "Content-Location": part.location,
    }
    if isinstance(part.chunks, list):
        return Response(b"".join(part.chunks), headers=about)
    return StreamingResponse(begun(iter(part.chunks)), headers=about)


def begun(items: Iterator[Item]) -> Iterator[Item]:
    """The same items, the first of which is made now."""
    first = list(_taken(items))

    def rest() -> Iterator[Item]:
        yield from first
        yield from items

    return rest()


def _taken(items: Iterator[Item]) -> Iterator[Item]:
    for item in items:
        yield item
        return


def _body(parts: Iterator[Part], boundary: str) -> Iterator[bytes | memoryview]:
    for part in parts:
        head = (
            f"--{boundary}\r\nContent-Type: {part.content_type}\r\n"
            f"Content-Length: {part.length}\r\nContent-Location: {part.location}\r\n\r\n"
        )
        before = head.encode("latin-1")
        for chunk in part.chunks:
            yield before + chunk  # few large pieces: each is handed over to another thread
            before = b""
        yield before + b"\r\n"
    yield f"--{boundary}--\r\n".encode("latin-1")
