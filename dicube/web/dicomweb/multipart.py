"""Bodies of several parts (RFC 2387), sent while they are being made."""

import secrets
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple, TypeVar

from starlette.responses import StreamingResponse

Item = TypeVar("Item")


class Part(NamedTuple):
    """One part: its body, what it is, and where it can be had alone."""

    content_type: str
    chunks: Iterable[bytes | memoryview]
    length: int
    location: str


def multipart_response(
    parts: Iterator[Part], part_type: str, headers: Mapping[str, str]
) -> StreamingResponse:
    """A multipart/related answer of parts of one media type.

    The first part is made before the answer begins, so that what is wrong can still be said.
    """
    boundary = f"dicube-{secrets.token_hex(12)}"
    content_type = f'multipart/related; type="{part_type}"; boundary={boundary}'
    return StreamingResponse(
        _body(begun(parts), boundary), headers={**headers, "Content-Type": content_type}
    )


def single_response(parts: Iterator[Part], headers: Mapping[str, str]) -> StreamingResponse:
    """An answer that is one part."""
    (part,) = parts
    about = {
        "Content-Type": part.content_type,
        "Content-Length": str(part.length),
        "Content-Location": part.location,
    }
    return StreamingResponse(begun(iter(part.chunks)), headers={**headers, **about})


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
        yield head.encode("latin-1")
        yield from part.chunks
        yield b"\r\n"
    yield f"--{boundary}--\r\n".encode("latin-1")
