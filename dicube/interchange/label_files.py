"""Label images and masks as files of other tools: NIfTI and .npy."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from dicube.core.image import DicomCubeImage
from dicube.core.pixel_header import PixelDataHeader
from dicube.dicom.series.axis import Axis
from dicube.exceptions import DataConsistencyError
from dicube.interchange.nifti import write_nifti
from dicube.storage.atomic import replacing


def write_label_file(
    values: npt.NDArray[Any],
    affine: npt.NDArray[np.float64] | None,
    path: str | os.PathLike[str],
    *,
    axes: Sequence[Axis] | None = None,
) -> None:
    """Write labels or a mask; the suffix says how. An existing file is replaced in one step.

    Parameters
    ----------
    values : (z, y, x) or (t, z, y, x) array
        Bool becomes uint8 in NIfTI.
    affine : (4, 4) float64 or None
        From (z, y, x, 1) to patient coordinates (LPS), mm; None without regular positions.
    path : path
        .nii, .nii.gz or .npy.
    axes : sequence of Axis, optional
        What the leading dimensions mean.

    Raises
    ------
    DataConsistencyError
        The suffix is another one, or the file cannot be written.
    MissingDependencyError
        nibabel (NIfTI) is not installed.
    """
    name = Path(path).name.lower()
    if name.endswith((".nii", ".nii.gz")):
        plain = values.astype(np.uint8) if values.dtype.kind == "b" else values
        header = PixelDataHeader(OriginalPixelDtype=plain.dtype.name, PixelDtype=plain.dtype.name)
        image = DicomCubeImage(plain, header, axes=axes)
        if affine is not None:
            image.affine = affine
        write_nifti(image, path)
    elif name.endswith(".npy"):
        try:
            with replacing(Path(path)) as file:
                np.save(file, values, allow_pickle=False)
        except OSError as error:
            raise DataConsistencyError(
                f"cannot be written: {error.strerror}", where=str(path)
            ) from error
    else:
        raise DataConsistencyError("labels are written as .nii, .nii.gz or .npy", where=str(path))
