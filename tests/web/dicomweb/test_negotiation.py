"""What Accept fields mean (RFC 9110 12.5.1)."""

import pytest

from dicube.web.dicomweb.negotiation import MediaRange, parse_accept


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        ("*/*", [MediaRange("*/*")]),
        ("application/json;q=0.5, image/*", [
            MediaRange("image/*"), MediaRange("application/json", {}, 0.5),
        ]),
        ('multipart/related; type="application/dicom"; transfer-syntax=*;q=0.9', [
            MediaRange("application/dicom", {"transfer-syntax": "*"}, 0.9, is_multipart=True),
        ]),
        ("Multipart/Related;type=image/jphc ;transfer-syntax=1.2.840.10008.1.2.4.201", [
            MediaRange("image/jphc", {"transfer-syntax": "1.2.840.10008.1.2.4.201"},
                       is_multipart=True),
        ]),
        ("multipart/related", [MediaRange("*/*", is_multipart=True)]),
        ("a/b;q=0, c/d", [MediaRange("c/d")]),
        ("a/b;q=x", []),
        ('a/b;x="1,2;3"', [MediaRange("a/b", {"x": "1,2;3"})]),
        ('a/b;x="say \\"hi\\""', [MediaRange("a/b", {"x": 'say "hi"'})]),
    ],
)  # fmt: skip
def test_an_accept_field_is_understood(text, expected):
    assert parse_accept(text) == expected


def test_a_field_of_many_ranges_is_read_in_part():
    assert len(parse_accept(", ".join(f"a/b{n}" for n in range(1000)))) == 64
