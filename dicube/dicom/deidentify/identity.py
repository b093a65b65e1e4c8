"""Words that name the patient, to find them in elements where nobody expects them.

The table of PS3.15 lists the elements in which names belong. People type them elsewhere, too.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Any, Final

from dicube.dicom.dicom_meta import DicomMeta

_NAMES: Final = (
    "PatientName", "OtherPatientNames", "PatientBirthName", "PatientMotherBirthName",
    "ReferringPhysicianName", "PerformingPhysicianName", "NameOfPhysiciansReadingStudy",
    "OperatorsName", "RequestingPhysician", "ResponsiblePerson",
)  # fmt: skip
_NUMBERS: Final = ("PatientID", "OtherPatientIDs", "AccessionNumber", "PatientBirthDate")
_SEPARATORS: Final = re.compile(r"[\s^=,;._/\\-]+")
_SHORTEST_NAME: Final = 4  # letters; shorter ones are parts of too many other words
_SHORTEST_NUMBER: Final = 4
# What stands where a name was never given; as words they say nothing about anybody.
_NOBODY: Final = frozenset((
    "ANON", "ANONYMIZED", "ANONYMOUS", "DOCTOR", "NAME", "NONE", "PATIENT", "PHANTOM", "PHYSICIAN",
    "TEST", "UNKNOWN",
))  # fmt: skip


class IdentifyingWords:
    """The words of names and the numbers of a series, as far as they are long enough to tell."""

    def __init__(self, words: Sequence[str]) -> None:
        # Not \b: it sees no end of a word between a letter and an underscore.
        listed = "|".join(re.escape(word) for word in sorted(set(words), key=len, reverse=True))
        pattern = f"(?<![^\\W_])(?:{listed})(?![^\\W_])"
        self._pattern = re.compile(pattern, re.IGNORECASE) if listed else None

    @classmethod
    def of(cls, meta: DicomMeta) -> "IdentifyingWords":
        """Those of all slices."""
        words = [word for name in _NAMES for text in _texts(meta, name) for word in _parts(text)]
        numbers = [text.strip() for name in _NUMBERS for text in _texts(meta, name)]
        return cls([*words, *(number for number in numbers if len(number) >= _SHORTEST_NUMBER)])

    def occur_in(self, text: str) -> bool:
        """Whether any of them is a word of the text, in whatever case."""
        return self._pattern is not None and self._pattern.search(text) is not None


def _parts(name: str) -> Iterator[str]:
    whole = name.strip(" ^=")
    candidates = {whole, *_SEPARATORS.split(name)}
    return (
        part for part in candidates if len(part) >= _SHORTEST_NAME and part.upper() not in _NOBODY
    )


def _texts(meta: DicomMeta, keyword: str) -> Iterator[str]:
    distinct = {str(value): value for value in meta.get_values(keyword) if value is not None}
    for value in distinct.values():
        yield from _flat(value)


def _flat(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):  # the component groups of a PN
        for group in value.values():
            yield from _flat(group)
    elif isinstance(value, list):
        for each in value:
            yield from _flat(each)
