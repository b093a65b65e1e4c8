"""What a path given on the command line is, and reading an image from it."""

from enum import Enum
from pathlib import Path

from dicube.cli.progress import Stages
from dicube.core.image import DicomCubeImage
from dicube.exceptions import DataConsistencyError, MetaDataError


class Kind(Enum):
    """What an image can come from."""

    DICOM_FOLDER = "a DICOM folder"
    CUBE_FILE = "a cube file"
    NIFTI_FILE = "a NIfTI file"


def kind_of(path: Path) -> Kind:
    """Tell the kind of a source; a file that is not NIfTI by its name is taken for a cube file.

    Raises
    ------
    MetaDataError
        There is nothing at this path.
    """
    check_exists(path)
    if path.is_dir():
        return Kind.DICOM_FOLDER
    return Kind.NIFTI_FILE if is_nifti_name(path) else Kind.CUBE_FILE


def is_nifti_name(path: Path) -> bool:
    """Whether the name ends in .nii or .nii.gz."""
    return path.name.lower().endswith((".nii", ".nii.gz"))


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
        if kind is Kind.NIFTI_FILE:
            return DicomCubeImage.from_nifti(path)
        return DicomCubeImage.from_file(path)
