"""Comparing the frames of a cube file with the folder it was made from, some at a time."""

import itertools
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from dicube.codecs.base import Mask
from dicube.codecs.parallel import map_frames
from dicube.core.contents import Array
from dicube.core.cube_file import CubeDescription
from dicube.core.roi import RoiQuality
from dicube.dicom.derivation import source_uids
from dicube.dicom.dicom_io import DicomSeries, SeriesOptions, read_series, series_of, sets_with
from dicube.dicom.dicom_meta import DicomMeta
from dicube.dicom.dicom_tags import CommonTags
from dicube.dicom.folder_scan import Progress, scan_files_of
from dicube.dicom.series.padding import filled_uid
from dicube.dicom.source_files import SourceFile, file_digest
from dicube.dicom.volume import VolumePlan
from dicube.exceptions import DataConsistencyError


class FolderComparison(ABC):
    """Takes the frames of a file in order and says what differs from a folder.

    Attributes
    ----------
    identical_files, equal_files : int
        Source files that come back byte for byte; compressed ones with equal values.
    largest_error : int or None
        Outside of a region of interest.
    """

    identical_files = 0
    equal_files = 0
    largest_error: int | None = None

    @property
    @abstractmethod
    def frames_of(self) -> list[int]:
        """Numbers of frames that have to come together."""

    @abstractmethod
    def compare(self, run: range, values: Array, masks: Mask | None) -> list[str]:
        """What is wrong with these frames; `run` counts in `frames_of`."""

    def at_the_end(self) -> list[str]:
        """What is wrong once all frames have come."""
        return []


def compare_with(
    folder: Path, about: CubeDescription, progress: Progress | None
) -> FolderComparison | None:
    """How to compare a file with a folder; None where the folder holds other images.

    Raises
    ------
    MetaDataError, DataConsistencyError
        This is no folder with the series of the file.
    """
    return compare_with_series(_series_of(about, folder, progress), about, progress)


def compare_with_series(
    series: DicomSeries, about: CubeDescription, progress: Progress | None
) -> FolderComparison | None:
    """How to compare a file with a series; None where that has other images.

    Raises
    ------
    DataConsistencyError
        The images of the series do not fit together.
    """
    if about.sources is not None:
        sources = about.sources.value
        names = {source.name for source in sources}
        if set(series.names) != names:
            series = _with_names(series, names)
        return _WithSources(sources, VolumePlan.of(series), progress)
    ordered = _in_order_of(about, series)
    if ordered is None:
        return None
    plan = VolumePlan.of(ordered.series)
    frames = plan.shape[0] + len(ordered.filled)
    if frames != about.frames or plan.shape[1:] != about.shape[len(about.axes) :]:
        return None
    return _WithValues(plan, ordered.filled, about.quality, progress)


class _WithSources(FolderComparison):
    """File by file: rebuilt ones with those on the disk, compressed ones by their values."""

    def __init__(
        self, sources: Sequence[SourceFile], plan: VolumePlan, progress: Progress | None
    ) -> None:
        self._sources = sources
        self._plan = plan
        self._progress = progress
        names = plan.series.names
        self._on_disk = {name: number for number, name in enumerate(names)}

    @property
    def frames_of(self) -> list[int]:
        return [source.layout.frames for source in self._sources]

    def compare(self, run: range, values: Array, masks: Mask | None) -> list[str]:
        sources = self._sources[run.start : run.stop]
        starts = [0, *itertools.accumulate(source.layout.frames for source in sources)]
        places = [self._on_disk.pop(source.name, None) for source in sources]

        def compare_one(number: int) -> str | None:
            source, place = sources[number], places[number]
            frames = values[starts[number] : starts[number + 1]]
            if place is None:
                return f"{source.name} is not in the folder"
            compare = self._compare_bytes if source.exact else self._compare_values
            problem = compare(source, frames, place)
            if self._progress is not None:
                self._progress("comparing", run.start + number + 1, len(self._sources))
            return problem

        # Decoding profits from threads, comparing bytes does not.
        threads = 1 if all(source.exact for source in sources) else None
        found = map_frames(compare_one, len(sources), threads)
        equal = [
            source.exact for source, problem in zip(sources, found, strict=True) if not problem
        ]
        self.identical_files += sum(equal)
        self.equal_files += len(equal) - sum(equal)
        return [problem for problem in found if problem]

    def at_the_end(self) -> list[str]:
        return [f"{name} is not in the cube file" for name in self._on_disk]

    def _compare_bytes(self, source: SourceFile, frames: Array, place: int) -> str | None:
        path = self._plan.series.instances[place].path
        same = source.file_bytes(frames) == path.read_bytes()
        return None if same else f"{source.name} differs"

    def _compare_values(self, source: SourceFile, frames: Array, place: int) -> str | None:
        path = self._plan.series.instances[place].path
        if file_digest(path.read_bytes()) != source.digest:
            return f"{source.name} is not the file that was compressed"
        decoded = self._plan.read(range(place, place + 1), num_threads=1).values
        same = np.array_equal(decoded, frames)
        return None if same else f"the stored values of {source.name} differ"


class _WithValues(FolderComparison):
    """By stored values; inside of a region they are equal, outside as near as was promised."""

    def __init__(
        self,
        plan: VolumePlan,
        filled: frozenset[int],
        quality: RoiQuality | None,
        progress: Progress | None,
    ) -> None:
        self._plan = plan
        self._filled = filled
        self._quality = quality
        self._progress = progress
        self.largest_error = None if quality is None else 0
        self._differs = False

    @property
    def frames_of(self) -> list[int]:
        if not self._filled:
            return self._plan.frames_of
        return [1] * (len(self._plan.layouts) + len(self._filled))

    def compare(self, run: range, values: Array, masks: Mask | None) -> list[str]:
        if self._filled:
            kept = [number for number in run if number not in self._filled]
            values = values[[number - run.start for number in kept]]
            before = sum(number < run.start for number in self._filled)
            run = range(run.start - before, run.start - before + len(kept))
        true = self._plan.read(run).values
        if self._progress is not None:
            self._progress("comparing", run.stop, len(self._plan.layouts))
        if masks is None:
            self._differs |= not np.array_equal(true, values)
            return []
        for kept, wanted, mask in zip(values, true, masks, strict=True):
            difference = np.abs(kept.astype(np.int64) - wanted)
            self._differs |= bool(difference[mask].any())
            outside = int(difference[~mask].max(initial=0))
            self.largest_error = max(self.largest_error or 0, outside)
        return []

    def at_the_end(self) -> list[str]:
        if self._quality is None:
            return ["the stored values differ from the folder"] if self._differs else []
        if self._differs:
            return ["the stored values inside of the region differ from the folder"]
        recorded = self._quality.largest_error
        # Decoders of lossy codestreams may round differently, so nothing is promised for those.
        promised = self._quality.background_error is not None
        if promised and self.largest_error is not None and self.largest_error > recorded:
            return [f"stored values are off by {self.largest_error}, {recorded} was recorded"]
        return []


def _series_of(about: CubeDescription, folder: Path, progress: Progress | None) -> DicomSeries:
    """The series in the folder that the file holds, in whatever order."""
    uid = None
    if about.meta is not None:
        value = about.meta.value.get(CommonTags.SeriesInstanceUID)
        uid = value if isinstance(value, str) else None
    options = SeriesOptions(series_uid=uid, on_damaged="skip", as_3d=True)
    names = [] if about.sources is None else [source.name for source in about.sources.value]
    if any("/" in name for name in names):  # a series that was found in several folders
        paths = [folder / name for name in names]
        return series_of(folder, scan_files_of([p for p in paths if p.is_file()]), options)
    return read_series(folder, options, progress=progress)


def _with_names(series: DicomSeries, names: set[str]) -> DicomSeries:
    """Those volume sets of a series that files with these names are in."""
    series = sets_with(series, {i for i, name in enumerate(series.names) if name in names})
    whole = _without_incomplete(series)
    return whole if set(whole.names) == names else series


class _Ordered(NamedTuple):
    """A series in the order of a file, and the frames of the file that no instance has."""

    series: DicomSeries
    filled: frozenset[int] = frozenset()


def _in_order_of(about: CubeDescription, series: DicomSeries) -> _Ordered | None:
    """The series in the order of the file, instances matched by their UID; None if they differ."""
    if about.meta is None:
        return _Ordered(series)
    meta = about.meta.value
    is_derived = about.quality is not None and not about.quality.is_lossless
    wanted = source_uids(meta) if is_derived else meta.get_values(CommonTags.SOPInstanceUID)
    series_uid = str(meta.get_values(CommonTags.SeriesInstanceUID)[0])
    filled = {i for i, uid in enumerate(wanted) if uid == filled_uid(series_uid, i)}
    names = [key for i, key in enumerate(_identities(meta, wanted)) if i not in filled]
    known = set(names)
    own = series.meta.get_values(CommonTags.SOPInstanceUID)
    on_disk = _identities(series.meta, own)
    series = sets_with(series, {i for i, key in enumerate(on_disk) if key in known})
    for candidate in (series, _without_incomplete(series)):
        own = candidate.meta.get_values(CommonTags.SOPInstanceUID)
        places: dict[str, list[int]] = {}
        for place, key in enumerate(_identities(candidate.meta, own)):
            places.setdefault(key, []).append(place)
        if Counter({key: len(each) for key, each in places.items()}) == Counter(names):
            instances = [candidate.instances[places[key].pop(0)] for key in names]
            return _Ordered(replace(candidate, instances=instances), frozenset(filled))
    return None


def _identities(meta: DicomMeta, uids: Sequence[Any]) -> list[str]:
    """What tells the images of a series apart, even where SOP Instance UIDs repeat or lack."""
    numbers = meta.get_values(CommonTags.InstanceNumber)
    positions = meta.get_values(CommonTags.ImagePositionPatient)
    return [repr(facts) for facts in zip(uids, numbers, positions, strict=True)]


def _without_incomplete(series: DicomSeries) -> DicomSeries:
    """The series as it is converted where incomplete volumes are left out."""
    try:
        return series_of(series.folder, series.instances, SeriesOptions(incomplete="drop"))
    except DataConsistencyError:
        return series  # nothing would be left, or not whole instances
