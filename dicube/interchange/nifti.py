"""NIfTI-1 and -2 through nibabel, both directions, without a change to any value.

NIfTI arrays are indexed (x, y, z[, t]) and placed in RAS; images here are ([t,] z, y, x) in LPS.
Both are turned round in this module and nowhere else.
"""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from dicube.core.axes import volume_axes
from dicube.core.exchange import Exchange, register_exchange
from dicube.core.image import DicomCubeImage
from dicube.core.pixel_header import PixelDataHeader
from dicube.dicom.geometry import RAS_FROM_LPS
from dicube.dicom.series.axis import Axis
from dicube.exceptions import DataConsistencyError, MissingDependencyError
from dicube.storage.atomic import replacing_path

Float64Array = npt.NDArray[np.float64]
PathLike = str | os.PathLike[str]

# (z, y, x) indices to (x, y, z) indices and back: the permutation is its own inverse.
_REVERSED: Final = np.eye(4)[[2, 1, 0, 3]]
# How far a corner of the volume may lie off in the qform, which has no shear. Directions written
# with six digits are off by less, half a degree of gantry tilt by a hundred times as much.
_QFORM_TOLERANCE_MM: Final = 0.01
_TIME: Final = "t"
_EVEN_STEPS: Final = 1e-3  # of a step
_TIME_UNITS: Final = {"sec": "s", "msec": "ms", "usec": "us"}


def read_nifti(path: PathLike) -> DicomCubeImage:
    """Read a NIfTI file of 3 or 4 dimensions (3D, or a series of volumes).

    The array keeps its dtype, integer or float; scl_slope and scl_inter become the rescale.

    Raises
    ------
    MissingDependencyError
        nibabel is not installed.
    DataConsistencyError
        The file cannot be read, or has other dimensions.
    """
    nib = _nibabel()
    try:
        nifti = nib.load(path)
        stored = np.asanyarray(nifti.dataobj.get_unscaled())
    except (OSError, ValueError, AttributeError, nib.filebasedimages.ImageFileError) as error:
        raise DataConsistencyError(
            "cannot be read as NIfTI", where=str(path), hint="check that the file is whole"
        ) from error
    if stored.ndim not in (3, 4) or not stored.size:
        raise DataConsistencyError(
            f"the NIfTI array is of shape {stored.shape}, 3 or 4 dimensions are read",
            where=str(path),
        )
    native = stored.dtype.newbyteorder("=")
    values = np.ascontiguousarray(stored.T, dtype=native)  # (x, y, z[, t]) to ([t,] z, y, x)
    header = PixelDataHeader(
        RescaleSlope=float(nifti.dataobj.slope),
        RescaleIntercept=float(nifti.dataobj.inter),
        OriginalPixelDtype=values.dtype.name,
        PixelDtype=values.dtype.name,
    )
    image = DicomCubeImage(values, header, axes=_axes(nifti, values.shape))
    image.affine = RAS_FROM_LPS @ nifti.affine @ _REVERSED
    return image


def write_nifti(image: DicomCubeImage, path: PathLike) -> None:
    """Write a NIfTI file; the suffix says whether it is compressed.

    Raises
    ------
    MissingDependencyError
        nibabel is not installed.
    DataConsistencyError
        The image is in colour, has a dtype that NIfTI lacks, or the file cannot be written.
    """
    nib = _nibabel()
    if image.ndim - len(image.axes) > 2:
        raise DataConsistencyError("colour images are not written as NIfTI", where=str(path))
    keeps_integers = _fits_header(image)
    values = image.raw_image if keeps_integers else image.get_fdata("float64")
    values = _as_nifti_axes(values, image.axes)
    affine = image.affine
    placed = np.eye(4) if affine is None else RAS_FROM_LPS @ affine @ _REVERSED
    try:
        nifti = nib.Nifti1Image(values.T, placed, dtype=values.dtype)
    except (nib.spatialimages.HeaderDataError, ValueError) as error:
        raise DataConsistencyError(
            f"NIfTI cannot hold {values.dtype.name} of shape {values.shape}", where=str(path)
        ) from error
    code = "unknown" if affine is None else "scanner"
    nifti.set_sform(placed, code=code)
    is_sheared = _corner_shear(placed, nifti.shape[:3]) > _QFORM_TOLERANCE_MM
    # A quaternion cannot express a shear; the sform alone says it then.
    nifti.set_qform(placed, code="unknown" if is_sheared else code, strip_shears=True)
    step_s = _time_step_s(image.axes)
    nifti.header.set_xyzt_units("mm", "unknown" if step_s is None else "sec")
    if values.ndim == 4:
        nifti.header.set_zooms((*nifti.header.get_zooms()[:3], step_s or 0.0))
    if keeps_integers:
        # nibabel writes the array as it is once slope and intercept are given.
        header = image.pixel_header
        nifti.header.set_slope_inter(header.RescaleSlope, header.RescaleIntercept)
    try:
        with replacing_path(Path(path)) as temporary:
            nib.save(nifti, temporary)
    except (OSError, nib.filebasedimages.ImageFileError) as error:
        raise DataConsistencyError(
            "cannot be written as NIfTI", where=str(path), hint="name it .nii or .nii.gz"
        ) from error


def _as_nifti_axes(values: Any, axes: Sequence[Axis]) -> Any:
    """(z, y, x), or (t, z, y, x) where t runs through all volumes in C order."""
    rows, columns = values.shape[-2:]
    slices = axes[-1].size if axes and axes[-1].name != _TIME else 1
    volumes = values.reshape(-1, slices, rows, columns)
    return volumes if volume_axes(axes) else volumes[0]


def _time_step_s(axes: Sequence[Axis]) -> float | None:
    """Seconds from volume to volume, where there is one axis of evenly spaced times."""
    outer = volume_axes(axes)
    if len(outer) != 1 or outer[0].name != _TIME or outer[0].coordinates is None:
        return None
    per_second = {"s": 1.0, "ms": 1e3, "us": 1e6}.get(outer[0].unit)
    steps = np.diff(outer[0].coordinates)
    if per_second is None or not steps.size or np.ptp(steps) > _EVEN_STEPS * abs(steps).max():
        return None
    return float(steps.mean()) / per_second


def _fits_header(image: DicomCubeImage) -> bool:
    """Whether the header can hold the rescale: one for all frames, exact in its 32-bit floats."""
    header = image.pixel_header
    pair = (header.RescaleSlope, header.RescaleIntercept)
    return image.frame_rescale is None and all(float(np.float32(n)) == n for n in pair)


def _corner_shear(affine: Float64Array, shape: Sequence[int]) -> float:
    """How far the corner that moves most is moved by taking the shear out of an affine, mm."""
    spacing = np.linalg.norm(affine[:3, :3], axis=0)
    spacing[spacing == 0] = 1
    left, _, right = np.linalg.svd(affine[:3, :3] / spacing)  # left @ right: the closest rotation
    corners = np.indices((2, 2, 2)).reshape(3, 8) * (np.array(shape)[:, None] - 1)
    moved = (affine[:3, :3] - left @ right * spacing) @ corners
    return float(np.linalg.norm(moved, axis=0).max())


def _axes(nifti: Any, shape: tuple[int, ...]) -> tuple[Axis, ...]:
    z = Axis("z", shape[-3], "mm")
    if len(shape) == 3:
        return (z,)
    step = float(nifti.header.get_zooms()[3])
    unit = _TIME_UNITS.get(nifti.header.get_xyzt_units()[1], "")
    coordinates = tuple(i * step for i in range(shape[0])) if step > 0 else None
    return (Axis("t", shape[0], unit, coordinates), z)


def _nibabel() -> Any:
    try:
        import nibabel  # noqa: PLC0415  # an extra, and slow to import
    except ImportError as error:
        raise MissingDependencyError(
            "NIfTI needs nibabel", hint="pip install 'dicube[nifti]'"
        ) from error
    return nibabel


register_exchange("nifti", Exchange(read_nifti, write_nifti))
