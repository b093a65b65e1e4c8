"""The source files of a cube file again, some at a time, in bounded memory.

What is damaged costs the files that it belongs to and no others.
"""

import itertools
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Final, NamedTuple, NoReturn

import numpy as np

from dicube.closing import Closing
from dicube.codecs.parallel import one_ahead
from dicube.core.cube_file import describe, image_member
from dicube.core.frame_reader import FrameReader
from dicube.dicom.export import MakeFile, files_from_sources
from dicube.dicom.volume import runs_within
from dicube.exceptions import (
    CodecError,
    DataConsistencyError,
    DicomCubeError,
    InvalidCubeFileError,
)
from dicube.storage.dcb_file import DcbFile, PathLike

_PIECE_BYTES: Final = 24 << 20


class Rebuilt(NamedTuple):
    """A source file: its number, and what makes its bytes or raises what is wrong with it."""

    number: int
    make: MakeFile


class CubeSources(Closing):
    """The source files of a cube file; use as a context manager, or call `close`.

    Attributes
    ----------
    files : list of SourceFile
        In the order in which the cube has them, which their numbers count.

    Raises
    ------
    InvalidCubeFileError, CodecError
        No cube file, or a damaged one.
    DataConsistencyError
        It holds no source files.
    """

    def __init__(self, path: PathLike) -> None:
        self._file = DcbFile(path)
        try:
            self._adopt(self._file)
        except BaseException:
            self.close()
            raise

    def _adopt(self, file: DcbFile) -> None:
        about = describe(file, is_kept_open=True)
        if about.sources is None:
            raise DataConsistencyError(
                "the cube file does not hold its source files",
                where=file.name,
                hint="`dicube export` makes DICOM files of what it holds",
            )
        self.files = about.sources.value
        self._reader = FrameReader(file, image_member(file))
        starts = [0, *itertools.accumulate(source.layout.frames for source in self.files)]
        if starts[-1] != about.frames:
            raise InvalidCubeFileError(
                f"the source files have {starts[-1]} frames, not {about.frames}", where=file.name
            )
        order = about.frame_order
        places = np.arange(about.frames) if order is None else np.argsort(order)
        self._frames_of = np.split(places, starts[1:-1])

    def rebuilt(self, numbers: Sequence[int]) -> Iterator[Rebuilt]:
        """Files by their numbers, in that order, while a thread decodes the next ones.

        Byte for byte as they were; those that were compressed as explicit VR little endian with
        equal elements and stored values.
        """
        frames_of = [len(self._frames_of[number]) for number in numbers]
        if not frames_of:
            return
        runs = runs_within(frames_of, self._reader.frame_bytes, _PIECE_BYTES)
        pieces = ([numbers[place] for place in run] for run in runs)
        for piece in one_ahead(self._decoded, pieces):
            yield from piece

    def _decoded(self, numbers: Sequence[int]) -> list[Rebuilt]:
        frames = np.concatenate([self._frames_of[number] for number in numbers])
        try:
            values = self._reader.whole(frames.tolist(), None)
        except (InvalidCubeFileError, CodecError) as error:
            if len(numbers) == 1:
                return [Rebuilt(numbers[0], partial(_fail, error))]
            return [each for number in numbers for each in self._decoded([number])]
        sources = [self.files[number] for number in numbers]
        makes = files_from_sources(sources, values, None, None)
        return [Rebuilt(*each) for each in zip(numbers, makes, strict=True)]

    def close(self) -> None:
        """Give the file back to the system."""
        self._file.close()


def _fail(error: DicomCubeError) -> NoReturn:
    raise error
