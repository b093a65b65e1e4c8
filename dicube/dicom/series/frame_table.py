"""The frames of a series as columns: where each lies, of what kind it is, of which instance.

Columns hold plain arrays, so that grouping and sorting need not know DICOM.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from dicube.dicom.dicom_meta import DicomMeta
from dicube.dicom.dicom_tags import CommonTags, TagLike
from dicube.dicom.series.frame_meta import frame_counts, frame_meta
from dicube.dicom.series.image_kind import ImageKind, image_kinds

Float64Array = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.intp]

SAME_ORIENTATION: Final = 2e-3  # of direction cosines: 0.1 degree; slices of a stack jitter less
_FARTHEST_MM: Final = 1e9  # beyond the room, and beyond what sums of squares can hold exactly
SAME_PLACE_MM: Final = 0.01  # positions are written with a few digits
_SAME_PLACE: Final = 0.05  # of a pixel, where pixels are smaller than 0.2 mm
_EVEN: Final = 0.5  # of the largest step: where positions repeat, some differ far less
_ASIDE: Final = 5  # times that within the plane, where rounding of three numbers adds up


@dataclass(frozen=True)
class FrameTable:
    """All frames of some instances, instance by instance.

    Attributes
    ----------
    frames : DicomMeta
        One slice for each frame (see `frame_meta`).
    counts : tuple of int
        Frames of each instance.
    """

    frames: DicomMeta
    counts: tuple[int, ...]

    @classmethod
    def of(cls, meta: DicomMeta, counts: Sequence[int] | None = None) -> "FrameTable":
        """The table of metadata with one slice for each instance; `counts` as for `frame_meta`."""
        counts = frame_counts(meta) if counts is None else counts
        return cls(frame_meta(meta, counts), tuple(counts))

    def __len__(self) -> int:
        return self.frames.slice_count

    def taken(self, instances: Sequence[int]) -> "FrameTable":
        """The table of some of the instances, in the order given."""
        starts = np.concatenate(([0], np.cumsum(self.counts)))
        frames = [frame for i in instances for frame in range(starts[i], starts[i + 1])]
        return FrameTable(self.frames.taken(frames), tuple(self.counts[i] for i in instances))

    @cached_property
    def instances(self) -> IntArray:
        """(frames,) number of the instance that each frame belongs to."""
        return np.repeat(np.arange(len(self.counts)), self.counts)

    @cached_property
    def positions(self) -> Float64Array:
        """(frames, 3) Image Position (Patient), mm; NaN where it is missing or malformed."""
        return self.numbers(CommonTags.ImagePositionPatient, 3)

    @cached_property
    def orientations(self) -> Float64Array:
        """(frames, 6) Image Orientation (Patient); NaN where it is missing or malformed."""
        return self.numbers(CommonTags.ImageOrientationPatient, 6)

    @cached_property
    def spacings(self) -> Float64Array:
        """(frames, 2) Pixel Spacing between rows and columns, mm; NaN where missing."""
        return self.numbers(CommonTags.PixelSpacing, 2)

    @cached_property
    def kinds(self) -> list[ImageKind]:
        """The kind of each frame."""
        return image_kinds(self.frames)

    @cached_property
    def instance_numbers(self) -> Float64Array:
        """(frames,) Instance Number, NaN where there is none."""
        return self.numbers(CommonTags.InstanceNumber, 1)[:, 0]

    @cached_property
    def sequence(self) -> IntArray:
        """(frames,) rank of each frame by Instance Number, then by its place in the table."""
        numbers = np.where(np.isnan(self.instance_numbers), np.inf, self.instance_numbers)
        rank = np.empty(len(self), np.intp)
        rank[np.lexsort((np.arange(len(self)), numbers))] = np.arange(len(self))
        return rank

    def numbers(self, tag: TagLike, width: int) -> Float64Array:
        """(frames, width) values of a numeric element; NaN where a frame has not so many."""
        if self.frames.is_missing(tag):
            return np.full((len(self), width), np.nan)
        if self.frames.is_shared(tag):
            return np.tile(_row(self.frames.get_shared_value(tag), width), (len(self), 1))
        known: dict[str, Sequence[float]] = {}
        rows = []
        for value in self.frames.get_values(tag):
            key = repr(value)
            if key not in known:
                known[key] = _row(value, width)
            rows.append(known[key])
        return np.array(rows, dtype=np.float64).reshape(len(rows), width)

    def places(self, frames: IntArray) -> IntArray | None:
        """Which frames lie in one place: a number for each, ascending along the normal.

        None unless every frame has a position and all share an orientation (nearly).
        """
        positions, cosines = self.positions[frames], self.orientations[frames]
        if np.isnan(positions).any() or np.isnan(cosines).any():
            return None
        if np.abs(positions).max() > _FARTHEST_MM:
            return None
        if len(frames) == 1:
            return np.zeros(1, np.intp)
        if np.abs(cosines - cosines[0]).max() > SAME_ORIENTATION:
            return None
        spacing = self.spacings[frames]
        finest = np.nanmin(spacing, initial=np.inf)
        tolerance = min(SAME_PLACE_MM, _SAME_PLACE * finest if finest > 0 else np.inf)
        normal = np.cross(cosines[0, :3], cosines[0, 3:])
        return distinct_places(positions, normal, tolerance)


def distinct_places(
    positions: Float64Array, normal: Float64Array, tolerance_mm: float = SAME_PLACE_MM
) -> IntArray:
    """Which positions are one.

    Parameters
    ----------
    positions : (n, 3) float64, mm
    normal : (3,) float64
    tolerance_mm : float
        By which positions of one place may differ from the next.

    Returns
    -------
    (n,) int
        A number for each distinct place, ascending along the normal.
    """
    along = positions @ normal
    order = np.argsort(along, kind="stable")
    steps = np.diff(along[order])
    if steps.size and steps.min() > _EVEN * steps.max():
        tolerance_mm = 0.0  # an even stack, however fine
    level = np.empty(len(order), np.intp)
    level[order] = np.concatenate(([0], np.cumsum(steps > tolerance_mm)))
    # Places beside each other in one plane are rare; only then is there more to compare.
    first = np.unique(level, return_index=True)[1]
    aside = np.linalg.norm(positions - positions[first][level], axis=1)
    if len(first) == len(positions) or aside.max(initial=0.0) <= _ASIDE * tolerance_mm:
        return level
    cells = np.column_stack([level, np.round(positions / (_ASIDE * tolerance_mm))])
    numbers: IntArray = np.unique(cells, axis=0, return_inverse=True)[1].reshape(-1)
    return numbers


def _row(value: Any, width: int) -> list[float]:
    listed = value if isinstance(value, list) else [value]
    if len(listed) < width or (width > 1 and len(listed) != width):
        return [np.nan] * width
    try:
        row = [float(item) for item in listed[:width]]
    except (TypeError, ValueError):
        return [np.nan] * width
    return row if all(map(np.isfinite, row)) else [np.nan] * width
