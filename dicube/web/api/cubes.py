"""Routes of the viewer: description, stored values and elements of a cube."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Response

from dicube.exceptions import DataConsistencyError
from dicube.web.services import Services, services_of
from dicube.web.viewing.description import viewer_description
from dicube.web.viewing.elements import element_rows

router = APIRouter(prefix="/api/cubes/{key}")
Given = Annotated[Services, Depends(services_of)]

_MOST_SLICES = 256  # of one block; the page asks for few megabytes at a time
_MOST_BYTES = 64 << 20


@router.get("")
def describe(key: str, services: Given) -> dict[str, Any]:
    """What the viewer has to know before it asks for values."""
    entry = services.library.entry(key)
    with services.cubes.view(entry.path) as view:
        return viewer_description(view)


@router.get("/values")
def values(
    key: str,
    services: Given,
    volume: Annotated[int, Query(ge=0)],
    axis: Annotated[int, Query(ge=0, le=2)],
    first: Annotated[int, Query(ge=0)],
    count: Annotated[int, Query(ge=1, le=_MOST_SLICES)],
) -> Response:
    """Stored values of some slices, little endian in C order; X-Dtype and X-Shape say how."""
    entry = services.library.entry(key)
    with services.cubes.view(entry.path) as view:
        if count > 1 and view.volume_bytes * count > _MOST_BYTES * view.slices_along(axis):
            raise DataConsistencyError("that is more than is sent at once", hint="ask for less")
    block = services.cubes.block(entry.path, volume, axis, first, count)
    return Response(
        block.tobytes(),
        media_type="application/octet-stream",
        headers={"X-Dtype": block.dtype.name, "X-Shape": ",".join(map(str, block.shape))},
    )


@router.get("/elements")
def elements(
    key: str, services: Given, frame: Annotated[int, Query(ge=0)] = 0
) -> dict[str, list[dict[str, Any]]]:
    """The DICOM elements of a frame."""
    entry = services.library.entry(key)
    with services.cubes.view(entry.path) as view:
        meta = view.frames_meta
        return {"elements": [] if meta is None else list(element_rows(meta, frame))}
