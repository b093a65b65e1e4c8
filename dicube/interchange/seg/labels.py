"""What a caller segmented, in whatever form, as a `Segmentation`."""

import sys
from typing import Any, Final, Protocol

import numpy as np
import numpy.typing as npt
from spacetransformer import Space

from dicube.core.image import DicomCubeImage
from dicube.core.label_boxes import label_boxes
from dicube.core.segmentation import Code, LabelMasks, Segment, Segmentation
from dicube.dicom.geometry import affine_of
from dicube.exceptions import DataConsistencyError
from dicube.interchange.seg.source import SourceVolume

Array = npt.NDArray[Any]
Affine = npt.NDArray[np.float64]

_UNNAMED: Final = Code("85756007", "SCT", "Tissue")
_REVERSED: Final = [2, 1, 0]


class ItkImage(Protocol):
    """What is asked of a SimpleITK.Image, which is never imported here."""

    def GetOrigin(self) -> tuple[float, ...]: ...  # noqa: N802
    def GetSpacing(self) -> tuple[float, ...]: ...  # noqa: N802
    def GetDirection(self) -> tuple[float, ...]: ...  # noqa: N802
    def GetDimension(self) -> int: ...  # noqa: N802


SegmentationLike = Segmentation | DicomCubeImage | ItkImage | Array


def segmentation_of(
    segmentation: SegmentationLike, space: Space | Affine | None, source: SourceVolume
) -> Segmentation:
    """A segmentation on its own grid; segments of a label image have a number and no meaning yet.

    Parameters
    ----------
    segmentation : array, SimpleITK.Image, DicomCubeImage or Segmentation
    space : Space, affine or None
        Of an array; None where it is on the grid of the source.
    source : SourceVolume

    Raises
    ------
    DataConsistencyError
        It is no label image of one volume, or nobody says where it is.
    """
    if space is not None and not isinstance(segmentation, np.ndarray):
        raise DataConsistencyError("a space is given for arrays only; images have one already")
    if isinstance(segmentation, Segmentation):
        return segmentation
    if isinstance(segmentation, DicomCubeImage):
        if segmentation.affine is None:
            raise DataConsistencyError(
                "the label image has no regular geometry", hint="set its affine"
            )
        affine = segmentation.affine
        is_plain = segmentation.frame_rescale is None and _is_plain(segmentation)
        values = segmentation.raw_image if is_plain else segmentation.get_fdata("float64")
    elif isinstance(segmentation, np.ndarray):
        values, affine = segmentation, _affine(segmentation, space, source)
    elif all(hasattr(segmentation, name) for name in ("GetOrigin", "GetSpacing", "GetDirection")):
        values, affine = _of_itk(segmentation)
    else:
        raise DataConsistencyError(
            f"{type(segmentation).__name__} is no segmentation",
            hint="give an array, a SimpleITK.Image, a DicomCubeImage or a Segmentation",
        )
    labels = _as_labels(values)
    boxes = label_boxes(labels)
    segments = [Segment(label, str(label), _UNNAMED, _UNNAMED) for label in boxes]
    return Segmentation(
        segments, LabelMasks(labels, boxes, list(boxes)), labels.shape, affine, "labelmap"
    )


def _is_plain(image: DicomCubeImage) -> bool:
    header = image.pixel_header
    return (header.RescaleSlope, header.RescaleIntercept) == (1.0, 0.0)


def _affine(array: Array, space: Space | Affine | None, source: SourceVolume) -> Affine:
    if space is None:
        if array.shape != source.shape:
            raise DataConsistencyError(
                f"the segmentation is of shape {array.shape}, the source of {source.shape}",
                hint="say where it is with space=, or give it on the grid of the source",
            )
        return source.affine
    if isinstance(space, Space):
        if tuple(space.shape) != array.shape:
            raise DataConsistencyError(
                f"the segmentation is of shape {array.shape}, its space of {tuple(space.shape)}",
                hint="give the space in (z, y, x) order",
            )
        return affine_of(space)
    affine = np.asarray(space, dtype=np.float64)
    if affine.shape != (4, 4):
        raise DataConsistencyError(f"the affine is of shape {affine.shape}, not (4, 4)")
    return affine


def _of_itk(image: ItkImage) -> tuple[Array, Affine]:
    """Array and affine of a SimpleITK.Image, whose geometry is (x, y, z) and LPS."""
    if image.GetDimension() != 3:
        raise DataConsistencyError(f"the image has {image.GetDimension()} dimensions, not 3")
    # Whoever has such an image has imported SimpleITK.
    values = np.asarray(sys.modules["SimpleITK"].GetArrayFromImage(image))
    affine = np.eye(4)
    steps = np.array(image.GetDirection()).reshape(3, 3) * np.array(image.GetSpacing())
    affine[:3, :3] = steps[:, _REVERSED]
    affine[:3, 3] = image.GetOrigin()
    return values, affine


def _as_labels(values: Array) -> Array:
    """Unsigned integers; other numbers may hold labels as well, and NIfTI files often do."""
    if values.ndim != 3:
        raise DataConsistencyError(
            f"the segmentation is of shape {values.shape}",
            hint="give one volume, (z, y, x); segments that overlap as a Segmentation",
        )
    if values.dtype.kind == "b":
        return values.view(np.uint8)
    if values.dtype.kind == "u":
        return values
    if values.dtype.kind not in "if":
        raise DataConsistencyError(f"labels cannot be of dtype {values.dtype.name}")
    low, high = (values.min(), values.max()) if values.size else (0, 0)
    if not (low >= 0 and high < 1 << 32):
        raise DataConsistencyError(
            f"labels run from {low} to {high}", hint="0 is no segment, others are above it"
        )
    labels = values.astype(np.min_scalar_type(int(high)))
    if values.dtype.kind == "f" and not np.array_equal(labels, values):
        raise DataConsistencyError(
            "the segmentation holds fractions",
            hint="give a Segmentation.from_masks for fractional segments",
        )
    return labels
