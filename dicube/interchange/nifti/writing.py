"""An image as a NIfTI file."""

import io
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, BinaryIO, Final

import numpy as np

from dicube.codecs.parallel import thread_count
from dicube.core.axes import as_volumes, volume_axes
from dicube.core.companion import pack_companion
from dicube.core.contents import Array, values_digest
from dicube.core.image import DicomCubeImage
from dicube.dicom.dicom_tags import CommonTags
from dicube.dicom.file_builder import DECODED_PHOTOMETRIC
from dicube.dicom.series.axis import Axis
from dicube.exceptions import DataConsistencyError
from dicube.interchange.nifti.embedded import extension_of, stored_values
from dicube.interchange.nifti.grid import (
    corner_distance_mm,
    to_nifti_affine,
    without_shear,
)
from dicube.interchange.nifti.libraries import igzip_threaded, is_gzip_name, nibabel
from dicube.interchange.nifti.sidecar import write_sidecars
from dicube.storage.atomic import replacing_path

PathLike = str | os.PathLike[str]

# How far a corner of the volume may lie off in the qform, which has no shear. Directions written
# with six digits are off by less, half a degree of gantry tilt by a hundred times as much.
_QFORM_TOLERANCE_MM: Final = 0.01
_EVEN_STEPS: Final = 1e-3  # of a step
_GZIP_LEVEL: Final = 2  # of ISA-L's 0 to 3: docs/decisions/0016-nifti.md
_TIME: Final = "t"
_COLOUR: Final = {3: "RGB", 4: "RGBA"}


def write_nifti(
    image: DicomCubeImage,
    path: PathLike,
    *,
    embed: bool = False,
    sidecar: bool = False,
    num_threads: int | None = None,
) -> None:
    """Write a NIfTI file; see `DicomCubeImage.to_nifti`."""
    nib = nibabel()
    values, slope, intercept = _values(image, where=str(path))
    companion = _companion(image, values, where=str(path)) if embed else None
    volumes = as_volumes(values, image.axes)
    nifti = _placed(nib, image, volumes, where=str(path))
    nifti.header.set_slope_inter(slope, intercept)
    if companion is not None:
        nifti.header.extensions.append(extension_of(nib, companion))
    try:
        with replacing_path(Path(path)) as temporary:
            _save(nib, nifti, temporary, num_threads)
    except (OSError, nib.filebasedimages.ImageFileError) as error:
        raise DataConsistencyError(
            "cannot be written as NIfTI", where=str(path), hint="name it .nii or .nii.gz"
        ) from error
    if sidecar:
        write_sidecars(image, path)


def _values(image: DicomCubeImage, *, where: str) -> tuple[Array, float, float]:
    """What the file stores, with the slope and intercept of its header.

    Integers stay as they are where one rescale fits all; so do floats if the header, whose numbers
    are of single precision, holds theirs exactly.
    """
    header = image.pixel_header
    pair = (header.RescaleSlope, header.RescaleIntercept)
    if image.ndim - len(image.axes) > 2:
        return _colour(image, where=where), 1.0, 0.0
    with np.errstate(over="ignore"):
        rounded = [float(np.float32(number)) for number in pair]
    if image.frame_rescale is None and np.isfinite(rounded).all() and rounded[0] != 0:
        if image.dtype.kind in "iu" or tuple(rounded) == pair:
            return image.raw_image, *pair
    return image.get_fdata("float64"), 1.0, 0.0


def _colour(image: DicomCubeImage, *, where: str) -> Array:
    """RGB24 or RGBA32: voxels that are structures of bytes."""
    names = _COLOUR.get(image.shape[-1])
    meta = image.dicom_meta
    said = "RGB" if meta is None else meta.get(CommonTags.PhotometricInterpretation)
    space = DECODED_PHOTOMETRIC.get(str(said), said)
    if names is None or image.dtype != np.uint8 or space != "RGB":
        raise DataConsistencyError(
            f"NIfTI has colour as RGB of 8 bits only, these are {image.dtype.name} {space}",
            where=where,
            hint="write a cube file, or DICOM",
        )
    structure = np.dtype([(name, np.uint8) for name in names])
    colours: Array = np.ascontiguousarray(image.raw_image).view(structure)[..., 0]
    return colours


def _companion(image: DicomCubeImage, values: Array, *, where: str) -> bytes:
    """What is embedded; only where the file then brings the stored values back."""
    contents = image.contents()
    digest = values_digest(contents.values)
    is_output = values.dtype.names is None and values is not image.raw_image
    if is_output and values_digest(stored_values(contents, values)) != digest:
        raise DataConsistencyError(
            "NIfTI would hold output values that do not give the stored ones back",
            where=where,
            hint="write it without embed=True, or use a cube file",
        )
    return pack_companion(contents, digest)


def _placed(nib: Any, image: DicomCubeImage, volumes: Array, *, where: str) -> Any:
    """The nibabel image with its two affines and its units."""
    affine = image.affine
    placed = np.eye(4) if affine is None else to_nifti_affine(affine)
    try:
        nifti = nib.Nifti1Image(volumes.T, placed, dtype=volumes.dtype)
    except (nib.spatialimages.HeaderDataError, ValueError) as error:
        raise DataConsistencyError(
            f"NIfTI cannot hold {volumes.dtype.name} of shape {volumes.shape}", where=where
        ) from error
    code = "unknown" if affine is None else "scanner"
    nifti.set_sform(placed, code=code)
    straight = without_shear(placed)
    sheared_mm = corner_distance_mm(placed, straight, nifti.shape[:3])
    # A quaternion cannot express a shear; the sform alone says it then.
    is_sheared = sheared_mm > _QFORM_TOLERANCE_MM
    nifti.set_qform(straight, code="unknown" if is_sheared else code)
    step_s = _time_step_s(image.axes)
    nifti.header.set_xyzt_units("mm", "unknown" if step_s is None else "sec")
    if volumes.ndim == 4:
        nifti.header.set_zooms((*nifti.header.get_zooms()[:3], step_s or 0.0))
    return nifti


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


def _save(nib: Any, nifti: Any, path: Path, num_threads: int | None) -> None:
    if not is_gzip_name(path.name):
        nib.save(nifti, path)
        return
    threads = thread_count(num_threads)
    with igzip_threaded().open(path, "wb", _GZIP_LEVEL, threads=threads) as file:
        nifti.to_stream(_Counted(file))


class _Counted(io.RawIOBase):
    """A stream that knows its place, which nibabel asks for; it fills a gap with zeros itself."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream, self._place = stream, 0

    def write(self, data: Any, /) -> int:
        count = self._stream.write(data)
        self._place += memoryview(data).nbytes
        return count

    def tell(self) -> int:
        return self._place

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        if (offset, whence) != (self._place, io.SEEK_SET):
            raise io.UnsupportedOperation("the stream only goes on")
        return offset
