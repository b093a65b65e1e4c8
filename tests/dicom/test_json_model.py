"""The DICOM JSON model (PS3.18 annex F), checked by hand."""

import struct

import pytest

from dicube.dicom.json_model import LONGEST_INLINE, bulk_value, json_data_set
from dicube.exceptions import MetaDataError


def shared(vr, **members):
    return {"vr": vr, "shared": True, **members}


ENTRIES = {
    "00100010": shared("PN", Value=[{"Alphabetic": "A^B"}]),
    "00080000": shared("UL", Value=[100]),
    "00080005": shared("CS", Value=["ISO_IR 192"]),
    "00189999": shared("FD", Value=[1.5, None], Raw="AAAAAAAA+D8AAAAAAAD4fw=="),
    "00280010": shared("US", Value=[4]),
    "00420011": shared("OB", InlineBinary="A" * (LONGEST_INLINE + 4)),
    "00420012": shared("OB", InlineBinary="AAECAw=="),
    "00400275": {"vr": "SQ", "shared": None, "Value": [{}, {"00420011": shared("OB")}]},
    "00400276": {"vr": "SQ", "shared": None, "Value": []},
    "00091010": {"vr": "SQ", "shared": None,
                 "Value": [{"00091011": shared("UN", InlineBinary="A" * 2000)}]},
}  # fmt: skip


def test_a_data_set_is_given_in_ascending_order_with_long_values_by_address():
    assert json_data_set(ENTRIES, lambda place: f"/{place}") == {
        "00080005": {"vr": "CS", "Value": ["ISO_IR 192"]},
        "00091010": {
            "vr": "SQ",
            "Value": [{"00091011": {"vr": "UN", "BulkDataURI": "/00091010/0/00091011"}}],
        },
        "00100010": {"vr": "PN", "Value": [{"Alphabetic": "A^B"}]},
        "00189999": {"vr": "FD", "BulkDataURI": "/00189999"},
        "00280010": {"vr": "US", "Value": [4]},
        "00400275": {"vr": "SQ", "Value": [{}, {"00420011": {"vr": "OB"}}]},
        "00400276": {"vr": "SQ"},
        "00420011": {"vr": "OB", "BulkDataURI": "/00420011"},
        "00420012": {"vr": "OB", "InlineBinary": "AAECAw=="},
    }
    assert list(json_data_set(ENTRIES, str)) == sorted(json_data_set(ENTRIES, str))


@pytest.mark.parametrize(
    ("place", "value"),
    [
        ("00420012", bytes(range(4))),
        ("00091010/0/00091011", bytes(1500)),
        ("00189999", struct.pack("<2d", 1.5, float("nan"))),
        ("00280010", b"\x04\x00"),
    ],
)
def test_the_bytes_of_a_value_are_found_by_its_place(place, value):
    assert bulk_value(ENTRIES, place) == value


@pytest.mark.parametrize(
    "place",
    ["", "/", "00091010", "00091010/1/00091011", "00091010/x/00091011", "00091010/-1/00091011",
     "00091010/0", "00280010/0/00280010", "00990099", "../00280010", "00091010/0/" * 99 + "1"],
)  # fmt: skip
def test_a_place_where_nothing_is_raises(place):
    with pytest.raises(MetaDataError, match="no such element"):
        bulk_value(ENTRIES, place)
