"""Routes of jobs: what there is, what is done to them, what changes, what came of them."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, HTTPException, Request, Response
from fastapi.responses import FileResponse, StreamingResponse
from pydantic import BaseModel, ConfigDict, Field

from dicube.exceptions import PacsError
from dicube.library.entry import entry_key
from dicube.storage.formats import is_cube_suffix
from dicube.web.archive import zipped
from dicube.web.jobs.pulling import pull_items, series_from
from dicube.web.jobs.states import Action, Item, Job
from dicube.web.services import Services, services_of, upload_of

router = APIRouter(prefix="/api/jobs")
Given = Annotated[Services, Depends(services_of)]

_MOST_SERIES = 5000


class PullRequest(BaseModel):
    """Series that are to be pulled from a server."""

    model_config = ConfigDict(extra="forbid")

    server: str = Field(max_length=200)
    format: Literal["dcbs", "dcba", "dicom", "nifti", "npz"] = "dcbs"
    deidentify: bool = False
    title: str = Field(default="Pull", max_length=500)
    series: list[dict[str, str | int | None]] = Field(min_length=1, max_length=_MOST_SERIES)


class ActionRequest(BaseModel):
    """What to do to a job."""

    model_config = ConfigDict(extra="forbid")

    action: Action


@router.get("")
def listed(services: Given) -> dict[str, Any]:
    """All jobs, the newest first."""
    return {"jobs": [job_members(job) for job in services.store.jobs()]}


@router.post("", status_code=201)
def start_pull(asked: PullRequest, services: Given) -> dict[str, Any]:
    """Queue a pull."""
    if asked.server not in services.settings.servers:
        raise PacsError("there is no server of this name", hint="see the configuration")
    series = map(series_from, asked.series)
    items = pull_items(asked.server, series, asked.format, deidentify=asked.deidentify)
    return job_members(services.store.add("pull", asked.title, items))


@router.get("/events")
async def events(request: Request, services: Given) -> Response:
    """Server-sent events of all jobs."""

    async def stream() -> AsyncIterator[str]:
        async for event in services.events.stream(job_members):
            if await request.is_disconnected():
                return
            yield event

    return StreamingResponse(
        stream(), media_type="text/event-stream", headers={"X-Accel-Buffering": "no"}
    )


@router.get("/{job}")
def one(job: str, services: Given) -> dict[str, Any]:
    """One job."""
    return job_members(_job(services, job))


@router.post("/{job}")
def act(job: str, asked: ActionRequest, services: Given) -> dict[str, Any]:
    """Pause, resume, cancel or retry."""
    _job(services, job)
    return job_members(services.store.act(job, asked.action))


@router.delete("/{job}", status_code=204)
def forget(job: str, services: Given) -> None:
    """Take a job off the list; its results stay, the files it was made from go."""
    found = _job(services, job)
    services.store.forget(job)
    services.uploads.discard(upload_of(found))


@router.get("/{job}/items/{item}/results/{number}")
def result(job: str, item: int, number: int, services: Given) -> Response:
    """A file that a job made; a folder as a zip."""
    found = next((each for each in _job(services, job).items if each.id == item), None)
    if found is None or not 0 <= number < len(found.results):
        raise HTTPException(404, "there is no such result")
    root = services.settings.library.resolve()
    path = (root / found.results[number]).resolve()
    if not path.is_relative_to(root) or not path.exists():
        raise HTTPException(404, "the result is no longer there")
    if path.is_dir():
        return StreamingResponse(
            zipped(path), media_type="application/zip", headers=_attached(path.name + ".zip")
        )
    return FileResponse(path, filename=path.name, media_type="application/octet-stream")


def job_members(job: Job) -> dict[str, Any]:
    """A job as the page gets it."""
    return {
        "id": job.id,
        "kind": job.kind,
        "title": job.title,
        "created": job.created,
        "state": job.state,
        "items": [_item_members(item) for item in job.items],
    }


def _item_members(item: Item) -> dict[str, Any]:
    return {
        "id": item.id,
        "kind": item.kind,
        "label": item.label,
        "state": item.state,
        "wish": item.wish,
        "stage": item.stage,
        "done": item.done,
        "total": item.total,
        "bytes": item.bytes,
        "error": item.error,
        "findings": item.findings,
        "results": [
            {
                "name": Path(path).name,
                "key": entry_key(path) if is_cube_suffix(Path(path)) else None,
            }
            for path in item.results
        ],
    }


def _job(services: Services, job: str) -> Job:
    try:
        return services.store.job(job)
    except KeyError:
        raise HTTPException(404, "there is no such job") from None


def _attached(name: str) -> dict[str, str]:
    plain = "".join(c if c.isascii() and (c.isalnum() or c in "._-") else "_" for c in name)
    return {"Content-Disposition": f'attachment; filename="{plain}"'}
