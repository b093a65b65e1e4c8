"""Data sets in the DICOM JSON model (PS3.18 annex F), and the bytes of a value that it leaves out.

Merged entries of one slice are nearly that model already. What they hold beyond it, such as the
bytes of a value that was written in an odd way, stays out.
"""

import base64
import binascii
from collections.abc import Callable, Mapping
from typing import Any, Final

from dicube.dicom.data_set import entry_bytes
from dicube.dicom.entries import Entry, unwrapped
from dicube.exceptions import MetaDataError

Element = dict[str, Any]
# Given the place of an element, "GGGGEEEE" or "GGGGEEEE/item/GGGGEEEE", the URI of its value.
BulkDataUri = Callable[[str], str]

# Base64 characters of a value that is given by its URI; a header, not an image, is read at once.
LONGEST_INLINE: Final = 1024
_DEEPEST: Final = 64
_FLOATS: Final = ("FL", "FD")


def json_data_set(
    entries: Mapping[str, Entry], uri: BulkDataUri, place: str = ""
) -> dict[str, Element]:
    """A data set in the DICOM JSON model, elements in ascending order (PS3.18 F.2.2).

    Parameters
    ----------
    entries : mapping
        Of one slice (`slice_item`), by "GGGGEEEE".
    uri : callable
        Where the value of an element can be had. It is called for long binary values, and for
        floats that are no numbers, which JSON does not have.
    place : str
        Of the item, for sequences.
    """
    return {
        key: json_element(entries[key], uri, place + key)
        for key in sorted(entries)
        if key[4:] != "0000"
    }


def json_element(entry: Entry, uri: BulkDataUri, place: str) -> Element:
    """One element; see `json_data_set`."""
    vr = str(entry.get("vr") or "UN")
    element: Element = {"vr": vr}
    if vr == "SQ":
        items = entry.get("Value") or []
        if items:
            element["Value"] = [
                json_data_set(item, uri, f"{place}/{number}/") for number, item in enumerate(items)
            ]
        return element
    encoded = unwrapped(entry.get("InlineBinary"))
    if encoded:
        is_long = len(encoded) > LONGEST_INLINE
        element |= {"BulkDataURI": uri(place)} if is_long else {"InlineBinary": encoded}
        return element
    value = entry.get("Value")
    if value:
        is_number = vr not in _FLOATS or None not in value
        element |= {"Value": value} if is_number else {"BulkDataURI": uri(place)}
    return element


def bulk_value(entries: Mapping[str, Entry], place: str) -> bytes:
    """The value of an element, explicit VR little endian.

    Parameters
    ----------
    entries : mapping
        Of one slice.
    place : str
        As `json_data_set` named it.

    Raises
    ------
    MetaDataError
        There is no such element, or it is a sequence.
    """
    missing = MetaDataError("there is no such element", hint="take a BulkDataURI of the metadata")
    steps = place.split("/")
    if len(steps) % 2 == 0 or len(steps) > 2 * _DEEPEST:
        raise missing
    for key, number in zip(steps[0::2], steps[1::2], strict=False):
        items = entries.get(key, {}).get("Value") or []
        if not (number.isascii() and number.isdecimal() and len(number) < 8):
            raise missing
        if entries.get(key, {}).get("vr") != "SQ" or int(number) >= len(items):
            raise missing
        entries = items[int(number)]
    entry = entries.get(steps[-1])
    if entry is None or entry.get("vr") == "SQ":
        raise missing
    encoded = unwrapped(entry.get("Raw", entry.get("InlineBinary")))
    if encoded is None:
        return entry_bytes(entry)
    try:
        return base64.b64decode(encoded, validate=True)
    except (binascii.Error, TypeError) as error:
        raise MetaDataError("the bytes of an element are not base64") from error
