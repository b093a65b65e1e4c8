"""Modules that all multi-frame objects have (PS3.3 C.7.6.3, C.7.6.16, C.7.6.17, C.12.1)."""

from typing import Any, Final

import numpy as np
import numpy.typing as npt
from pydicom.datadict import tag_for_keyword
from pydicom.dataset import Dataset
from pydicom.uid import generate_uid

from dicube.dicom.multi_frame.data_sets import data_set
from dicube.dicom.multi_frame.volume_series import Place, VolumeSeries

Array = npt.NDArray[Any]

_NO_SERIAL_NUMBER: Final = "none"  # the Enhanced General Equipment module wants a value
# The dimensions that frames are sorted by: pointer, functional group, label.
_DIMENSIONS: Final = (
    ("StackID", "FrameContentSequence", "Stack"),
    ("InStackPositionNumber", "FrameContentSequence", "Slice"),
    ("TemporalPositionIndex", "FrameContentSequence", "Volume"),
)


def image_of(
    series: VolumeSeries, sop_class: str, volumes: range, frame_shape: tuple[int, int]
) -> Dataset:
    """An object without its pixels and functional groups."""
    image = series.common()
    image.SOPClassUID = sop_class
    image.SOPInstanceUID = generate_uid()
    image.InstanceNumber = volumes.start + 1
    image.PositionReferenceIndicator = image.get("PositionReferenceIndicator") or ""
    image.pop(
        "Laterality", None
    )  # the functional group of the anatomy says it (PS3.3 C.7.6.16.2.8)
    image.DeviceSerialNumber = _NO_SERIAL_NUMBER
    image.ContentQualification = "RESEARCH"
    image.BurnedInAnnotation = image.get("BurnedInAnnotation") or "NO"
    image.LossyImageCompression = image.get("LossyImageCompression") or "00"
    image.PresentationLUTShape = "IDENTITY"
    image.AcquisitionContextSequence = []
    # Not in the enhanced classes, which count volumes by frame; readers of a folder look for them.
    if len(volumes) == 1:
        image.TemporalPositionIdentifier = volumes.start + 1
    image.NumberOfTemporalPositions = series.volumes
    image.NumberOfFrames = len(volumes) * series.slices
    image.Rows, image.Columns = frame_shape
    image.SamplesPerPixel = 1
    image.PhotometricInterpretation = "MONOCHROME2"
    _add_dimensions(image, series)
    return image


def add_evidence(image: Dataset, series: VolumeSeries, places: list[Place]) -> list[Dataset]:
    """Name the series that the sources of the frames are in (PS3.3 C.12.2)."""
    referenced = series.source_series(places)
    if referenced:
        image.ReferencedSeriesSequence = referenced
    return referenced


def integer_pixels(image: Dataset, frames: Array) -> None:
    """Pixel Data of 8 or 16 bits."""
    bits = frames.itemsize * 8
    image.BitsAllocated, image.BitsStored, image.HighBit = bits, bits, bits - 1
    image.PixelRepresentation = int(frames.dtype.kind == "i")
    image.add_new("PixelData", "OW" if bits > 8 else "OB", pixel_bytes(frames))


def pixel_bytes(frames: Array) -> bytes:
    """Frames as little endian bytes of even length (PS3.5 8.1.1)."""
    data = np.ascontiguousarray(frames).astype(frames.dtype.newbyteorder("<"), copy=False)
    encoded = data.tobytes()
    return encoded + b"\0" * (len(encoded) % 2)


def _add_dimensions(image: Dataset, series: VolumeSeries) -> None:
    uid = series.organization_uid
    image.DimensionOrganizationType = "3D"
    image.DimensionOrganizationSequence = [data_set(DimensionOrganizationUID=uid)]
    image.DimensionIndexSequence = [
        data_set(
            DimensionOrganizationUID=uid,
            DimensionIndexPointer=tag_for_keyword(pointer),
            FunctionalGroupPointer=tag_for_keyword(group),
            DimensionDescriptionLabel=label,
        )
        for pointer, group, label in _DIMENSIONS
    ]
