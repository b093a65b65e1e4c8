"""What is asked of a de-identification."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from dicube.dicom.deidentify.keys import DeidentifyKey
from dicube.dicom.deidentify.safe_private import SafePrivate
from dicube.exceptions import DataConsistencyError, MetaDataError

_LONGEST: Final = 64  # characters of LO and of a component group of PN (PS3.5 6.2)


class Retain(StrEnum):
    """The options of PS3.15 E.3 that keep something of what the basic profile takes away."""

    UIDS = "uids"
    DEVICE = "device"
    INSTITUTION = "institution"
    CHARACTERISTICS = "characteristics"
    DATES = "dates"
    MODIFIED_DATES = "modified-dates"
    SAFE_PRIVATE = "safe-private"

    @property
    def column(self) -> str:
        """The column of the option in the table; "" where private elements are meant."""
        return _COLUMNS.get(self, "")

    @property
    def code(self) -> tuple[str, str]:
        """Code value and meaning in PS3.16 CID 7050."""
        return _CODES[self]


BASIC_PROFILE: Final = ("113100", "Basic Application Confidentiality Profile")
_COLUMNS: Final = {
    Retain.UIDS: "uids",
    Retain.DEVICE: "device",
    Retain.INSTITUTION: "institution",
    Retain.CHARACTERISTICS: "characteristics",
    Retain.DATES: "full_dates",
    Retain.MODIFIED_DATES: "modified_dates",
}
_LONGITUDINAL: Final = "Retain Longitudinal Temporal Information"
_CODES: Final = {
    Retain.DATES: ("113106", f"{_LONGITUDINAL} Full Dates Option"),
    Retain.MODIFIED_DATES: ("113107", f"{_LONGITUDINAL} Modified Dates Option"),
    Retain.CHARACTERISTICS: ("113108", "Retain Patient Characteristics Option"),
    Retain.DEVICE: ("113109", "Retain Device Identity Option"),
    Retain.UIDS: ("113110", "Retain UIDs Option"),
    Retain.SAFE_PRIVATE: ("113111", "Retain Safe Private Option"),
    Retain.INSTITUTION: ("113112", "Retain Institution Identity Option"),
}


@dataclass(frozen=True)
class DeidentifyOptions:
    """The basic profile of PS3.15 annex E, and what of it is relaxed.

    Attributes
    ----------
    retain : frozenset of Retain
        Options of PS3.15 E.3.
    key : DeidentifyKey or None
        Makes UIDs, pseudonyms and dates of several series fit each other. None: a random key that
        is thrown away, so that nothing can be linked to the result later.
    safe_private : SafePrivate or None
        Private elements to keep with `Retain.SAFE_PRIVATE`. None: those of PS3.15 E.3.10.
    patient_id, patient_name : str or None
        What to call the patient; by default a pseudonym made with the key.

    Raises
    ------
    DataConsistencyError
        Dates are to be both kept and moved.
    MetaDataError
        A name is empty, longer than 64 characters, or not printable ASCII without backslash.
    """

    retain: frozenset[Retain] = field(default_factory=frozenset)
    key: DeidentifyKey | None = None
    safe_private: SafePrivate | None = None
    patient_id: str | None = None
    patient_name: str | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "retain", frozenset(map(Retain, self.retain)))
        if {Retain.DATES, Retain.MODIFIED_DATES} <= self.retain:
            raise DataConsistencyError(
                "dates can be kept or moved, not both", hint="retain one of the two"
            )
        for name, value in (("ID", self.patient_id), ("name", self.patient_name)):
            if value is not None and not _is_fit(value):
                raise MetaDataError(
                    f"the new patient {name} is not 1 to {_LONGEST} characters of printable ASCII"
                    " without backslash"
                )


def _is_fit(value: str) -> bool:
    is_plain = value.isascii() and value.isprintable() and "\\" not in value
    return is_plain and len(value.strip()) > 0 and len(value) <= _LONGEST
