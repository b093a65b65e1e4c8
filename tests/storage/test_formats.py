"""Magic and suffix: which formats are read and written, and what is said about the others."""

from pathlib import PurePath

import pytest

from dicube.codecs import get_codec
from dicube.exceptions import InvalidCubeFileError
from dicube.storage.formats import (
    DCBA,
    DCBR,
    DCBS,
    FORMATS,
    format_of_magic,
    format_of_name,
    is_cube_suffix,
)


@pytest.mark.parametrize(
    ("magic", "suffix", "codec"),
    [
        (b"DCMCUBES", ".dcbs", "jph"),
        (b"DCMCUBEA", ".dcba", "jxl"),
        (b"DCMCUBER", ".dcbr", "jxl-roi"),
    ],
)
def test_format_is_known_by_its_magic(magic, suffix, codec):
    file_format = format_of_magic(magic, where="a file")
    assert (file_format.suffix, file_format.codec_name) == (suffix, codec)
    assert get_codec(codec).name == codec


@pytest.mark.parametrize("name", ["dcbs", ".dcbs", ".DCBS", "s", "S"])
def test_format_is_known_by_suffix_and_letter_in_any_case(name):
    assert format_of_name(name, where="a file") is DCBS


def test_letters_and_magics_are_all_different():
    assert len({f.letter for f in FORMATS}) == len({f.magic for f in FORMATS}) == len(FORMATS)
    assert format_of_name("a", where="a file") is DCBA
    assert format_of_name("r", where="a file") is DCBR


@pytest.mark.parametrize(("magic", "suffix"), [(b"DCMCUBEL", ".dcbl")], ids=["dcbl"])
def test_other_members_of_the_family_are_refused_by_name(magic, suffix):
    for refuse in (
        lambda: format_of_magic(magic, where="a file"),
        lambda: format_of_name(suffix, where="a file"),
        lambda: format_of_name(suffix[-1], where="a file"),
    ):
        with pytest.raises(InvalidCubeFileError) as caught:
            refuse()
        message = str(caught.value)
        assert suffix in message
        assert "not supported" in message
        assert ".dcba" in message  # what to use instead
        assert caught.value.where == "a file"


@pytest.mark.parametrize("magic", [b"DCMCUBE\0", b"dcmcubes", b"DICUBE\0\0", b"\x89PNG\r\n\x1a\n"])
def test_foreign_file_is_no_cube_file(magic):
    with pytest.raises(InvalidCubeFileError, match="no cube file"):
        format_of_magic(magic, where="a file")


@pytest.mark.parametrize("name", ["", ".", "dcb", ".nii", "x", "dcbsx"])
def test_unknown_name_is_refused(name):
    with pytest.raises(InvalidCubeFileError, match="unknown file format"):
        format_of_name(name, where="a file")


def test_suffixes_of_the_family_are_told_from_others():
    assert all(is_cube_suffix(PurePath(f"a{s}")) for s in (".dcbs", ".DCBA", ".dcbr", ".dcbl"))
    assert not any(is_cube_suffix(PurePath(f"a{s}")) for s in (".dcb", ".dcm", "", ".nii.gz"))
