"""Where and when frames are, by the metadata of classic and of multi-frame files alike."""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from dicube.dicom.dicom_meta import DicomMeta
from dicube.dicom.dicom_tags import CommonTags, tag_key
from dicube.dicom.entries import Entry, unwrapped
from dicube.dicom.export import frame_count
from dicube.dicom.provenance import FrameSource

Vector = npt.NDArray[np.float64]
Item = dict[str, Entry]


class FramePlace(NamedTuple):
    """What a file says about one of its frames; None where it says nothing.

    Attributes
    ----------
    source : FrameSource
        Its slice of the metadata, and its number in the file.
    volume : int or None
        Temporal position, from 1.
    number : int
        Sorts the frames of a volume.
    position : (3,) float64 or None
        Image Position (Patient), mm.
    orientation : (6,) float64 or None
        Image Orientation (Patient).
    pixel_spacing : (2,) float64 or None
        Between rows, between columns; mm.
    thickness : float or None
        Distance of slices; mm.
    rescale : (slope, intercept)
    """

    source: FrameSource
    volume: int | None
    number: int
    position: Vector | None
    orientation: Vector | None
    pixel_spacing: Vector | None
    thickness: float | None
    rescale: tuple[float, float]


def frame_places(meta: DicomMeta) -> list[FramePlace]:
    """The place of each frame, file after file."""
    found = []
    for index in range(meta.slice_count):
        of_file = dict(meta.index(index).items())
        count = frame_count(_value(of_file, CommonTags.NumberOfFrames))
        shared = _first_item(of_file, "SharedFunctionalGroupsSequence")
        each = of_file.get(tag_key("PerFrameFunctionalGroupsSequence"), {}).get("Value", [])
        for number in range(count):
            own = each[number] if number < len(each) else {}
            source = FrameSource(index, number + 1 if count > 1 or each else None)
            found.append(_place(source, [own, shared], of_file))
    return found


def _place(source: FrameSource, groups: list[Item], of_file: Item) -> FramePlace:
    content = _group(groups, "FrameContentSequence", of_file)
    measures = _group(groups, "PixelMeasuresSequence", of_file)
    values = _group(groups, "PixelValueTransformationSequence", of_file)
    volume = _integer(content, "TemporalPositionIndex")
    if volume is None:
        volume = _integer(of_file, "TemporalPositionIdentifier")
    instance = _integer(of_file, "InstanceNumber") or source.slice
    in_stack = _integer(content, "InStackPositionNumber") or source.frame
    spacing = _vector(measures, "PixelSpacing", 2)
    distance = _number(measures, "SpacingBetweenSlices") or _number(measures, "SliceThickness")
    slope, intercept = _number(values, "RescaleSlope"), _number(values, "RescaleIntercept")
    return FramePlace(
        source=source,
        volume=volume,
        number=instance if in_stack is None else in_stack,
        position=_vector(
            _group(groups, "PlanePositionSequence", of_file), "ImagePositionPatient", 3
        ),
        orientation=_vector(
            _group(groups, "PlaneOrientationSequence", of_file), "ImageOrientationPatient", 6
        ),
        pixel_spacing=spacing,
        thickness=distance,
        rescale=(1.0 if slope is None else slope, 0.0 if intercept is None else intercept),
    )


def _group(groups: list[Item], keyword: str, otherwise: Item) -> Item:
    """A functional group, of the frame or shared; classic files have its elements at their top."""
    for group in groups:
        item = _first_item(group, keyword)
        if item:
            return item
    return otherwise


def _first_item(entries: Item, keyword: str) -> Item:
    items = entries.get(tag_key(keyword), {}).get("Value") or [{}]
    return dict(items[0])


def _value(entries: Item, tag: Any) -> Any:
    return unwrapped(entries.get(tag_key(tag), {}).get("Value"))


def _integer(entries: Item, keyword: str) -> int | None:
    value = _value(entries, keyword)
    return value if isinstance(value, int) else None


def _number(entries: Item, keyword: str) -> float | None:
    value = _value(entries, keyword)
    return float(value) if isinstance(value, (int, float)) else None


def _vector(entries: Item, keyword: str, length: int) -> Vector | None:
    value = _value(entries, keyword)
    if not isinstance(value, list) or len(value) != length:
        return None
    if not all(isinstance(number, (int, float)) and np.isfinite(number) for number in value):
        return None
    return np.array(value, dtype=np.float64)
