"""The cubes of a library as studies, series and instances (PS3.4 C.6.1.1)."""

import logging
import time
from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from dicube.exceptions import MetaDataError
from dicube.library.cube_library import CubeLibrary, LibraryError
from dicube.library.doubles import by_series
from dicube.library.entry import LibraryEntry
from dicube.library.open_cubes import OpenCubes

logger = logging.getLogger(__name__)

_TIMES_LOOKING: Final = 20


class Series(NamedTuple):
    """A series; one that was split into volume sets has several cubes."""

    study_uid: str
    uid: str
    entries: tuple[LibraryEntry, ...]


class Study(NamedTuple):
    """A study with its series, in the order of their numbers."""

    uid: str
    series: tuple[Series, ...]


class InstancePlace(NamedTuple):
    """Where an instance is: its cube, and its number there."""

    entry: LibraryEntry
    number: int
    uid: str


class Studies:
    """What a library holds, by UID. Cubes without DICOM UIDs are no part of it.

    Parameters
    ----------
    library : CubeLibrary
    cubes : OpenCubes
        Where instances are looked up.
    """

    def __init__(self, library: CubeLibrary, cubes: OpenCubes) -> None:
        self._library = library
        self._cubes = cubes
        self._revision = -1
        self._next_look = 0.0  # monotonic seconds
        self._studies: dict[str, Study] = {}

    def refresh(self) -> None:
        """Look at the folder again, unless that was a moment ago: 5 % of the time at most."""
        if time.monotonic() < self._next_look:
            return
        start = time.monotonic()
        self._library.refresh()
        self._next_look = time.monotonic() + _TIMES_LOOKING * (time.monotonic() - start)

    def studies(self) -> list[Study]:
        """All of them, the newest first."""
        return list(self._grouped().values())

    def study(self, uid: str) -> Study:
        """The study of this Study Instance UID.

        Raises
        ------
        LibraryError
            There is none.
        """
        found = self._grouped().get(uid)
        if found is None:
            raise LibraryError("the library has no such study")
        return found

    def series(self, study_uid: str, uid: str) -> Series:
        """A series of a study.

        Raises
        ------
        LibraryError
            There is no such study, or no such series in it.
        """
        for series in self.study(study_uid).series:
            if series.uid == uid:
                return series
        raise LibraryError("the study has no such series")

    def instances(self, series: Series) -> Iterator[InstancePlace]:
        """The instances of a series, each once, in the order of its cubes."""
        seen: set[str] = set()
        for entry in series.entries:
            for number, uid in enumerate(self._uids(entry)):
                if uid and uid not in seen:
                    seen.add(uid)
                    yield InstancePlace(entry, number, uid)

    def instance(self, study_uid: str, series_uid: str, uid: str) -> InstancePlace:
        """One instance of a series.

        Raises
        ------
        LibraryError
            There is no such study, series or instance.
        """
        for entry in self.series(study_uid, series_uid).entries:
            uids = self._uids(entry)
            if uid and uid in uids:
                return InstancePlace(entry, uids.index(uid), uid)
        raise LibraryError("the series has no such instance")

    def instance_count(self, series: Series) -> int:
        """Number of instances, those that lie in several cubes counted once."""
        if len(series.entries) == 1:
            return series.entries[0].instance_count
        return sum(1 for _ in self.instances(series))

    def _uids(self, entry: LibraryEntry) -> tuple[str, ...]:
        try:
            with self._cubes.borrow(entry) as cube:
                return cube.uids
        except MetaDataError as error:
            logger.warning("%s is left out: %s", entry.relative_path, error.what)
            return ()

    def _grouped(self) -> dict[str, Study]:
        revision = self._library.revision
        if revision != self._revision:
            self._studies = {study.uid: study for study in _grouped(self._library.entries)}
            self._revision = revision
        return self._studies


def _grouped(entries: Iterable[LibraryEntry]) -> list[Study]:
    studies: dict[str, list[Series]] = {}
    for (study, uid), group in by_series(entries).items():
        studies.setdefault(study, []).append(Series(study, uid, group))
    found = [Study(uid, tuple(sorted(series, key=_number))) for uid, series in studies.items()]
    return sorted(found, key=_date, reverse=True)


def _number(series: Series) -> tuple[bool, int, str]:
    text = series.entries[0].series_number
    is_number = text.removeprefix("-").isdecimal()
    return not is_number, int(text) if is_number else 0, series.uid


def _date(study: Study) -> tuple[str, str]:
    first = study.series[0].entries[0]
    return first.study_date, first.study_time
