"""Masks as files that other tools read: .npy, NIfTI, or a picture to look at."""

import os
from pathlib import Path

from dicube.codecs.base import Mask
from dicube.core.image import DicomCubeImage
from dicube.exceptions import DataConsistencyError
from dicube.interchange.label_files import write_label_file
from dicube.interchange.preview import write_preview


def write_mask(image: DicomCubeImage, mask: Mask, path: str | os.PathLike[str]) -> None:
    """Write a mask of an image; the suffix says how. An existing file is replaced in one step.

    Parameters
    ----------
    image : DicomCubeImage
    mask : bool array
        Of the shape of the image, without samples.
    path : path
        .npy: the bool array. .nii or .nii.gz: uint8, 1 inside, on the grid of the image. .png: a
        contact sheet of the image with the outline of the mask.

    Raises
    ------
    DataConsistencyError
        The suffix is another one, the mask does not have the shape of the image, or the file cannot
        be written.
    MissingDependencyError
        nibabel (NIfTI) or Pillow (.png) is not installed.
    """
    name = Path(path).name.lower()
    if name.endswith(".png"):
        write_preview(image, path, mask=mask)
    elif name.endswith((".nii", ".nii.gz", ".npy")):
        write_label_file(mask, image.affine, path, axes=image.axes)
    else:
        raise DataConsistencyError(
            "masks are written as .npy, .nii, .nii.gz or .png", where=str(path)
        )
