"""The one place that calls the native scanner: files taken apart, pixels read into their places.

It scans what is plainly right and leaves the rest to `dicube.dicom.instance`, so both give the same
for every file. Elements become Python objects when they are asked for.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy.typing as npt

from dicube.dicom.instance import Instance, PixelElement, RawElement
from dicube.dicom.part10 import EXPLICIT_BIG, EXPLICIT_LITTLE, IMPLICIT_LITTLE, Syntax

_missing: ImportError | None = None
try:
    from dicube.dicom import _scan
except ImportError as import_error:
    _missing = import_error  # then everything is left to Python

_SYNTAXES = {
    (syntax.explicit, syntax.little): syntax
    for syntax in (IMPLICIT_LITTLE, EXPLICIT_LITTLE, EXPLICIT_BIG)
}


class ScannedElements(Mapping[int, RawElement]):
    """The elements of one scanned file by tag, in the order of tags."""

    __slots__ = ("file", "syntax")

    def __init__(self, file: "_scan.ScannedFile", syntax: Syntax) -> None:
        self.file = file
        self.syntax = syntax

    def __getitem__(self, tag: int) -> RawElement:
        found = self.file.get(tag)
        if found is None:
            raise KeyError(tag)
        vr, value, undefined_length = found
        return RawElement(vr, value, self.syntax, undefined_length)

    def __contains__(self, tag: object) -> bool:
        return isinstance(tag, int) and tag in self.file

    def __iter__(self) -> Iterator[int]:
        return iter(self.file.tags())

    def __len__(self) -> int:
        return len(self.file)


def scan_files(paths: Sequence[Path], threads: int) -> list[Instance | None]:
    """Take files apart, several at a time.

    Returns
    -------
    list of Instance or None
        In the order of the paths; None for files that are left to `read_instance`, whether they are
        damaged, odd or no DICOM at all.
    """
    if _missing is not None:
        return [None] * len(paths)
    files = _scan.scan_files([os.fsencode(path) for path in paths], threads)
    return [
        None if file is None else _instance(path, file)
        for path, file in zip(paths, files, strict=True)
    ]


def shared_tags(elements: Sequence[Mapping[int, RawElement]]) -> dict[int, bool] | None:
    """For each tag of any file, in tag order, whether all files have it with equal bytes.

    None where a file was not scanned here, or files differ in their syntax.
    """
    scanned = [each for each in elements if isinstance(each, ScannedElements)]
    if not scanned or len(scanned) < len(elements):
        return None
    if len({each.syntax for each in scanned}) > 1:
        return None
    return _scan.shared_tags([each.file for each in scanned])


def sequence_items(value: bytes, syntax: Syntax) -> list[dict[int, RawElement]] | None:
    """The elements of each item in the value of a sequence; None where it is not plainly right."""
    if _missing is not None:
        return None
    items = _scan.sequence_items(value, syntax.explicit, syntax.little)
    if items is None:
        return None
    return [
        {tag: RawElement(vr, data, syntax, undefined) for tag, vr, data, undefined in item}
        for item in items
    ]


def json_members(document: bytes, start: int = 0) -> dict[str, slice] | None:
    """Where the values of the members of a JSON object lie in its text.

    None where it is no object, or an unusual one: with escapes in a key, or a key twice.
    """
    if _missing is not None:
        return None
    try:
        found = _scan.json_members(document, start)
    except UnicodeDecodeError:
        return None
    if found is None:
        return None
    members = {key: slice(begin, end) for key, begin, end in found}
    return members if len(members) == len(found) else None


def read_pixels(
    instances: Sequence[Instance], out: npt.NDArray[Any], *, unused_bits: int, threads: int
) -> list[int]:
    """Read native pixels of equally many bytes into an array, a file after the other.

    Parameters
    ----------
    instances : n of them, with pixels that are little endian words, or bytes
    out : (n frames, rows, columns[, samples]) array, or n times as many frames
        C-contiguous, of the dtype of the words.
    unused_bits : int
        Upper bits of a word that are not part of the stored value.
    threads : int

    Returns
    -------
    list of int
        Numbers of those that are not in place: the file cannot be read, is too short, or has
        something in the unused bits.
    """
    if _missing is not None:
        return list(range(len(instances)))
    places = [i.pixels.offset for i in instances if i.pixels is not None]
    paths = [os.fsencode(i.path) for i in instances]
    states = _scan.read_pixels(paths, places, out, unused_bits=unused_bits, threads=threads)
    return [number for number, state in enumerate(states) if state]


def _instance(path: Path, file: "_scan.ScannedFile") -> Instance:
    syntax = _SYNTAXES[file.is_explicit, file.is_little]
    found = file.pixels
    return Instance(
        path=path,
        head=file.head,
        tail=file.tail,
        syntax=syntax,
        transfer_syntax=file.transfer_syntax,
        data_set_start=file.data_set_start,
        elements=ScannedElements(file, syntax),
        pixels=None if found is None else PixelElement(*found),
    )
