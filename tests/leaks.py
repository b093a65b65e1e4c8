"""Finding what identifies a patient in bytes, read from the source by pydicom alone.

What may stay is decided here with nothing but the table and the dictionary, so that the tests do
not ask the code that they test.
"""

import json
import re
import warnings
from collections.abc import Iterator
from contextlib import suppress
from importlib.resources import files
from pathlib import Path

import pydicom
import zstandard
from pydicom.datadict import dictionary_has_tag
from pydicom.dataset import Dataset

from dicube.storage.dcb_file import DcbFile

ROWS = json.loads(
    files("dicube.dicom.deidentify").joinpath("basic_profile.json").read_text("utf-8")
)["rows"]
_ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"
_HEADER = 116  # frames follow the header
_PIXELS = (0x7FE00008, 0x7FE00009, 0x7FE00010)
_NUMBERS = {"AT", "DS", "FD", "FL", "IS", "SL", "SS", "UL", "US"}
_SHORTEST = 6  # characters; shorter ones turn up anywhere by chance
# Words that a de-identified file has of itself.
_OWN_WORDS = {"ANONYMIZED", "19000101", "000000", "19000101000000", "REMOVED", "EchoTime"}


def _is_taken_away(element: pydicom.DataElement) -> bool:
    tag = element.tag
    is_listed = f"{int(tag):08X}" in ROWS
    return (
        is_listed or tag.is_private or not dictionary_has_tag(tag) or element.VR in ("PN", "UN")
        or tag.group >> 8 in (0x50, 0x60)
    )  # fmt: skip


def _texts(element: pydicom.DataElement) -> Iterator[str]:
    if element.VR in _NUMBERS:
        return
    value = element.value
    values = value if isinstance(value, (list, tuple, pydicom.multival.MultiValue)) else [value]
    for each in values:
        if isinstance(each, bytes):
            # Text in bytes that nobody knows: names in the headers of manufacturers.
            runs = (run.decode("ascii") for run in re.findall(rb"[\x20-\x7e]{6,200}", each))
            yield from (run for run in runs if re.search("[A-Za-z]{4}", run))
        elif isinstance(each, pydicom.valuerep.PersonName):
            yield from re.split(r"[\^= ]+", str(each))
            yield str(each)
        else:
            yield str(each)


def _walk(data_set: Dataset, is_inside: bool) -> Iterator[tuple[bool, str]]:
    """(taken away?, text) of all elements; items of a sequence go with it."""
    for element in data_set:
        taken = is_inside or _is_taken_away(element)
        if element.VR == "SQ":
            code = ROWS.get(f"{int(element.tag):08X}", {}).get("basic", "")
            for item in element.value:
                # References stay, with other UIDs.
                yield from _walk(item, is_inside or (taken and not code.endswith("U*")))
        elif element.tag.group >= 8 and element.tag.group != 0x7FE0:
            yield from ((taken, text.strip()) for text in _texts(element))


def identifying_texts(folder: Path) -> set[str]:
    """Texts of a folder that must not be found in what is made of it without options."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the files are as odd as they are
        taken, kept = _taken_and_kept(folder)
    all_kept = "\n".join(kept)
    return {
        text
        for text in taken - _OWN_WORDS
        if len(text) >= _SHORTEST
        and text not in all_kept
        and text not in pydicom.uid.UID_dictionary
    } | {text for text in taken - kept if re.fullmatch(r"(0|[1-9]\d*)(\.(0|[1-9]\d*)){5,}", text)
         and text not in pydicom.uid.UID_dictionary}  # fmt: skip


def _taken_and_kept(folder: Path) -> tuple[set[str], set[str]]:
    taken: set[str] = set()
    kept: set[str] = set()
    for path in sorted(folder.iterdir()):
        try:
            data_set = pydicom.dcmread(path, force=True, stop_before_pixels=True)
            found = list(_walk(data_set, is_inside=False))
        except (ValueError, KeyError, TypeError, NotImplementedError, OSError, AttributeError):
            continue  # no DICOM, or nothing that pydicom can make values of
        except pydicom.errors.InvalidDicomError:
            continue
        for is_taken, text in found:
            (taken if is_taken else kept).add(text)
    return taken, kept


def readable_bytes(path: Path) -> bytes:
    """A cube file without its frames, and all that is compressed in it, wherever it lies."""
    with DcbFile(path) as file:
        frames = sum(len(file.frames[number]) for number in range(len(file.frames)))
    data = path.read_bytes()
    data = data[:_HEADER] + data[_HEADER + frames :]
    parts, start = [data], data.find(_ZSTD_MAGIC)
    while start >= 0:
        with suppress(zstandard.ZstdError):  # numbers that look like a beginning
            parts.append(zstandard.ZstdDecompressor().decompressobj().decompress(data[start:]))
        start = data.find(_ZSTD_MAGIC, start + 1)
    return b"\0".join(parts)


def header_bytes(path: Path) -> bytes:
    """A DICOM file without its pixels."""
    data_set = pydicom.dcmread(path)
    pixels = [data_set[tag].value for tag in _PIXELS if tag in data_set]
    data = path.read_bytes()
    for value in pixels:
        assert value in data
        data = data.replace(value, b"")
    return data


def leaks(texts: set[str], data: bytes) -> list[str]:
    """The texts that are found as words in the bytes."""
    return [
        text
        for text in texts
        if text.isascii()
        and text.encode() in data
        and re.search(rb"(?<![\w.])" + re.escape(text.encode()) + rb"(?![\w.]|\\\\)", data)
    ]
