"""Routes of uploads: begin, one request for each file, complete."""

from typing import Annotated, Any, Literal
from urllib.parse import unquote

from fastapi import APIRouter, Depends, Header, Request
from pydantic import BaseModel, ConfigDict, Field

from dicube.web.api.jobs import job_members
from dicube.web.jobs.converting import scan_item
from dicube.web.services import Services, services_of
from dicube.web.uploads import UploadError

router = APIRouter(prefix="/api/uploads")
Given = Annotated[Services, Depends(services_of)]


class Announced(BaseModel):
    """What is about to be sent."""

    model_config = ConfigDict(extra="forbid")

    files: int
    bytes: int


class Wanted(BaseModel):
    """What is to become of it."""

    model_config = ConfigDict(extra="forbid")

    format: Literal["dcbs", "dcba"] = "dcbs"
    title: str = Field(default="Upload", max_length=500)


@router.post("", status_code=201)
def begin(announced: Announced, services: Given) -> dict[str, str]:
    """Make room."""
    return {"upload": services.uploads.begin(announced.files, announced.bytes)}


@router.put("/{upload}/files", status_code=201)
async def receive(
    upload: str,
    request: Request,
    services: Given,
    x_file_name: Annotated[str, Header(max_length=4000)],
) -> dict[str, int]:
    """One file; its relative path comes percent-encoded in a header, because paths are logged."""
    try:
        name = unquote(x_file_name, errors="strict")
    except UnicodeDecodeError as error:
        raise UploadError("a name is no UTF-8") from error
    return {"bytes": await services.uploads.receive(upload, name, request.stream())}


@router.post("/{upload}/complete", status_code=201)
def complete(upload: str, wanted: Wanted, services: Given) -> dict[str, Any]:
    """All files are there: make a job of them."""
    services.uploads.complete(upload)
    item = scan_item(upload, "Look for series", wanted.format)
    return job_members(services.store.add("convert", wanted.title, [item]))


@router.delete("/{upload}", status_code=204)
def abandon(upload: str, services: Given) -> None:
    """Forget an upload that is not complete."""
    services.uploads.abandon(upload)
