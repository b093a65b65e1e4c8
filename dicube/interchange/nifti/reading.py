"""A NIfTI file as an image."""

import io
import os
import zlib
from pathlib import Path
from typing import Any, Final

import numpy as np

from dicube.core.contents import Array
from dicube.core.image import DicomCubeImage
from dicube.core.pixel_header import PixelDataHeader
from dicube.dicom.series.axis import Axis
from dicube.exceptions import DataConsistencyError
from dicube.interchange.nifti.embedded import embedded_image
from dicube.interchange.nifti.grid import from_nifti_affine
from dicube.interchange.nifti.libraries import igzip_threaded, is_gzip_name, nibabel

PathLike = str | os.PathLike[str]

_TIME_UNITS: Final = {"sec": "s", "msec": "ms", "usec": "us"}
_NIFTI2_HEADER_BYTES: Final = 540
_UNREADABLE: Final = (OSError, EOFError, ValueError, AttributeError, zlib.error)


def read_nifti(path: PathLike) -> DicomCubeImage:
    """Read a NIfTI file of 3 or 4 dimensions (3D, or a series of volumes).

    The array keeps its dtype, integer or float; scl_slope and scl_inter become the rescale. RGB24
    and RGBA32 become colour. Where the DICOM metadata of a series were embedded, and neither voxels
    nor their place were changed since, the image is that series again, source files included.

    Raises
    ------
    MissingDependencyError
        nibabel, or isal for .nii.gz, is not installed.
    DataConsistencyError
        The file cannot be read, or has other dimensions.
    InvalidCubeFileError
        What is embedded is damaged.
    """
    nib = nibabel()
    try:
        nifti = _load(nib, Path(path))
        stored = np.asanyarray(nifti.dataobj.get_unscaled())
    except (
        *_UNREADABLE, nib.filebasedimages.ImageFileError, nib.wrapstruct.WrapStructError
    ) as error:  # fmt: skip
        raise DataConsistencyError(
            "cannot be read as NIfTI", where=str(path), hint="check that the file is whole"
        ) from error
    if stored.ndim not in (3, 4) or not stored.size:
        raise DataConsistencyError(
            f"the NIfTI array is of shape {stored.shape}, 3 or 4 dimensions are read",
            where=str(path),
        )
    values = _values(stored, where=str(path))
    affine = from_nifti_affine(nifti.affine)
    is_placed = bool(nifti.header["sform_code"] or nifti.header["qform_code"])
    embedded = embedded_image(nifti, values, affine if is_placed else None, where=str(path))
    if embedded is not None:
        return DicomCubeImage.from_contents(embedded)
    header = PixelDataHeader(
        RescaleSlope=float(nifti.dataobj.slope),
        RescaleIntercept=float(nifti.dataobj.inter),
        OriginalPixelDtype=values.dtype.name,
        PixelDtype=values.dtype.name,
    )
    image = DicomCubeImage(values, header, axes=_axes(nifti, stored.shape[::-1]))
    image.affine = affine
    return image


def _load(nib: Any, path: Path) -> Any:
    """The nibabel image; a compressed one is unpacked as a whole, faster than piece by piece."""
    if not is_gzip_name(path.name):
        return nib.load(path)
    with igzip_threaded().open(path, "rb") as file:
        data = file.read()
    is_second = _NIFTI2_HEADER_BYTES in (
        int.from_bytes(data[:4], "little"),
        int.from_bytes(data[:4], "big"),
    )
    kind = nib.Nifti2Image if is_second else nib.Nifti1Image
    return kind.from_stream(io.BytesIO(data))


def _values(stored: Array, *, where: str) -> Array:
    """(x, y, z[, t]) as ([t,] z, y, x[, sample]) in native byte order."""
    if stored.dtype.names is None:
        return np.ascontiguousarray(stored.T, dtype=stored.dtype.newbyteorder("="))
    samples = [stored[name].T for name in stored.dtype.names]
    if any(sample.dtype != np.uint8 for sample in samples):
        raise DataConsistencyError(f"NIfTI voxels of type {stored.dtype} are not read", where=where)
    return np.stack(samples, axis=-1)


def _axes(nifti: Any, shape: tuple[int, ...]) -> tuple[Axis, ...]:
    z = Axis("z", shape[-3], "mm")
    if len(shape) == 3:
        return (z,)
    step = float(nifti.header.get_zooms()[3])
    unit = _TIME_UNITS.get(nifti.header.get_xyzt_units()[1], "")
    coordinates = tuple(i * step for i in range(shape[0])) if step > 0 else None
    return (Axis("t", shape[0], unit, coordinates), z)
