"""Routes of tag templates, and of the tables that are made with them."""

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Response
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, ConfigDict, Field

from dicube.extras import extra_module
from dicube.web.services import Services, services_of
from dicube.web.template_store import MOST_CHARACTERS

router = APIRouter(prefix="/api")
Given = Annotated[Services, Depends(services_of)]

_MOST_CUBES = 10_000
_EXCEL = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_CHUNK_BYTES = 1 << 20


class Text(BaseModel):
    """A template to be saved."""

    model_config = ConfigDict(extra="forbid")

    text: str = Field(max_length=MOST_CHARACTERS)
    isNew: bool = False  # noqa: N815  # as all of JSON


class TableRequest(BaseModel):
    """Cubes, and the templates to use instead of ours."""

    model_config = ConfigDict(extra="forbid")

    cubes: list[str] = Field(min_length=1, max_length=_MOST_CUBES)
    templates: dict[str, str] = Field(default_factory=dict, max_length=40)


@router.get("/templates")
def listed(services: Given) -> dict[str, Any]:
    """All names."""
    names = services.templates.names()
    return {"templates": [{"name": name, "isOwn": own} for name, own in names.items()]}


@router.get("/templates/{name}")
def read(name: str, services: Given) -> dict[str, Any]:
    """One template as text."""
    found = services.templates.read(name)
    return {"name": found.name, "text": found.text, "isOwn": found.is_own}


@router.put("/templates/{name}", status_code=204)
def save(name: str, asked: Text, services: Given) -> None:
    """Save one of the user's own, once it was checked."""
    services.templates.save(name, asked.text, is_new=asked.isNew)


@router.delete("/templates/{name}", status_code=204)
def remove(name: str, services: Given) -> None:
    """Remove one of the user's own."""
    services.templates.remove(name)


@router.post("/tables")
def table(asked: TableRequest, services: Given) -> Response:
    """The metadata table of some cubes as an Excel file."""
    paths = [services.library.entry(key).path for key in asked.cubes]
    tables = extra_module("dicube.interchange.tables", extra="tables", purpose="metadata tables")
    found = tables.metadata_tables(paths, templates=services.templates.chosen(asked.templates))
    scratch = tempfile.TemporaryDirectory(prefix="table-", dir=services.scratch)
    try:
        (path,) = found.write(Path(scratch.name) / "metadata.xlsx")
    except BaseException:
        scratch.cleanup()
        raise

    def stream() -> Iterator[bytes]:
        with scratch, open(path, "rb") as file:
            while chunk := file.read(_CHUNK_BYTES):
                yield chunk

    headers = {"Content-Disposition": 'attachment; filename="metadata.xlsx"'}
    return StreamingResponse(stream(), media_type=_EXCEL, headers=headers)
