"""The companion of an image as a header extension of its NIfTI file (docs/format.md, section 11).

Other tools skip it: its code is 0, "ignore". What they do to the voxels is noticed, because the
companion knows the digest of its values and their place.
"""

import logging
from typing import Any, Final

from dicube.core.axes import volume_shape
from dicube.core.companion import Companion
from dicube.core.contents import Array, CubeContents
from dicube.core.rescale import undo_rescale
from dicube.interchange.nifti.grid import Float64Array, corner_distance_mm
from dicube.storage.formats import DCBS

_CODE: Final = 0
_LOG: Final = logging.getLogger(__name__)
# The sform is of single precision: a thousandth of a millimetre some metres from the origin.
_SAME_PLACE_MM: Final = 0.01


def extension_of(nibabel: Any, companion: bytes) -> Any:
    """The header extension that holds a companion."""
    return nibabel.nifti1.Nifti1Extension(_CODE, companion)


def embedded_image(
    nifti: Any, values: Array, affine: Float64Array | None, *, where: str
) -> CubeContents | None:
    """The image that a NIfTI file was made of, if the file still holds its values.

    Parameters
    ----------
    nifti : nibabel image
    values : array
        ([t,] z, y, x[, sample]) as the file stores them.
    affine : (4, 4) float64 or None
        From (z, y, x, 1) to patient coordinates (LPS), mm; None where the file names no place.
    where : str
        For messages.

    Returns
    -------
    CubeContents or None
        None where nothing is embedded, or, with a warning in the log, where voxels or their place
        were changed since.

    Raises
    ------
    InvalidCubeFileError
        What is embedded is damaged.
    """
    data = _companion_bytes(nifti)
    if data is None:
        return None
    companion = Companion(data, where=where)
    described = companion.described
    if described.values.size == values.size and _is_same_place(described, affine):
        values = values.reshape(described.values.shape)
        if companion.matches(values):
            return companion.contents(values)
        if values.dtype.kind == "f" and companion.matches(
            stored := stored_values(described, values)
        ):
            return companion.contents(stored)
    _LOG.warning(
        "%s: voxels or their place were changed after DICOM metadata were embedded, which are left"
        " out; DicomCubeImage.from_array(array, like=...) gives a derived image metadata",
        where,
    )
    return None


def stored_values(described: CubeContents, output: Array) -> Array:
    """The stored values of an image whose output values a file holds."""
    return undo_rescale(output, *described.slope_and_intercept, described.values.dtype)


def _companion_bytes(nifti: Any) -> bytes | None:
    for extension in nifti.header.extensions:
        content = extension.get_content() if extension.get_code() == _CODE else b""
        if isinstance(content, bytes) and content.startswith(DCBS.magic):
            return content
    return None


def _is_same_place(described: CubeContents, affine: Float64Array | None) -> bool:
    expected = described.voxel_affine
    if expected is None or affine is None:
        return expected is affine
    shape = volume_shape(described.values.shape, described.axes)
    return corner_distance_mm(expected, affine, shape) <= _SAME_PLACE_MM
