"""Proving that a cube file is whole, and that it is the folder it was made from."""

import os
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np

from dicube.core.contents import Array, CubeContents, values_digest
from dicube.core.cube_file import read_cube
from dicube.core.frame_writing import inside_only
from dicube.core.roi import RegionOfInterest
from dicube.dicom.derivation import source_uids
from dicube.dicom.dicom_io import DicomSeries, Progress, read_series
from dicube.dicom.dicom_meta import SortMethod
from dicube.dicom.dicom_tags import CommonTags
from dicube.dicom.source_files import file_digest
from dicube.dicom.volume import read_volume
from dicube.exceptions import DicomCubeError
from dicube.storage.dcb_file import DcbFile
from dicube.storage.verify import find_damage

PathLike = str | os.PathLike[str]


class Verification(NamedTuple):
    """What was checked, and what was wrong.

    Attributes
    ----------
    problems : tuple of str
        One sentence each; empty if all is well.
    frames : int
        Frames decoded.
    has_checksums : bool
        False for files of the published tool: their frames were decoded, nothing more is possible.
    identical_files : int
        Source files that come back byte for byte, compared with those of the folder.
    equal_files : int
        Source files that were compressed and whose stored values are equal.
    largest_error : int or None
        Of a .dcbr file that was compared with its folder: the largest difference of a stored value
        outside of the region of interest. Inside there was none.
    """

    problems: tuple[str, ...]
    frames: int = 0
    has_checksums: bool = False
    identical_files: int = 0
    equal_files: int = 0
    largest_error: int | None = None

    @property
    def ok(self) -> bool:
        """Whether nothing was wrong."""
        return not self.problems


def verify_file(
    path: PathLike, *, against: PathLike | None = None, progress: Progress | None = None
) -> Verification:
    """Check every checksum, decode every frame, and compare the digest of the stored values.

    Parameters
    ----------
    path : path
        A cube file.
    against : path, optional
        The folder the file was made from; then every file is rebuilt and compared byte by byte.
    progress : callable, optional
        Called with (stage, done, total).

    Returns
    -------
    Verification
        Damage is reported there, not raised.

    Raises
    ------
    MetaDataError, DataConsistencyError
        `against` is no folder with the series of the file.
    """
    try:
        with DcbFile(path) as file:
            problems = list(find_damage(file))
            has_checksums = file.has_checksums
        if problems:
            return Verification(tuple(problems), has_checksums=has_checksums)
        contents = read_cube(path)
        problems = _content_problems(contents)
    except DicomCubeError as error:
        return Verification((str(error),))
    frames = len(contents.frames)
    if problems or against is None:
        return Verification(tuple(problems), frames, has_checksums)
    report = _compare_folder(contents, Path(against), progress)
    return report._replace(frames=frames, has_checksums=has_checksums)


def _content_problems(contents: CubeContents) -> list[str]:
    """Unpack everything that is read lazily otherwise, and compare the digest."""
    problems = []
    proven, roi = contents.values, contents.roi
    if roi is not None:
        proven = inside_only(contents.frames, roi.mask.reshape(contents.frames.shape[:3]))
        if np.count_nonzero(roi.mask) != roi.quality.pixels:
            problems.append("the region of interest does not have the size that was recorded")
    if contents.digest is not None and values_digest(proven) != contents.digest:
        problems.append("the stored values do not have the digest that was recorded")
    if contents.meta is not None:
        contents.meta.value.to_json()
    if contents.sources is not None:
        described = sum(source.layout.frames for source in contents.sources.value)
        if described != len(contents.frames):
            problems.append(f"the source files have {described} frames, not {len(contents.frames)}")
    return problems


def _compare_folder(
    contents: CubeContents, folder: Path, progress: Progress | None
) -> Verification:
    series = _series_of(contents, folder, progress)
    if contents.roi is not None:
        return _compare_region(contents, contents.roi, _values_in_order(contents, series, progress))
    if contents.sources is None:
        values = _values_in_order(contents, series, progress)
        same = values is not None and np.array_equal(values, contents.frames)
        return Verification(() if same else ("the stored values differ from the folder",))
    problems = []
    identical = equal = start = 0
    on_disk = {path.name: path for path in (i.path for i in series.instances)}
    sources = contents.sources.value
    for number, source in enumerate(sources):
        frames = contents.frames[start : start + source.layout.frames]
        start += source.layout.frames
        path = on_disk.pop(source.name, None)
        if path is None:
            problems.append(f"{source.name} is not in the folder")
        elif source.exact:
            same = source.file_bytes(frames) == path.read_bytes()
            identical += same
            problems += [] if same else [f"{source.name} differs"]
        else:
            same = file_digest(path.read_bytes()) == source.digest
            equal += same
            problems += [] if same else [f"{source.name} is not the file that was compressed"]
        if progress is not None:
            progress("comparing", number + 1, len(sources))
    problems += [f"{name} is not in the cube file" for name in on_disk]
    if equal and not problems:
        problems += _compare_values(contents, series, progress)
    return Verification(tuple(problems), identical_files=identical, equal_files=equal)


def _compare_region(
    contents: CubeContents, roi: RegionOfInterest, values: Array | None
) -> Verification:
    """Exact inside, and outside as near as was promised."""
    if values is None or values.shape != contents.frames.shape:
        return Verification(("the folder holds other images",))
    masks = roi.mask.reshape(values.shape[:3])
    inside = largest = 0
    for kept, true, mask in zip(contents.frames, values, masks, strict=True):
        difference = np.abs(kept.astype(np.int64) - true)
        inside = max(inside, int(difference[mask].max(initial=0)))
        largest = max(largest, int(difference[~mask].max(initial=0)))
    if inside:
        return Verification(("the stored values inside of the region differ from the folder",))
    # Decoders of lossy codestreams may round differently, so nothing is promised for those.
    if roi.quality.background_error is not None and largest > roi.quality.largest_error:
        problem = f"stored values are off by {largest}, {roi.quality.largest_error} was recorded"
        return Verification((problem,), largest_error=largest)
    return Verification((), largest_error=largest)


def _values_in_order(
    contents: CubeContents, series: DicomSeries, progress: Progress | None
) -> Array | None:
    """The values of the folder in the order of the file, instances matched by their UID."""
    if contents.meta is None:
        return read_volume(series, progress=progress).values
    uids = series.meta.get_values(CommonTags.SOPInstanceUID)
    is_derived = contents.roi is not None and not contents.roi.quality.is_lossless
    meta = contents.meta.value
    wanted = source_uids(meta) if is_derived else meta.get_values(CommonTags.SOPInstanceUID)
    if sorted(map(str, uids)) != sorted(map(str, wanted)):
        return None
    places = {str(uid): place for place, uid in enumerate(uids)}
    ordered = replace(series, instances=[series.instances[places[str(u)]] for u in wanted])
    return read_volume(ordered, progress=progress).values


def _compare_values(
    contents: CubeContents, series: DicomSeries, progress: Progress | None
) -> list[str]:
    """Decode the folder again and compare frame by frame, whatever the order of the files."""
    volume = read_volume(series, progress=progress)
    decoded, start = {}, 0
    for source in volume.source_files:
        decoded[source.name] = volume.values[start : start + source.layout.frames]
        start += source.layout.frames
    assert contents.sources is not None
    problems, start = [], 0
    for source in contents.sources.value:
        stop = start + source.layout.frames
        if not np.array_equal(decoded[source.name], contents.frames[start:stop]):
            problems.append(f"the stored values of {source.name} differ")
        start = stop
    return problems


def _series_of(contents: CubeContents, folder: Path, progress: Progress | None) -> DicomSeries:
    """The series in the folder that the file holds, in whatever order."""
    uid = None
    if contents.meta is not None:
        value = contents.meta.value.get(CommonTags.SeriesInstanceUID)
        uid = value if isinstance(value, str) else None
    return read_series(
        folder,
        sort_method=SortMethod.INSTANCE_NUMBER_ASC,
        series_uid=uid,
        on_damaged="skip",
        progress=progress,
    )
