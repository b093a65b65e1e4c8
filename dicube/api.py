"""The module-level names of the published package, as thin aliases of the image class."""

import os
from pathlib import Path

from dicube.core.cube_file import read_meta
from dicube.core.image import DicomCubeImage
from dicube.core.lazy_cube import CACHE_BYTES, LazyCube
from dicube.dicom.dicom_meta import DicomMeta
from dicube.dicom.slice_order import SortMethod
from dicube.storage.formats import format_of_name, is_cube_suffix

PathLike = str | os.PathLike[str]


def load(file_path: PathLike, skip_meta: bool = False) -> DicomCubeImage:
    """Read a cube file; see `DicomCubeImage.from_file`."""
    return DicomCubeImage.from_file(file_path, skip_meta=skip_meta)


def open(  # noqa: A001  # as in h5py.File or zarr.open: dicube.open reads best
    path: PathLike, *, cache_bytes: int = CACHE_BYTES, num_threads: int | None = None
) -> LazyCube:
    """Open a cube file without decoding it; see `LazyCube`.

    Parameters
    ----------
    path : path
    cache_bytes : int
        How much of decoded frames is kept.
    num_threads : int, optional
        For decoding.

    Raises
    ------
    InvalidCubeFileError
        No cube file, or a damaged one.
    """
    return LazyCube(path, cache_bytes=cache_bytes, num_threads=num_threads)


def load_meta(file_path: PathLike) -> DicomMeta | None:
    """Read the metadata of a cube file without its frames; None where it has none.

    Raises
    ------
    InvalidCubeFileError
        No cube file, or a damaged one.
    """
    return read_meta(file_path)


def save(image: DicomCubeImage, file_path: PathLike, file_type: str | None = None) -> Path:
    """Write a cube file; see `DicomCubeImage.to_file`.

    Parameters
    ----------
    image : DicomCubeImage
    file_path : path
        A name without a suffix of the family gets the one of the file type.
    file_type : "s" or "a", optional
        .dcbs or .dcba; by default what the suffix says, and "s" where it says nothing.

    Returns
    -------
    Path
        The file written.
    """
    path = Path(file_path)
    named = path.suffix if is_cube_suffix(path) else "s"
    chosen = format_of_name(file_type or named, where=str(file_path))
    if path.suffix.lower() != chosen.suffix:
        path = path.with_name(path.name + chosen.suffix)
    return image.to_file(path)


def load_from_dicom_folder(
    folder_path: PathLike, sort_method: SortMethod = SortMethod.INSTANCE_NUMBER_ASC
) -> DicomCubeImage:
    """Read a folder of DICOM files; see `DicomCubeImage.from_dicom_folder`."""
    return DicomCubeImage.from_dicom_folder(folder_path, sort_method)


def load_from_nifti(file_path: PathLike) -> DicomCubeImage:
    """Read a NIfTI file; see `DicomCubeImage.from_nifti`."""
    return DicomCubeImage.from_nifti(file_path)


def save_to_dicom_folder(image: DicomCubeImage, folder_path: PathLike) -> list[Path]:
    """Write a folder of DICOM files; see `DicomCubeImage.to_dicom_folder`."""
    return image.to_dicom_folder(folder_path)


def save_to_nifti(image: DicomCubeImage, file_path: PathLike) -> None:
    """Write a NIfTI file; see `DicomCubeImage.to_nifti`."""
    image.to_nifti(file_path)
