"""The application: routes, pages, static files, errors as JSON, and what guards all of them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Final

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from dicube.exceptions import DicomCubeError, InvalidCubeFileError, PacsError
from dicube.library import LibraryError
from dicube.web import pages
from dicube.web.api import cubes, jobs, library, servers, templates, uploads
from dicube.web.security import secure
from dicube.web.services import Services
from dicube.web.settings import WebSettings

_STATIC: Final = Path(__file__).parent / "static"
_MOST_JSON_BYTES: Final = 4 << 20  # of a body that is no upload
_STATUS: Final[tuple[tuple[type[DicomCubeError], int], ...]] = (
    (LibraryError, 404),
    (PacsError, 502),
    (InvalidCubeFileError, 422),
)


def create_app(settings: WebSettings) -> FastAPI:
    """The web page as an ASGI application.

    Parameters
    ----------
    settings : WebSettings

    Raises
    ------
    LibraryError, DataConsistencyError
        The library or the state folder cannot be used.
    """
    services = Services(settings)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        with services:
            yield

    # No pages about the interface: they would load scripts from elsewhere.
    app = FastAPI(lifespan=lifespan, docs_url=None, redoc_url=None, openapi_url=None)
    app.state.services = services
    for module in (cubes, jobs, library, servers, templates, uploads):
        app.include_router(module.router)
    app.include_router(pages.router)
    app.mount("/static", StaticFiles(directory=_STATIC), name="static")
    app.add_exception_handler(DicomCubeError, _known_error)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(RequestValidationError, _malformed)
    app.add_middleware(_ShortBodies)
    secure(app, replace(settings.security, max_body_bytes=settings.limits.most_bytes))
    return app


class _ShortBodies:
    """Refuses long bodies but for uploads, and those of unknown length."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] in ("GET", "HEAD") or _is_upload(scope):
            await self._app(scope, receive, send)
            return
        length = dict(scope["headers"]).get(b"content-length", b"0")
        if length.isdigit() and int(length) <= _MOST_JSON_BYTES:
            await self._app(scope, _up_to(receive, int(length)), send)
            return
        refusal = _error("the request is too long", 413)
        await refusal(scope, receive, send)


def _is_upload(scope: Scope) -> bool:
    return bool(scope["method"] == "PUT" and scope["path"].startswith("/api/uploads/"))


def _up_to(receive: Receive, most: int) -> Receive:
    """A body that ends where its length said, whatever else comes."""
    left = most

    async def receiving() -> Message:
        nonlocal left
        message = await receive()
        if message["type"] == "http.request":
            body = message.get("body", b"")[: max(0, left)]
            left -= len(body)
            return {**message, "body": body}
        return message

    return receiving


def _known_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, DicomCubeError)
    status = next((code for kind, code in _STATUS if isinstance(error, kind)), 400)
    place = f"{error.where}: " if error.where else ""
    return _error(f"{place}{error.what}", status, error.hint)


def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if error.status_code == 404 and "text/html" in request.headers.get("accept", ""):
        return pages.not_found(request)
    return _error(str(error.detail), error.status_code)


def _malformed(request: Request, error: Exception) -> Response:
    """Which fields are wrong, without their values."""
    assert isinstance(error, RequestValidationError)
    fields = {".".join(map(str, each["loc"][1:])) for each in error.errors()}
    named = ", ".join(sorted(filter(None, fields)))
    return _error("the request is malformed" + (f": {named}" if named else ""), 422)


def _error(what: str, status: int, hint: str | None = None) -> JSONResponse:
    return JSONResponse({"error": what, "hint": hint}, status)
