"""A series into cubes, and what cannot be one into a zip file beside them: nothing is left out."""

import itertools
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

from dicube.archive.destination import Destination, digest_of
from dicube.archive.settings import StoreSettings
from dicube.archive.sources.staging import Staging
from dicube.archive.storing.cubes import (
    DamagedCubeError,
    Described,
    NotEnoughMemoryError,
    check_cube,
    unreadable,
    write_cube,
)
from dicube.archive.storing.distinct import Duplicate, copies_apart, without_duplicates
from dicube.archive.storing.facts import Fact
from dicube.archive.storing.kept_files import check_kept_files, write_kept_files
from dicube.archive.work import FileRef, Output, OutputKind, SeriesResult, SeriesWork
from dicube.dicom.dicom_io import DicomSeries
from dicube.dicom.find_series import split_series
from dicube.dicom.folder_scan import FolderScan, add_files
from dicube.dicom.instance import Instance
from dicube.exceptions import (
    DataConsistencyError,
    DestinationFullError,
    DicomCubeError,
    InvalidCubeFileError,
    UnreachableError,
)

Checked = TypeVar("Checked")


def store_series(
    work: SeriesWork, staging: Staging, destination: Destination, settings: StoreSettings
) -> SeriesResult:
    """Store the files of a series, each in exactly one place, and check what was written.

    Raises
    ------
    DestinationFullError
        There is no room left.
    UnreachableError
        A server does not answer. All other errors are in the result.
    """
    start = time.perf_counter()
    storing = _Storing(work, staging, destination, settings)
    try:
        storing.run()
    except (DestinationFullError, UnreachableError):
        raise
    except (DicomCubeError, OSError) as error:
        storing.result.error = staging.true_names(_text(error))
    storing.result.seconds = time.perf_counter() - start
    return storing.result


class _NoCubeError(DicomCubeError):
    """Files cannot be one cube; what keeps a cube from being stored is another matter."""


class _Storing:
    """One series on its way; `result` says what is done already."""

    def __init__(
        self,
        work: SeriesWork,
        staging: Staging,
        destination: Destination,
        settings: StoreSettings,
    ) -> None:
        self.result = SeriesResult(work.series_id)
        self._work = work
        self._staging = staging
        self._destination = destination
        self._settings = settings
        self._taken = set(work.outputs)
        self._after_crash = work.begun or settings.may_repeat
        self._refs: dict[Path, FileRef] = {}
        self._kept: dict[Path, str] = {}  # and why

    def run(self) -> None:
        """Bring the files, sort them, store them."""
        brought = self._staging.bring(self._work.files)
        self.result.failures += [(ref.file_id, reason) for ref, reason in brought.failures]
        for ref, path in zip(self._work.files, brought.paths, strict=True):
            if path is not None:
                self._refs[path] = ref
        duplicates: list[Duplicate] = []
        if self._work.content == "files":
            self._kept = dict.fromkeys(self._refs, "")
        else:
            duplicates = self._store_images(brought.folder)
        self._store_kept()
        for duplicate in duplicates:  # now that what they are copies of is stored
            self._note_duplicate(duplicate)

    def _store_images(self, folder: Path) -> list[Duplicate]:
        """Store what can be cubes; the copies among the files."""
        scan = FolderScan(folder)
        add_files(scan, list(self._refs))
        self._keep((path, reason) for path, reason in (*scan.skipped, *scan.damaged))
        images, duplicates = without_duplicates(scan.images, self._work.known)
        for some in copies_apart(images):
            self._store_set_by_set(folder, some)
        return duplicates

    def _store_set_by_set(self, folder: Path, images: Sequence[Instance]) -> None:
        sets, damaged = split_series(folder, images, lambda series, *_: series)
        self._keep(damaged)
        for series in sets:
            self._store_set(series)

    def _store_set(self, series: DicomSeries) -> None:
        """Store a volume set as a cube; without files that are damaged, if there are some."""
        try:
            self._store_cube(series)
        except _NoCubeError as error:
            wrong = self._unreadable(series)
            self._keep(wrong.items())
            usable = [image for image in series.instances if image.path not in wrong]
            if wrong and usable:
                self._store_set_by_set(series.folder, usable)
            else:
                self._keep((image.path, error.what) for image in usable)

    def _unreadable(self, series: DicomSeries) -> dict[Path, str]:
        try:
            return unreadable(series)
        except DicomCubeError:
            return {}  # they do not fit together, so none of them is to blame

    def _store_cube(self, series: DicomSeries) -> None:
        paths = [instance.path for instance in series.instances]
        place, described = self._place(
            f".{self._settings.file_format}", lambda path: check_cube(series, path)
        )
        if described is None:
            with self._destination.adding(place, after_crash=self._after_crash) as local:
                described = self._written(series, local)
        self._note_output(
            "cube",
            place,
            dict(zip(paths, described.digests or map(_digest, paths), strict=True)),
            described.findings,
            described.facts,
        )

    def _written(self, series: DicomSeries, local: Path) -> Described:
        try:
            write_cube(series, local, self._settings)
            return check_cube(series, local)
        except (NotEnoughMemoryError, DamagedCubeError):
            raise
        except DicomCubeError as error:
            raise _NoCubeError(error.what) from error

    def _store_kept(self) -> None:
        """Put what no cube holds into a zip file."""
        if not self._kept:
            return
        files = [(self._refs[path], path) for path in self._kept]
        place, digests = self._place(
            ".files.zip" if self._work.content == "images" else ".zip",
            lambda path: check_kept_files(path, files),
        )
        if digests is None:
            with self._destination.adding(place, after_crash=self._after_crash) as local:
                write_kept_files(local, files)
                digests = check_kept_files(local, files)
        reasons = sorted({f"kept as they are: {why}" for why in self._kept.values() if why})
        self._note_output("files", place, dict(zip(self._kept, digests, strict=True)), reasons, {})

    def _place(self, suffix: str, check: Callable[[Path], Checked]) -> tuple[str, Checked | None]:
        """The path of the next output; what was checked where it is there already.

        A run that died may have left an output before the ledger could say so: it is taken as it
        is. A file of that name that is something else stays, and another name is taken.
        """
        for number in itertools.count(1):
            name = self._work.stem if number == 1 else f"{self._work.stem}~{number}"
            path = f"{name}{suffix}"
            if path in self._taken:
                continue
            self._taken.add(path)
            if not self._destination.exists(path):
                return path, None
            with (
                suppress(DamagedCubeError, InvalidCubeFileError, DataConsistencyError),
                self._destination.reading(path) as local,
            ):
                return path, check(local)
        raise AssertionError("there is always another number")

    def _note_output(
        self,
        kind: OutputKind,
        path: str,
        digests: Mapping[Path, str],
        findings: list[str],
        facts: Mapping[str, Fact],
    ) -> None:
        refs = [self._refs[file] for file in digests]
        length, digest = self._destination.digest(path)
        self.result.outputs.append(
            Output(
                path=path,
                kind=kind,
                length_bytes=length,
                digest=digest,
                source_bytes=sum(ref.length_bytes for ref in refs),
                files=[
                    (ref.file_id, digest)
                    for ref, digest in zip(refs, digests.values(), strict=True)
                ],
                facts=facts,
                findings=findings,
            )
        )

    def _note_duplicate(self, duplicate: Duplicate) -> None:
        same = duplicate.same
        if isinstance(same, Path):
            same = self._refs[same].file_id
        self.result.duplicates.append((self._refs[duplicate.path].file_id, same, duplicate.digest))

    def _keep(self, files: Iterable[tuple[Path, str]]) -> None:
        self._kept.update(files)


def _digest(path: Path) -> str:
    return digest_of(path)[1]


def _text(error: DicomCubeError | OSError) -> str:
    return str(error) if isinstance(error, DicomCubeError) else error.strerror or "cannot be read"
