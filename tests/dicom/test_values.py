"""Element values: the same JSON as pydicom's on real files, hand-checked examples, no surprises.

pydicom is the reference for reading, except where it raises or loses something; those cases are
listed in `_PYDICOM_CANNOT` and have tests of their own.
"""

import base64
import json
import logging
import math
import os
import struct
import warnings
from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pydicom.charset import convert_encodings, decode_bytes
from pydicom.charset import python_encoding as pydicom_encodings
from pydicom.dataelem import DataElement, RawDataElement, convert_raw_data_element
from pydicom.dataset import Dataset
from pydicom.errors import BytesLengthException
from pydicom.tag import Tag

from dicube.dicom.values import (
    from_json_value,
    is_binary,
    is_exact,
    python_encodings,
    to_json_value,
)
from dicube.exceptions import MetaDataError

_DATA = Path(
    os.environ.get("DICUBE_TEST_DATA", Path(__file__).parents[2].parent / "shared" / "data")
)
_DEFAULT = ("iso8859",)
_UTF8 = ("UTF8",)
_JAPANESE = ("iso8859", "iso2022_jp")

_CODE_VRS = ("AE", "AS", "CS", "DA", "DT", "TM")
_TEXT_VRS = ("LO", "SH", "UC")
_LONG_TEXT_VRS = ("LT", "ST", "UT")
_BINARY_VRS = ("OB", "OD", "OF", "OL", "OV", "OW", "UN")
_NUMBERS = {"US": "H", "SS": "h", "UL": "L", "SL": "l", "UV": "Q", "SV": "q", "FL": "f", "FD": "d"}
_VALUE_VRS = (
    *_CODE_VRS, *_TEXT_VRS, *_LONG_TEXT_VRS, *_NUMBERS, "AT", "DS", "IS", "PN", "SQ", "UI", "UR"
)  # fmt: skip
_ALL_VRS = (*_VALUE_VRS, *_BINARY_VRS, "??", "ox", "US or SS")
_MULTIPLE_CHARSETS = (
    _DEFAULT,
    _UTF8,
    ("latin_1",),
    ("iso_ir_126",),
    ("shift_jis",),
    ("GB18030",),
    ("GBK",),
    _JAPANESE,
    ("shift_jis", "iso2022_jp"),
    ("iso8859", "euc_kr"),
    ("iso8859", "iso_ir_58"),
    ("iso8859", "iso2022_jp", "iso2022_jp_2"),
    ("latin_1", "iso_ir_126", "iso_ir_144"),
)


@pytest.fixture
def quiet_pydicom() -> Iterator[None]:
    """pydicom warns of each flaw of a file and logs it; here the flaws are the point."""
    logger = logging.getLogger("pydicom")
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
    logger.setLevel(level)


class TestRealFiles:
    @pytest.fixture(autouse=True)
    def _quiet(self, quiet_pydicom: None) -> None: ...

    def test_values_equal_those_of_pydicom_in_every_readable_file(self) -> None:
        if not _DATA.is_dir():
            pytest.skip(f"no test data in {_DATA}; set DICUBE_TEST_DATA")
        compared: Counter[str] = Counter()
        justified: Counter[str] = Counter()
        differences: list[str] = []
        known: dict[tuple[str, bytes, tuple[str, ...]], str] = {}
        for path in sorted(path for path in _DATA.rglob("*") if path.is_file()):
            for element, raw, encodings in _raw_elements(path):
                # Neighbouring slices repeat most values; each distinct one is compared once.
                key = (element.VR, raw, encodings)
                if key not in known:
                    known[key] = _difference_from_pydicom(element, raw, encodings)
                if known[key] == "":
                    compared[element.VR] += 1
                elif known[key] in _PYDICOM_CANNOT:
                    justified[known[key]] += 1
                else:
                    differences.append(f"{path.name} {element.tag} {element.VR}: {known[key]}")
        assert not differences[:20]
        assert compared.total() > 50_000
        assert justified.total() < compared.total() / 1000, justified
        # Text and numbers both came by.
        assert {"CS", "DS", "IS", "LO", "PN", "UI", "US", "FD", "OB", "AT"} <= compared.keys()

    def test_most_values_of_real_files_regenerate_their_bytes(self) -> None:
        if not _DATA.is_dir():
            pytest.skip(f"no test data in {_DATA}; set DICUBE_TEST_DATA")
        exact = total = 0
        for path in sorted((_DATA / "ct_philips_private").iterdir())[:5]:
            for element, raw, encodings in _raw_elements(path):
                total += 1
                value = to_json_value(raw, element.VR, encodings)
                exact += is_exact(raw, element.VR, value, encodings)
        assert total > 500
        assert exact / total > 0.8


# Reasons for a value that is not pydicom's.
_PYDICOM_CANNOT = {
    "pydicom raises: text that is no number": "we keep the text",
    "pydicom raises: empty component": "None, the null of PS3.18 F.2.5",
    "pydicom gives NaN or infinity": "JSON has no word for them",
}


# pydicom's conversion takes most of the time, and neighbouring slices repeat most elements.
_CONVERTED: dict[tuple[object, ...], DataElement] = {}


def _raw_elements(path: Path) -> Iterator[tuple[DataElement, bytes, tuple[str, ...]]]:
    """Elements as pydicom converts them, with their bytes; little endian, without sequences."""
    try:
        dataset = pydicom.dcmread(path, force=True)
        yield from _raw_elements_of(dataset, _DEFAULT)
    except Exception as error:  # whatever pydicom raises
        # Files that pydicom cannot read are the business of the reader's tests, not of this one.
        if not path.parent.name.startswith(("broken", "odd")):
            raise AssertionError(f"{path}: {error}") from error


def _raw_elements_of(
    dataset: Dataset, inherited: tuple[str, ...]
) -> Iterator[tuple[DataElement, bytes, tuple[str, ...]]]:
    charset = dataset.get("SpecificCharacterSet")
    values = [charset] if isinstance(charset, str) else list(charset or [])
    encodings = python_encodings(values) if values else inherited
    for tag in dataset.keys():  # noqa: SIM118  iterating a Dataset converts its elements
        raw = dataset.get_item(tag)
        if isinstance(raw, DataElement):
            if raw.VR == "SQ":
                for item in raw.value:
                    yield from _raw_elements_of(item, encodings)
            continue
        key = (tag, raw.VR, raw.value, encodings)
        element = _CONVERTED.get(key)
        if element is None:
            try:
                element = convert_raw_data_element(raw, encoding=list(encodings), ds=dataset)
            except BytesLengthException:
                continue  # has its own test below
            if raw.length < 1000 and element.VR != "SQ":
                _CONVERTED[key] = element
        if element.VR == "SQ":
            for item in element.value:
                yield from _raw_elements_of(item, encodings)
        elif raw.is_little_endian and " or " not in element.VR and raw.value is not None:
            yield element, raw.value, encodings


def _difference_from_pydicom(element: DataElement, raw: bytes, encodings: tuple[str, ...]) -> str:
    """Empty if equal, a key of `_PYDICOM_CANNOT`, or what differs."""
    vr = str(element.VR)
    ours = to_json_value(raw, vr, encodings)
    json.dumps(ours, allow_nan=False).encode("utf-8")
    try:
        entry = element.to_json_dict(None, 10**9)
    except (ValueError, IndexError, TypeError):
        if isinstance(ours, list) and None in ours:
            return "pydicom raises: empty component"
        if vr in ("DS", "IS") and any(isinstance(item, str) for item in ours):
            return "pydicom raises: text that is no number"
        return f"pydicom raises, ours is {ours!r}"
    theirs = entry.get("InlineBinary", "") if is_binary(vr) else list(entry.get("Value", []))
    if ours == theirs and _types(ours) == _types(theirs):
        return ""
    if any(isinstance(item, float) and not math.isfinite(item) for item in theirs):
        return "pydicom gives NaN or infinity"
    return f"ours {ours!r}, theirs {theirs!r}"


def _types(value: Any) -> list[type]:
    """JSON types; pydicom's UID is a str, its IS and DS went through int() and float()."""
    return [str if isinstance(item, str) else type(item) for item in value]


def _pydicom_value(raw: bytes, vr: str, encodings: tuple[str, ...]) -> Any:
    element = RawDataElement(Tag(0x00091010), vr, len(raw), raw, 0, False, True)
    entry = convert_raw_data_element(element, encoding=list(encodings)).to_json_dict(None, 10**9)
    return entry.get("InlineBinary", "") if is_binary(vr) else list(entry.get("Value", []))


_EXAMPLES = [
    # Codes: padding off the end of the element, leading spaces and those of inner values stay.
    ("CS", b"ORIGINAL\\PRIMARY ", ["ORIGINAL", "PRIMARY"]),
    ("CS", b"A \\ B ", ["A ", " B"]),
    ("CS", b"A\\\\B", ["A", "", "B"]),
    ("CS", b"A\0", ["A"]),
    ("CS", b"  ", []),
    ("AE", b" STORE \\ X ", ["STORE", "X"]),
    ("AS", b"001Y", ["001Y"]),
    ("DA", b"20240229", ["20240229"]),
    ("DT", b"20240229101112.5+0100 ", ["20240229101112.5+0100"]),
    ("TM", b"101112.123456 ", ["101112.123456"]),
    # Texts: every value loses its padding; long texts keep their backslashes and line ends.
    ("LO", b" A \\ B\0", [" A", " B"]),
    ("LO", b"A\\", ["A", ""]),
    ("SH", b"\0\0", []),
    ("UC", b"a\\b ", ["a", "b"]),
    ("LT", b" a\\b \r\n ", [" a\\b \r\n"]),
    ("ST", b"one ", ["one"]),
    ("UT", b"", []),
    ("UR", b"http://a/b\\c ", ["http://a/b\\c"]),
    ("UI", b"1.2.840\0", ["1.2.840"]),
    ("UI", b"1.2\\1.3 ", ["1.2", "1.3"]),
    # Numbers as text.
    ("DS", b"1 ", [1.0]),
    ("DS", b" 1.50 \\-2e-3", [1.5, -0.002]),
    ("DS", b"", []),
    ("IS", b"12\\-3\\+4 ", [12, -3, 4]),
    ("IS", b"1.0 ", [1]),
    # Numbers as bytes.
    ("US", b"\x01\x02\xff\xff", [0x0201, 65535]),
    ("SS", b"\xff\xff", [-1]),
    ("UL", b"\x01\0\0\x80", [0x80000001]),
    ("SL", b"\xfe\xff\xff\xff", [-2]),
    ("UV", b"\xff" * 8, [2**64 - 1]),
    ("SV", b"\xff" * 8, [-1]),
    ("FL", b"\0\0\xc0\x3f", [1.5]),
    ("FD", b"\0\0\0\0\0\0\xf8\x3f", [1.5]),
    ("AT", b"\x28\0\x10\0\xe0\x7f\x10\0", ["00280010", "7FE00010"]),
    # Person names: groups that are absent at the end are absent in JSON.
    ("PN", b"Doe^Jane", [{"Alphabetic": "Doe^Jane"}]),
    ("PN", b"A=B=C ", [{"Alphabetic": "A", "Ideographic": "B", "Phonetic": "C"}]),
    ("PN", b"A==C", [{"Alphabetic": "A", "Ideographic": "", "Phonetic": "C"}]),
    ("PN", b"A= ", [{"Alphabetic": "A"}]),
    ("PN", b"A\\B ", [{"Alphabetic": "A"}, {"Alphabetic": "B"}]),
    ("PN", b"= ", []),
    # Binary.
    ("OB", b"\0\x01\x02\xff", "AAEC/w=="),
    ("OW", b"", ""),
    ("UN", b"ab", "YWI="),
]


class TestExamples:
    @pytest.mark.parametrize(("vr", "raw", "value"), _EXAMPLES)
    def test_value_is_the_hand_checked_one_and_pydicoms(
        self, vr: str, raw: bytes, value: Any, quiet_pydicom: None
    ) -> None:
        assert to_json_value(raw, vr, _DEFAULT) == value
        assert _pydicom_value(raw, vr, _DEFAULT) == value

    @pytest.mark.parametrize(
        ("vr", "raw", "value"),
        [
            ("DS", b"1A", ["1A"]),
            ("DS", b"1\\\\2 ", [1.0, None, 2.0]),
            ("DS", b"nan\\1 ", ["nan", 1.0]),
            ("DS", b"1_0 ", ["1_0"]),
            ("DS", b"1e999 ", ["1e999"]),
            ("DS", b"1,5 ", ["1,5"]),
            ("IS", b"1.5 ", ["1.5"]),
            ("IS", b"1A", ["1A"]),
            ("IS", b"\\2", [None, 2]),
            ("IS", b"inf ", ["inf"]),
            ("IS", b"99999999999999999999", ["99999999999999999999"]),
            ("PN", b"A\\\\B ", [{"Alphabetic": "A"}, None, {"Alphabetic": "B"}]),
            ("US", b"\x01\x02\x03", []),
            ("AT", b"\x10\0", []),
            ("FL", b"\0\0\xc0\x7f", [None]),
            ("FD", b"\0\0\0\0\0\0\xf0\x7f" + bytes(8), [None, 0.0]),
        ],
    )
    def test_value_that_pydicom_cannot_express_is_kept(
        self, vr: str, raw: bytes, value: Any
    ) -> None:
        assert to_json_value(raw, vr, _DEFAULT) == value

    @pytest.mark.parametrize("vr", [*_BINARY_VRS, "??", "ox", "US or SS", ""])
    def test_binary_and_unknown_vrs_are_base64(self, vr: str) -> None:
        assert is_binary(vr)
        assert to_json_value(b"\x01\x02\x03", vr, _DEFAULT) == "AQID"

    @pytest.mark.parametrize("vr", _VALUE_VRS)
    def test_other_vrs_are_lists_that_are_empty_without_a_value(self, vr: str) -> None:
        assert not is_binary(vr)
        assert to_json_value(b"", vr, _DEFAULT) == []
        assert from_json_value([], vr, _DEFAULT) == b""
        assert is_exact(b"", vr, [], _DEFAULT)

    def test_malformed_number_text_regenerates_its_bytes(self) -> None:
        assert is_exact(b"1A", "DS", ["1A"], _DEFAULT)
        assert is_exact(b"1\\\\2", "IS", [1, None, 2], _DEFAULT)

    @pytest.mark.parametrize(
        ("vr", "raw"),
        [
            ("DS", b"1.50"),
            ("DS", b"1.0 "),
            ("IS", b"01"),
            ("CS", b"A   "),
            ("LO", b"A\0"),
            ("UI", b"1.2 "),
            ("US", b"\x01\x02\x03"),
            ("FL", b"\0\0\xc0\x7f"),
            ("PN", b"A="),
            ("PN", b"A=B=C=D "),
            ("OB", b"odd"),
            ("CS", b"odd"),
        ],
    )
    def test_bytes_that_are_not_canonical_are_not_exact(self, vr: str, raw: bytes) -> None:
        assert not is_exact(raw, vr, to_json_value(raw, vr, _DEFAULT), _DEFAULT)


class TestCharacterSets:
    @pytest.mark.parametrize(
        ("values", "encodings"),
        [
            ([], _DEFAULT),
            ([""], _DEFAULT),
            (["ISO_IR 100"], ("latin_1",)),
            (["ISO_IR 192"], _UTF8),
            (["", "ISO 2022 IR 87"], _JAPANESE),
            (["ISO 2022 IR 6", "ISO 2022 IR 87"], _JAPANESE),
            (["ISO_IR 192", "ISO 2022 IR 87"], _UTF8),
            (["ISO 2022 IR 6", "ISO_IR 192"], _DEFAULT),
            (["ISO IR 100"], ("latin_1",)),
            (["ISO-2022-IR 87"], ("iso2022_jp",)),
            (["ISO_IR 999"], _DEFAULT),
            (["ISO_IR\0"], _DEFAULT),
            (["no such character set"], _DEFAULT),
            (["utf-8"], ("utf-8",)),
        ],
    )
    def test_names_become_the_codecs_of_pydicom(
        self, values: list[str], encodings: tuple[str, ...], quiet_pydicom: None
    ) -> None:
        assert python_encodings(values) == encodings
        if "\0" not in "".join(values):  # pydicom raises
            assert python_encodings(values) == tuple(convert_encodings(list(values)))

    @pytest.mark.parametrize("name", sorted(pydicom_encodings))
    def test_defined_terms_are_all_known(self, name: str) -> None:
        assert python_encodings([name]) == tuple(convert_encodings(name))

    @pytest.mark.parametrize("name", ["unicode_escape", "idna", "utf-16", "rot13", "undefined"])
    def test_codecs_that_do_not_keep_ascii_are_not_taken_from_a_file(self, name: str) -> None:
        assert python_encodings([name]) == _DEFAULT

    @given(st.lists(st.text(), max_size=3))
    def test_any_names_give_usable_codecs(self, values: list[str]) -> None:
        assert to_json_value(b"A\xe9", "LO", python_encodings(values))

    @pytest.mark.parametrize(
        ("raw", "encodings", "text"),
        [
            (b"Gr\xf6\xdfe ", ("latin_1",), "Größe"),
            (b"Gr\xf6\xdfe ", _DEFAULT, "Größe"),
            (b"Gr\xc3\xb6\xc3\x9fe", _UTF8, "Größe"),
            (b"\xc4\xe9\xef\xed\xf5\xf3\xe9\xef\xf2 ", ("iso_ir_126",), "Διονυσιος"),
            (b"\xcf\xc0", ("shift_jis",), "ﾏﾀ"),
        ],
    )
    def test_text_is_decoded_and_regenerates(
        self, raw: bytes, encodings: tuple[str, ...], text: str
    ) -> None:
        padded = raw + b" " * (len(raw) % 2)
        assert to_json_value(padded, "LO", encodings) == [text]
        assert is_exact(padded, "LO", [text], encodings)

    @pytest.mark.parametrize(
        ("raw", "encodings", "groups"),
        [
            (  # PS3.5 H.3.1
                b"Yamada^Tarou=\x1b$B;3ED\x1b(B^\x1b$BB@O:\x1b(B="
                b"\x1b$B$d$^$@\x1b(B^\x1b$B$?$m$&\x1b(B",
                _JAPANESE,
                ["Yamada^Tarou", "山田^太郎", "やまだ^たろう"],
            ),
            (  # PS3.5 H.3.2
                b"\xd4\xcf\xc0\xde^\xc0\xdb\xb3=\x1b$B;3ED\x1b(J^\x1b$BB@O:\x1b(J="
                b"\x1b$B$d$^$@\x1b(J^\x1b$B$?$m$&\x1b(J",
                ("shift_jis", "iso2022_jp"),
                ["ﾔﾏﾀﾞ^ﾀﾛｳ", "山田^太郎", "やまだ^たろう"],
            ),
            (  # PS3.5 I.2
                b"Hong^Gildong=\x1b$)C\xfb\xf3^\x1b$)C\xd1\xce\xd4\xd7="
                b"\x1b$)C\xc8\xab^\x1b$)C\xb1\xe6\xb5\xbf",
                ("iso8859", "euc_kr"),
                ["Hong^Gildong", "洪^吉洞", "홍^길동"],
            ),
            (  # PS3.5 J.1
                b"Wang^XiaoDong=\xe7\x8e\x8b^\xe5\xb0\x8f\xe6\x9d\xb1=",
                _UTF8,
                ["Wang^XiaoDong", "王^小東"],
            ),
        ],
    )
    def test_person_names_of_the_standard_are_read_and_written(
        self, raw: bytes, encodings: tuple[str, ...], groups: list[str]
    ) -> None:
        names = ("Alphabetic", "Ideographic", "Phonetic")
        value = [dict(zip(names, groups, strict=False))]
        assert to_json_value(raw, "PN", encodings) == value
        written = from_json_value(value, "PN", encodings)
        assert written.rstrip(b" ") == raw.rstrip(b"=")
        assert from_json_value("=".join(groups), "PN", encodings) == written

    def test_multi_valued_japanese_name_reads_back_and_is_exact(self) -> None:
        value = [{"Alphabetic": "Yamada^Tarou", "Ideographic": "山田^太郎"}, {"Alphabetic": "太郎"}]
        raw = from_json_value(value, "PN", _JAPANESE)
        assert raw.startswith(b"Yamada^Tarou=\x1b$B;3ED\x1b(B^\x1b$BB@O:\x1b(B\\\x1b$BB@O:\x1b(B")
        assert to_json_value(raw, "PN", _JAPANESE) == value
        assert is_exact(raw, "PN", value, _JAPANESE)

    def test_gb2312_escape_sequence_is_not_part_of_the_text(self) -> None:
        raw = b"\x1b$)A\xcd\xf5\xd0\xa1"
        assert to_json_value(raw, "LO", ("iso8859", "iso_ir_58")) == ["王小"]
        assert is_exact(raw, "LO", ["王小"], ("iso8859", "iso_ir_58"))

    def test_backslash_byte_inside_a_character_does_not_split_the_value(self) -> None:
        raw = "誠\\十".encode("gb18030") + "誠".encode("gb18030")
        assert to_json_value("ソ ".encode("shift_jis"), "LO", ("shift_jis",)) == ["ソ"]
        assert to_json_value(raw, "LO", ("GB18030",)) == ["誠", "十誠"]

    def test_undecodable_bytes_become_replacement_characters_that_are_not_exact(self) -> None:
        assert to_json_value(b"A\xff", "LO", _UTF8) == ["A\ufffd"]
        assert not is_exact(b"A\xff", "LO", ["A\ufffd"], _UTF8)

    @pytest.mark.parametrize("encodings", [_DEFAULT, ("latin_1",), _JAPANESE, ("shift_jis",)])
    def test_text_outside_the_character_set_is_refused_with_a_hint(
        self, encodings: tuple[str, ...]
    ) -> None:
        with pytest.raises(MetaDataError, match="SpecificCharacterSet") as caught:
            from_json_value("김 Ж 山 secret", "LO", encodings)
        assert "secret" not in str(caught.value)
        assert caught.value.__suppress_context__

    def test_yen_sign_that_would_become_a_backslash_is_refused(self) -> None:
        with pytest.raises(MetaDataError, match="SpecificCharacterSet"):
            from_json_value("1¥2", "LO", ("shift_jis",))

    @given(
        raw=st.binary(max_size=12)
        | st.lists(
            st.sampled_from(
                [b"\x1b(B", b"\x1b$B", b"\x1b-F", b"\x1b$)C", b"\x1b", b"\r", b"^", b"\\", b"AB",
                 b"\xc1\xc2", b";3ED"]
            )
        ).map(b"".join),
        encodings=st.sampled_from([e for e in _MULTIPLE_CHARSETS if "iso_ir_58" not in e]),
    )  # fmt: skip
    @settings(max_examples=400)
    def test_any_bytes_decode_as_pydicom_decodes_them(
        self, raw: bytes, encodings: tuple[str, ...]
    ) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            theirs = decode_bytes(raw, encodings, {0x0D, 0x0A, 0x09, 0x0C}).rstrip("\0 ")
        assert to_json_value(raw, "UT", encodings) == ([theirs] if theirs else [])

    @given(text=st.text(max_size=12), encodings=st.sampled_from(_MULTIPLE_CHARSETS))
    @example(text="ΔЖé^Δ", encodings=("latin_1", "iso_ir_126", "iso_ir_144"))
    @settings(max_examples=400)
    def test_text_that_is_written_reads_back_as_itself(
        self, text: str, encodings: tuple[str, ...]
    ) -> None:
        try:
            raw = from_json_value([text], "UT", encodings)
        except MetaDataError:
            return
        assert len(raw) % 2 == 0
        stripped = text.rstrip("\0 ")
        assert to_json_value(raw, "UT", encodings) == ([stripped] if stripped else [])


class TestUserValues:
    @pytest.mark.parametrize(
        ("vr", "value", "raw"),
        [
            ("DS", 1, b"1 "),
            ("DS", 1.0, b"1 "),
            ("DS", [0.1, 2], b"0.1\\2 "),
            ("DS", "1.50", b"1.50"),
            ("DS", -0.0, b"-0"),
            ("DS", 1e-05, b"1e-05 "),
            ("DS", -0.12345678901234, b"-.12345678901234"),
            ("DS", 1.23456789012e-07, b"1.23456789012e-7"),
            ("DS", 1 / 3, b"0.3333333333333333"),
            ("DS", 10**20, b"1e+20 "),
            ("DS", Decimal("0.1"), b"0.1 "),
            ("DS", np.float32(0.5), b"0.5 "),
            ("DS", np.array([1.0, 0.25]), b"1\\0.25"),
            ("DS", [np.float64(0.25)], b"0.25"),
            ("DS", [None, 1.0], b"\\1"),
            ("IS", 7, b"7 "),
            ("IS", 7.0, b"7 "),
            ("IS", np.int16(-7), b"-7"),
            ("IS", "7", b"7 "),
            ("PN", "Doe^Jane", b"Doe^Jane"),
            ("PN", ["A", {"Phonetic": "C"}], b"A\\==C "),
            ("PN", "A\\B", b"A\\B "),
            ("PN", None, b""),
            ("AT", "0028001a", b"\x28\0\x1a\0"),
            ("AT", [0x7FE00010], b"\xe0\x7f\x10\0"),
            ("US", 3, b"\x03\0"),
            ("US", np.array([1, 2], np.uint8), b"\x01\0\x02\0"),
            ("FL", 1, b"\0\0\x80\x3f"),
            ("FD", (1.5,), b"\0\0\0\0\0\0\xf8\x3f"),
            ("CS", "ORIGINAL\\PRIMARY", b"ORIGINAL\\PRIMARY "[:16]),
            ("LO", ["A", None, "B"], b"A\\\\B"),
            ("LT", "a\\b", b"a\\b "),
            ("UI", "1.2", b"1.2\0"),
            ("UR", "http://x", b"http://x"),
            ("OB", b"abc", b"abc\0"),
            ("OB", bytearray(b"ab"), b"ab"),
            ("OB", "YWI=", b"ab"),
            ("OB", ["YWI="], b"ab"),
            ("OB", None, b""),
            ("??", b"ab", b"ab"),
        ],
    )
    def test_value_is_written_in_canonical_form(self, vr: str, value: object, raw: bytes) -> None:
        assert from_json_value(value, vr, _DEFAULT) == raw

    @pytest.mark.parametrize(
        ("vr", "value", "reason"),
        [
            ("US", 65536, "0 to 65535"),
            ("US", -1, "0 to 65535"),
            ("US", "1", "0 to 65535"),
            ("SS", 40000, "-32768 to 32767"),
            ("SV", 2**63, "9223372036854775807"),
            ("FL", 1e300, "32-bit"),
            ("FD", [None], "64-bit"),
            ("IS", 2**31, "2147483647"),
            ("IS", 1.5, "integers"),
            ("IS", math.inf, "integer expected"),
            ("DS", math.nan, "not finite"),
            ("DS", 10**20 + 1, "more digits"),
            ("DS", object(), "number expected"),
            ("CS", "é山", "beyond ASCII"),
            ("CS", 5, "text expected, not int"),
            ("LO", ["a\\b"], "backslash"),
            ("LT", ["a", "b"], "one value"),
            ("UT", "\ud800", "outside the character set"),
            ("PN", {"Alphabetical": "A"}, "groups"),
            ("PN", {"Alphabetic": "A=B"}, "'='"),
            ("AT", "0028", "hexadecimal"),
            ("AT", "0028 010", "hexadecimal"),
            ("AT", 2**32, "32 bits"),
            ("OB", "not base64!", "not base64"),
            ("OB", 5, "bytes or base64"),
            ("OB", [b"a", b"b"], "one value"),
            ("SQ", [{}], "data sets"),
        ],
    )
    def test_value_without_an_encoding_is_refused(
        self, vr: str, value: object, reason: str
    ) -> None:
        with pytest.raises(MetaDataError, match=reason) as caught:
            from_json_value(value, vr, _DEFAULT)
        assert f"a {vr} value" in str(caught.value)

    def test_message_does_not_quote_the_value(self) -> None:
        for vr in ("US", "AT", "OB", "CS", "LO"):
            with pytest.raises(MetaDataError) as caught:
                from_json_value("Doe^Jane 山", vr, _DEFAULT)
            assert "Jane" not in str(caught.value)
            assert "山" not in str(caught.value)


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
    if vr in _NUMBERS:
        layout = _NUMBERS[vr]
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
    if vr in (*_LONG_TEXT_VRS, "UR"):
        return _nonempty.map(_padded) | st.just(b"")
    return _backslashed(_nonempty).map(_padded)


@pytest.mark.parametrize("vr", [vr for vr in _ALL_VRS if vr != "SQ"])
@given(data=st.data())
@settings(max_examples=60)
def test_canonical_bytes_survive_the_round_trip(vr: str, data: st.DataObject) -> None:
    raw = data.draw(_canonical(vr))
    value = to_json_value(raw, vr, _DEFAULT)
    assert from_json_value(value, vr, _DEFAULT) == raw
    assert from_json_value(json.loads(json.dumps(value)), vr, _DEFAULT) == raw
    assert is_exact(raw, vr, value, _DEFAULT)


_numeric_noise = st.text(st.sampled_from("0123456789+-.eE_ \\naif\0"), max_size=12)


@given(
    raw=st.binary(max_size=24) | _numeric_noise.map(str.encode),
    vr=st.sampled_from(_ALL_VRS),
    encodings=st.sampled_from(_MULTIPLE_CHARSETS),
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
    vr=st.sampled_from(_ALL_VRS),
)
@settings(max_examples=1500)
def test_exact_is_true_only_for_equal_bytes_and_never_raises(
    raw: bytes, value: Any, vr: str
) -> None:
    exact = is_exact(raw, vr, value, _DEFAULT)
    try:
        written = from_json_value(value, vr, _DEFAULT)
    except MetaDataError:
        assert not exact
    else:
        assert exact == (written == raw)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_decimal_string_keeps_every_bit_of_a_float(number: float) -> None:
    raw = from_json_value([number], "DS", _DEFAULT)
    (back,) = to_json_value(raw, "DS", _DEFAULT)
    assert struct.pack("<d", back) == struct.pack("<d", number)
    shortest = len(repr(number).removesuffix(".0"))
    assert len(raw.rstrip()) <= shortest
