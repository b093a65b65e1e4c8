"""What series there are below a folder, told from the headers; no pixels are read.

Every file ends up in exactly one place: in a series of images, among the skipped files, or among
the damaged ones, each with the reason. Images of one series in two folders are two entries, because
a folder is what can be converted.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dicube.dicom.dicom_io import SkippedFile, by_series, scan_folder
from dicube.dicom.dicom_meta import DicomMeta
from dicube.dicom.dicom_status import get_dicom_findings
from dicube.dicom.dicom_tags import CommonTags
from dicube.dicom.findings import DicomStatus, Finding
from dicube.dicom.geometry import slice_positions
from dicube.dicom.instance import Instance
from dicube.dicom.pixel_data import shape_of
from dicube.exceptions import MetaDataError

_POSITION_DIGITS = 3  # of mm: positions that agree so far are one


@dataclass(frozen=True)
class SeriesSummary:
    """A series of images in one folder.

    Attributes
    ----------
    folder : Path
    series_uid, study_uid, modality : str
        "" where the files do not say.
    files : int
    shape : tuple of int
        (frames, rows, columns), and samples for colour; of all files together. Rows and columns are
        those of the first file.
    is_one_shape : bool
        Whether all files have the same rows, columns and samples.
    timepoints : int
        How often each position occurs, where all occur equally often; else 1.
    transfer_syntaxes : tuple of str
        UIDs, the most frequent first.
    length_bytes : int
        Of all files.
    findings : tuple of Finding
        Most important first; slices are counted by Instance Number.
    """

    folder: Path
    series_uid: str
    study_uid: str
    modality: str
    files: int
    shape: tuple[int, ...]
    is_one_shape: bool
    timepoints: int
    transfer_syntaxes: tuple[str, ...]
    length_bytes: int
    findings: tuple[Finding, ...]

    @property
    def status(self) -> DicomStatus:
        """That of the most important finding, or CONSISTENT."""
        return self.findings[0].status if self.findings else DicomStatus.CONSISTENT


@dataclass(frozen=True)
class FolderSummary:
    """The series of one folder, and the files that belong to none."""

    folder: Path
    series: list[SeriesSummary] = field(default_factory=list)
    skipped: list[SkippedFile] = field(default_factory=list)
    damaged: list[SkippedFile] = field(default_factory=list)


def scan_tree(root: str | os.PathLike[str]) -> Iterator[FolderSummary]:
    """Summaries of all folders below one, itself included, as they are scanned.

    Raises
    ------
    MetaDataError
        There is no such folder.
    """
    top = Path(root)
    if not top.is_dir():
        raise MetaDataError("no such folder", where=str(root), hint="check the path")
    for name, folders, files in os.walk(top):
        folders.sort()  # os.walk goes on in this order
        if not files:
            continue
        folder = Path(name)
        scan = scan_folder(folder)
        skipped = [skipped for skipped in scan.skipped if skipped.path.name not in folders]
        series = [_summary(folder, uid, images) for uid, images in by_series(scan.images).items()]
        yield FolderSummary(folder, series, skipped, scan.damaged)


def _summary(folder: Path, uid: str, images: list[Instance]) -> SeriesSummary:
    meta = DicomMeta.from_instances(images)
    meta.sort_files()
    shapes = [shape_of(instance) for instance in images]
    frames = sum(shape[0] for shape in shapes)
    grid = shapes[0][1:]
    syntaxes = [instance.transfer_syntax for instance in images]
    return SeriesSummary(
        folder=folder,
        series_uid=uid,
        study_uid=_first_text(meta, CommonTags.StudyInstanceUID),
        modality=_first_text(meta, CommonTags.Modality),
        files=len(images),
        shape=(frames, *(grid if grid[-1] != 1 else grid[:-1])),
        is_one_shape=all(shape[1:] == grid for shape in shapes),
        timepoints=_timepoints(meta),
        transfer_syntaxes=tuple(sorted(set(syntaxes), key=syntaxes.count, reverse=True)),
        length_bytes=sum(instance.length for instance in images),
        findings=tuple(get_dicom_findings(meta)),
    )


def _timepoints(meta: DicomMeta) -> int:
    positions = [
        None if position is None else tuple(position.round(_POSITION_DIGITS).tolist())
        for position in slice_positions(meta)
    ]
    if None in positions:
        return 1
    counts = {positions.count(position) for position in set(positions)}
    return counts.pop() if len(counts) == 1 else 1


def _first_text(meta: DicomMeta, tag: Any) -> str:
    value = meta.get_values(tag)[0]
    return value if isinstance(value, str) else ""
