"""nibabel: the stored values as .nii.gz, which keeps no DICOM metadata."""

from pathlib import Path
from typing import Any

import nibabel
import numpy as np

from peers import Array, Values


class Peer:
    values: Values = "stored"

    def __init__(self, threads: int) -> None:
        del threads  # gzip has none
        self._image: Array = np.empty((0, 0, 0))

    def versions(self) -> dict[str, str]:
        return {"nibabel": nibabel.__version__}

    def adopt(self, image: Array) -> None:
        self._image = image

    def save(self, path: Path) -> None:
        # NIfTI has (x, y, z) in Fortran order: the same bytes as ours, turned round here.
        nibabel.save(nibabel.Nifti1Image(self._image.T, np.eye(4)), path)

    def load(self, path: Path) -> Array:
        values: Array = np.asanyarray(self._proxy(path))
        return values.T

    def one_slice(self, path: Path, number: int) -> Array:
        values: Array = np.asanyarray(self._proxy(path)[..., number : number + 1])
        return values.T

    @staticmethod
    def _proxy(path: Path) -> Any:
        """The values on disk, in (x, y, z); read when they are indexed."""
        image: Any = nibabel.load(path)
        return image.dataobj
