"""Plane of the slices, from Image Orientation (Patient) (PS3.3 C.7.6.2.1.1)."""

import math
from typing import Final, NamedTuple

from dicube.interchange.tables.cells import Cell
from dicube.interchange.tables.mr.facts import SeriesFacts
from dicube.interchange.tables.mr.rules import NOTHING_SAID, MrRules, Verdict

# By the axis of patient coordinates (x to the left, y to the back, z to the head) along the normal.
_PLANES: Final = ("sagittal", "coronal", "axial")
_SHORTEST_NORMAL: Final = 0.5  # of unit vectors at right angles it is 1
_RULE: Final = "ImageOrientationPatient"
_OBLIQUE: Final = "thresholds.oblique_degrees"
MIXED: Final = "mixed"


class Orientation(NamedTuple):
    """How the slices of a series lie.

    Attributes
    ----------
    standard : Verdict
        "axial", "coronal", "sagittal", "oblique" or "mixed".
    plane : Verdict
        The nearest of the three planes, also of oblique slices.
    tilt_degrees : float or None
        Between the normal and the axis of the nearest plane; the largest one.
    """

    standard: Verdict
    plane: Verdict
    tilt_degrees: float | None


def orientation_of(facts: SeriesFacts, rules: MrRules) -> Orientation:
    """The orientation of all slices; unknown where none says, or the cosines are none."""
    found = [_plane_and_tilt(value) for value in facts.values("ImageOrientationPatient")]
    known = [each for each in found if each is not None]
    if not known:
        return Orientation(NOTHING_SAID, NOTHING_SAID, None)
    limit = rules.at(_OBLIQUE)
    planes = {plane for plane, _ in known}
    names = {plane if tilt <= limit else "oblique" for plane, tilt in known}
    tilt = max(tilt for _, tilt in known)
    plane = planes.pop() if len(planes) == 1 else MIXED
    standard = names.pop() if len(names) == 1 and plane != MIXED else MIXED
    return Orientation(Verdict(standard, _OBLIQUE), Verdict(plane, _RULE), round(tilt, 2))


def _plane_and_tilt(value: Cell) -> tuple[str, float] | None:
    cosines = _numbers(value)
    if len(cosines) != 6:
        return None
    (a, b, c), (d, e, f) = cosines[:3], cosines[3:]
    normal = (b * f - c * e, c * d - a * f, a * e - b * d)
    length = math.hypot(*normal)
    if not length > _SHORTEST_NORMAL:
        return None
    along = [abs(component) / length for component in normal]
    steepest = max(along)
    return _PLANES[along.index(steepest)], math.degrees(math.acos(min(1.0, steepest)))


def _numbers(value: Cell) -> list[float]:
    if not isinstance(value, str):
        return []
    try:
        numbers = [float(part) for part in value.split("\\")]
    except ValueError:
        return []
    return numbers if all(map(math.isfinite, numbers)) else []
