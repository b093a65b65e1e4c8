"""Masks as files that other tools read: .npy, NIfTI, or a picture to look at."""

import os
from pathlib import Path

import numpy as np

from dicube.codecs.base import Mask
from dicube.core.image import DicomCubeImage
from dicube.core.pixel_header import PixelDataHeader
from dicube.exceptions import DataConsistencyError
from dicube.interchange.nifti import write_nifti
from dicube.interchange.preview import write_preview
from dicube.storage.atomic import replacing


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
    elif name.endswith((".nii", ".nii.gz")):
        header = PixelDataHeader(OriginalPixelDtype="uint8", PixelDtype="uint8")
        labels = DicomCubeImage(mask.astype(np.uint8), header, axes=image.axes)
        if image.affine is not None:
            labels.affine = image.affine
        write_nifti(labels, path)
    elif name.endswith(".npy"):
        try:
            with replacing(Path(path)) as file:
                np.save(file, mask, allow_pickle=False)
        except OSError as error:
            raise DataConsistencyError(
                f"cannot be written: {error.strerror}", where=str(path)
            ) from error
    else:
        raise DataConsistencyError(
            "masks are written as .npy, .nii, .nii.gz or .png", where=str(path)
        )
