"""Routes of the library: its cubes, and each of them as a file or as DICOM."""

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Response
from fastapi.responses import FileResponse, StreamingResponse

from dicube.api import load
from dicube.library import LibraryEntry
from dicube.web.archive import zipped
from dicube.web.services import Services, services_of

router = APIRouter(prefix="/api/library")
Given = Annotated[Services, Depends(services_of)]


@router.get("")
def listed(services: Given) -> dict[str, Any]:
    """All cubes, looked up anew, and what could not be read."""
    services.library.refresh()
    return {
        "cubes": [_members(entry) for entry in services.library.entries],
        "findings": [
            {"path": finding.relative_path, "reason": finding.reason}
            for finding in services.library.findings
        ],
    }


@router.get("/{key}/file")
def file(key: str, services: Given) -> FileResponse:
    """The cube file."""
    path = services.library.entry(key).path
    return FileResponse(path, filename=path.name, media_type="application/octet-stream")


@router.get("/{key}/dicom")
def dicom(key: str, services: Given) -> Response:
    """The DICOM files of a cube as a zip."""
    entry = services.library.entry(key)
    # Written first, so that what goes wrong is an error and no zip that ends in the middle.
    scratch = tempfile.TemporaryDirectory(prefix="export-", dir=services.scratch)
    try:
        load(entry.path).to_dicom_folder(Path(scratch.name) / entry.path.stem)
    except BaseException:
        scratch.cleanup()
        raise

    def stream() -> Iterator[bytes]:
        with scratch as folder:
            yield from zipped(Path(folder) / entry.path.stem)

    headers = {"Content-Disposition": f'attachment; filename="{entry.key}.zip"'}
    return StreamingResponse(stream(), media_type="application/zip", headers=headers)


def _members(entry: LibraryEntry) -> dict[str, Any]:
    return {
        "key": entry.key,
        "path": entry.relative_path,
        "bytes": entry.bytes,
        "modified": entry.modified.timestamp(),
        "format": entry.format,
        "shape": entry.shape,
        "axes": entry.axes,
        "modality": entry.modality,
        "patientId": entry.patient_id,
        "patientName": entry.patient_name,
        "patientBirthDate": entry.patient_birth_date,
        "patientSex": entry.patient_sex,
        "studyUid": entry.study_uid,
        "studyDate": entry.study_date,
        "studyDescription": entry.study_description,
        "accessionNumber": entry.accession_number,
        "seriesNumber": entry.series_number,
        "seriesDescription": entry.series_description,
        "instances": entry.instance_count,
    }
