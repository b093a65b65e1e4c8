"""Where the headers of a table come from: folders, cube files, and answers of a PACS.

Headers of files are read with the scanner that reads series, pixels are not. Every DICOM object
has a row, images or not; files that are no DICOM, or damaged, are listed with the reason.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, TypeAlias

from pydicom.config import disable_value_validation
from pydicom.dataset import Dataset
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_dataset

from dicube.codecs import get_num_threads
from dicube.core.cube_file import read_meta
from dicube.dicom.dicom_meta import DicomMeta
from dicube.dicom.dicom_tags import CommonTags
from dicube.dicom.folder_scan import Progress, SkippedFile, by_series
from dicube.dicom.instance import Instance, NotDicomError, raw_elements, read_instance
from dicube.dicom.merge_utils import Scope
from dicube.dicom.native_scan import scan_files
from dicube.dicom.part10 import EXPLICIT_LITTLE
from dicube.exceptions import DicomCubeError, MetaDataError
from dicube.storage.formats import is_cube_suffix

Header: TypeAlias = Dataset | Mapping[str, Any]
Source: TypeAlias = str | os.PathLike[str] | Header

_SCANNED_AT_ONCE: Final = 256
_PIXEL_GROUP: Final = 0x7FE00000
_NOT_ENCODABLE: Final = (TypeError, ValueError, AttributeError, KeyError, OverflowError)


@dataclass(frozen=True)
class SeriesHeaders:
    """The headers of one series from one place.

    Attributes
    ----------
    folder : str
        The folder, or the cube file; "" for answers of a PACS.
    names : tuple of str
        The file of each instance.
    meta : DicomMeta
        One slice for each instance.
    """

    folder: str
    names: tuple[str, ...]
    meta: DicomMeta


@dataclass
class HeaderReader:
    """Reads sources one after the other; only the headers of one folder are held at a time.

    Attributes
    ----------
    progress : callable or None
        Called with ("headers", files done, files found).
    left_out : list of SkippedFile
        Files without a row: no DICOM.
    damaged : list of SkippedFile
        Files without a row: DICOM that cannot be read.
    """

    progress: Progress | None = None
    left_out: list[SkippedFile] = field(default_factory=list)
    damaged: list[SkippedFile] = field(default_factory=list)

    def read(self, sources: Sequence[Source]) -> Iterator[SeriesHeaders]:
        """The series of all sources, in their order.

        Raises
        ------
        MetaDataError
            A path does not exist, or a header cannot be encoded.
        """
        paths = [Path(each) for each in sources if isinstance(each, (str, os.PathLike))]
        seen: set[Path] = set()  # a source may be named twice, or lie in another one
        batches = [_unseen(batch, seen) for path in paths for batch in _batches(path)]
        total, done = sum(map(len, batches)), 0
        for batch in batches:
            yield from self._files(batch)
            done += len(batch)
            if self.progress is not None:
                self.progress("headers", done, total)
        headers = [each for each in sources if not isinstance(each, (str, os.PathLike))]
        yield from _answers(headers)

    def _files(self, paths: Sequence[Path]) -> Iterator[SeriesHeaders]:
        """The series in the files of one folder."""
        instances: list[Instance] = []
        dicom = [path for path in paths if not is_cube_suffix(path)]
        for first in range(0, len(dicom), _SCANNED_AT_ONCE):
            some = dicom[first : first + _SCANNED_AT_ONCE]
            for path, scanned in zip(some, scan_files(some, get_num_threads()), strict=True):
                instance = scanned or self._read(path)
                if instance is not None:
                    instances.append(instance)
        for series in by_series(instances).values():
            names = tuple(instance.path.name for instance in series)
            meta = DicomMeta.from_instances(series)
            yield SeriesHeaders(str(series[0].path.parent), names, meta)
        for path in paths:
            if is_cube_suffix(path):
                yield from self._cube(path)

    def _read(self, path: Path) -> Instance | None:
        try:
            return read_instance(path)
        except NotDicomError as error:
            self.left_out.append(SkippedFile(path, error.what))
        except MetaDataError as error:
            self.damaged.append(SkippedFile(path, error.what))
        return None

    def _cube(self, path: Path) -> Iterator[SeriesHeaders]:
        try:
            meta = read_meta(path)
        except DicomCubeError as error:
            self.damaged.append(SkippedFile(path, error.what))
            return
        if meta is None:
            self.left_out.append(SkippedFile(path, "a cube file without DICOM metadata"))
            return
        names = meta.filenames or [str(number) for number in range(meta.slice_count)]
        yield SeriesHeaders(str(path), tuple(names), meta)


def _batches(path: Path) -> list[list[Path]]:
    """The files of each folder below a folder, sorted; a file is a batch of its own."""
    if path.is_file():
        return [[path]]
    if not path.is_dir():
        raise MetaDataError("no such file or folder", where=str(path), hint="check the path")
    batches = []
    for name, folders, files in os.walk(path):
        folders.sort()  # os.walk goes on in this order
        found = [Path(name, file) for file in sorted(files)]
        batches.append([file for file in found if file.is_file()])
    return batches


def _unseen(files: Sequence[Path], seen: set[Path]) -> list[Path]:
    found = [path for path in files if path.absolute() not in seen]
    seen.update(path.absolute() for path in found)
    return found


def _answers(headers: Sequence[Header]) -> Iterator[SeriesHeaders]:
    """Answers of a PACS by their series, in the order in which those come first."""
    scopes: dict[str, list[Scope]] = {}
    for number, header in enumerate(headers):
        scope = _scope(header, where=f"header {number}")
        uid = scope.elements.get(int(CommonTags.SeriesInstanceUID))
        if uid is None or not uid.value.strip(b" \0"):
            raise MetaDataError(
                "a header without Series Instance UID has no row in a table",
                where=f"header {number}",
                hint="ask the PACS for series or for instances",
            )
        scopes.setdefault(uid.value.decode("latin-1").strip(" \0"), []).append(scope)
    for series in scopes.values():
        yield SeriesHeaders("", ("",) * len(series), DicomMeta.from_scopes(series))


def _scope(header: Header, *, where: str) -> Scope:
    """A header as a data set from a file, so that all are read alike."""
    encoded = DicomBytesIO()
    encoded.is_implicit_VR, encoded.is_little_endian = False, True
    try:
        with disable_value_validation():  # its warnings quote values, and a PACS has what it has
            data_set = header if isinstance(header, Dataset) else Dataset.from_json(dict(header))
            write_dataset(encoded, _without_pixels(data_set))
    except _NOT_ENCODABLE as error:
        raise MetaDataError(
            "the header cannot be encoded", where=where, hint="pydicom cannot write it, either"
        ) from error
    return Scope.of(raw_elements(encoded.getvalue(), EXPLICIT_LITTLE), EXPLICIT_LITTLE)


def _without_pixels(data_set: Dataset) -> Dataset:
    header = data_set[:_PIXEL_GROUP]
    assert isinstance(header, Dataset)
    return header
