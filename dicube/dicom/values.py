"""Value bytes of one data element (little endian, not a sequence) <-> DICOM JSON value (PS3.18 F).

Reading gives what pydicom's ``to_json_dict`` gives, without its objects: every element of every
file passes here during ingest.  It never raises and never warns; where bytes and JSON do not say
exactly the same (odd padding, "1.50", NaN, a wrong length), `is_exact` is false and the caller
keeps the bytes.  Differences from pydicom, all in values that it cannot express:

- DS or IS text that is no number, is not finite or not an integer, stays a string; pydicom raises,
  or cuts "1.5" down to 1.  Integers beyond 64 bits stay a string, too.
- An empty component of DS, IS or PN is None (null); pydicom raises.
- NaN and infinity in FL and FD are None; JSON has no word for them.
- A length that is no multiple of the VR's item gives an empty list; pydicom raises.
- The escape sequence of GB 2312 is not left in the text.

Writing gives the canonical form: even length, no space beyond the padding, DS as short as exact.
What the elements mean, and how they are grouped into data sets, is not known here.
"""

from typing import Any, TypeAlias

from dicube.dicom.character_sets import python_encodings
from dicube.dicom.value_decoders import DECODERS, decode_binary
from dicube.dicom.value_encoders import ENCODERS, SINGLE_VALUED, CannotEncodeError, encode_binary
from dicube.exceptions import MetaDataError

__all__ = [
    "JsonValue",
    "from_json_value",
    "is_binary",
    "is_exact",
    "python_encodings",
    "to_json_value",
]

JsonValue: TypeAlias = list[Any] | str
"""Items of "Value" (str, int, float, None, or the groups of a person name), or "InlineBinary"."""


def is_binary(vr: str) -> bool:
    """Whether the JSON model stores this VR as "InlineBinary"; unknown VRs count as UN."""
    return vr not in DECODERS


def to_json_value(raw: bytes, vr: str, encodings: tuple[str, ...]) -> JsonValue:
    """JSON model value of an element's bytes: a list, empty when there is no value, or base64."""
    return DECODERS.get(vr, decode_binary)(raw, encodings)


def from_json_value(value: object, vr: str, encodings: tuple[str, ...]) -> bytes:
    """Canonical bytes of a JSON model value, or of the Python value a user would assign.

    Parameters
    ----------
    value : object
        What `to_json_value` gives, or: one item without a list, None for no value, text with
        backslashes between values, str for PN, int for DS or AT, bytes for binary VRs, an array.
    vr : str
        Value representation; unknown ones count as UN.
    encodings : tuple of str
        From `python_encodings`.

    Raises
    ------
    MetaDataError
        The value has no encoding in this VR and character set.
    """
    try:
        encode = ENCODERS.get(vr)
        if encode is None:
            return encode_binary(value)
        return encode(value if type(value) is list else _items(value, vr), encodings)
    except CannotEncodeError as error:
        raise MetaDataError(
            f"a {vr} value cannot be written: {error.reason}", hint=error.hint
        ) from None  # the cause may quote patient data


def is_exact(raw: bytes, vr: str, value: object, encodings: tuple[str, ...]) -> bool:
    """Whether `from_json_value` gives exactly `raw`; never raises."""
    if len(raw) & 1:  # canonical values have even length
        return False
    try:
        return from_json_value(value, vr, encodings) == raw
    except MetaDataError:
        return False


def _items(value: object, vr: str) -> list[Any]:
    """Items of a value that a user gave without the list of the JSON model."""
    if hasattr(value, "tolist"):  # numpy arrays and scalars
        value = value.tolist()
    if isinstance(value, list | tuple):
        return list(value)
    if value is None or value == "":
        return []
    return value.split("\\") if isinstance(value, str) and vr not in SINGLE_VALUED else [value]
