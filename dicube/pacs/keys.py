"""Which DICOM element each field of a query or match is, the same for C-FIND and QIDO-RS."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import fields
from typing import Any, Final, Literal, TypeVar

from dicube.pacs.matches import InstanceMatch, PatientMatch, SeriesMatch, StudyMatch
from dicube.pacs.query import Query

Level = Literal["PATIENT", "STUDY", "SERIES", "IMAGE"]
Row = Mapping[int, str]  # an answer: text by tag, several values joined by backslashes

_PATIENT: Final = {
    "patient_id": 0x00100020,
    "patient_name": 0x00100010,
    "patient_birth_date": 0x00100030,
    "patient_sex": 0x00100040,
}
_STUDY: Final = {
    "study_uid": 0x0020000D,
    "study_date": 0x00080020,
    "study_time": 0x00080030,
    "accession_number": 0x00080050,
    "study_description": 0x00081030,
}
_SERIES: Final = {
    "series_uid": 0x0020000E,
    "modality": 0x00080060,
    "series_number": 0x00200011,
    "series_description": 0x0008103E,
    "body_part": 0x00180015,
}
_INSTANCE: Final = {
    "sop_instance_uid": 0x00080018,
    "sop_class_uid": 0x00080016,
    "instance_number": 0x00200013,
}
MODALITIES_IN_STUDY: Final = 0x00080061
# What a server counts for us (PS3.4 C.3).
_COUNTS: Final[dict[Level, dict[str, int]]] = {
    "PATIENT": {"study_count": 0x00201200},
    "STUDY": {"series_count": 0x00201206, "instance_count": 0x00201208},
    "SERIES": {"instance_count": 0x00201209},
    "IMAGE": {},
}
# Attributes of the level itself. Those of the levels above belong to other searches (PS3.4
# C.4.1.2.1), except that patient and study are one level of the Study Root.
_RETURNED: Final[dict[Level, dict[str, int]]] = {
    "PATIENT": _PATIENT,
    "STUDY": {**_PATIENT, **_STUDY, "modalities": MODALITIES_IN_STUDY},
    "SERIES": {"study_uid": _STUDY["study_uid"], **_SERIES},
    "IMAGE": {**_INSTANCE},
}
_IDENTIFYING: Final = ("patient_id", "accession_number", "study_uid", "series_uid")
_INTEGERS: Final = frozenset(
    ("series_number", "instance_number", "study_count", "series_count", "instance_count")
)

Match = TypeVar("Match", PatientMatch, StudyMatch, SeriesMatch, InstanceMatch)


def search_keys(query: Query, level: Level) -> dict[int, str]:
    """Keys of a search at one level: those to match have a value, those to return are ""."""
    keys = dict.fromkeys((*_RETURNED[level].values(), *_COUNTS[level].values()), "")
    for name, tag in _RETURNED[level].items():
        wanted = query.modality if name == "modalities" else getattr(query, name, None)
        if wanted:
            keys[tag] = wanted
    return keys


def match_of(kind: type[Match], row: Row, level: Level) -> Match | None:
    """An answer as a match; None where the UID that identifies it is missing."""
    tags = {**_PATIENT, **_STUDY, **_SERIES, **_INSTANCE, "modalities": MODALITIES_IN_STUDY}
    tags |= _COUNTS[level]
    values: dict[str, Any] = {}
    for field in fields(kind):
        text = row.get(tags[field.name]) if field.name in tags else None
        if text:
            values[field.name] = _value(field.name, text)
    required = {"PATIENT": (), "STUDY": ("study_uid",), "SERIES": ("study_uid", "series_uid"),
                "IMAGE": ("sop_instance_uid",)}[level]  # fmt: skip
    return kind(**values) if all(name in values for name in required) else None


def matches_of(
    kind: type[Match], rows: Iterable[Row], level: Level, query: Query | None = None
) -> list[Match]:
    """Matches of all answers, each once: some servers answer once for each instance.

    Answers about another patient or study than the query names are left out: a server that ignores
    a key answers with everything that it has (PS3.4 C.2.2.1.3), and a pull would fetch that.
    """
    unique: dict[object, Match] = {}
    for row in rows:
        match = match_of(kind, row, level)
        if match is not None and (query is None or _is_asked_for(match, query)):
            unique.setdefault(_identity(match), match)
    return list(unique.values())


def _is_asked_for(match: object, query: Query) -> bool:
    for name in _IDENTIFYING:
        wanted, found = getattr(query, name), getattr(match, name, None)
        if wanted and found and not fits(wanted, found):
            return False
    return True


def fits(wanted: str, found: str) -> bool:
    """Whether a value fits a key with wildcards, letter case aside (PS3.4 C.2.2.2.4)."""
    pattern = re.escape(wanted).replace(r"\*", ".*").replace(r"\?", ".")
    # Of several UIDs any may match (PS3.4 C.2.2.2.2).
    pattern = pattern.replace(r"\\", "|")
    return re.fullmatch(pattern, found, re.IGNORECASE | re.DOTALL) is not None


def _identity(match: object) -> object:
    if isinstance(match, StudyMatch):
        return match.study_uid
    if isinstance(match, SeriesMatch):
        return match.series_uid
    if isinstance(match, InstanceMatch):
        return match.sop_instance_uid
    assert isinstance(match, PatientMatch)
    return match.patient_id or match  # without an ID only equal answers are one


def _value(name: str, text: str) -> Any:
    if name == "modalities":
        return tuple(part.strip() for part in text.split("\\") if part.strip())
    if name in _INTEGERS:
        try:
            return int(text)
        except ValueError:
            return None  # no integer string (PS3.5 6.2): as good as not said
    return text
