"""The DICOMweb services of a library: which handler answers which address (PS3.18 10.3)."""

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import BaseRoute, Mount, Route

from dicube.library import CubeLibrary
from dicube.library.open_cubes import OpenCubes
from dicube.library.studies import Studies
from dicube.web.dicomweb.rendered import Rendering
from dicube.web.dicomweb.retrieve import Retrieval
from dicube.web.dicomweb.search import Search
from dicube.web.security import SecuritySettings, secure

PREFIX = "/dicomweb"


def dicomweb_app(library: CubeLibrary, settings: SecuritySettings) -> Starlette:
    """An application that serves a library at /dicomweb, secured."""
    app = Starlette(routes=[Route("/", _about), Mount(PREFIX, routes=dicomweb_routes(library))])
    secure(app, settings)
    return app


def dicomweb_routes(library: CubeLibrary) -> list[BaseRoute]:
    """The services themselves, for an application that has other pages, too. They are read-only."""
    cubes = OpenCubes()
    studies = Studies(library, cubes)
    search, retrieval = Search(studies, cubes), Retrieval(studies, cubes)
    rendering = Rendering(studies, cubes)
    study, series = "/studies/{study}", "/studies/{study}/series/{series}"
    instance = series + "/instances/{instance}"
    return [
        Route("/studies", search.studies),
        Route("/series", search.series),
        Route("/instances", search.instances),
        Route(study + "/series", search.series),
        Route(study + "/instances", search.instances),
        Route(series + "/instances", search.instances),
        *(Route(level + "/metadata", retrieval.metadata) for level in (study, series, instance)),
        *(Route(level, retrieval.instances) for level in (study, series, instance)),
        Route(instance + "/frames/{frames}", retrieval.frames),
        Route(instance + "/bulkdata/{place:path}", retrieval.bulk_data),
        Route(instance + "/rendered", rendering.rendered),
        Route(instance + "/frames/{frames}/rendered", rendering.rendered),
    ]


def _about(request: Request) -> JSONResponse:
    return JSONResponse({"dicomweb": f"{request.base_url}{PREFIX.removeprefix('/')}"})
