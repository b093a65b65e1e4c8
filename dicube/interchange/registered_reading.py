"""A registered series from its files: which frame is which volume and slice, by their metadata."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from dicube.dicom.dicom_io import DicomSeries, SeriesOptions, read_series
from dicube.dicom.multi_frame.reading import FramePlace, frame_places
from dicube.dicom.stored_form import decode
from dicube.dicom.volume import read_volume
from dicube.exceptions import DataConsistencyError
from dicube.interchange.series_info import SeriesInfo

Array = npt.NDArray[Any]
Spacing = tuple[float, float, float]

_SAME_STEP: Final = 1e-5  # part of the distance of slices
_LISTED: Final = 5  # timepoints or files named in one message


def read_registered(folder: Path, info: SeriesInfo | None) -> tuple[Array, Spacing]:
    """Values (t, z, y, x) and spacing (x, y, z) of the series in a folder.

    Raises
    ------
    MetaDataError
        There is no such folder, no image in it, or a damaged file.
    DataConsistencyError
        Frames are missing, there twice, or do not fit together or to `info`.
    """
    uid = None if info is None else info.series_instance_uid
    series = read_series(folder, SeriesOptions(series_uid=uid, as_3d=True))
    places = frame_places(series.meta)
    order, volumes = _order(series, places, info)
    stored = read_volume(series).values
    if stored.ndim != 3 or len(stored) != len(places):
        raise DataConsistencyError("the images are in colour", where=str(folder))
    ordered = stored[order].reshape(volumes, -1, *stored.shape[1:])
    _check_shape(ordered, folder, info)
    values = _decoded(ordered, [places[i].rescale for i in order], info)
    return values, _spacing([places[i] for i in order], info, folder)


# ---- the order of frames ------------------------------------------------------------------------


def _order(
    series: DicomSeries, places: Sequence[FramePlace], info: SeriesInfo | None
) -> tuple[list[int], int]:
    """The frames by volume and slice, and the number of volumes."""
    seen: dict[tuple[int, int], int] = {}
    for i, place in enumerate(places):
        if place.volume is None:
            raise DataConsistencyError(
                "the file does not say which timepoint it is of",
                where=_file(series, place),
                hint="Temporal Position Identifier (0020,0100) is missing",
            )
        key = (place.volume, place.number)
        if key in seen:
            raise DataConsistencyError(
                f"slice {place.number} of timepoint {place.volume - 1} is in"
                f" {_name(series, places[seen[key]])} already",
                where=_file(series, place),
                hint="remove the copy",
            )
        seen[key] = i
    slices = Counter(volume for volume, _ in seen)
    _check_volumes(series, slices, _expected_volumes(series, info))
    return [seen[key] for key in sorted(seen)], len(slices)


def _expected_volumes(series: DicomSeries, info: SeriesInfo | None) -> int | None:
    said = [n for n in series.meta.get_values("NumberOfTemporalPositions") if isinstance(n, int)]
    return max(said) if said else None if info is None else info.n_timepoints


def _check_volumes(series: DicomSeries, slices: Counter[int], expected: int | None) -> None:
    """All timepoints are there, each with as many slices as the others."""
    most = max(slices.values())
    count = max(expected or 0, *slices)
    missing = [volume - 1 for volume in range(1, count + 1) if volume not in slices]
    if missing:
        raise DataConsistencyError(
            f"{len(missing)} of {count} timepoints are missing: {_listing(missing)}",
            where=str(series.folder),
            hint="copy the files of the series again",
        )
    short = [volume - 1 for volume, number in slices.items() if number < most]
    if short or min(slices) < 1:
        raise DataConsistencyError(
            f"timepoints with fewer than {most} slices: {_listing(sorted(short))}",
            where=str(series.folder),
            hint="copy the files of the series again",
        )


def _listing(numbers: Sequence[int]) -> str:
    more = ["..."] if len(numbers) > _LISTED else []
    return ", ".join([str(number) for number in numbers[:_LISTED]] + more)


def _name(series: DicomSeries, place: FramePlace) -> str:
    return series.names[place.source.slice]


def _file(series: DicomSeries, place: FramePlace) -> str:
    return str(series.folder / _name(series, place))


# ---- values and spacing -------------------------------------------------------------------------


def _check_shape(values: Array, folder: Path, info: SeriesInfo | None) -> None:
    if info is not None and list(values.shape) != list(info.shape)[::-1]:
        raise DataConsistencyError(
            f"the files hold (t, z, y, x) of {values.shape}, series_info.json says"
            f" {tuple(info.shape)[::-1]}",
            where=str(folder),
            hint="copy the files of the series again",
        )


def _decoded(
    stored: Array, rescales: Sequence[tuple[float, float]], info: SeriesInfo | None
) -> Array:
    dtype = None if info is None else np.dtype(info.dtype)
    if len(set(rescales)) > 1:
        slopes, intercepts = (np.array(numbers) for numbers in zip(*rescales, strict=True))
        shape = (*stored.shape[:2], 1, 1)
        values: Array = stored * slopes.reshape(shape) + intercepts.reshape(shape)
        return values.astype(dtype or np.float64)
    slope, intercept = rescales[0]
    if dtype is None:
        dtype = _narrowest(stored, slope, intercept)
    return decode(stored, slope, intercept, dtype)


def _narrowest(stored: Array, slope: float, intercept: float) -> np.dtype[Any]:
    """The dtype of the values if nobody says: stored integers, or the floats that hold them."""
    if (slope, intercept) == (1.0, 0.0):
        return stored.dtype
    exact = decode(stored, slope, intercept, np.float64)
    fits = np.array_equal(exact.astype(np.float32), exact)
    return np.dtype(np.float32 if fits else np.float64)


def _spacing(places: Sequence[FramePlace], info: SeriesInfo | None, folder: Path) -> Spacing:
    if info is not None:
        x, y, z = (float(number) for number in info.spacing)
        return x, y, z
    first, second = places[0], places[min(1, len(places) - 1)]
    distance = first.thickness
    if first.position is not None and second.position is not None:
        between = float(np.linalg.norm(second.position - first.position))
        # The distance that the file names has no rounding errors of positions in it.
        if distance is None or abs(between - distance) > _SAME_STEP * between > 0:
            distance = between or None
    if first.pixel_spacing is None or distance is None:
        raise DataConsistencyError(
            "the files do not say how far voxels are apart", where=str(folder)
        )
    return float(first.pixel_spacing[1]), float(first.pixel_spacing[0]), distance
