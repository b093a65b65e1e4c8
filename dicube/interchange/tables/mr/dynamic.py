"""Dynamic series: one that shows its slices at several times, or one of several that do together.

Series of a study belong to one group where their names differ in nothing but phases and numbers,
and their geometry, kind and timing are the same.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from dicube.interchange.tables.cells import Cell, cell_text
from dicube.interchange.tables.mr.facts import SeriesFacts
from dicube.interchange.tables.mr.rules import NOTHING_SAID, UNKNOWN, MrRules, Verdict

_NONE: Final = "none"
_NO_GROUP: Final = Verdict(_NONE)


@dataclass(frozen=True)
class Candidate:
    """A series that may be part of a dynamic one.

    Attributes
    ----------
    facts : SeriesFacts
    features : mapping of str to str
        What else is known of it: `sequenceClass`, `contrastPhase`...
    """

    facts: SeriesFacts
    features: Mapping[str, str]


class Dynamic(NamedTuple):
    """The features of one series.

    Attributes
    ----------
    is_dynamic, group, phase : Verdict
        The group is "D1", "D2"...; the phase a name, or its place in time: "2 of 5", and "1-5 of 5"
        where one series holds all.
    """

    is_dynamic: Verdict
    group: Verdict
    phase: Verdict


def dynamic_features(candidates: Sequence[Candidate], rules: MrRules) -> list[Dynamic]:
    """The dynamic features of all series of a table, in their order."""
    settings = rules.at("dynamic")
    groups = _groups(candidates, settings)
    found: list[Dynamic] = []
    numbers: dict[int, int] = {}
    for number, candidate in enumerate(candidates):
        if _is_excluded(candidate, settings):
            excluded = Verdict("no", "dynamic.excluded_classes")
            found.append(Dynamic(excluded, _NO_GROUP, _NO_GROUP))
            continue
        group = groups.get(number)
        is_dynamic = _is_dynamic(candidate, group is not None, settings)
        if is_dynamic.value != "yes":
            found.append(Dynamic(is_dynamic, _NO_GROUP, _NO_GROUP))
            continue
        key = min(group) if group else number
        label = f"D{numbers.setdefault(key, len(numbers) + 1)}"
        rule = "dynamic.same" if group else is_dynamic.rule
        phase = _phase(number, group or [number], candidates, settings)
        found.append(Dynamic(is_dynamic, Verdict(label, rule), phase))
    return found


def _is_excluded(candidate: Candidate, settings: Mapping[str, Any]) -> bool:
    return candidate.features["sequenceClass"] in settings["excluded_classes"]


def _is_dynamic(candidate: Candidate, is_grouped: bool, settings: Mapping[str, Any]) -> Verdict:
    times = candidate.facts.numbers("timepoints")
    if times and times[0] > 1:
        return Verdict("yes", "timepoints")
    if is_grouped:
        return Verdict("yes", "dynamic.same")
    if _has_keyword(candidate, settings):
        return Verdict("yes", "dynamic.keywords")
    return Verdict("no", "timepoints") if times else NOTHING_SAID


def _has_keyword(candidate: Candidate, settings: Mapping[str, Any]) -> bool:
    text = candidate.facts.text("name")
    return any(re.search(pattern, text) for pattern in settings["keywords"])


def _phase(
    number: int, group: Sequence[int], candidates: Sequence[Candidate], settings: Mapping[str, Any]
) -> Verdict:
    candidate = candidates[number]
    times = candidate.facts.numbers("timepoints")
    if len(group) == 1:
        if not times or times[0] < 2:
            phase = candidate.features["contrastPhase"]
            named = phase in (*settings["phases"], "pre")
            return Verdict(phase, "contrast.phase") if named else NOTHING_SAID
        return Verdict(f"1-{times[0]:.0f} of {times[0]:.0f}", "timepoints")
    phase = candidate.features["contrastPhase"]
    if phase in (*settings["phases"], "pre"):
        return Verdict(phase, "contrast.phase")
    return Verdict(f"{group.index(number) + 1} of {len(group)}", "dynamic.same")


# ---- groups of series ---------------------------------------------------------------------------


def _groups(candidates: Sequence[Candidate], settings: Mapping[str, Any]) -> dict[int, list[int]]:
    """For each series of a group its members, in the order of time."""
    by_key: dict[tuple[str, ...], list[list[int]]] = {}
    for number, candidate in enumerate(candidates):
        if _is_excluded(candidate, settings):
            continue
        alike = by_key.setdefault(_key(candidate, settings), [])
        for members in alike:
            if _same_timing(candidates[members[0]], candidate, settings):
                members.append(number)
                break
        else:
            alike.append([number])
    groups: dict[int, list[int]] = {}
    for members in (members for alike in by_key.values() for members in alike):
        if _is_group([candidates[number] for number in members], settings):
            ordered = sorted(members, key=lambda number: _time_key(candidates[number]))
            groups.update(dict.fromkeys(members, ordered))
    return groups


def _key(candidate: Candidate, settings: Mapping[str, Any]) -> tuple[str, ...]:
    study = candidate.facts.values("StudyInstanceUID")
    same = (candidate.features[name] for name in settings["same"])
    return (cell_text(study[0]) if study else "", _base_name(candidate, settings), *same)


def _base_name(candidate: Candidate, settings: Mapping[str, Any]) -> str:
    """The name of a series without what tells its phase."""
    text = candidate.facts.text("SeriesDescription")
    for pattern in settings["ignored_in_names"]:
        text = re.sub(pattern, " ", text)
    return " ".join(text.split())


def _same_timing(first: Candidate, other: Candidate, settings: Mapping[str, Any]) -> bool:
    for name, most in settings["relative_difference_max"].items():
        pair = [sorted(each.facts.numbers(name)) for each in (first, other)]
        if len(pair[0]) != len(pair[1]):
            return False
        if any(abs(a - b) > most * max(a, b) for a, b in zip(*pair, strict=True)):
            return False
    return True


def _is_group(members: Sequence[Candidate], settings: Mapping[str, Any]) -> bool:
    """Enough series; fewer will do where one says that it is dynamic, or names a phase."""
    said = any(
        _has_keyword(each, settings) or each.features["contrastPhase"] in settings["phases"]
        for each in members
    )
    least = settings["series_min" if said else "series_min_without_phase"]
    # Series that say nothing of time at all are repetitions only if somebody gave a contrast agent.
    agent = any(each.features["isContrastEnhanced"] not in (UNKNOWN, "no") for each in members)
    return len(members) >= least and (said or agent)


def _time_key(candidate: Candidate) -> tuple[str, float, str]:
    """Date and time of the acquisition, then the number of the series."""
    times = [
        _first(candidate.facts.values(name)) for name in ("AcquisitionDate", "AcquisitionTime")
    ]
    numbers = candidate.facts.numbers("SeriesNumber")
    return times[0] + times[1], numbers[0] if numbers else 0.0, ""


def _first(values: Sequence[Cell]) -> str:
    return min((value for value in values if isinstance(value, str)), default="")
