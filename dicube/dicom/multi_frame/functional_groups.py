"""Functional groups (PS3.3 C.7.6.16): what all frames of an object share, what each one says."""

from collections.abc import Sequence
from typing import Final

from pydicom.dataset import Dataset

from dicube.dicom.multi_frame.data_sets import code_item, data_set
from dicube.dicom.multi_frame.volume_series import Place, VolumeSeries

STACK: Final = "1"
_BODY: Final = ("123037004", "Body structure", "SCT")  # says what an unnamed body part is
_MICROSECONDS: Final = "%Y%m%d%H%M%S.%f"


def shared_groups(series: VolumeSeries) -> Dataset:
    """Geometry, anatomy and window; each class adds its own."""
    groups = data_set(
        PixelMeasuresSequence=[
            data_set(
                PixelSpacing=series.pixel_spacing,
                SliceThickness=series.slice_distance,
                SpacingBetweenSlices=series.slice_distance,
            )
        ],
        PlaneOrientationSequence=[data_set(ImageOrientationPatient=series.orientation)],
        FrameAnatomySequence=[
            data_set(
                FrameLaterality=str(series.meta.get("Laterality") or "U"),
                AnatomicRegionSequence=[code_item(*_BODY)],
            )
        ],
    )
    if series.window is not None:
        groups.FrameVOILUTSequence = [_window(*series.window)]
    return groups


def rescale(slope: float, intercept: float, unit: str = "US") -> Dataset:
    """The one rescale of all frames (PS3.3 C.7.6.16.2.9); "US": of no unit that is known."""
    return data_set(RescaleIntercept=intercept, RescaleSlope=slope, RescaleType=unit)


def frame_groups(series: VolumeSeries, places: Sequence[Place]) -> list[Dataset]:
    """What differs by frame: place, volume, time and sources."""
    return [_frame(series, place) for place in places]


def _frame(series: VolumeSeries, place: Place) -> Dataset:
    content = data_set(
        FrameAcquisitionNumber=place.volume + 1,
        StackID=STACK,
        InStackPositionNumber=place.slice + 1,
        TemporalPositionIndex=place.volume + 1,
        DimensionIndexValues=[1, place.slice + 1, place.volume + 1],
    )
    moment = series.moment(place.volume)
    if moment is not None:
        content.FrameReferenceDateTime = moment.strftime(_MICROSECONDS)
        content.FrameAcquisitionDateTime = moment.strftime(_MICROSECONDS)
    groups = data_set(
        FrameContentSequence=[content],
        PlanePositionSequence=[data_set(ImagePositionPatient=series.position(place.slice))],
    )
    sources = series.sources(place)
    if sources:
        groups.DerivationImageSequence = [_derivation(series, sources)]
    return groups


def add_time_offsets(
    groups: Sequence[Dataset], series: VolumeSeries, places: Sequence[Place]
) -> None:
    """The Temporal Position macro (PS3.3 C.7.6.16.2.21), which maps do not have."""
    if series.offsets_ms is None:
        return
    for group, place in zip(groups, places, strict=True):
        seconds = series.offsets_ms[place.volume] / 1000
        group.TemporalPositionSequence = [data_set(TemporalPositionTimeOffset=seconds)]


def _derivation(series: VolumeSeries, sources: list[Dataset]) -> Dataset:
    """PS3.3 C.7.6.16.2.6."""
    item = data_set(
        DerivationCodeSequence=[code_item(*series.derivation)], SourceImageSequence=sources
    )
    description = series.meta.get_values("DerivationDescription")[0]
    if description:
        item.DerivationDescription = description
    return item


def _window(centre: float, width: float) -> Dataset:
    """PS3.3 C.11.2.1.2; LINEAR has no widths below 1."""
    item = data_set(WindowCenter=centre, WindowWidth=width)
    if width < 1:
        item.VOILUTFunction = "LINEAR_EXACT"
    return item
