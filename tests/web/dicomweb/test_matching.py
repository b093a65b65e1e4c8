"""Attribute matching (PS3.4 C.2.2.2), checked by hand."""

import pytest

from dicube.web.dicomweb.matching import matches


@pytest.mark.parametrize(
    ("vr", "value", "wanted", "expected"),
    [
        ("DA", "20200131", "20200131", True),
        ("DA", "2020.01.31", "20200131", True),
        ("DA", "20200131", "20200201-20200301", False),
        ("DA", "20200131", "-20200131", True),
        ("DA", "20200131", "20200131-", True),
        ("TM", "101530.25", "1015", True),
        ("TM", "10", "1000", True),
        ("TM", "10:15:30", "1015-1016", True),
        ("TM", "101659.9", "1015-1016", True),
        ("TM", "1017", "1015-1016", False),
        ("DT", "20200131101530-0500", "20200131-20200201", True),
        ("DT", "20200131101530-0500", "20200131101530-0500", True),
        ("DT", "2020", "2021-", False),
        ("IS", 3, "3", True),
        ("IS", 3, "3.0", True),
        ("DS", 2.5, "2.50", True),
        ("IS", 3, "three", False),
        ("UI", "1.2", "1.2\\1.3", True),
        ("UI", "1.2", "1.*", False),
        ("CS", "MR", "M?", True),
        ("CS", "MR", "M", False),
        ("LO", "a.b", "a?b", True),
        ("LO", "axb", "a.b", False),
        ("LO", " padded ", "padded", True),
        ("PN", {"Alphabetic": "Yamada", "Ideographic": "山田"}, "山*", True),
        ("PN", {"Alphabetic": "Yamada"}, "YAM*", True),
        ("LO", "Ward", "WARD", False),
        ("LO", None, "*", False),
    ],
)
def test_a_value_matches(vr, value, wanted, expected):
    assert matches({"vr": vr, "Value": [value]}, wanted, vr) is expected


def test_any_of_several_values_matches():
    assert matches({"vr": "CS", "Value": ["ORIGINAL", "PRIMARY"]}, "PRIM*", "CS")


@pytest.mark.parametrize("element", [None, {"vr": "LO"}])
def test_no_value_matches_only_what_asks_for_nothing(element):
    assert matches(element, "", "LO")
    assert matches(element, "*", "LO")
    assert not matches(element, "a*", "LO")
    assert not matches(element, "2020-", "DA")
