"""Statuses of DIMSE responses, in words (PS3.7 annex C, PS3.4 B.2.3 and C.4)."""

from typing import Final

PENDING: Final = frozenset((0xFF00, 0xFF01))
SUCCESS: Final = 0x0000
SOME_FAILED: Final = 0xB000
CANCELLED: Final = 0xFE00
DESTINATION_UNKNOWN: Final = 0xA801
NO_SUCH_INSTANCE: Final = 0x0112

_NAMES: Final = {
    0x0105: "no such attribute",
    0x0106: "an attribute value is not valid",
    0x0117: "the SOP Instance UID is not valid",
    0x0110: "processing failure",
    0x0111: "duplicate SOP instance",
    0x0112: "no such SOP instance",
    0x0122: "the SOP class is not supported",
    0x0124: "not authorised",
    0x0210: "duplicate invocation",
    0x0211: "unrecognised operation",
    0x0212: "mistyped argument",
    0xA700: "out of resources",
    0xA701: "out of resources: matches cannot be counted",
    0xA702: "out of resources: instances cannot be sent",
    0xA801: "the move destination is not known",
    0xA900: "the identifier or data set does not match the SOP class",
    0xB000: "some instances failed, or elements were changed",
    0xB006: "elements were discarded",
    0xB007: "the data set does not match the SOP class",
    0xFE00: "cancelled",
}


def status_text(status: int | None) -> str:
    """Such as "status 0xA801: the move destination is not known"."""
    if status is None:
        return "no status"
    name = _NAMES.get(status)
    if name is None:
        name = "cannot be processed" if 0xC000 <= status <= 0xCFFF else "not a known status"
    return f"status 0x{status:04X}: {name}"


def is_stored(status: int | None) -> bool:
    """Whether a C-STORE response says that the instance was taken; warnings are (PS3.4 B.2.3)."""
    return status == SUCCESS or (status is not None and status & 0xF000 == 0xB000)
