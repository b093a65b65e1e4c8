"""The member of the PixelDataHeader that says where the additional sections are."""

import json

import pytest

from dicube.exceptions import InvalidCubeFileError
from dicube.storage.directory import DIRECTORY_KEY, Directory, parse_directory
from dicube.storage.header import Extent

SECTIONS = {"SourceFiles": Extent(400, 90), "FrameChecksums": Extent(490, 8)}
DIRECTORY = Directory(Extent(900, 72), SECTIONS)


def test_directory_survives_json():
    text = json.dumps({"RescaleSlope": 1.0, DIRECTORY_KEY: DIRECTORY.to_json()})
    assert parse_directory(json.loads(text), where="a.dcbs") == DIRECTORY


def test_member_has_the_documented_form():
    assert DIRECTORY.to_json() == {
        "Revision": 1,
        "Checksums": [900, 72],
        "Sections": {"SourceFiles": [400, 90], "FrameChecksums": [490, 8]},
    }


def test_order_of_the_sections_is_kept():
    # The order of the checksums follows it: docs/format.md, section 5.
    member = {"Revision": 1, "Checksums": [0, 0], "Sections": {"Z": [1, 2], "A": [3, 4]}}
    parsed = parse_directory({DIRECTORY_KEY: member}, where="a.dcbs")
    assert parsed is not None
    assert list(parsed.sections) == ["Z", "A"]


def test_file_of_the_published_tool_has_no_directory():
    assert parse_directory({"RescaleSlope": 1.0}, where="a.dcbs") is None


def test_members_of_the_same_revision_that_are_unknown_are_skipped():
    member = DIRECTORY.to_json() | {"Comment": ["later"]}
    assert parse_directory({DIRECTORY_KEY: member}, where="a.dcbs") == DIRECTORY


@pytest.mark.parametrize("revision", [0, 2, 99, "1", None])
def test_other_revision_is_refused(revision):
    member = DIRECTORY.to_json() | {"Revision": revision}
    with pytest.raises(InvalidCubeFileError, match="revision"):
        parse_directory({DIRECTORY_KEY: member}, where="a.dcbs")


@pytest.mark.parametrize(
    "member",
    [
        5,
        "text",
        [],
        {},
        {"Revision": 1},
        {"Revision": 1, "Checksums": [1, 2]},
        {"Revision": 1, "Checksums": [1], "Sections": {}},
        {"Revision": 1, "Checksums": [1, 2, 3], "Sections": {}},
        {"Revision": 1, "Checksums": 5, "Sections": {}},
        {"Revision": 1, "Checksums": [-1, 2], "Sections": {}},
        {"Revision": 1, "Checksums": [1.5, 2], "Sections": {}},
        {"Revision": 1, "Checksums": [True, 2], "Sections": {}},
        {"Revision": 1, "Checksums": ["1", "2"], "Sections": {}},
        {"Revision": 1, "Checksums": [1, 2], "Sections": []},
        {"Revision": 1, "Checksums": [1, 2], "Sections": {"A": None}},
        {"Revision": 1, "Checksums": [1, 2], "Sections": {"A": [1, -2]}},
    ],
)
def test_malformed_member_is_refused(member):
    with pytest.raises(InvalidCubeFileError, match="directory is malformed"):
        parse_directory({DIRECTORY_KEY: member}, where="a.dcbs")
