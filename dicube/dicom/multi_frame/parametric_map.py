"""Parametric Map objects (PS3.3 A.75): volumes of any floats, NaN and infinity included."""

from typing import Any, Final

import numpy as np
import numpy.typing as npt
from pydicom.dataset import Dataset

from dicube.dicom.multi_frame.data_sets import code_item, data_set
from dicube.dicom.multi_frame.functional_groups import frame_groups, rescale, shared_groups
from dicube.dicom.multi_frame.modules import add_evidence, image_of, pixel_bytes
from dicube.dicom.multi_frame.volume_series import VolumeSeries
from dicube.dicom.sop_classes import PARAMETRIC_MAP

Array = npt.NDArray[Any]

_FRAME_TYPE: Final = ("DERIVED", "PRIMARY", "VOLUME", "NONE")
_NO_UNITS: Final = ("1", "no units", "UCUM")
_LABEL: Final = "VALUES"


def parametric_map(series: VolumeSeries, volumes: range, frames: Array) -> Dataset:
    """One object of some volumes of a series.

    Parameters
    ----------
    series : VolumeSeries
    volumes : range
    frames : (frames, rows, columns) float32 or float64
        Output values of these volumes, one after the other.
    """
    places = series.places(volumes)
    image = image_of(series, PARAMETRIC_MAP, volumes, frames.shape[1:])
    image.ImageType = list(_FRAME_TYPE)
    image.ContentLabel = _LABEL
    image.ContentDescription = ""
    image.ContentCreatorName = ""
    image.RecognizableVisualFeatures = image.get("RecognizableVisualFeatures") or "NO"
    shared = shared_groups(series)
    shared.ParametricMapFrameTypeSequence = [data_set(FrameType=list(_FRAME_TYPE))]
    shared.PixelValueTransformationSequence = [rescale(1.0, 0.0)]
    shared.RealWorldValueMappingSequence = [_mapping(frames)]
    image.SharedFunctionalGroupsSequence = [shared]
    image.PerFrameFunctionalGroupsSequence = frame_groups(series, places)
    add_evidence(image, series, places)
    _float_pixels(image, frames)
    return image


def _mapping(frames: Array) -> Dataset:
    """Values are what they are (PS3.3 C.7.6.16.2.11)."""
    finite = frames[np.isfinite(frames)]
    first, last = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 0.0)
    return data_set(
        DoubleFloatRealWorldValueFirstValueMapped=first,
        DoubleFloatRealWorldValueLastValueMapped=last,
        RealWorldValueIntercept=0.0,
        RealWorldValueSlope=1.0,
        LUTExplanation="values as they were computed",
        LUTLabel=_LABEL,
        MeasurementUnitsCodeSequence=[code_item(*_NO_UNITS)],
    )


def _float_pixels(image: Dataset, frames: Array) -> None:
    image.BitsAllocated = frames.itemsize * 8
    if frames.itemsize == 4:
        image.add_new("FloatPixelData", "OF", pixel_bytes(frames))
    else:
        image.add_new("DoubleFloatPixelData", "OD", pixel_bytes(frames))
