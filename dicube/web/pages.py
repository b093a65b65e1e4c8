"""The pages: frames of HTML that scripts fill. Patients' data come through the JSON interface."""

from pathlib import Path
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import FileResponse
from starlette.templating import Jinja2Templates

from dicube.library import LibraryError
from dicube.version import __version__
from dicube.web.services import Services, services_of
from dicube.web.settings import WebSettings

router = APIRouter()
Given = Annotated[Services, Depends(services_of)]

_HERE: Final = Path(__file__).parent
_TEMPLATES: Final = Jinja2Templates(directory=_HERE / "templates")  # escapes what is put in
NAVIGATION: Final = (
    ("search", "/", "Search"),
    ("convert", "/convert", "Convert"),
    ("jobs", "/jobs", "Jobs"),
    ("library", "/library", "Library"),
    ("templates", "/templates", "Templates"),
)


@router.get("/")
def search(request: Request, services: Given) -> Response:
    """Search a server, choose series, pull them."""
    return _page(request, services.settings, "search", servers=list(services.settings.servers))


@router.get("/convert")
def convert(request: Request, services: Given) -> Response:
    """Drop a folder or a zip."""
    limits = services.settings.limits
    return _page(request, services.settings, "convert", limits=limits)


@router.get("/jobs")
def jobs(request: Request, services: Given) -> Response:
    """Watch jobs."""
    return _page(request, services.settings, "jobs")


@router.get("/library")
def library(request: Request, services: Given) -> Response:
    """Browse cubes."""
    return _page(request, services.settings, "library")


@router.get("/templates")
def templates(request: Request, services: Given) -> Response:
    """Edit tag templates."""
    return _page(request, services.settings, "templates")


@router.get("/view/{key}")
def view(key: str, request: Request, services: Given) -> Response:
    """Look at a cube."""
    try:
        entry = services.library.entry(key)
    except LibraryError:
        services.library.refresh()  # perhaps it was made a moment ago
        try:
            entry = services.library.entry(key)
        except LibraryError:
            return not_found(request)
    return _page(request, services.settings, "viewer", entry=entry)


@router.get("/favicon.ico")
def icon() -> FileResponse:
    """What browsers ask for on their own."""
    return FileResponse(_HERE / "static" / "icon.svg", media_type="image/svg+xml")


def not_found(request: Request) -> Response:
    """A page that says so."""
    settings = services_of(request).settings
    return _page(request, settings, "missing", status=404)


def _page(
    request: Request, settings: WebSettings, name: str, *, status: int = 200, **values: object
) -> Response:
    context = {
        "page": name,
        "navigation": NAVIGATION,
        "version": __version__,
        "is_demo": settings.is_demo,
        **values,
    }
    return _TEMPLATES.TemplateResponse(request, f"{name}.html", context, status_code=status)
