"""Enhanced MR and CT Image objects of derived volumes (PS3.3 A.36, A.38), integers of 8 or 16 bits.

As DERIVED images they need none of the modules that say how the scanner measured.
"""

from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt
from pydicom.dataset import Dataset
from pydicom.uid import generate_uid

from dicube.dicom.multi_frame.data_sets import data_set
from dicube.dicom.multi_frame.functional_groups import (
    add_time_offsets,
    frame_groups,
    rescale,
    shared_groups,
)
from dicube.dicom.multi_frame.modules import add_evidence, image_of, integer_pixels
from dicube.dicom.multi_frame.volume_series import VolumeSeries
from dicube.dicom.sop_classes import ENHANCED_CT, ENHANCED_MR

Array = npt.NDArray[Any]

# PS3.3 C.8.16: what a volume of images is, at the level of the image and of each frame.
_DESCRIPTION: Final = {
    "PixelPresentation": "MONOCHROME",
    "VolumetricProperties": "VOLUME",
    "VolumeBasedCalculationTechnique": "NONE",
}


class _Kind(NamedTuple):
    """What sets the enhanced class of a modality apart."""

    sop_class: str
    image_type: tuple[str, ...]
    frame_type_sequence: str
    description: dict[str, str]
    others: dict[str, str]
    bytes: int  # of a pixel, at least
    unit: str  # the only Rescale Type that the class has


ENHANCED_CLASSES: Final = {
    "MR": _Kind(
        ENHANCED_MR,
        ("DERIVED", "PRIMARY", "DYNAMIC", "NONE"),
        "MRImageFrameTypeSequence",
        {"ComplexImageComponent": "MAGNITUDE", "AcquisitionContrast": "UNKNOWN"},
        {"ApplicableSafetyStandardAgency": "IEC"},
        bytes=1,
        unit="US",
    ),
    "CT": _Kind(
        ENHANCED_CT,
        ("DERIVED", "PRIMARY", "VOLUME", "NONE"),
        "CTImageFrameTypeSequence",
        {},
        {},
        bytes=2,
        unit="HU",
    ),
}


def enhanced_image(series: VolumeSeries, volumes: range, frames: Array) -> Dataset:
    """One object of some volumes of a series.

    Parameters
    ----------
    series : VolumeSeries
        Its modality is one of `ENHANCED_CLASSES`.
    volumes : range
    frames : (frames, rows, columns) uint8, int16 or uint16
        Stored values of these volumes, one after the other.
    """
    kind = ENHANCED_CLASSES[series.modality]
    places = series.places(volumes)
    image = image_of(series, kind.sop_class, volumes, frames.shape[1:])
    description = _DESCRIPTION | kind.description
    image.ImageType = list(kind.image_type)
    image.update(data_set(**description, **kind.others))
    image.AcquisitionNumber = volumes.start + 1
    moment = series.moment(volumes.start)
    if moment is not None:
        image.AcquisitionDateTime = moment.strftime("%Y%m%d%H%M%S.%f")
    shared = shared_groups(series)
    shared.PixelValueTransformationSequence = [rescale(series.slope, series.intercept, kind.unit)]
    frame_type = data_set(FrameType=list(kind.image_type), **description)
    setattr(shared, kind.frame_type_sequence, [frame_type])
    if series.modality == "CT":
        shared.IrradiationEventIdentificationSequence = [_irradiation_event(series)]
    image.SharedFunctionalGroupsSequence = [shared]
    groups = frame_groups(series, places)
    add_time_offsets(groups, series, places)
    image.PerFrameFunctionalGroupsSequence = groups
    evidence = add_evidence(image, series, places)
    if evidence:
        image.SourceImageEvidenceSequence = [_evidence(image, evidence)]
    integer_pixels(image, frames.astype(np.uint16) if frames.itemsize < kind.bytes else frames)
    return image


def _irradiation_event(series: VolumeSeries) -> Dataset:
    """The one that the source names; the macro wants one in any case (PS3.3 C.8.15.3.13)."""
    known = series.meta.get_values("IrradiationEventUID")[0]
    return data_set(IrradiationEventUID=known or generate_uid())


def _evidence(image: Dataset, referenced: list[Dataset]) -> Dataset:
    """The same references by study (PS3.3 10.3)."""
    series = [
        data_set(
            SeriesInstanceUID=item.SeriesInstanceUID,
            ReferencedSOPSequence=item.ReferencedInstanceSequence,
        )
        for item in referenced
    ]
    return data_set(StudyInstanceUID=image.StudyInstanceUID, ReferencedSeriesSequence=series)
