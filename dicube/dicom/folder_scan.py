"""From a folder to its images: every file is taken apart, and put where it belongs.

Every file of the folder ends up in exactly one place: among the images, among the skipped files
with the reason, or among the damaged ones. Suffixes mean nothing. Subfolders are not looked into,
but listed.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal, NamedTuple

from dicube.codecs import get_num_threads
from dicube.dicom.dicom_tags import CommonTags, TagLike, tag_number
from dicube.dicom.instance import Instance, NotDicomError, read_instance
from dicube.dicom.native_scan import scan_files
from dicube.dicom.pixel_data import frame_count_problem, is_image
from dicube.exceptions import MetaDataError

OnDamaged = Literal["raise", "skip"]
Progress = Callable[[str, int, int], None]  # what is being done, how many are done, of how many
NO_IMAGE: Final = "a DICOM object without an image"
_SCANNED_AT_ONCE: Final = 256  # often enough for a progress bar


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
    scan.skipped.extend(
        SkippedFile(root / entry.name, "no regular file")
        for entry in entries
        if not entry.is_dir() and not entry.is_file()
    )
    add_files(scan, [root / entry.name for entry in entries if entry.is_file()], progress=progress)
    scan.skipped.sort()
    return scan


def add_files(scan: FolderScan, paths: Sequence[Path], *, progress: Progress | None = None) -> None:
    """Take files apart and put each where it belongs."""
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
            scan.skipped.append(SkippedFile(path, NO_IMAGE))
        elif instance.pixels is None:
            scan.damaged.append(SkippedFile(path, "an image without Pixel Data"))
        elif (problem := frame_count_problem(instance)) is not None:
            scan.damaged.append(SkippedFile(path, problem))
        else:
            scan.images.append(instance)


def scan_files_of(paths: Sequence[Path]) -> list[Instance]:
    """Take files apart that are known to be images.

    Raises
    ------
    MetaDataError
        A file is no image any more.
    """
    return [
        read_instance(path) if scanned is None else scanned for path, scanned in _scanned(paths)
    ]


def _scanned(paths: Sequence[Path]) -> Iterator[tuple[Path, Instance | None]]:
    """Each path with what the native scanner makes of it, some at a time."""
    for first in range(0, len(paths), _SCANNED_AT_ONCE):
        some = paths[first : first + _SCANNED_AT_ONCE]
        yield from zip(some, scan_files(some, get_num_threads()), strict=True)


def by_series(images: Sequence[Instance]) -> dict[str, list[Instance]]:
    """Images by their Series Instance UID, "" for those without, in the order of the images."""
    found: dict[str, list[Instance]] = {}
    for instance in images:
        found.setdefault(series_uid_of(instance), []).append(instance)
    return found


def series_uid_of(instance: Instance) -> str:
    """Series Instance UID; "" where the file has none."""
    return uid_of(instance, CommonTags.SeriesInstanceUID)


def uid_of(instance: Instance, tag: TagLike) -> str:
    """The value of an element of VR UI; "" where the file has none."""
    element = instance.elements.get(tag_number(tag))
    return "" if element is None else element.value.decode("latin-1").strip(" \0")
