"""From a folder to the instances of one series, in order.

Every file of the folder ends up in exactly one place: among the images, among the skipped files
with the reason, or in an error. Suffixes mean nothing. Subfolders are not looked into, but listed.
"""

import logging
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal, NamedTuple

from dicube.codecs import get_num_threads
from dicube.dicom.dicom_meta import DicomMeta, SortMethod
from dicube.dicom.dicom_tags import CommonTags
from dicube.dicom.instance import Instance, NotDicomError, read_instance
from dicube.dicom.native_scan import scan_files
from dicube.dicom.pixel_data import is_image
from dicube.exceptions import DataConsistencyError, MetaDataError

logger = logging.getLogger(__name__)

OnDamaged = Literal["raise", "skip"]
Progress = Callable[[str, int, int], None]  # what is being done, how many are done, of how many
_SCANNED_AT_ONCE: Final = 256  # often enough for a progress bar
_LISTED: Final = 5  # files named in one message; the rest is counted


class SkippedFile(NamedTuple):
    """A file that is no part of the series, and why."""

    path: Path
    reason: str


@dataclass(frozen=True)
class FolderScan:
    """What a folder holds.

    `damaged` lists files that are DICOM but cannot be read, and images whose pixels are missing.
    """

    folder: Path
    images: list[Instance] = field(default_factory=list)
    skipped: list[SkippedFile] = field(default_factory=list)
    damaged: list[SkippedFile] = field(default_factory=list)


@dataclass(frozen=True)
class DicomSeries:
    """The images of one series, in order, with their merged metadata.

    `names` are the paths of the files relative to the folder, in the same order.
    """

    folder: Path
    instances: list[Instance]
    meta: DicomMeta
    skipped: list[SkippedFile]

    @property
    def names(self) -> list[str]:
        root = self.folder.as_posix()
        return [i.path.as_posix().removeprefix(root).lstrip("/") for i in self.instances]


def scan_folder(folder: str | os.PathLike[str], *, progress: Progress | None = None) -> FolderScan:
    """Take apart every file of a folder; subfolders are listed as skipped.

    Raises
    ------
    MetaDataError
        There is no such folder.
    """
    root = Path(folder)
    if not root.is_dir():
        raise MetaDataError("no such folder", where=str(folder), hint="check the path")
    scan = FolderScan(root)
    with os.scandir(root) as listed:  # sorted, so that results do not vary with the file system
        entries = sorted(listed, key=lambda entry: entry.name)
    scan.skipped.extend(
        SkippedFile(root / entry.name, "a subfolder, which is not looked into")
        for entry in entries
        if entry.is_dir()
    )
    paths = [root / entry.name for entry in entries if not entry.is_dir()]
    for number, (path, scanned) in enumerate(_scanned(paths)):
        if progress is not None:
            progress("scanning", number + 1, len(paths))
        try:
            instance = read_instance(path) if scanned is None else scanned
        except NotDicomError as error:
            scan.skipped.append(SkippedFile(path, error.what))
            continue
        except MetaDataError as error:
            scan.damaged.append(SkippedFile(path, error.what))
            continue
        if not is_image(instance):
            scan.skipped.append(SkippedFile(path, "a DICOM object without an image"))
        elif instance.pixels is None:
            scan.damaged.append(SkippedFile(path, "an image without Pixel Data"))
        else:
            scan.images.append(instance)
    scan.skipped.sort()
    return scan


def _scanned(paths: Sequence[Path]) -> Iterator[tuple[Path, Instance | None]]:
    """Each path with what the native scanner makes of it, some at a time."""
    for first in range(0, len(paths), _SCANNED_AT_ONCE):
        some = paths[first : first + _SCANNED_AT_ONCE]
        yield from zip(some, scan_files(some, get_num_threads()), strict=True)


def read_series(
    folder: str | os.PathLike[str],
    *,
    sort_method: SortMethod = SortMethod.INSTANCE_NUMBER_ASC,
    series_uid: str | None = None,
    on_damaged: OnDamaged = "raise",
    progress: Progress | None = None,
) -> DicomSeries:
    """The one series of images in a folder, or the one that `series_uid` picks.

    Raises
    ------
    MetaDataError
        There is no folder, or no image in it; DICOM files are damaged and `on_damaged` is "raise".
    DataConsistencyError
        The folder holds several series and `series_uid` does not pick one; the message lists them.
    """
    scan = scan_folder(folder, progress=progress)
    skipped = list(scan.skipped)
    if scan.damaged and on_damaged == "raise":
        raise MetaDataError(
            f"{len(scan.damaged)} damaged file(s): {_listing(scan, scan.damaged)}",
            where=str(folder),
            hint='copy them again, or leave them out with on_damaged="skip" (--skip-damaged)',
        )
    skipped += scan.damaged
    chosen, others = _choose(scan, series_uid)
    skipped += [SkippedFile(i.path, "an image of another series") for i in others]
    for path, reason in skipped:
        logger.warning("skipped %s: %s", path, reason)
    meta = DicomMeta.from_instances(chosen)
    order = meta.sort_files(sort_method)
    return DicomSeries(scan.folder, [chosen[i] for i in order], meta, skipped)


def read_dicom_dir(
    folder: str | os.PathLike[str],
    sort_method: SortMethod = SortMethod.INSTANCE_NUMBER_ASC,
    *,
    series_uid: str | None = None,
    on_damaged: OnDamaged = "raise",
) -> DicomMeta:
    """The merged metadata of the series in a folder; pixels are not read.

    Parameters and errors are those of `read_series`.
    """
    return read_series(
        folder, sort_method=sort_method, series_uid=series_uid, on_damaged=on_damaged
    ).meta


def _choose(scan: FolderScan, series_uid: str | None) -> tuple[list[Instance], list[Instance]]:
    """The images of the series wanted, and all others."""
    found = by_series(scan.images)
    if series_uid is not None:
        if series_uid not in found:
            raise DataConsistencyError(
                f"no images of series {series_uid}; the folder holds {_series_list(found)}",
                where=str(scan.folder),
            )
        chosen = found.pop(series_uid)
        return chosen, [i for instances in found.values() for i in instances]
    if not found:
        looked_at = scan.skipped + scan.damaged
        listed = _listing(scan, looked_at) if looked_at else "the folder is empty"
        raise MetaDataError(
            f"no DICOM image found; {listed}",
            where=str(scan.folder),
            hint="give the folder that holds the image files of one series",
        )
    if len(found) > 1:
        raise DataConsistencyError(
            f"the folder holds {len(found)} series: {_series_list(found)}",
            where=str(scan.folder),
            hint="pick one with series_uid= (--series-uid)",
        )
    return next(iter(found.values())), []


def by_series(images: Sequence[Instance]) -> dict[str, list[Instance]]:
    """Images by their Series Instance UID, "" for those without, in the order of the images."""
    found: dict[str, list[Instance]] = {}
    for instance in images:
        found.setdefault(_series_uid(instance), []).append(instance)
    return found


def _series_uid(instance: Instance) -> str:
    element = instance.elements.get(int(CommonTags.SeriesInstanceUID))
    return "" if element is None else element.value.decode("latin-1").strip(" \0")


def _series_list(found: dict[str, list[Instance]]) -> str:
    return ", ".join(
        f"{uid or '(no Series Instance UID)'} ({len(instances)} files)"
        for uid, instances in found.items()
    )


def _listing(scan: FolderScan, files: Sequence[SkippedFile]) -> str:
    named = [f"{path.relative_to(scan.folder)}: {reason}" for path, reason in files[:_LISTED]]
    if len(files) > _LISTED:
        named.append(f"and {len(files) - _LISTED} more")
    return "; ".join(named)
