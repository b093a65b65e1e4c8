"""Metadata that stay JSON until an element is asked for."""

import copy
import json
import pickle

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dicube.dicom import native_scan
from dicube.dicom.dicom_meta import DicomMeta
from dicube.dicom.native_scan import json_members
from dicube.exceptions import MetaDataError

scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()
values = st.recursive(
    scalars, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=20
)
keys = st.text(st.characters(exclude_characters='"\\', min_codepoint=32))


class TestMembers:
    @settings(max_examples=200)
    @given(
        members=st.dictionaries(keys, values),
        indent=st.sampled_from([None, 1]),
        ascii_only=st.booleans(),
    )
    def test_every_object_is_taken_apart_as_json_reads_it(self, members, indent, ascii_only):
        document = json.dumps(members, indent=indent, ensure_ascii=ascii_only)
        data = document.encode("utf-8", "surrogatepass")
        found = json_members(data)
        if found is None:  # a key that has to be escaped
            assert "\\" in document or not document.isascii()
            return
        assert {key: json.loads(data[value]) for key, value in found.items()} == members
        assert list(found) == list(members)

    @pytest.mark.parametrize(
        "text",
        ["", "[]", "1", '"x"', "{", '{"a"', '{"a":', '{"a":1', '{"a":1,', '{"a":1,}', "{a:1}",
         '{"a":1}x', '{"a":1}{', '{"a":}', '{"a" 1}', '{"a":[1}', '{"a":"x}', '{"a":"\\',
         '{"a\\n":1}', '{"a":1,"a":2}'],
    )  # fmt: skip
    def test_what_is_no_plain_object_is_left(self, text):
        assert json_members(text.encode()) is None

    def test_text_that_is_no_utf_8_is_left(self):
        assert json_members(b'{"\xff":1}') is None

    @settings(max_examples=300)
    @given(data=st.binary(max_size=60), start=st.integers(0, 70))
    def test_any_bytes_do_no_harm(self, data, start):
        for text in (data, b'{"a":' + data, b'{"a":"' + data + b'"}'):
            found = json_members(text, start)
            assert found is None or all(0 <= v.start <= v.stop <= len(text) for v in found.values())


ENTRIES = {
    "00080060": {"vr": "CS", "shared": True, "Value": ["MR"]},
    "00200013": {"vr": "IS", "shared": False, "Value": [3, 1, 2]},
    "00100010": {"vr": "PN", "shared": True, "Value": [{"Alphabetic": 'A^\u00e4 \\ "b"'}]},
}


@pytest.fixture
def text() -> str:
    return DicomMeta(ENTRIES, slice_count=3).to_json()


class TestMeta:
    def test_one_element_is_read_and_no_other(self, text):
        meta = DicomMeta.from_json(text)
        assert meta.get("Modality") == "MR"
        assert set(meta._entries._unread) == {"00200013", "00100010"}
        assert meta.keys() == sorted(ENTRIES)
        assert len(meta) == 3
        assert "PatientName" in meta
        assert "PatientID" not in meta

    def test_all_of_it_is_what_was_written(self, text):
        assert DicomMeta.from_json(text).to_json() == text
        assert dict(DicomMeta.from_json(text.encode()).items()) == ENTRIES

    def test_without_the_native_module_it_is_the_same(self, text, monkeypatch):
        monkeypatch.setattr(native_scan, "_missing", ImportError("not built"))
        meta = DicomMeta.from_json(text)
        assert not meta._entries._unread
        assert meta.to_json() == text

    def test_copies_and_pickles_are_the_same(self, text):
        for made in (copy.deepcopy, lambda meta: pickle.loads(pickle.dumps(meta))):
            meta = DicomMeta.from_json(text)
            meta.sort_files()
            again = made(meta)
            assert again.to_json() == meta.to_json()
            assert again.order == meta.order
            again.set_shared_item("Modality", "CT")
            assert meta.get("Modality") == "MR"

    def test_sorting_changing_and_removing(self, text):
        meta = DicomMeta.from_json(text)
        assert meta.sort_files() == [1, 2, 0]
        assert meta.get("InstanceNumber") == [1, 2, 3]
        assert meta.get("Modality") == "MR"
        meta = DicomMeta.from_json(text)
        meta.set_shared_item("Modality", "CT")
        meta.remove_item("PatientName")
        assert meta.get("Modality") == "CT"
        assert meta.get("PatientName") is None
        assert set(meta._entries._unread) == {"00200013"}
        assert json.loads(meta.to_json())["_merged_data"].keys() == {"00080060", "00200013"}

    @pytest.mark.parametrize(
        "entry",
        [
            '{"vr":"IS","shared":false,"Value":[1]}',
            '{"vr":"IS"',
            "[]",
            "7",
            '{"vr":"SQ","Value":3}',
        ],
    )
    def test_damage_is_noticed_when_the_element_is_asked_for(self, entry):
        modality = '"00080060":{"vr":"CS","shared":true,"Value":["MR"]}'
        text = f'{{"_merged_data":{{{modality},"00200013":{entry}}},"slice_count":3}}'

        def ask() -> None:
            damaged = DicomMeta.from_json(text)
            assert damaged.get("Modality") == "MR"
            damaged.get("InstanceNumber")

        with pytest.raises(MetaDataError):
            ask()
