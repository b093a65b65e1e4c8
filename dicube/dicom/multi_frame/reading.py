"""Where and when frames are, by the metadata of classic and of multi-frame files alike."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from dicube.dicom.dicom_meta import DicomMeta
from dicube.dicom.dicom_tags import CommonTags, TagLike
from dicube.dicom.provenance import FrameSource
from dicube.dicom.series.frame_meta import frame_counts, frame_meta
from dicube.dicom.series.frame_table import FrameTable

Vector = npt.NDArray[np.float64]


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
    frames = frame_meta(meta)
    counts = frame_counts(meta)
    grouped = frames is not meta
    sources = [
        FrameSource(index, number + 1 if grouped else None)
        for index, count in enumerate(counts)
        for number in range(count)
    ]
    table = FrameTable(frames, tuple(counts))
    volumes = _first_of(table, "TemporalPositionIndex", "TemporalPositionIdentifier")
    numbers = _first_of(table, "InStackPositionNumber", "InstanceNumber")
    distances = _first_of(table, "SpacingBetweenSlices", "SliceThickness")
    slopes = _first_of(table, CommonTags.RescaleSlope)
    intercepts = _first_of(table, CommonTags.RescaleIntercept)
    return [
        FramePlace(
            source=source,
            volume=None if volumes[i] is None else int(volumes[i] or 0),
            number=int(numbers[i] or source.frame or source.slice),
            position=_vector(table.positions[i]),
            orientation=_vector(table.orientations[i]),
            pixel_spacing=_vector(table.spacings[i]),
            thickness=distances[i],
            rescale=(
                1.0 if slopes[i] is None else float(slopes[i] or 0.0), float(intercepts[i] or 0.0)
            ),
        )
        for i, source in enumerate(sources)
    ]  # fmt: skip


def _first_of(table: FrameTable, *tags: TagLike) -> list[float | None]:
    """For each frame the first of these elements that it has."""
    columns = [table.numbers(tag, 1)[:, 0].tolist() for tag in tags]
    return [
        next((number for number in row if number == number), None)  # not NaN
        for row in zip(*columns, strict=True)
    ]


def _vector(row: Vector) -> Vector | None:
    return None if np.isnan(row).any() else row
