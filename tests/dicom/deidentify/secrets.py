"""Values that must not survive, in every VR, and finding them."""

import base64
from typing import Any

from pydicom.datadict import dictionary_has_tag, dictionary_VR

from dicube.dicom.entries import Entry

TEXT = "SECRET"
NUMBER = 77123
# What the values below look like in JSON, whatever element they are in.
TRACES = (
    TEXT, "77123", "19771231", "101112", "77771234", "077Y", base64.b64encode(b"SECRET!!").decode(),
)  # fmt: skip
_VALUES: dict[str, Any] = {
    "AS": "077Y", "AT": "77771234", "DA": "19771231", "DT": "19771231101112", "TM": "101112.5",
    "PN": {"Alphabetic": f"{TEXT}^PERSON"}, "UI": f"1.2.3.{NUMBER}.9",
    **dict.fromkeys(("AE", "CS", "LO", "LT", "SH", "ST", "UC", "UR", "UT"), TEXT),
    **dict.fromkeys(("DS", "IS", "SL", "SS", "SV", "UL", "US", "UV"), NUMBER),
    **dict.fromkeys(("FD", "FL"), NUMBER + 0.5),
}  # fmt: skip


def vr_of(tag: int) -> str:
    """VR of the dictionary; LO for tags that this version of pydicom does not know."""
    return dictionary_VR(tag).split(" or ")[0] if dictionary_has_tag(tag) else "LO"


def secret_entry(vr: str) -> Entry:
    """An entry that all slices share, with a value that must not survive."""
    if vr == "SQ":
        return {"vr": "SQ", "shared": None, "Value": [{"00081030": secret_entry("LO")}]}
    if vr in _VALUES:
        return {"vr": vr, "shared": True, "Value": [_VALUES[vr]]}
    return {"vr": vr, "shared": True, "InlineBinary": TRACES[-1]}


def traces_in(text: str) -> list[str]:
    return [trace for trace in TRACES if trace in text]
