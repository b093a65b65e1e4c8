"""What a path given on the command line is, and reading an image from it."""

from enum import Enum
from pathlib import Path
from typing import Final

from dicube.cli.progress import Stages
from dicube.core.exchange import exchange_of
from dicube.core.image import DicomCubeImage
from dicube.exceptions import DataConsistencyError, MetaDataError


class Kind(Enum):
    """What an image can come from."""

    DICOM_FOLDER = "a DICOM folder"
    CUBE_FILE = "a cube file"
    NIFTI_FILE = "a NIfTI file"
    NPZ_FILE = "a NumPy archive"
    ZARR_GROUP = "a Zarr group"


# Formats of other ecosystems: their suffixes, and their name in `dicube.core.exchange`.
_EXCHANGED: Final = {
    Kind.NIFTI_FILE: ((".nii", ".nii.gz"), "nifti"),
    Kind.NPZ_FILE: ((".npz",), "npz"),
    Kind.ZARR_GROUP: ((".zarr",), "zarr"),
}


def kind_of(path: Path) -> Kind:
    """Tell the kind of a source; a file of no other format by its name is taken for a cube file.

    Raises
    ------
    MetaDataError
        There is nothing at this path.
    """
    check_exists(path)
    exchanged = exchange_kind(path)
    if path.is_dir():
        is_zarr = exchanged is Kind.ZARR_GROUP or (path / "zarr.json").is_file()
        return Kind.ZARR_GROUP if is_zarr else Kind.DICOM_FOLDER
    return Kind.CUBE_FILE if exchanged in (None, Kind.ZARR_GROUP) else exchanged


def exchange_kind(path: Path) -> Kind | None:
    """The format of another ecosystem that a name ends in; None for other names."""
    name = path.name.lower()
    return next((kind for kind, (ends, _) in _EXCHANGED.items() if name.endswith(ends)), None)


def exchange_suffixes() -> list[str]:
    """All suffixes of such formats."""
    return [suffix for suffixes, _ in _EXCHANGED.values() for suffix in suffixes]


def read_exchanged(path: Path, kind: Kind) -> DicomCubeImage:
    """Read a file of such a format."""
    return exchange_of(_EXCHANGED[kind][1]).read(path)


def stored_bytes(path: Path) -> int:
    """Bytes of a file, or of all files of a group."""
    if path.is_file():
        return path.stat().st_size
    return sum(each.stat().st_size for each in path.rglob("*") if each.is_file())


def check_exists(path: Path) -> None:
    """Refuse a source that is not there.

    Raises
    ------
    MetaDataError
        There is nothing at this path.
    """
    if not path.exists():
        raise MetaDataError("no such file or folder", where=str(path), hint="check the path")


def check_target(path: Path, *, overwrite: bool) -> None:
    """Refuse a target file that must not or cannot be written, before any work is done.

    Raises
    ------
    DataConsistencyError
        It exists and `overwrite` is False, it is a folder, or its folder does not exist.
    """
    if path.is_dir():
        raise DataConsistencyError("the target is a folder", where=str(path), hint="name a file")
    if path.exists() and not overwrite:
        raise DataConsistencyError(
            "the target exists already",
            where=str(path),
            hint="choose another name, or replace it with --overwrite",
        )
    if not path.parent.is_dir():
        raise DataConsistencyError(
            "the folder of the target does not exist", where=str(path), hint="make it first"
        )


def read_image(path: Path, kind: Kind, progress: Stages) -> DicomCubeImage:
    """Read an image of whatever kind, with the default options."""
    if kind is Kind.DICOM_FOLDER:
        return DicomCubeImage.from_dicom_folder(path, progress=progress)
    with progress.busy("reading"):
        if kind is Kind.CUBE_FILE:
            return DicomCubeImage.from_file(path)
        return read_exchanged(path, kind)
