"""Converting an upload into cubes of the library, as items of a job.

The first item unpacks archives and finds out what there is; it then adds one item for each volume
set. Each cube is verified against its source files before it appears in the library.
"""

import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import Any, Final

from dicube.core.image import DicomCubeImage
from dicube.core.verify import verify_file
from dicube.dicom.find_series import SeriesSearch, find_series
from dicube.dicom.series.volume_set import VolumeSet
from dicube.exceptions import DataConsistencyError, InvalidCubeFileError, MetaDataError
from dicube.web.jobs.runner import Control, Outcome, Worker
from dicube.web.jobs.states import Item, NewItem
from dicube.web.unpacking import is_archive, unpack
from dicube.web.uploads import UploadFolder

SCAN: Final = "scan"
CONVERT: Final = "convert"
FORMATS: Final = ("dcbs", "dcba")
_UNPACKED: Final = "-unpacked"
_LISTED_FILES: Final = 20  # that are no images; more are counted
_UNSAFE: Final = re.compile(r"[^A-Za-z0-9]+")


def scan_item(upload: str, title: str, file_format: str) -> NewItem:
    """The first item of an upload that is complete."""
    return NewItem(SCAN, title, {"upload": upload, "format": file_format})


def scan_worker(uploads: UploadFolder) -> Worker:
    """What finds the volume sets of an upload."""

    def work(item: Item, control: Control) -> Outcome:
        folder = uploads.folder_of(item.request["upload"])
        for archive in sorted(_archives(folder)):
            target = archive.with_name(archive.name + _UNPACKED)
            unpack(archive, target, uploads.limits, control.progress)
            archive.unlink()
        search = find_series(folder, progress=control.progress)
        more = [_convert_item(item.request, folder, found) for found in search]
        findings = _left_over(search, folder)
        if not more:
            raise MetaDataError(
                "no DICOM images were found", hint=findings[0] if findings else "check the folder"
            )
        return Outcome(findings=findings, more=more)

    return work


def convert_worker(uploads: UploadFolder, library: Path, work_folder: Path) -> Worker:
    """What converts a volume set; `work_folder` is of the same file system as the library."""
    naming = Lock()  # two items may want the same name

    def work(item: Item, control: Control) -> Outcome:
        folder = uploads.folder_of(item.request["upload"])
        request = item.request
        found = _volume_set(find_series(folder / request["folder"]), request)
        image = DicomCubeImage.from_volume_set(found, progress=control.progress)
        stem = library / request["name"]
        stem.parent.mkdir(parents=True, exist_ok=True)
        # Elsewhere, so that the library does not show it before it is verified and has its name;
        # always in the same place, so that nothing remains of an attempt that was killed.
        with _work_folder(work_folder / f"item-{item.id}") as aside:
            control.progress("encoding", 0, 1)
            cube = image.to_file(aside / f"cube.{request['format']}")
            _verify(cube, control.progress)
            with naming:
                target = _free_path(stem, request["format"])
                cube.rename(target)
        return Outcome(
            findings=[f"{finding.status.value}: {finding.message}" for finding in image.findings],
            results=[target.relative_to(library).as_posix()],
        )

    return work


@contextmanager
def _work_folder(folder: Path) -> Iterator[Path]:
    """An empty folder of our own, which is gone afterwards."""
    if folder.exists():
        shutil.rmtree(folder)
    folder.mkdir(mode=0o700, parents=True)
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


def _archives(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file() and is_archive(path)]


def _convert_item(request: dict[str, Any], upload: Path, found: VolumeSet) -> NewItem:
    size = " x ".join(map(str, found.shape))
    part = f" ({found.kind or found.group + 1})" if found.groups > 1 else ""
    tail = f"-{found.group + 1}" if found.groups > 1 else ""
    # The name in the library comes from UIDs, which say nothing about the patient.
    uid = _UNSAFE.sub("_", found.series_uid.replace(".", "-")).strip("_") or "series"
    return NewItem(
        CONVERT,
        f"{found.modality or 'Series'}{part}, {size}",
        {
            **request,
            "folder": found.folder.relative_to(upload).as_posix(),
            "series_uid": found.series_uid,
            "group": found.group,
            "name": f"uploads/{uid[:64]}{tail}",
        },
    )


def _volume_set(search: SeriesSearch, request: dict[str, Any]) -> VolumeSet:
    for found in search:
        if (found.series_uid, found.group) == (request["series_uid"], request["group"]):
            return found
    raise DataConsistencyError("the files of the series are gone", hint="upload them again")


def _free_path(stem: Path, file_format: str) -> Path:
    """A name nobody has: what is in the library is never replaced."""
    path, number = stem.with_name(f"{stem.name}.{file_format}"), 2
    while path.exists():
        path, number = stem.with_name(f"{stem.name}-{number}.{file_format}"), number + 1
    return path


def _verify(path: Path, progress: Callable[[str, int, int], None]) -> None:
    progress("verifying", 0, 1)
    proof = verify_file(path)
    if not proof.ok:
        raise InvalidCubeFileError(f"verification failed: {proof.problems[0]}")
    progress("verifying", 1, 1)


def _left_over(search: SeriesSearch, upload: Path) -> list[str]:
    """Every file that is in no cube, with the reason."""
    left = [*search.damaged, *search.not_images]
    lines = [f"{file.path.relative_to(upload)}: {file.reason}" for file in left[:_LISTED_FILES]]
    if len(left) > _LISTED_FILES:
        lines.append(f"{len(left) - _LISTED_FILES} more files that are no images")
    return lines
