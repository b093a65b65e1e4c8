"""One volume set into a cube file that was read again and compared with its source files."""

import math
from pathlib import Path
from typing import Final, NamedTuple

from dicube.archive.settings import StoreSettings
from dicube.archive.storing.facts import Fact, facts_of
from dicube.core.conversion import convert_series
from dicube.core.cube_file import describe
from dicube.core.dicom_folder import read_contents
from dicube.core.image import DicomCubeImage
from dicube.core.verify import verify_series
from dicube.dicom.dicom_io import DicomSeries
from dicube.dicom.judgement import image_findings
from dicube.dicom.volume import VolumePlan
from dicube.exceptions import DicomCubeError
from dicube.storage.dcb_file import DcbFile
from dicube.storage.formats import DCBR, format_of_name

# Pixels that are held at a time, as measured: read, encoded, and written pieces of a stream; an
# image whose frames change places is there twice; a region of interest needs masks and differences.
_STREAM_BYTES: Final = 150 << 20
#: What a worker should have, bytes: series of 512 x 512 pixels, and room for those of containers.
LEAST_MEMORY: Final = 400 << 20
_COPIES: Final = 2
_COPIES_WITH_ROI: Final = 8


class NotEnoughMemoryError(DicomCubeError):
    """A series needs more memory than a worker may have; with more it can be stored."""


class DamagedCubeError(DicomCubeError):
    """What was written is not what was read: memory, a disk or this program is broken."""


class Described(NamedTuple):
    """What a cube file holds.

    Attributes
    ----------
    digests : list of str
        Of the source files, in the order of the cube; those of compressed ones are of the files as
        they were. Empty where the cube holds no source files.
    facts : dict
    findings : list of str
    """

    digests: list[str]
    facts: dict[str, Fact]
    findings: list[str]


def write_cube(series: DicomSeries, path: Path, settings: StoreSettings) -> None:
    """Write a cube file; the caller checks it.

    Raises
    ------
    NotEnoughMemoryError
        The series has to be in memory as a whole, and is too large.
    DataConsistencyError, CodecError, MetaDataError
        The series cannot be one cube, or a file is damaged.
    """
    plan = VolumePlan.of(series)
    _check_memory(series, plan, settings)
    if format_of_name(settings.file_format, where=str(path)) != DCBR:
        convert_series(
            series,
            path,
            file_format=settings.file_format,
            check=False,  # all of it is decoded soon
            num_threads=settings.threads,
            effort=settings.effort,
        )
        return
    contents = read_contents(series, num_threads=settings.threads, progress=None)
    DicomCubeImage.from_contents(contents).to_file(
        path,
        file_format=settings.file_format,
        check=False,
        num_threads=settings.threads,
        effort=settings.effort,
        roi=settings.roi,
        background_error=settings.background_error,
    )


def check_cube(series: DicomSeries, path: Path) -> Described:
    """Decode a cube file, build its source files again, and compare them with those on the disk.

    Raises
    ------
    DamagedCubeError
        They differ.
    """
    checked = verify_series(path, series)
    if not checked.ok:
        raise DamagedCubeError(
            f"the cube is not the series: {checked.problems[0]}",
            where=str(path),
            hint="run it again; if it stays, check memory and disk",
        )
    with DcbFile(path) as file:
        about = describe(file)
        digests = [] if about.sources is None else [s.digest for s in about.sources.value]
        found = image_findings(series.meta, about.axes, about.frame_order)
        return Described(digests, facts_of(about, series), [finding.message for finding in found])


def unreadable(series: DicomSeries) -> dict[Path, str]:
    """Files whose pixels cannot be read, each with the reason."""
    plan = VolumePlan.of(series)
    wrong = {}
    for number, instance in enumerate(series.instances):
        try:
            plan.read(range(number, number + 1), num_threads=1)
        except DicomCubeError as error:
            wrong[instance.path] = error.what
    return wrong


def _check_memory(series: DicomSeries, plan: VolumePlan, settings: StoreSettings) -> None:
    """Compare what the series needs with what there is, before it is asked for."""
    frame_bytes = plan.dtype.itemsize * math.prod(plan.shape[1:])
    values = plan.shape[0] * frame_bytes
    if settings.file_format == "dcbr":
        needed = _COPIES_WITH_ROI * values
    elif series.frame_order is not None:
        needed = _COPIES * values
    else:
        needed = _COPIES * max(plan.frames_of) * frame_bytes
    needed += _STREAM_BYTES
    if needed > settings.memory_bytes:
        raise NotEnoughMemoryError(
            f"about {-(-needed // (1 << 20))} MiB are needed at a time, a worker has"
            f" {settings.memory_bytes >> 20}",
            where=str(series.folder),
            hint="run it again with more --memory, or with fewer --workers",
        )
