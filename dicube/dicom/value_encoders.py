"""DICOM JSON values, or what a user would write for them, to canonical value bytes, per VR.

Strict where reading is lenient: what has no encoding in a VR is refused, and the reason never
quotes the value, which may be a patient's.
"""

import math
import operator
import re
import struct
from binascii import a2b_base64
from collections.abc import Callable
from typing import Any, TypeAlias

from dicube.dicom.character_sets import encode_text
from dicube.dicom.value_decoders import NUMBER_CODES, PN_GROUPS

Encoder: TypeAlias = Callable[[list[Any], tuple[str, ...]], bytes]

SINGLE_VALUED = frozenset({"LT", "ST", "UT", "UR"})
_IS_RANGE = range(-(2**31), 2**31)  # PS3.5 table 6.2-1
_DS_LENGTH = 16


class CannotEncodeError(Exception):
    """Why a value has no encoding; `from_json_value` adds the VR and turns it into our own tree."""

    def __init__(self, reason: str, *, hint: str | None = None) -> None:
        self.reason = reason
        self.hint = hint


def encode_binary(value: object) -> bytes:
    if isinstance(value, list | tuple):  # PS3.18 F.4 shows base64 inside a list
        if len(value) > 1:
            raise CannotEncodeError(f"it holds one value, not {len(value)}")
        value = value[0] if value else b""
    if isinstance(value, str):
        try:
            value = a2b_base64(value, strict_mode=True) if value else b""
        except ValueError:  # also binascii.Error
            raise CannotEncodeError("the text is not base64", hint="give bytes") from None
    if value is None:
        return b""
    if not isinstance(value, bytes | bytearray | memoryview):
        raise CannotEncodeError(f"bytes or base64 expected, not {type(value).__name__}")
    return _padded(bytes(value), b"\0")


def _encode_sequence(items: list[Any], encodings: tuple[str, ...]) -> bytes:
    if items:
        raise CannotEncodeError("items of a sequence are data sets, not values")
    return b""


def _padded(encoded: bytes, padding: bytes = b" ") -> bytes:
    return encoded + padding if len(encoded) & 1 else encoded


def _joined(items: list[Any]) -> str:
    """Items as one text with backslashes between; None is an empty item."""
    if len(items) == 1 and isinstance(items[0], str) and "\\" not in items[0]:
        return items[0]
    texts = ["" if item is None else item for item in items]
    for text in texts:
        if not isinstance(text, str):
            raise CannotEncodeError(f"text expected, not {type(text).__name__}")
    joined = "\\".join(texts)
    if joined.count("\\") >= max(1, len(texts)):
        raise CannotEncodeError("a backslash inside an item would begin the next value")
    return joined


def _default_repertoire(text: str, padding: bytes = b" ") -> bytes:
    try:
        # Bytes above 127 are not allowed but occur; they are read, so they are written, as Latin 1.
        return _padded(text.encode("latin-1"), padding)
    except UnicodeEncodeError:
        raise CannotEncodeError("this VR has no characters beyond ASCII") from None


def _encode_codes(items: list[Any], encodings: tuple[str, ...]) -> bytes:
    return _default_repertoire(_joined(items))


def _encode_uids(items: list[Any], encodings: tuple[str, ...]) -> bytes:
    return _default_repertoire(_joined(items), b"\0")


def _encode_texts(items: list[Any], encodings: tuple[str, ...]) -> bytes:
    return _encode_character_set(_joined(items), encodings)


def _encode_character_set(text: str, encodings: tuple[str, ...]) -> bytes:
    try:
        return _padded(encode_text(text, encodings))
    except UnicodeError:
        raise CannotEncodeError(
            "a character is outside the character set of the data set",
            hint="set SpecificCharacterSet (0008,0005) to ISO_IR 192, which is UTF-8",
        ) from None


def _only_text(items: list[Any]) -> str:
    if len(items) > 1:
        raise CannotEncodeError(f"it holds one value, not {len(items)}")
    text = items[0] if items and items[0] is not None else ""
    if not isinstance(text, str):
        raise CannotEncodeError(f"text expected, not {type(text).__name__}")
    return text


def _encode_long_text(items: list[Any], encodings: tuple[str, ...]) -> bytes:
    return _encode_character_set(_only_text(items), encodings)


def _encode_uri(items: list[Any], encodings: tuple[str, ...]) -> bytes:
    return _default_repertoire(_only_text(items))


def _encode_person_names(items: list[Any], encodings: tuple[str, ...]) -> bytes:
    names = [_person_name_text(item) if isinstance(item, dict) else item for item in items]
    return _encode_character_set(_joined(names), encodings)


def _person_name_text(groups: dict[Any, Any]) -> str:
    if not groups.keys() <= set(PN_GROUPS):
        raise CannotEncodeError(f"the groups of a person name are {', '.join(PN_GROUPS)}")
    texts = [groups.get(name) or "" for name in PN_GROUPS]
    for text in texts:
        if not isinstance(text, str) or "=" in text:
            raise CannotEncodeError("a group of a person name is text without '='")
    return "=".join(texts).rstrip("=")


def _encode_decimals(items: list[Any], encodings: tuple[str, ...]) -> bytes:
    return _default_repertoire(_joined([_decimal_string(item) for item in items]))


def _decimal_string(item: Any) -> str | None:
    if type(item) is float:
        return _float_string(item)
    if item is None or isinstance(item, str):
        return item
    try:
        number = float(item)
        if number != item and int(item) == item:
            raise CannotEncodeError("the integer has more digits than DS can hold")
    except (TypeError, ValueError, OverflowError):
        raise CannotEncodeError(f"number expected, not {type(item).__name__}") from None
    return _float_string(number)


def _float_string(number: float) -> str:
    if not math.isfinite(number):
        raise CannotEncodeError("the number is not finite")
    text = repr(number)
    if text.endswith(".0"):  # most files write 1, not 1.0
        text = text[:-2]
    return text if len(text) <= _DS_LENGTH else _shortened(text)


def _shortened(text: str) -> str:
    """The same number without what DS can do without, if that brings it down to 16 characters."""
    mantissa, _, exponent = text.partition("e")
    shorter = re.sub(r"^(-?)0\.", r"\1.", mantissa) + (f"e{int(exponent)}" if exponent else "")
    return shorter if len(shorter) <= _DS_LENGTH else text


def _encode_integers(items: list[Any], encodings: tuple[str, ...]) -> bytes:
    return _default_repertoire(_joined([_integer_string(item) for item in items]))


def _integer_string(item: Any) -> str | None:
    if item is None or isinstance(item, str):
        return item
    try:
        number = operator.index(int(item) if isinstance(item, float) else item)
    except (TypeError, ValueError, OverflowError):
        raise CannotEncodeError(f"integer expected, not {type(item).__name__}") from None
    if number != item or number not in _IS_RANGE:
        raise CannotEncodeError(f"accepted are integers from {_IS_RANGE[0]} to {_IS_RANGE[-1]}")
    return str(number)


def _encode_tags(items: list[Any], encodings: tuple[str, ...]) -> bytes:
    return b"".join(map(_tag_bytes, items))


def _tag_bytes(item: Any) -> bytes:
    try:
        tag = bytes.fromhex(item) if isinstance(item, str) else operator.index(item).to_bytes(4)
    except (TypeError, ValueError, OverflowError):
        tag = b""
    if len(tag) != 4 or (isinstance(item, str) and len(item) != 8):
        raise CannotEncodeError("a tag is eight hexadecimal digits, or an integer of 32 bits")
    return bytes((tag[1], tag[0], tag[3], tag[2]))  # two little-endian 16-bit words


def _numbers_encoder(code: str) -> Encoder:
    bits = 8 * struct.calcsize("<" + code)
    low, high = (0, 2**bits - 1) if code.isupper() else (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)
    accepted = (
        f"accepted are numbers that fit {bits}-bit floating point"
        if code in "fd"
        else f"accepted are integers from {low} to {high}"
    )

    def encode(items: list[Any], encodings: tuple[str, ...]) -> bytes:
        try:
            return struct.pack(f"<{len(items)}{code}", *items)
        except (struct.error, OverflowError, TypeError, ValueError):
            raise CannotEncodeError(accepted) from None

    return encode


ENCODERS: dict[str, Encoder] = {
    **dict.fromkeys(("AE", "AS", "CS", "DA", "DT", "TM"), _encode_codes),
    **dict.fromkeys(("LO", "SH", "UC"), _encode_texts),
    **dict.fromkeys(("LT", "ST", "UT"), _encode_long_text),
    **{vr: _numbers_encoder(code) for vr, code in NUMBER_CODES.items()},
    "AT": _encode_tags,
    "DS": _encode_decimals,
    "IS": _encode_integers,
    "PN": _encode_person_names,
    "SQ": _encode_sequence,
    "UI": _encode_uids,
    "UR": _encode_uri,
}
