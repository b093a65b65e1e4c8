"""A tree of DICOM series as Zarr groups and back: `raw/`, `converted/`, `reconstructed/`.

Every step leaves something that is whole or known to be unfinished, so the job can be stopped at
any moment and started again: it goes on with what is not done.
"""

import filecmp
import json
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NamedTuple

from dicube.core.contents import values_digest
from dicube.core.image import DicomCubeImage
from dicube.core.space_members import space_members
from dicube.dicom.find_series import SeriesSearch, find_series
from dicube.dicom.folder_scan import Progress
from dicube.dicom.series.volume_set import VolumeSet
from dicube.exceptions import DataConsistencyError, DicomCubeError, MetaDataError
from dicube.interchange.zarr.chunking import Access
from dicube.interchange.zarr.group import ATTRIBUTE, attribute_of, open_group
from dicube.interchange.zarr.reading import read_zarr
from dicube.interchange.zarr.writing import Codec, write_zarr
from dicube.storage.atomic import replacing

RAW: Final = "raw"
CONVERTED: Final = "converted"
RECONSTRUCTED: Final = "reconstructed"
_UNFINISHED: Final = ".part"


class TreeOptions(NamedTuple):
    """How groups are written; see `DicomCubeImage.to_zarr`."""

    chunks: Access = "slices"
    codec: Codec = "blosc"


@dataclass(frozen=True)
class TreeResult:
    """What became of one series.

    Attributes
    ----------
    name : str
        Of the group below `converted` and the folder below `reconstructed`.
    problems : tuple of str
        What went wrong; empty if all is well.
    source_bytes, zarr_bytes : int
    identical_files : int
        Reconstructed byte for byte.
    equal_files : int
        Reconstructed from compressed sources, with equal elements and stored values.
    was_done : bool
        Whether all of it was there before.
    """

    name: str
    problems: tuple[str, ...] = ()
    source_bytes: int = 0
    zarr_bytes: int = 0
    identical_files: int = 0
    equal_files: int = 0
    was_done: bool = False


def find_tree(tree: Path, progress: Progress | None = None) -> SeriesSearch:
    """The series below `raw`.

    Raises
    ------
    MetaDataError
        There is no such folder.
    """
    raw = tree / RAW
    if not raw.is_dir():
        raise MetaDataError(
            f"there is no folder {RAW}", where=str(tree), hint=f"put the series into {raw}"
        )
    return find_series(raw, progress=progress)


def convert_tree(tree: Path, search: SeriesSearch, options: TreeOptions) -> Iterator[TreeResult]:
    """Convert every series below `raw`, reconstruct it, and compare it with its files.

    A series that cannot be converted is a result with a problem; the others go on.
    """
    folders = Counter(found.folder for found in search)
    for found in search:
        name = _name(found, tree / RAW, is_alone=folders[found.folder] == 1)
        try:
            yield _converted(found, name, tree, options)
        except (DicomCubeError, OSError) as error:
            yield TreeResult(name, (str(error),), source_bytes=found.length_bytes)


def _name(found: VolumeSet, raw: Path, *, is_alone: bool) -> str:
    """The folder of the series; and its UID and group where the folder holds more than one."""
    folder = found.folder.relative_to(raw).as_posix()
    parts = [] if folder == "." else [folder]
    if not is_alone or not parts:
        # Somebody else wrote the UID: it must not lead out of the folder.
        parts.append(re.sub("[^0-9A-Za-z.]", "_", found.series_uid).strip(".") or "series")
    if found.groups > 1:
        parts.append(f"group{found.group}")
    return "_".join(parts)


def _converted(found: VolumeSet, name: str, tree: Path, options: TreeOptions) -> TreeResult:
    target = tree / CONVERTED / f"{name}.zarr"
    rebuilt = tree / RECONSTRUCTED / name
    image = DicomCubeImage.from_volume_set(found)
    group = open_group(target, mode="r") if target.exists() else None
    is_there = group is not None and attribute_of(group, where=str(target))["complete"]
    was_done = is_there and rebuilt.is_dir()
    if group is not None and is_there:
        if group.attrs[ATTRIBUTE]["digest"] != values_digest(image.raw_image):
            raise DataConsistencyError(
                "the target is another image", where=str(target), hint="move it elsewhere"
            )
    else:
        target.parent.mkdir(parents=True, exist_ok=True)
        write_zarr(image, target, **options._asdict())
    _write_description(image, found, target.with_suffix(".json"))
    if not rebuilt.is_dir():
        _reconstruct(target, rebuilt)
    return _compared(found, image, name, target, rebuilt, was_done=was_done)


def _reconstruct(target: Path, rebuilt: Path) -> None:
    """Write the files beside their place, and move the folder there once it is whole."""
    unfinished = rebuilt.with_name(f".{rebuilt.name}{_UNFINISHED}")
    read_zarr(target).to_dicom_folder(unfinished, overwrite=True)
    unfinished.rename(rebuilt)


def _compared(
    found: VolumeSet,
    image: DicomCubeImage,
    name: str,
    target: Path,
    rebuilt: Path,
    *,
    was_done: bool,
) -> TreeResult:
    """Every file beside its source; of compressed ones the values, through another reading."""
    problems = []
    identical, others = [], []
    for source, relative in zip(found.files, found.names, strict=True):
        copy = rebuilt / relative
        if not copy.is_file():
            problems.append(f"{relative} is missing in {rebuilt}")
        elif filecmp.cmp(source, copy, shallow=False):
            identical.append(relative)
        else:
            others.append(relative)
    sources = image.contents().sources
    exact = {source.name for source in sources.value if source.exact} if sources else set()
    problems += [f"{name} differs from its source" for name in others if name in exact]
    if others and not problems:
        again = DicomCubeImage.from_dicom_folder(rebuilt)
        if values_digest(again.raw_image) != values_digest(image.raw_image):
            problems.append("the stored values differ from those of the source")
    return TreeResult(
        name=name,
        problems=tuple(problems),
        source_bytes=found.length_bytes,
        zarr_bytes=sum(path.stat().st_size for path in target.rglob("*") if path.is_file()),
        identical_files=len(identical),
        equal_files=len(others),
        was_done=was_done,
    )


def _write_description(image: DicomCubeImage, found: VolumeSet, path: Path) -> None:
    """Geometry and DICOM elements as JSON, for people and for tools without Zarr."""
    meta = image.dicom_meta
    affine = image.affine
    members: dict[str, Any] = {
        "series_uid": found.series_uid,
        "shape": list(image.shape),
        "dtype": image.dtype.name,
        "axes": [axis.name for axis in image.axes],
        "space": None if image.space is None else space_members(image.space),
        "affine": None if affine is None else affine.tolist(),
        "status": image.dicom_status.value,
        "files": list(found.names),
        "dicom": None if meta is None else json.loads(meta.to_json()),
    }
    with replacing(path) as file:
        file.write(json.dumps(members, indent=1).encode())
