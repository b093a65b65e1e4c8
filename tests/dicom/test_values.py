"""Element values: hand-checked examples, and what users may set."""

import math
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from pydicom.dataelem import RawDataElement, convert_raw_data_element
from pydicom.tag import Tag

from dicube.dicom.values import from_json_value, is_binary, is_exact, to_json_value
from dicube.exceptions import MetaDataError
from tests.dicom.vrs import BINARY_VRS, DEFAULT, VALUE_VRS


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
        assert to_json_value(raw, vr, DEFAULT) == value
        assert _pydicom_value(raw, vr, DEFAULT) == value

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
        assert to_json_value(raw, vr, DEFAULT) == value

    @pytest.mark.parametrize("vr", [*BINARY_VRS, "??", "ox", "US or SS", ""])
    def test_binary_and_unknown_vrs_are_base64(self, vr: str) -> None:
        assert is_binary(vr)
        assert to_json_value(b"\x01\x02\x03", vr, DEFAULT) == "AQID"

    @pytest.mark.parametrize("vr", VALUE_VRS)
    def test_other_vrs_are_lists_that_are_empty_without_a_value(self, vr: str) -> None:
        assert not is_binary(vr)
        assert to_json_value(b"", vr, DEFAULT) == []
        assert from_json_value([], vr, DEFAULT) == b""
        assert is_exact(b"", vr, [], DEFAULT)

    def test_malformed_number_text_regenerates_its_bytes(self) -> None:
        assert is_exact(b"1A", "DS", ["1A"], DEFAULT)
        assert is_exact(b"1\\\\2", "IS", [1, None, 2], DEFAULT)

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
        assert not is_exact(raw, vr, to_json_value(raw, vr, DEFAULT), DEFAULT)


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
        assert from_json_value(value, vr, DEFAULT) == raw

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
            from_json_value(value, vr, DEFAULT)
        assert f"a {vr} value" in str(caught.value)

    def test_message_does_not_quote_the_value(self) -> None:
        for vr in ("US", "AT", "OB", "CS", "LO"):
            with pytest.raises(MetaDataError) as caught:
                from_json_value("Doe^Jane 山", vr, DEFAULT)
            assert "Jane" not in str(caught.value)
            assert "山" not in str(caught.value)
