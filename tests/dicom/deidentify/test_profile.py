"""The table of PS3.15 annex E, row by row, at the top and inside of sequences."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dicube import DeidentifyKey, DeidentifyOptions, DicomMeta, Retain
from dicube.dicom.deidentify import Deidentifier
from dicube.dicom.deidentify.profile import Action, action_for
from dicube.dicom.entries import Entry
from tests.dicom.deidentify.secrets import NUMBER, secret_entry, traces_in, vr_of
from tests.leaks import ROWS

KEY = DeidentifyKey(bytes(range(32)))
OPTIONS = DeidentifyOptions(key=KEY)
MR = "1.2.840.10008.5.1.4.1.1.4"
PET = "1.2.840.10008.5.1.4.1.1.128"
ENHANCED_MR = "1.2.840.10008.5.1.4.1.1.4.1"
_SEQUENCE = "00081032"  # Procedure Code Sequence, which the table does not list
PATIENT = {"00100010", "00100020"}
BASIC = {int(key, 16): row["basic"] for key, row in ROWS.items()}


def deidentified(entries: dict[str, Entry], options: DeidentifyOptions = OPTIONS) -> DicomMeta:
    return Deidentifier(DicomMeta(entries, slice_count=1), options).run().meta


def nested(entry: dict[str, Entry], depth: int) -> dict[str, Entry]:
    for _ in range(depth):
        entry = {_SEQUENCE: {"vr": "SQ", "shared": None, "Value": [entry]}}
    return entry


def innermost(meta: DicomMeta, depth: int) -> dict[str, Entry]:
    entries = meta.merged_entries()
    for _ in range(depth):
        entries = entries[_SEQUENCE]["Value"][0]
    return entries


def test_the_table_has_the_rows_of_its_edition() -> None:
    codes = list(BASIC.values())
    # As published for 2026c: 655 rows, of which those of 50xx, 60xx and odd groups are patterns.
    assert len(codes) == 652
    assert {code: codes.count(code) for code in set(codes)} == {
        "X": 412, "D": 93, "U": 55, "Z": 42, "X/D": 23, "X/Z": 11, "X/Z/D": 8, "Z/D": 6, "X/Z/U*": 2
    }  # fmt: skip


@pytest.mark.parametrize("depth", [0, 2])
@pytest.mark.parametrize("tag", sorted(BASIC), ids=lambda tag: f"{tag:08X}")
def test_no_value_of_a_listed_element_survives(tag: int, depth: int) -> None:
    vr, key = vr_of(tag), f"{tag:08X}"
    meta = deidentified(nested({key: secret_entry(vr)}, depth))
    assert not traces_in(meta.to_json())
    entry = innermost(meta, depth).get(key)
    code = BASIC[tag].split("/")[-1]
    if code == "X" or (vr == "SQ" and entry is None) or tag >> 16 == 0:
        assert entry is None
    elif key in PATIENT and depth == 0:
        source = "SECRET" if key == "00100020" else "SECRET^PERSON"
        assert meta.get("PatientID") == KEY.pseudonym(source)
    elif code == "Z":
        assert entry is not None
        assert not entry.get("Value")
    elif vr == "UI":
        assert entry == {"vr": "UI", "shared": True, "Value": [KEY.uid(f"1.2.3.{NUMBER}.9")]}
    else:
        assert entry is not None
        assert entry.get("Value") or entry.get("InlineBinary")


@pytest.mark.parametrize("depth", [0, 2])
@pytest.mark.parametrize(
    ("key", "vr"),
    [
        ("50000010", "LO"), ("50023000", "OB"), ("60003000", "OW"), ("60001500", "LO"),
        ("60224000", "LT"), ("00090010", "LO"), ("00091001", "LO"), ("00091002", "SQ"),
        ("00110001", "UN"), ("00080000", "UL"), ("00020016", "AE"), ("0008FFEE", "LO"),
        ("00180050", "UN"), ("00000000", "UL"), ("FFFCFFFC", "OB"),
    ],
)  # fmt: skip
def test_whole_groups_and_unknown_elements_are_removed(key: str, vr: str, depth: int) -> None:
    meta = deidentified(nested({key: secret_entry(vr)}, depth))
    assert key not in innermost(meta, depth)
    assert not traces_in(meta.to_json())


@pytest.mark.parametrize(
    ("vr", "key"), [("PN", "00081155"), ("DA", "0018A002"), ("DT", "00181012")]
)
def test_names_and_dates_in_other_places_are_no_exception(vr: str, key: str) -> None:
    assert not traces_in(deidentified({key: secret_entry(vr)}).to_json())


def test_an_unlisted_sequence_in_a_form_that_cannot_be_walked_is_removed() -> None:
    entry = {"vr": "SQ", "shared": True, "Value": [{"00100010": {"vr": "PN", "Value": ["SECRET"]}}]}
    meta = deidentified({_SEQUENCE: entry})
    assert _SEQUENCE not in meta


def test_class_uids_stay_and_instance_uids_are_mapped() -> None:
    uids = {
        "00080016": "1.3.12.2.1107.5.9.1",  # a private SOP class
        "00081150": MR,
        "00200052": "1.2.840.10008.1.4.1.1",  # a registered frame of reference
        "00081155": "1.2.840.10008.5.1.4.1.1.4.77",  # looks like a class, and is none
    }
    entries = {key: {"vr": "UI", "shared": True, "Value": [uid]} for key, uid in uids.items()}
    meta = deidentified(entries)
    assert [meta.get(key) for key in uids] == [*list(uids.values())[:3], KEY.uid(uids["00081155"])]


@pytest.mark.parametrize(
    ("keyword_tag", "vr", "sop_class", "expected"),
    [
        (0x00080021, "DA", MR, Action.REMOVE),  # Series Date: type 3
        (0x00080021, "DA", PET, Action.DUMMY),  # type 1
        (0x00080022, "DA", MR, Action.REMOVE),
        (0x00080022, "DA", PET, Action.EMPTY),  # Acquisition Date: type 2
        (0x00080022, "DA", None, Action.EMPTY),
        (0x00080023, "DA", MR, Action.EMPTY),  # Content Date: type 2C
        (0x00080023, "DA", ENHANCED_MR, Action.DUMMY),  # type 1
        (0x0008002A, "DT", MR, Action.REMOVE),
        (0x0008002A, "DT", ENHANCED_MR, Action.DUMMY),
        (0x00181000, "LO", MR, Action.REMOVE),
        (0x00181000, "LO", ENHANCED_MR, Action.DUMMY),  # Device Serial Number: type 1
        (0x00180010, "LO", MR, Action.EMPTY),  # Contrast/Bolus Agent: type 2
        (0x00081140, "SQ", MR, Action.MAP_UID),
    ],
)
def test_several_codes_are_resolved_by_the_type_of_the_attribute(
    keyword_tag: int, vr: str, sop_class: str | None, expected: Action
) -> None:
    assert action_for(keyword_tag, vr, frozenset(), sop_class) is expected


@pytest.mark.parametrize(
    ("option", "kept", "gone"),
    [
        (Retain.UIDS, ("00080018", "00200052"), ("00081030",)),
        (Retain.DEVICE, ("00181000", "00081010"), ("00080080",)),
        (Retain.INSTITUTION, ("00080080", "00081040"), ("00181000",)),
        (Retain.CHARACTERISTICS, ("00100040", "00101010", "00101030"), ("00100030", "00102110")),
        (Retain.DATES, ("00080020", "00080030", "0008002A"), ("00100030", "00100032")),
    ],
)
def test_an_option_keeps_what_it_is_about_and_nothing_else(
    option: Retain, kept: tuple[str, ...], gone: tuple[str, ...]
) -> None:
    entries = {key: secret_entry(vr_of(int(key, 16))) for key in (*kept, *gone)}
    meta = deidentified(entries, DeidentifyOptions(frozenset({option}), KEY))
    after = meta.merged_entries()
    assert {key: after.get(key) for key in kept} == {key: entries[key] for key in kept}
    assert not any(traces_in(json.dumps(after.get(key))) for key in gone)


_ANY_TAG = st.one_of(
    st.sampled_from(sorted(BASIC)),
    st.builds(lambda group, element: (2 * group + 1) << 16 | element,
              st.integers(4, 0x7FFF), st.integers(1, 0xFFFF)),
    st.integers(0x60000000, 0x60FFFFFF),
    st.integers(0x50000000, 0x50FFFFFF),
)  # fmt: skip
_LEAF = st.builds(
    lambda tag: {f"{tag:08X}": secret_entry(vr_of(tag) if not tag >> 16 & 1 else "LO")}, _ANY_TAG
)
_ITEM = st.recursive(
    st.lists(_LEAF, max_size=4).map(
        lambda leaves: {k: v for leaf in leaves for k, v in leaf.items()}
    ),
    lambda items: st.tuples(items, st.lists(items, max_size=3)).map(
        lambda pair: {**pair[0], _SEQUENCE: {"vr": "SQ", "shared": None, "Value": pair[1]}}
    ),
    max_leaves=12,
)


@settings(max_examples=150, deadline=None)
@given(item=_ITEM)
def test_no_value_survives_in_any_nesting(item: dict[str, Entry]) -> None:
    assert not traces_in(deidentified(item).to_json())
