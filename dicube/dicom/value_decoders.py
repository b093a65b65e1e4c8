"""Value bytes of one data element to its DICOM JSON value, one function per kind of VR.

Every element of every file passes here during ingest, so the functions are plain and look at the
common case first.  They never raise and never warn; see `dicube.dicom.values` for what they give.
"""

import math
import struct
from binascii import b2a_base64
from collections.abc import Callable
from typing import Any, TypeAlias

from dicube.dicom.character_sets import decode_text

Decoder: TypeAlias = Callable[[bytes, tuple[str, ...]], list[Any] | str]

# struct's letter of each VR that is an array of numbers.
NUMBER_CODES = {
    "US": "H", "SS": "h", "UL": "L", "SL": "l", "UV": "Q", "SV": "q", "FL": "f", "FD": "d",
}  # fmt: skip
_PADDING = " \0"
PN_GROUPS = ("Alphabetic", "Ideographic", "Phonetic")
_INT64 = range(-(2**63), 2**63)
_ESC = b"\x1b"


def decode_binary(raw: bytes, encodings: tuple[str, ...]) -> str:
    return b2a_base64(raw, newline=False).decode("ascii")


def _decode_sequence(raw: bytes, encodings: tuple[str, ...]) -> list[Any]:
    return []  # items are data sets, which are not values; a caller who asks keeps the bytes


def _decode_code(raw: bytes, encodings: tuple[str, ...]) -> list[str]:
    text = raw.decode("latin-1").rstrip(_PADDING)
    return text.split("\\") if text else []


def _decode_uid(raw: bytes, encodings: tuple[str, ...]) -> list[str]:
    text = raw.decode("latin-1").rstrip(_PADDING).strip()
    if "\\" in text:
        return [part.strip() for part in text.split("\\")]
    return [text] if text else []


def _decode_application_entity(raw: bytes, encodings: tuple[str, ...]) -> list[str]:
    values = [part.strip() for part in raw.decode("latin-1").split("\\")]
    return values if values != [""] else []


def _decode_uri(raw: bytes, encodings: tuple[str, ...]) -> list[str]:
    text = raw.decode("latin-1").rstrip()
    return [text] if text else []


def _text(raw: bytes, encodings: tuple[str, ...]) -> str:
    # Every character set that DICOM allows begins as ASCII; most values need no more.
    return raw.decode("ascii") if raw.isascii() and _ESC not in raw else decode_text(raw, encodings)


def _decode_long_text(raw: bytes, encodings: tuple[str, ...]) -> list[str]:
    text = _text(raw, encodings).rstrip(_PADDING)
    return [text] if text else []


def _decode_texts(raw: bytes, encodings: tuple[str, ...]) -> list[str]:
    text = _text(raw, encodings)
    if "\\" in text:
        return [part.rstrip(_PADDING) for part in text.split("\\")]
    text = text.rstrip(_PADDING)
    return [text] if text else []


def _decode_person_names(raw: bytes, encodings: tuple[str, ...]) -> list[dict[str, str] | None]:
    text = _text(raw.rstrip(b" \0"), encodings)
    if not text:
        return []
    names = [_person_name(part) for part in text.split("\\")]
    return names if names != [None] else []


def _person_name(text: str) -> dict[str, str] | None:
    if "=" not in text:
        return {"Alphabetic": text} if text else None
    # Groups that are empty at the end are absent; one in the middle is "" as its place shows.
    text = text.rstrip("=")
    return dict(zip(PN_GROUPS, text.split("="), strict=False)) if text else None


def _decode_decimals(raw: bytes, encodings: tuple[str, ...]) -> list[Any]:
    try:
        numbers = [*map(float, raw.split(b"\\"))]
        if all(map(math.isfinite, numbers)) and b"_" not in raw:  # Python's digit separator
            return numbers
    except ValueError:
        pass
    return _decode_odd_numbers(raw, _finite)


def _decode_integers(raw: bytes, encodings: tuple[str, ...]) -> list[Any]:
    try:
        # 18 digits cannot leave the 64 bits that JSON readers can be trusted with.
        if len(raw) <= 18 and b"_" not in raw:
            return [int(raw)] if b"\\" not in raw else [*map(int, raw.split(b"\\"))]
    except ValueError:
        pass
    return _decode_odd_numbers(raw, _integral)


def _decode_odd_numbers(raw: bytes, number: Callable[[str], Any]) -> list[Any]:
    """Component by component: a number, None when blank, or the text itself when malformed."""
    text = raw.decode("latin-1").strip().rstrip(_PADDING)
    if not text.strip():
        return []
    return [_number_or_text(part, number) for part in text.split("\\")]


def _number_or_text(text: str, number: Callable[[str], Any]) -> Any:
    if not text.strip():
        return None
    try:
        return number(text) if "_" not in text else text
    except (ValueError, OverflowError):
        return text


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError
    return value


def _integral(text: str) -> int:
    try:
        value = int(text)
    except ValueError:
        number = float(text)  # "1.0" and "1e3" occur
        value = int(number)
        if value != number:
            raise
    if value not in _INT64:
        raise ValueError
    return value


def _decode_tags(raw: bytes, encodings: tuple[str, ...]) -> list[str]:
    if len(raw) % 4:
        return []
    return [f"{group:04X}{element:04X}" for group, element in struct.iter_unpack("<HH", raw)]


def _numbers_decoder(code: str) -> Decoder:
    layout = struct.Struct("<" + code)
    size, unpack = layout.size, layout.unpack

    def decode(raw: bytes, encodings: tuple[str, ...]) -> list[Any]:
        if len(raw) == size:
            return [*unpack(raw)]
        count, remainder = divmod(len(raw), size)
        return [*struct.unpack(f"<{count}{code}", raw)] if not remainder else []

    def decode_floats(raw: bytes, encodings: tuple[str, ...]) -> list[float | None]:
        values = decode(raw, encodings)
        if all(map(math.isfinite, values)):
            return values
        return [value if math.isfinite(value) else None for value in values]

    return decode_floats if code in "fd" else decode


DECODERS: dict[str, Decoder] = {
    **dict.fromkeys(("AS", "CS", "DA", "DT", "TM"), _decode_code),
    **dict.fromkeys(("LO", "SH", "UC"), _decode_texts),
    **dict.fromkeys(("LT", "ST", "UT"), _decode_long_text),
    **{vr: _numbers_decoder(code) for vr, code in NUMBER_CODES.items()},
    "AE": _decode_application_entity,
    "AT": _decode_tags,
    "DS": _decode_decimals,
    "IS": _decode_integers,
    "PN": _decode_person_names,
    "SQ": _decode_sequence,
    "UI": _decode_uid,
    "UR": _decode_uri,
}
