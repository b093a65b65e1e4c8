"""Proving that a cube file is whole, and that it is the folder it was made from.

Frames are decoded some at a time, so a file of any length takes little memory.
"""

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np

from dicube.codecs.base import Mask
from dicube.core.contents import Array, ValuesDigest
from dicube.core.cube_file import CubeDescription, describe, image_member
from dicube.core.folder_comparison import FolderComparison, compare_with, compare_with_series
from dicube.core.frame_reader import FrameReader
from dicube.core.frame_writing import inside_only
from dicube.dicom.dicom_io import DicomSeries
from dicube.dicom.folder_scan import Progress
from dicube.dicom.volume import runs_within
from dicube.exceptions import DicomCubeError
from dicube.storage.dcb_file import DcbFile
from dicube.storage.verify import find_damage

PathLike = str | os.PathLike[str]

_PIECE_BYTES: Final = 24 << 20


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
    if against is None:
        return _verify(path, None)
    folder = Path(against)
    return _verify(path, lambda about: compare_with(folder, about, progress))


def verify_series(
    path: PathLike, series: DicomSeries, *, progress: Progress | None = None
) -> Verification:
    """As `verify_file`, against the files of a series that were taken apart already.

    Raises
    ------
    DataConsistencyError
        The images of the series do not fit together.
    MetaDataError, CodecError
        A file of the series cannot be read any more.
    """
    return _verify(path, lambda about: compare_with_series(series, about, progress))


def _verify(
    path: PathLike, comparison_of: Callable[[CubeDescription], FolderComparison | None] | None
) -> Verification:
    try:
        with DcbFile(path) as file:
            damage = tuple(find_damage(file))
            if damage:
                return Verification(damage, has_checksums=file.has_checksums)
            about = describe(file)
            problems = _section_problems(about)
    except DicomCubeError as error:
        return Verification((str(error),))
    comparison = None
    if comparison_of is not None and not problems:
        comparison = comparison_of(about)
        if comparison is None:
            problems.append("the folder holds other images")
    checked = Verification(tuple(problems), about.frames, about.has_checksums)
    return checked if problems else _check_frames(Path(path), checked, comparison)


class _Piece(NamedTuple):
    """Some decoded frames; `run` says which of the entries of `frames_of` they are."""

    run: range
    values: Array
    masks: Mask | None


class _Frames:
    """All frames of a file, a piece at a time; `problems` are those of the file as a whole."""

    def __init__(self, path: Path, frames_of: list[int] | None) -> None:
        self._path = path
        self._frames_of = frames_of  # those of the instances, else one at a time
        self.problems: list[str] = []

    def __iter__(self) -> Iterator[_Piece]:
        with DcbFile(self._path) as file:
            image = image_member(file)
            reader = FrameReader(file, image)
            digest, inside, start = ValuesDigest(), 0, 0
            frames_of = self._frames_of or [1] * len(file.frames)
            places = None
            if self._frames_of is not None and image is not None and image.frame_order is not None:
                places = np.argsort(image.frame_order)
            # Frames that are not in the order of their instances have to be there together.
            most_bytes = _PIECE_BYTES if places is None else sys.maxsize
            for run in runs_within(frames_of, reader.frame_bytes, most_bytes):
                stop = start + sum(frames_of[run.start : run.stop])
                values, masks = reader.with_masks(range(start, stop), None)
                start = stop
                digest.update(values if masks is None else inside_only(values, masks))
                inside += 0 if masks is None else int(np.count_nonzero(masks))
                if places is not None:
                    values, masks = values[places], None if masks is None else masks[places]
                yield _Piece(run, values, masks)
        if image is None:
            return
        if image.quality is not None and image.quality.pixels != inside:
            self.problems.append("the region of interest does not have the size that was recorded")
        if image.digest is not None and str(digest) != image.digest:
            self.problems.append("the stored values do not have the digest that was recorded")


def _check_frames(
    path: Path, checked: Verification, comparison: FolderComparison | None
) -> Verification:
    """Decode all frames, and compare them if there is something to compare them with."""
    frames = _Frames(path, None if comparison is None else comparison.frames_of)
    pieces = iter(frames)
    problems: list[str] = []
    while True:
        try:
            piece = next(pieces, None)
        except DicomCubeError as error:  # of the file; those of the folder are raised below
            return Verification((str(error),))
        if piece is None:
            break
        if comparison is not None:
            problems += comparison.compare(piece.run, piece.values, piece.masks)
    if comparison is None or frames.problems:
        return checked._replace(problems=tuple(frames.problems))
    return checked._replace(
        problems=(*problems, *comparison.at_the_end()),
        identical_files=comparison.identical_files,
        equal_files=comparison.equal_files,
        largest_error=comparison.largest_error,
    )


def _section_problems(about: CubeDescription) -> list[str]:
    """Unpack everything that is read lazily otherwise."""
    if about.meta is not None:
        about.meta.value.to_json()
    if about.segmentations is not None:
        for segmentation in about.segmentations.value:
            for _ in segmentation.masks:
                pass
    if about.sources is None:
        return []
    described = sum(source.layout.frames for source in about.sources.value)
    if described == about.frames:
        return []
    return [f"the source files have {described} frames, not {about.frames}"]
