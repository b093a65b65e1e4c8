"""The cubes of each series: which of them is served first, and whether they contradict each other.

A SOP Instance UID names one instance (PS3.5 9). A copy of a cube in another format holds instances
of the same UIDs, and so may a part of a series that was pulled before the rest: nothing is lost
where one of them is served. Where cubes hold different instances under one UID, something is.
"""

import logging
from collections.abc import Iterable, Iterator
from typing import Final

import numpy as np

from dicube.core.instances import CubeInstances
from dicube.exceptions import DicomCubeError
from dicube.library.entry import LibraryEntry, LibraryFinding
from dicube.library.open_cubes import OpenCubes

logger = logging.getLogger(__name__)

# Of an instance that lies in several cubes the one is taken that gives it back most exactly.
_BEST_FORMAT_FIRST: Final = ("dcbs", "dcba", "dcbr")

Group = tuple[LibraryEntry, ...]
Served = dict[str, tuple[LibraryEntry, int]]  # by SOP Instance UID: the cube, and its number there


def by_series(entries: Iterable[LibraryEntry]) -> dict[tuple[str, str], Group]:
    """Cubes by Study and Series Instance UID, in the order in which their instances are served.

    Cubes without these UIDs are left out.
    """
    series: dict[tuple[str, str], list[LibraryEntry]] = {}
    for entry in entries:
        if entry.study_uid and entry.series_uid:
            series.setdefault((entry.study_uid, entry.series_uid), []).append(entry)
    return {uids: tuple(sorted(group, key=_rank)) for uids, group in series.items()}


def _rank(entry: LibraryEntry) -> tuple[int, bool, str]:
    form = _BEST_FORMAT_FIRST.index(entry.format)
    return form, not entry.has_sources, entry.relative_path


class Doubles:
    """Looks for cubes of a series that hold different instances under one SOP Instance UID.

    The cubes of a series are looked at once, and again when one of them changed. Where UIDs repeat,
    instances that were made of the same file are known by its digest; of others elements and stored
    values are compared, one instance at a time, up to the first that differs.
    """

    def __init__(self) -> None:
        self._known: dict[tuple[object, ...], list[LibraryFinding]] = {}

    def findings(self, entries: Iterable[LibraryEntry]) -> list[LibraryFinding]:
        """One for each cube with instances that are not served, because others are.

        What was not known before is logged.
        """
        known: dict[tuple[object, ...], list[LibraryFinding]] = {}
        for group in by_series(entries).values():
            if len(group) > 1:
                key = tuple((entry.relative_path, entry.stamp) for entry in group)
                known[key] = self._known[key] if key in self._known else _looked_at(group)
        self._known = known
        return [finding for found in known.values() for finding in found]


def _looked_at(group: Group) -> list[LibraryFinding]:
    findings = []
    served: Served = {}
    cubes = OpenCubes()
    for entry in group:
        try:
            reasons = list(_contradictions(entry, served, cubes))
        except DicomCubeError as error:
            reasons = [f"cannot be compared with other cubes of its series: {error.what}"]
        findings += [LibraryFinding(entry.path, entry.relative_path, reason) for reason in reasons]
    cubes.close()
    for finding in findings:
        logger.warning("%s: %s", finding.relative_path, finding.reason)
    return findings


def _contradictions(entry: LibraryEntry, served: Served, cubes: OpenCubes) -> Iterator[str]:
    """Why a cube does not fit to those before it; its own instances are added to theirs."""
    with cubes.borrow(entry) as cube:
        doubles: dict[str, tuple[LibraryEntry, list[tuple[int, int]]]] = {}  # by key of the cube
        new: Served = {}
        for number, uid in enumerate(cube.uids):
            if uid in served:
                better, place = served[uid]
                doubles.setdefault(better.key, (better, []))[1].append((place, number))
            elif uid:
                new.setdefault(uid, (entry, number))
        served.update(new)
        for better, pairs in doubles.values():
            with cubes.borrow(better) as other:
                is_same = all(_is_same(other, place, cube, number) for place, number in pairs)
            if not is_same:
                yield (
                    "holds other instances under the same SOP Instance UIDs as"
                    f" {better.relative_path}, which is served"
                )


def _is_same(first: CubeInstances, place: int, second: CubeInstances, number: int) -> bool:
    """Whether two instances are of the same file, or have the same elements and stored values."""
    digest = first.source_digest(place)
    if digest is not None and digest == second.source_digest(number):
        return True
    count = first.frame_count(place)
    if count != second.frame_count(number) or first.entries(place) != second.entries(number):
        return False
    return all(
        np.array_equal(first.values(place, [frame]), second.values(number, [frame]))
        for frame in range(count)
    )
