"""What series there are below a folder, told from the headers; no pixels are read.

Every file ends up in exactly one place: in a volume set, or in a list of what is no image, with the
reason. One folder is taken apart at a time and described, so that the headers of the whole tree are
never in memory; only series that turn up in several folders are read once more, together.
"""

import itertools
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, TypeVar, overload

from dicube.dicom.dicom_io import DicomSeries, volume_sets_of
from dicube.dicom.dicom_meta import DicomMeta
from dicube.dicom.dicom_tags import CommonTags, TagLike
from dicube.dicom.folder_scan import (
    FolderScan,
    Progress,
    SkippedFile,
    by_series,
    scan_files_of,
    scan_folder,
)
from dicube.dicom.instance import Instance
from dicube.dicom.judgement import judged
from dicube.dicom.pixel_data import shape_of
from dicube.dicom.series.volume_set import VolumeSet
from dicube.exceptions import DicomCubeError, MetaDataError

Made = TypeVar("Made")

_UNREMARKABLE: Final = "original"
# Two images that agree in one of these are one.
_IDENTITIES: Final = (
    (CommonTags.SOPInstanceUID,),
    (CommonTags.InstanceNumber, CommonTags.ImagePositionPatient),
)


@dataclass(frozen=True)
class SeriesSearch(Sequence[VolumeSet]):
    """What a tree holds: a sequence of its volume sets, and the files that are in none.

    Attributes
    ----------
    volume_sets : list of VolumeSet
        By folder, then by series in the order of their first file, then by group.
    not_images : list of SkippedFile
        Files that are no DICOM images, each with the reason.
    damaged : list of SkippedFile
        DICOM files that cannot be read, and images without pixels.
    """

    volume_sets: list[VolumeSet] = field(default_factory=list)
    not_images: list[SkippedFile] = field(default_factory=list)
    damaged: list[SkippedFile] = field(default_factory=list)

    @overload
    def __getitem__(self, index: int) -> VolumeSet: ...
    @overload
    def __getitem__(self, index: slice) -> list[VolumeSet]: ...
    def __getitem__(self, index: int | slice) -> VolumeSet | list[VolumeSet]:
        return self.volume_sets[index]

    def __len__(self) -> int:
        return len(self.volume_sets)


def find_series(tree: str | os.PathLike[str], *, progress: Progress | None = None) -> SeriesSearch:
    """Find every volume set below a folder.

    Images are split by Series Instance UID, wherever they lie, then by what cannot share a grid:
    rows, columns, samples, photometric interpretation, orientation, spacing, SOP class, and Image
    Type where it means another kind of image. Copies of a series in several folders stay apart.

    Parameters
    ----------
    tree : path
        A folder; those below are looked into.
    progress : callable, optional
        Called with ("scanning", files done, files found) after each folder.

    Returns
    -------
    SeriesSearch

    Raises
    ------
    MetaDataError
        There is no such folder.

    Examples
    --------
    >>> import dicube
    >>> for found in dicube.find_series("incoming"):  # doctest: +SKIP
    ...     dicube.DicomCubeImage.from_volume_set(found).to_file(f"{found.series_uid}.dcbs")
    """
    top = Path(tree)
    if not top.is_dir():
        raise MetaDataError("no such folder", where=str(tree), hint="check the path")
    search = SeriesSearch()
    done = 0
    folders = [(name, len(files)) for name, files in _folders(top)]
    total = sum(count for _, count in folders)
    for name, count in folders:
        _add_folder(search, scan_folder(name))
        done += count
        if progress is not None:
            progress("scanning", done, total)
    _join_scattered(search)
    return search


def _folders(top: Path) -> Iterator[tuple[Path, list[str]]]:
    """Folders with files, sorted, so that results do not vary with the file system."""
    for name, folders, files in os.walk(top):
        folders.sort()  # os.walk goes on in this order
        if files:
            yield Path(name), files


def _add_folder(search: SeriesSearch, scan: FolderScan) -> None:
    search.not_images.extend(file for file in scan.skipped if not file.path.is_dir())
    search.damaged.extend(scan.damaged)
    for uid, images in by_series(scan.images).items():
        _add_series(search, scan.folder, uid, images)


def _add_series(search: SeriesSearch, folder: Path, uid: str, images: Sequence[Instance]) -> None:
    """Describe the volume sets of a series; what cannot be described is damaged."""

    def describe(series: DicomSeries, group: int, groups: int) -> VolumeSet:
        return _described(series, uid, group, groups)

    described, damaged = split_series(folder, images, describe)
    search.volume_sets.extend(described)
    search.damaged.extend(damaged)


def split_series(
    folder: Path, images: Sequence[Instance], make: Callable[[DicomSeries, int, int], Made]
) -> tuple[list[Made], list[SkippedFile]]:
    """What is made of each volume set of a series, and the images that nothing can be made of.

    Parameters
    ----------
    folder : Path
        That all files are in or below.
    images : sequence of Instance
        Of one series.
    make : callable
        Takes a volume set, its number, and how many there are; raises DicomCubeError where it
        cannot be used.
    """
    try:
        sets = volume_sets_of(folder, images)
        return [make(series, number, len(sets)) for number, series in enumerate(sets)], []
    except DicomCubeError as error:
        wrong = [SkippedFile(image.path, error.what) for image in images]
    if len(images) == 1:
        return [], wrong
    alone = [split_series(folder, [image], make)[1] for image in images]
    usable = [image for image, damage in zip(images, alone, strict=True) if not damage]
    if len(usable) == len(images):
        return [], wrong  # they are wrong together
    damaged = list(itertools.chain.from_iterable(alone))
    made, more = split_series(folder, usable, make) if usable else ([], [])
    return made, damaged + more


def _join_scattered(search: SeriesSearch) -> None:
    """Describe series anew whose images lie in several folders, unless those are copies."""
    by_uid: dict[str, list[VolumeSet]] = {}
    for found in search.volume_sets:
        by_uid.setdefault(found.series_uid, []).append(found)
    for uid, sets in by_uid.items():
        if not uid or len({found.folder for found in sets}) == 1:
            continue
        paths = sorted(itertools.chain.from_iterable(found.files for found in sets))
        images = scan_files_of(paths)
        if hold_copies(images):
            continue
        first = search.volume_sets.index(sets[0])
        after = search.volume_sets[first:]
        del search.volume_sets[first:]
        _add_series(search, Path(os.path.commonpath([s.folder for s in sets])), uid, images)
        search.volume_sets.extend(found for found in after if found.series_uid != uid)


def hold_copies(images: Sequence[Instance]) -> bool:
    """Whether two folders hold the same image: by its UID, or by its number and position."""
    folders: dict[tuple[bytes, ...], set[Path]] = {}
    for image in images:
        for tags in _IDENTITIES:
            found = [image.elements.get(int(tag)) for tag in tags]
            key = tuple(b"" if element is None else element.value for element in found)
            folders.setdefault(key, set()).add(image.path.parent)
    return any(len(each) > 1 for each in folders.values())


def _described(series: DicomSeries, uid: str, group: int, groups: int) -> VolumeSet:
    arrangement, meta = series.arrangement, series.meta
    axes = arrangement.axes
    grid = shape_of(series.instances[0])[1:]
    if 0 in grid:
        raise MetaDataError("Rows, Columns or Samples per Pixel is missing or 0")
    syntaxes = [instance.transfer_syntax for instance in series.instances]
    kind = series.table.kinds[arrangement.order[0]].name
    judgement = judged(meta, axes, series.table, series.frame_order)
    return VolumeSet(
        folder=series.folder,
        files=tuple(instance.path for instance in series.instances),
        series_uid=uid,
        study_uid=_first_text(meta, CommonTags.StudyInstanceUID),
        modality=_first_text(meta, CommonTags.Modality),
        group=group,
        groups=groups,
        kind="" if kind == _UNREMARKABLE else kind,
        shape=(*(axis.size for axis in axes), *(grid if grid[-1] != 1 else grid[:-1])),
        axes=axes,
        affine=judgement.affine,
        rule=arrangement.rule,
        rivals=arrangement.rivals,
        transfer_syntaxes=tuple(sorted(set(syntaxes), key=syntaxes.count, reverse=True)),
        length_bytes=sum(instance.length for instance in series.instances),
        findings=tuple(judgement.findings),
    )


def _first_text(meta: DicomMeta, tag: TagLike) -> str:
    value = meta.get_values(tag)[0]
    return value if isinstance(value, str) else ""
