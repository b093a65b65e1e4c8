"""What a de-identified object says about itself (PS3.15 E.1.1 and E.3, PS3.3 C.7.1.1)."""

from typing import Final

from dicube.dicom.deidentify.options import BASIC_PROFILE, Retain
from dicube.dicom.derivation import code_sequence
from dicube.dicom.dicom_tags import tag_key
from dicube.dicom.entries import Entry, with_first_item
from dicube.version import __version__

_REMOVED: Final = tag_key("PatientIdentityRemoved")
_METHOD: Final = tag_key("DeidentificationMethod")
_METHOD_CODES: Final = tag_key("DeidentificationMethodCodeSequence")
_LONGITUDINAL: Final = tag_key("LongitudinalTemporalInformationModified")
_CODE_VALUE: Final = tag_key("CodeValue")


def method_codes(retain: frozenset[Retain]) -> list[tuple[str, str]]:
    """Code values and meanings of the profile and its options, in the order of their values."""
    return sorted([BASIC_PROFILE, *(option.code for option in retain)])


def mark_deidentified(
    entries: dict[str, Entry], retain: frozenset[Retain], slice_count: int
) -> None:
    """Say who did what; what an earlier de-identification said stays beside it.

    Parameters
    ----------
    entries : dict
        Merged entries of a series, to which some are added.
    retain : frozenset of Retain
    slice_count : int
    """
    entries[_REMOVED] = {"vr": "CS", "shared": True, "Value": ["YES"]}
    if Retain.DATES not in retain or _LONGITUDINAL not in entries:
        entries[_LONGITUDINAL] = {"vr": "CS", "shared": True, "Value": [_what_of_dates(retain)]}
    before = entries.get(_METHOD, {})
    methods = before.get("Value", []) if before.get("shared") else []
    ours = f"DiCube {__version__}: PS3.15 basic profile"
    listed = [*(method for method in methods if method != ours), ours]
    entries[_METHOD] = {"vr": "LO", "shared": True, "Value": listed}
    codes = entries.get(_METHOD_CODES)
    if codes is None or codes.get("shared") is not None:
        codes = None
    known = _code_values(codes)
    for value, meaning in reversed(method_codes(retain)):
        if value not in known:
            item = code_sequence(value, meaning)["Value"][0]
            codes = with_first_item(codes, item, slice_count)
    if codes is not None:
        entries[_METHOD_CODES] = codes


def _what_of_dates(retain: frozenset[Retain]) -> str:
    """PS3.3 C.12.1.1: what became of dates and times."""
    if Retain.DATES in retain:
        return "UNMODIFIED"
    return "MODIFIED" if Retain.MODIFIED_DATES in retain else "REMOVED"


def _code_values(entry: Entry | None) -> set[str]:
    """Code values that all slices have."""
    items = [] if entry is None or "ItemCounts" in entry else entry.get("Value", [])
    codes = [item.get(_CODE_VALUE, {}) for item in items]
    return {code["Value"][0] for code in codes if code.get("shared") and code.get("Value")}
