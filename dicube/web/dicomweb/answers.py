"""What all DICOMweb services share: where they are, what went wrong, and what did not change."""

import hashlib
import json
import logging
from collections.abc import Callable, Iterable, Iterator
from functools import wraps
from typing import Any, Final, TypeVar

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse

from dicube.exceptions import DicomCubeError, MissingDependencyError
from dicube.library import LibraryError
from dicube.web.dicomweb.multipart import begun
from dicube.web.dicomweb.negotiation import NotAcceptableError

logger = logging.getLogger(__name__)

Service = TypeVar("Service")
Handler = Callable[[Service, Request], Response]

# Kept by the browser that asked, and by nobody else; each use asks whether it still holds.
CACHED: Final = "private, no-cache"


class BadRequestError(Exception):
    """The request cannot be understood; the text says what of it, without its values."""


def base_url(request: Request) -> str:
    """The address of the service, without a slash behind it."""
    url = request.url
    server = request.scope.get("server")
    is_forwarded = any(name.startswith(("x-forwarded", "forwarded")) for name in request.headers)
    if url.port is None and server is not None and not is_forwarded:
        url = url.replace(port=server[1])  # some clients leave it out of the Host header field
    return f"{url.scheme}://{url.netloc}{request.scope.get('root_path', '')}"


def in_plain_words(handler: Handler[Service]) -> Handler[Service]:
    """Turn errors of a handler into answers that say what is wrong."""

    @wraps(handler)
    def answering(service: Service, request: Request, /) -> Response:
        try:
            return handler(service, request)
        except BadRequestError as error:
            return _plain(str(error), 400)
        except NotAcceptableError as error:
            return _plain(str(error), 406)
        except LibraryError as error:
            return _plain(error.what, 404)
        except MissingDependencyError as error:
            return _plain(f"{error.what} ({error.hint})", 501)
        except DicomCubeError as error:
            logger.warning("%s", error)
            return _plain(error.what, 500)

    return answering


def entity_tag(*parts: object) -> str:
    """A strong validator (RFC 9110 8.8.3) of what was made of these parts."""
    digest = hashlib.blake2b(repr(parts).encode(), digest_size=16)
    return f'"{digest.hexdigest()}"'


def unchanged(request: Request, tag: str) -> Response | None:
    """304 where the client has it already (RFC 9110 13.1.2), None where it has to be sent."""
    held = {
        each.strip().removeprefix("W/")
        for each in request.headers.get("if-none-match", "").split(",")
    }
    if tag not in held and "*" not in held:
        return None
    return Response(status_code=304, headers={"ETag": tag, "Cache-Control": CACHED})


def json_response(
    items: Iterable[Any], media_type: str, warnings: Iterable[str] = ()
) -> StreamingResponse:
    """A JSON array, sent while its items are being made."""
    answer = StreamingResponse(begun(_array(items)), media_type=media_type)
    for warning in warnings:
        answer.headers.append("Warning", f'299 dicube "{warning}"')
    return answer


def _array(items: Iterable[Any]) -> Iterator[bytes]:
    before = "["
    for item in items:
        text = json.dumps(item, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
        # A lone half of a surrogate pair came from damaged text and has no UTF-8.
        yield (before + text).encode(errors="replace")
        before = ","
    yield b"]" if before == "," else b"[]"


def _plain(text: str, status: int) -> PlainTextResponse:
    return PlainTextResponse(text + "\n", status)
