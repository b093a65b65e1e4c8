"""Judging a series: one status, as the published tool gives it, and every finding behind it.

The checks run in a fixed order, most important first; the status is that of the first finding.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from typing import Any, Final

import numpy as np

from dicube.dicom.dicom_meta import DicomMeta
from dicube.dicom.dicom_tags import CommonTags, TagLike
from dicube.dicom.findings import DicomStatus, Finding
from dicube.dicom.geometry import (
    MetaView,
    StackGeometry,
    shared_orientation,
    slice_normal,
    slice_positions,
    stack_geometry,
)
from dicube.dicom.series.frame_meta import frame_meta

__all__ = ["DicomStatus", "Finding", "get_dicom_findings", "get_dicom_status"]

_DTYPE_TAGS: Final = (
    CommonTags.BitsStored,
    CommonTags.BitsAllocated,
    CommonTags.HighBit,
    CommonTags.PixelRepresentation,
)
_COMMON_STEP_SHARE: Final = 0.8  # an interval this frequent is the slice distance
_GAP: Final = 0.5  # an interval this far from the slice distance, relative to it, is a gap


def get_dicom_status(
    meta: DicomMeta, *, volume: Sequence[int] | None = None, frames: DicomMeta | None = None
) -> DicomStatus:
    """The most important finding, or CONSISTENT.

    Findings about geometry that the vocabulary of the published tool has no word for (a sheared or
    unevenly spaced stack) do not show here; see `get_dicom_findings`, also for parameters.
    """
    frames = frame_meta(meta) if frames is None else frames
    stack = frames if volume is None else frames.taken(volume)
    checked = _checked(meta, frames, stack)
    return next((finding.status for finding in checked), DicomStatus.CONSISTENT)


def get_dicom_findings(
    meta: DicomMeta, *, volume: Sequence[int] | None = None, frames: DicomMeta | None = None
) -> list[Finding]:
    """All findings, most important first, each with the slices concerned; empty if consistent.

    Parameters
    ----------
    meta : DicomMeta
    volume : sequence of int, optional
        Numbers of the frames that form one volume; by default all do. Positions are judged for that
        volume.
    frames : DicomMeta, optional
        One slice for each frame, in the order in which findings are to count them; by default
        `frame_meta` of the metadata.
    """
    frames = frame_meta(meta) if frames is None else frames
    stack = frames if volume is None else frames.taken(volume)
    return findings_of(meta, frames, stack, stack_geometry(stack))


def findings_of(
    meta: DicomMeta, frames: DicomMeta, stack: DicomMeta, geometry: StackGeometry
) -> list[Finding]:
    """As `get_dicom_findings`, of one volume whose geometry is known already."""
    findings = list(_checked(meta, frames, stack))
    seen = {finding.status for finding in findings}
    return findings + [
        finding
        for finding in geometry.findings
        if finding.status not in seen or finding.status is DicomStatus.INCONSISTENT
    ]


def _checked(meta: DicomMeta, frames: DicomMeta, stack: DicomMeta) -> Iterator[Finding]:
    for check in _CHECKS:
        yield from check(
            meta if check in _OF_INSTANCES else stack if check is _locations else frames
        )


def _series(meta: MetaView) -> Iterator[Finding]:
    yield from _missing_or_differing(
        meta,
        CommonTags.SeriesInstanceUID,
        DicomStatus.MISSING_SERIES_UID,
        DicomStatus.NON_UNIFORM_SERIES_UID,
        "Series Instance UID",
    )


def _instance_numbers(meta: MetaView) -> Iterator[Finding]:
    if meta.is_missing(CommonTags.InstanceNumber):
        yield Finding(DicomStatus.MISSING_INSTANCE_NUMBER, "no slice has an Instance Number")
        return
    numbers = meta.get_values(CommonTags.InstanceNumber)
    if meta.slice_count == 1:
        return
    places: dict[Any, list[int]] = {}
    for i, number in enumerate(numbers):
        places.setdefault(str(number), []).append(i)
    duplicates = tuple(i for same in places.values() if len(same) > 1 for i in same)
    if duplicates:
        yield Finding(
            DicomStatus.DUPLICATE_INSTANCE_NUMBERS,
            "slices have the same Instance Number as another",
            tuple(sorted(duplicates)),
        )
    lacking = tuple(i for i, number in enumerate(numbers) if not isinstance(number, int))
    if lacking:
        yield Finding(
            DicomStatus.MISSING_INSTANCE_NUMBER, "slices have no usable Instance Number", lacking
        )
    ordered = sorted((number, i) for i, number in enumerate(numbers) if isinstance(number, int))
    after_gap = tuple(i for (before, _), (number, i) in pairwise(ordered) if number - before > 1)
    if after_gap:
        yield Finding(
            DicomStatus.GAP_INSTANCE_NUMBER, "Instance Numbers are missing before slices", after_gap
        )


def _dtype(meta: MetaView) -> Iterator[Finding]:
    if any(meta.is_missing(tag) for tag in _DTYPE_TAGS):
        yield Finding(
            DicomStatus.MISSING_DTYPE,
            "Bits Allocated, Bits Stored, High Bit or Pixel Representation is missing",
        )
    elif not all(meta.is_shared(tag) for tag in _DTYPE_TAGS):
        odd = {i for tag in _DTYPE_TAGS for i in _minority(meta.get_values(tag))}
        yield Finding(
            DicomStatus.NON_UNIFORM_DTYPE,
            "slices differ in how values are stored",
            tuple(sorted(odd)),
        )


def _spacing(meta: MetaView) -> Iterator[Finding]:
    yield from _missing_or_differing(
        meta,
        CommonTags.PixelSpacing,
        DicomStatus.MISSING_SPACING,
        DicomStatus.NON_UNIFORM_SPACING,
        "Pixel Spacing",
    )


def _shape(meta: MetaView) -> Iterator[Finding]:
    for tag, name in ((CommonTags.Columns, "Columns"), (CommonTags.Rows, "Rows")):
        yield from _missing_or_differing(
            meta, tag, DicomStatus.MISSING_SHAPE, DicomStatus.NON_UNIFORM_SHAPE, name
        )


def _orientation(meta: MetaView) -> Iterator[Finding]:
    yield from _missing_or_differing(
        meta,
        CommonTags.ImageOrientationPatient,
        DicomStatus.MISSING_ORIENTATION,
        DicomStatus.NON_UNIFORM_ORIENTATION,
        "Image Orientation (Patient)",
    )


def _locations(meta: MetaView) -> Iterator[Finding]:
    positions = slice_positions(meta)
    lacking = tuple(i for i, position in enumerate(positions) if position is None)
    if len(lacking) == meta.slice_count:
        if meta.is_missing(CommonTags.SliceLocation):
            yield Finding(DicomStatus.MISSING_LOCATION, "no slice has a position")
        return
    if lacking:
        yield Finding(DicomStatus.MISSING_LOCATION, "slices without a position", lacking)
        return
    orientation = shared_orientation(meta)
    if orientation is None or meta.slice_count < 2:
        return
    normal = slice_normal(orientation)
    order = _instance_order(meta)
    along = np.array([position @ normal for position in positions if position is not None])[order]
    steps = np.diff(along)
    behind = np.array(order[1:])

    def slices(where: Any) -> tuple[int, ...]:
        return tuple(sorted(int(i) for i in behind[where]))

    if steps.min() < 0 < steps.max():
        minor = steps < 0 if (steps < 0).sum() <= (steps > 0).sum() else steps > 0
        message = (
            f"by Instance Number the stack goes back {int(minor.sum())} times, by "
            f"{_range_text(np.abs(steps[minor]))} mm: positions disagree with Instance Number"
        )
        yield Finding(DicomStatus.REVERSED_LOCATION, message, slices(minor))
    if (steps == 0).any():
        yield Finding(
            DicomStatus.DWELLING_LOCATION,
            f"{int((steps == 0).sum())} slices lie where the one before lies",
            slices(steps == 0),
        )
    distance = _slice_distance(steps)
    gaps = np.abs(steps - distance) > _GAP * abs(distance)
    if distance and gaps.any() and not steps.min() < 0 < steps.max():
        odd = np.abs(steps[gaps])
        message = (
            f"the distance to the slice before is {_range_text(odd)} mm, elsewhere "
            f"{abs(distance):.4g} mm"
        )
        yield Finding(DicomStatus.GAP_LOCATION, message, slices(gaps))


def _rescale(meta: MetaView) -> Iterator[Finding]:
    tags = (CommonTags.RescaleSlope, CommonTags.RescaleIntercept)
    if any(meta.is_missing(tag) for tag in tags) or all(meta.is_shared(tag) for tag in tags):
        return
    odd = {i for tag in tags for i in _minority(meta.get_values(tag))}
    yield Finding(
        DicomStatus.NON_UNIFORM_RESCALE_FACTOR,
        "Rescale Slope or Intercept differs; `get_fdata` applies those of each slice",
        tuple(sorted(odd)),
    )


# The order of the published tool: the first finding is the status.
_CHECKS: Final[tuple[Callable[[MetaView], Iterator[Finding]], ...]] = (
    _series,
    _instance_numbers,
    _dtype,
    _spacing,
    _shape,
    _orientation,
    _locations,
    _rescale,
)
# What a multi-frame object says once; the other checks ask each of its frames.
_OF_INSTANCES: Final = (_series, _instance_numbers, _dtype, _shape)


def _missing_or_differing(
    meta: MetaView, tag: TagLike, missing: DicomStatus, differing: DicomStatus, name: str
) -> Iterator[Finding]:
    if meta.is_missing(tag):
        yield Finding(missing, f"no slice has {name}")
    elif not meta.is_shared(tag):
        odd = tuple(_minority(meta.get_values(tag)))
        yield Finding(differing, f"slices differ in {name}", odd)


def _minority(values: list[Any]) -> list[int]:
    """Places of the values that are not the most frequent one."""
    texts = [repr(value) for value in values]
    usual = Counter(texts).most_common(1)[0][0]  # of equally frequent ones the first
    return [i for i, text in enumerate(texts) if text != usual]


def _instance_order(meta: MetaView) -> list[int]:
    numbers = meta.get_values(CommonTags.InstanceNumber)
    usable = [number if isinstance(number, int) else float("inf") for number in numbers]
    return sorted(range(len(usable)), key=lambda i: usable[i])


def _range_text(numbers: Any) -> str:
    """One number, or the smallest and the largest."""
    low, high = f"{numbers.min():.4g}", f"{numbers.max():.4g}"
    return low if low == high else f"{low} to {high}"


def _slice_distance(steps: Any) -> float:
    """The usual step: one that nearly all have, or the larger of median and mean."""
    distinct, counts = np.unique(steps, return_counts=True)
    if counts.max() / len(steps) > _COMMON_STEP_SHARE:
        return float(distinct[counts.argmax()])
    return max(float(np.median(steps)), float(np.mean(steps)), key=abs)
