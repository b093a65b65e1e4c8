"""What NIfTI has no room for, as files of the same name: a JSON as in BIDS, .bval and .bvec.

No element that identifies a patient is among them.
"""

import json
import logging
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np

from dicube.core.axes import volume_axes
from dicube.core.image import DicomCubeImage
from dicube.dicom.dicom_meta import DicomMeta
from dicube.interchange.acquisition import acquisition_of
from dicube.interchange.nifti.grid import Float64Array, to_nifti_affine
from dicube.storage.atomic import replacing

_LOG: Final = logging.getLogger(__name__)
_SUFFIXES: Final = (".nii.gz", ".nii")
_DIFFUSION: Final = "diffusion"
_DIRECTION: Final = "direction"
_GE: Final = "GE"


def write_sidecars(image: DicomCubeImage, path: str | os.PathLike[str]) -> list[Path]:
    """Write what belongs beside a NIfTI file of this name; existing files are replaced.

    Returns
    -------
    list of Path
        The JSON file and, of images with an axis of diffusion, .bval and .bvec.
    """
    target = Path(path)
    stem = next(
        (target.name[: -len(s)] for s in _SUFFIXES if target.name.lower().endswith(s)), target.name
    )
    written = {".json": json.dumps(acquisition_of(image), indent=2) + "\n"}
    gradients = gradients_of(image)
    if gradients is not None:
        b_values, vectors = gradients
        written[".bval"] = _columns([b_values])
        if vectors is not None:
            written[".bvec"] = _columns(vectors.T)
    paths = [target.with_name(stem + suffix) for suffix in written]
    for file_path, text in zip(paths, written.values(), strict=True):
        with replacing(file_path) as file:
            file.write(text.encode())
    return paths


def gradients_of(image: DicomCubeImage) -> tuple[Float64Array, Float64Array | None] | None:
    """b-values in s/mm2, (volumes,), and gradient directions, (volumes, 3), as FSL defines them.

    Directions are unit vectors along the indices (x, y, z) of the NIfTI array, the first negated
    where the array is right-handed; 0 without diffusion. None for images that are not diffusion
    weighted; no directions where the file does not give them in patient coordinates.
    """
    outer = volume_axes(image.axes)
    number = next((i for i, axis in enumerate(outer) if axis.name == _DIFFUSION), None)
    if number is None or outer[number].coordinates is None:
        return None
    sizes = [axis.size for axis in outer]
    index = np.indices(sizes)[number].reshape(-1)  # of the axis, for each volume
    b_values = np.array(outer[number].coordinates)[index]
    along = {each.name: each.values for each in outer[number].along}
    if _DIRECTION not in along or image.affine is None:
        return b_values, None
    if _is_of_ge(image.dicom_meta):
        _LOG.warning("no .bvec: GE gives directions in the plane of the image, not of the patient")
        return b_values, None
    directions = np.array(along[_DIRECTION], dtype=np.float64)[index]
    placed = to_nifti_affine(image.affine)[:3, :3]
    along_axes = directions * [-1, -1, 1] @ (placed / np.linalg.norm(placed, axis=0))
    if np.linalg.det(placed) > 0:
        along_axes[:, 0] *= -1
    return b_values, along_axes + 0.0  # no -0 in the file


def _is_of_ge(meta: DicomMeta | None) -> bool:
    is_standard = meta is None or not meta.is_missing("DiffusionGradientOrientation")
    manufacturer = "" if meta is None else str(meta.get("Manufacturer", ""))
    return not is_standard and manufacturer.upper().startswith(_GE)


def _columns(rows: Any) -> str:
    number: Callable[[float], str] = "{:.8g}".format
    lines: Sequence[str] = [" ".join(map(number, row)) for row in rows]
    return "\n".join(lines) + "\n"
