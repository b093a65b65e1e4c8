"""Any bytes and any values: no surprises, and canonical bytes come back."""

import base64
import json
import struct
import warnings
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dicube.dicom.values import from_json_value, is_binary, is_exact, to_json_value
from dicube.exceptions import MetaDataError
from tests.dicom.vrs import ALL_VRS, DEFAULT, LONG_TEXT_VRS, MULTIPLE_CHARSETS, NUMBERS

# Canonical bytes of every VR.

_words = st.text(st.characters(min_codepoint=33, max_codepoint=126, exclude_characters="\\=^"))
_item = _words.map(lambda text: text[:16])
_nonempty = _item.filter(bool)


def _padded(text: str, padding: str = " ") -> bytes:
    return (text + padding * (len(text) % 2)).encode("ascii")


def _backslashed(items: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.lists(items, max_size=4).map("\\".join)


def _decimal(number: float) -> str:
    return repr(number).removesuffix(".0")


def _canonical(vr: str) -> st.SearchStrategy[bytes]:
    if vr in NUMBERS:
        layout = NUMBERS[vr]
        kind: st.SearchStrategy[Any]
        if layout in "fd":
            kind = st.floats(allow_nan=False, allow_infinity=False, width=32)
        else:
            bits = 8 * struct.calcsize("<" + layout)
            low = 0 if layout.isupper() else -(2 ** (bits - 1))
            kind = st.integers(low, low + 2**bits - 1)
        return st.lists(kind, max_size=4).map(lambda v: struct.pack(f"<{len(v)}{layout}", *v))
    if vr == "AT":
        return st.lists(st.binary(min_size=4, max_size=4), max_size=4).map(b"".join)
    if vr == "DS":
        numbers = st.integers(-(10**8), 10**8).map(lambda number: _decimal(number / 1000))
        return _backslashed(numbers).map(_padded)
    if vr == "IS":
        return _backslashed(st.integers(-(2**31), 2**31 - 1).map(str)).map(_padded)
    if vr == "UI":
        return _backslashed(_nonempty).map(lambda text: _padded(text, "\0"))
    if vr == "PN":
        groups = st.lists(_nonempty, min_size=1, max_size=3).map("=".join)
        return _backslashed(groups).map(_padded)
    if is_binary(vr):
        return st.binary(max_size=20).map(lambda raw: raw + bytes(len(raw) % 2))
    if vr in (*LONG_TEXT_VRS, "UR"):
        return _nonempty.map(_padded) | st.just(b"")
    return _backslashed(_nonempty).map(_padded)


@pytest.mark.parametrize("vr", [vr for vr in ALL_VRS if vr != "SQ"])
@given(data=st.data())
@settings(max_examples=60)
def test_canonical_bytes_survive_the_round_trip(vr: str, data: st.DataObject) -> None:
    raw = data.draw(_canonical(vr))
    value = to_json_value(raw, vr, DEFAULT)
    assert from_json_value(value, vr, DEFAULT) == raw
    assert from_json_value(json.loads(json.dumps(value)), vr, DEFAULT) == raw
    assert is_exact(raw, vr, value, DEFAULT)


_numeric_noise = st.text(st.sampled_from("0123456789+-.eE_ \\naif\0"), max_size=12)


@given(
    raw=st.binary(max_size=24) | _numeric_noise.map(str.encode),
    vr=st.sampled_from(ALL_VRS),
    encodings=st.sampled_from(MULTIPLE_CHARSETS),
)
@settings(max_examples=2000)
def test_any_bytes_give_portable_json_without_a_warning(
    raw: bytes, vr: str, encodings: tuple[str, ...]
) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        value = to_json_value(raw, vr, encodings)
        exact = is_exact(raw, vr, value, encodings)
    text = json.dumps(value, allow_nan=False)
    text.encode("utf-8")
    if exact:
        assert from_json_value(json.loads(text), vr, encodings) == raw
    if is_binary(vr):
        assert isinstance(value, str)
        assert base64.b64decode(value) == raw
    else:
        assert isinstance(value, list)


@given(
    raw=st.binary(max_size=8),
    value=st.recursive(
        st.none() | st.integers() | st.floats() | st.text(max_size=4) | st.binary(max_size=4),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=2),
    ),
    vr=st.sampled_from(ALL_VRS),
)
@settings(max_examples=1500)
def test_exact_is_true_only_for_equal_bytes_and_never_raises(
    raw: bytes, value: Any, vr: str
) -> None:
    exact = is_exact(raw, vr, value, DEFAULT)
    try:
        written = from_json_value(value, vr, DEFAULT)
    except MetaDataError:
        assert not exact
    else:
        assert exact == (written == raw)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_decimal_string_keeps_every_bit_of_a_float(number: float) -> None:
    raw = from_json_value([number], "DS", DEFAULT)
    (back,) = to_json_value(raw, "DS", DEFAULT)
    assert struct.pack("<d", back) == struct.pack("<d", number)
    shortest = len(repr(number).removesuffix(".0"))
    assert len(raw.rstrip()) <= shortest
