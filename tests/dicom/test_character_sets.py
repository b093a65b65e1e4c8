"""Text in every character set: read as the standard and pydicom read it, and written again."""

import warnings

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pydicom.charset import convert_encodings, decode_bytes
from pydicom.charset import python_encoding as pydicom_encodings

from dicube.dicom.values import from_json_value, is_exact, python_encodings, to_json_value
from dicube.exceptions import MetaDataError
from tests.dicom.vrs import DEFAULT, JAPANESE, MULTIPLE_CHARSETS, UTF8


class TestCharacterSets:
    @pytest.mark.parametrize(
        ("values", "encodings"),
        [
            ([], DEFAULT),
            ([""], DEFAULT),
            (["ISO_IR 100"], ("latin_1",)),
            (["ISO_IR 192"], UTF8),
            (["", "ISO 2022 IR 87"], JAPANESE),
            (["ISO 2022 IR 6", "ISO 2022 IR 87"], JAPANESE),
            (["ISO_IR 192", "ISO 2022 IR 87"], UTF8),
            (["ISO 2022 IR 6", "ISO_IR 192"], DEFAULT),
            (["ISO IR 100"], ("latin_1",)),
            (["ISO-2022-IR 87"], ("iso2022_jp",)),
            (["ISO_IR 999"], DEFAULT),
            (["ISO_IR\0"], DEFAULT),
            (["no such character set"], DEFAULT),
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
        assert python_encodings([name]) == DEFAULT

    @given(st.lists(st.text(), max_size=3))
    def test_any_names_give_usable_codecs(self, values: list[str]) -> None:
        assert to_json_value(b"A\xe9", "LO", python_encodings(values))

    @pytest.mark.parametrize(
        ("raw", "encodings", "text"),
        [
            (b"Gr\xf6\xdfe ", ("latin_1",), "Größe"),
            (b"Gr\xf6\xdfe ", DEFAULT, "Größe"),
            (b"Gr\xc3\xb6\xc3\x9fe", UTF8, "Größe"),
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
                JAPANESE,
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
                UTF8,
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
        raw = from_json_value(value, "PN", JAPANESE)
        assert raw.startswith(b"Yamada^Tarou=\x1b$B;3ED\x1b(B^\x1b$BB@O:\x1b(B\\\x1b$BB@O:\x1b(B")
        assert to_json_value(raw, "PN", JAPANESE) == value
        assert is_exact(raw, "PN", value, JAPANESE)

    def test_gb2312_escape_sequence_is_not_part_of_the_text(self) -> None:
        raw = b"\x1b$)A\xcd\xf5\xd0\xa1"
        assert to_json_value(raw, "LO", ("iso8859", "iso_ir_58")) == ["王小"]
        assert is_exact(raw, "LO", ["王小"], ("iso8859", "iso_ir_58"))

    def test_backslash_byte_inside_a_character_does_not_split_the_value(self) -> None:
        raw = "誠\\十".encode("gb18030") + "誠".encode("gb18030")
        assert to_json_value("ソ ".encode("shift_jis"), "LO", ("shift_jis",)) == ["ソ"]
        assert to_json_value(raw, "LO", ("GB18030",)) == ["誠", "十誠"]

    def test_undecodable_bytes_become_replacement_characters_that_are_not_exact(self) -> None:
        assert to_json_value(b"A\xff", "LO", UTF8) == ["A\ufffd"]
        assert not is_exact(b"A\xff", "LO", ["A\ufffd"], UTF8)

    @pytest.mark.parametrize("encodings", [DEFAULT, ("latin_1",), JAPANESE, ("shift_jis",)])
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
        encodings=st.sampled_from([e for e in MULTIPLE_CHARSETS if "iso_ir_58" not in e]),
    )  # fmt: skip
    @settings(max_examples=400)
    def test_any_bytes_decode_as_pydicom_decodes_them(
        self, raw: bytes, encodings: tuple[str, ...]
    ) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            theirs = decode_bytes(raw, encodings, {0x0D, 0x0A, 0x09, 0x0C}).rstrip("\0 ")
        assert to_json_value(raw, "UT", encodings) == ([theirs] if theirs else [])

    @given(text=st.text(max_size=12), encodings=st.sampled_from(MULTIPLE_CHARSETS))
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
