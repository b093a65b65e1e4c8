"""What the routes work with: one of each for the life of the server."""

import shutil
from typing import Self

from fastapi import Request

from dicube.library import CubeLibrary
from dicube.web.events import JobEvents
from dicube.web.jobs import converting, pulling
from dicube.web.jobs.runner import JobRunner
from dicube.web.jobs.states import Job
from dicube.web.jobs.store import JobStore
from dicube.web.settings import WebSettings
from dicube.web.template_store import TemplateStore
from dicube.web.uploads import UploadFolder
from dicube.web.viewing.viewed_cubes import ViewedCubes


class Services:
    """Library, jobs, uploads, templates and open cubes.

    Parameters
    ----------
    settings : WebSettings

    Attributes
    ----------
    scratch : Path
        For what is gone when a request or an item ends; of the file system of the library.

    Raises
    ------
    LibraryError
        There is no such library.
    DataConsistencyError
        The database of jobs is none, or another server has it open.
    """

    def __init__(self, settings: WebSettings) -> None:
        self.settings = settings
        self.library = CubeLibrary(settings.library)
        settings.state.mkdir(mode=0o700, exist_ok=True)
        self.store = JobStore(settings.state / "jobs.sqlite")
        self.scratch = settings.state / "scratch"
        if self.scratch.exists():  # a server that was killed could not clear it
            shutil.rmtree(self.scratch)
        self.scratch.mkdir(mode=0o700)
        self.uploads = UploadFolder(
            settings.state / "uploads", settings.limits, map(upload_of, self.store.jobs())
        )
        self.cubes = ViewedCubes()
        self.templates = TemplateStore(settings.templates)
        self.events = JobEvents(self.store)
        library = settings.library.resolve()
        workers = {
            pulling.KIND: pulling.pull_worker(settings.servers, library, settings.state),
            converting.SCAN: converting.scan_worker(self.uploads),
            converting.CONVERT: converting.convert_worker(self.uploads, library, self.scratch),
        }
        self.runner = JobRunner(self.store, workers, settings.job_threads)

    def __enter__(self) -> Self:
        self.runner.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.events.close()
        self.runner.stop()
        self.cubes.close()
        self.store.close()


def upload_of(job: Job) -> str:
    """The upload a job was made from; "" if none."""
    return str(job.items[0].request.get("upload", "")) if job.items else ""


def services_of(request: Request) -> Services:
    """The services of the application that a request came to."""
    services: Services = request.app.state.services
    return services
