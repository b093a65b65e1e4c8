"""One DICOM file, taken apart: everything that is not pixel data, and where the pixels are.

A file is read as far as its Pixel Data; uncompressed pixels stay on the disk until they are read
into their place. `head + pixel value + tail` is the file, byte for byte.
"""

import os
import struct
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, NamedTuple

from dicube.dicom.dicom_tags import PIXEL_TAGS
from dicube.dicom.part10 import (
    EXPLICIT_BIG,
    EXPLICIT_LITTLE,
    IMPLICIT_LITTLE,
    Element,
    Syntax,
    iter_elements,
)
from dicube.exceptions import MetaDataError

_FIRST_READ: Final = 1 << 16  # most headers fit; a longer one costs a second read
_PREAMBLE: Final = 132
_TRANSFER_SYNTAX: Final = 0x00020010
_SOP_CLASS: Final = 0x00080016
_IMPLICIT_UID: Final = "1.2.840.10008.1.2"
EXPLICIT_UID: Final = "1.2.840.10008.1.2.1"
_DEFLATED_UID: Final = "1.2.840.10008.1.2.1.99"
_BIG_ENDIAN_UID: Final = "1.2.840.10008.1.2.2"
UNCOMPRESSED_UIDS: Final = frozenset((_IMPLICIT_UID, EXPLICIT_UID, _BIG_ENDIAN_UID, _DEFLATED_UID))
_MAX_INFLATED: Final = 1 << 32  # bytes; a deflated data set that grows past this is refused


class NotDicomError(MetaDataError):
    """The file holds no DICOM data set at all."""


class RawElement(NamedTuple):
    """Value bytes of one element as they are in the file, and how they are encoded.

    `vr` is None in implicit VR.
    """

    vr: str | None
    value: bytes
    syntax: Syntax
    undefined_length: bool = False


@dataclass(frozen=True)
class PixelElement:
    """Where the pixel data of a file is.

    `start` is where the element, not its value, begins in the head. `data` holds the value where it
    is not simply a run of bytes in the file: the items of encapsulated pixel data, or pixels that
    came out of a deflated data set.
    """

    start: int
    tag: int
    vr: str | None
    offset: int
    length: int
    encapsulated: bool
    data: bytes | None = None


@dataclass(frozen=True)
class Instance:
    """One SOP instance as it was found in a file.

    `head` and `tail` are the bytes before and behind the value of the pixel data; for a deflated
    file they are those of the inflated data set. `elements` holds the top level of the data set,
    pixel data and file meta information excluded.
    """

    path: Path
    head: bytes
    tail: bytes
    syntax: Syntax
    transfer_syntax: str
    data_set_start: int
    elements: Mapping[int, RawElement]
    pixels: PixelElement | None

    @property
    def length(self) -> int:
        """Bytes of the file; of a deflated one, once it is inflated."""
        pixels = 0 if self.pixels is None else self.pixels.length
        delimiter = 8 if self.pixels is not None and self.pixels.encapsulated else 0
        return len(self.head) + pixels + delimiter + len(self.tail)

    @property
    def is_deflated(self) -> bool:
        return self.transfer_syntax == _DEFLATED_UID

    def pixel_bytes(self) -> bytes:
        """The value of the pixel data; of encapsulated pixel data, its items.

        Raises
        ------
        MetaDataError
            The file cannot be read any more, or became shorter.
        """
        assert self.pixels is not None
        if self.pixels.data is not None:
            return self.pixels.data
        try:
            with open(self.path, "rb") as file:
                file.seek(self.pixels.offset)
                data = file.read(self.pixels.length)
        except OSError as error:
            raise MetaDataError(
                f"cannot be read: {error.strerror}", where=str(self.path)
            ) from error
        if len(data) != self.pixels.length:
            raise MetaDataError("the file became shorter while it was read", where=str(self.path))
        return data


def read_instance(path: Path) -> Instance:
    """Take one file apart.

    Raises
    ------
    NotDicomError
        The file is no DICOM file.
    MetaDataError
        The file is DICOM but cut short or malformed, or cannot be read; the message says where.
    """
    try:
        with open(path, "rb") as file:
            length = os.fstat(file.fileno()).st_size
            data = file.read(_FIRST_READ)
            try:
                return _parse(path, data, length)
            except _NeedsMore:
                data += file.read()
            return _parse(path, data, len(data))
    except OSError as error:
        raise MetaDataError(f"cannot be read: {error.strerror}", where=str(path)) from error


def instance_of(data: bytes, path: Path) -> Instance:
    """Take a file apart that is in memory, pixels and all.

    Parameters
    ----------
    data : bytes
        The file, with preamble and file meta information or without.
    path : Path
        What to call it.

    Raises
    ------
    NotDicomError, MetaDataError
        As for `read_instance`.
    """
    instance = _parse(path, data, len(data))
    pixels = instance.pixels
    if pixels is None or pixels.data is not None:
        return instance
    value = data[pixels.offset : pixels.offset + pixels.length]
    return replace(instance, pixels=replace(pixels, data=value))


class _NeedsMore(Exception):
    """The first part of the file is not enough."""


def _parse(path: Path, data: bytes, length: int) -> Instance:
    try:
        return _take_apart(path, data, length)
    except (struct.error, IndexError) as error:
        if len(data) < length:
            raise _NeedsMore from error
        raise MetaDataError(
            "the file is cut short", where=str(path), hint="copy it again, or leave it out"
        ) from error
    except NotDicomError:
        raise
    except MetaDataError as error:
        if len(data) < length:
            raise _NeedsMore from error
        raise MetaDataError(error.what, where=str(path), hint=error.hint) from error


def _take_apart(path: Path, data: bytes, length: int) -> Instance:
    start = _PREAMBLE if data[128:132] == b"DICM" else 0
    if start == length:
        raise NotDicomError("a DICOM preamble and nothing else", where=str(path))
    meta, start = _file_meta(data, start, length, bool(start))
    if start >= length:
        raise MetaDataError("the file ends behind its file meta information")
    uid = _text(meta.get(_TRANSFER_SYNTAX))
    if uid == _DEFLATED_UID:
        return _take_apart_deflated(path, data, length, start)
    syntax = _data_set_syntax(data, start, uid)
    has_preamble = data[128:132] == b"DICM"
    elements, pixel, begin = _elements(data, start, length, syntax)
    if not has_preamble and not meta and _SOP_CLASS not in elements:
        raise NotDicomError("no DICOM file: no preamble and no SOP Class UID", where=str(path))
    uid = uid or (_IMPLICIT_UID if not syntax.explicit else EXPLICIT_UID)
    if pixel is None:
        if len(data) < length:
            raise _NeedsMore
        return Instance(path, data, b"", syntax, uid, start, elements, None)
    if pixel.undefined_length:
        value = data[pixel.start : pixel.end]
        pixels = PixelElement(begin, pixel.tag, pixel.vr, pixel.start, len(value), True, value)
        # The sequence delimiter belongs to the pixel data: the tail begins behind it.
        tail = data[pixel.next :]
    else:
        count = pixel.end - pixel.start
        pixels = PixelElement(begin, pixel.tag, pixel.vr, pixel.start, count, False)
        tail = _tail(path, data, pixel.end, length)
    elements.update(_tail_elements(tail, syntax))
    head = data[: pixel.start]
    return Instance(path, head, tail, syntax, uid, start, elements, pixels)


def _file_meta(
    data: bytes, start: int, length: int, has_preamble: bool
) -> tuple[dict[int, RawElement], int]:
    """File meta information, always explicit VR little endian (PS3.10 7.1), and where it ends."""
    if not has_preamble and not _could_be_dicom(data):
        raise NotDicomError("no DICOM file")
    meta: dict[int, RawElement] = {}
    position = start
    while data[position : position + 2] == b"\x02\x00":
        element = next(iter_elements(data, position, length, EXPLICIT_LITTLE))
        meta[element.tag] = _raw(data, element, EXPLICIT_LITTLE)
        position = element.next
    return meta, position


def _could_be_dicom(data: bytes) -> bool:
    """Whether bytes without a preamble may begin a data set: group 2 or 8, a likely length."""
    if len(data) < 8 or data[:2] not in (b"\x02\x00", b"\x08\x00", b"\x00\x08"):
        return False
    return data[4:6] in _COMMON_VRS or int.from_bytes(data[4:8], "little") < 1024


_COMMON_VRS: Final = frozenset((b"UL", b"CS", b"UI", b"DA", b"TM", b"OB", b"SH", b"LO", b"SQ"))
_ALL_VRS: Final = frozenset(
    b"AE AS AT CS DA DS DT FD FL IS LO LT OB OD OF OL OV OW PN SH SL SQ SS ST SV TM UC UI UL UN UR"
    b" US UT UV".split()
)


def _data_set_syntax(data: bytes, start: int, uid: str) -> Syntax:
    """What the transfer syntax says, unless the first element contradicts it."""
    if uid == _BIG_ENDIAN_UID:
        return EXPLICIT_BIG
    looks_explicit = data[start + 4 : start + 6] in _ALL_VRS
    if not uid and looks_explicit and data[start : start + 2] == b"\x00\x08":
        return EXPLICIT_BIG
    if uid in ("", _IMPLICIT_UID) or not looks_explicit:
        return EXPLICIT_LITTLE if looks_explicit else IMPLICIT_LITTLE
    return EXPLICIT_LITTLE


def _elements(
    data: bytes, start: int, length: int, syntax: Syntax
) -> tuple[dict[int, RawElement], Element | None, int]:
    """The elements as far as the pixel data, the element of the pixel data, and where it begins."""
    elements: dict[int, RawElement] = {}
    position = start
    for element in iter_elements(data, start, length, syntax):
        if element.tag in PIXEL_TAGS:
            return elements, element, position
        if element.next > len(data):
            raise _NeedsMore
        elements[element.tag] = _raw(data, element, syntax)
        position = element.next
    return elements, None, position


def _raw(data: bytes, element: Element, syntax: Syntax) -> RawElement:
    return RawElement(
        element.vr, data[element.start : element.end], syntax, element.undefined_length
    )


def _tail(path: Path, data: bytes, start: int, length: int) -> bytes:
    if len(data) == length:
        return data[start:]
    if start == length:
        return b""
    with open(path, "rb") as file:
        file.seek(start)
        return file.read()


def raw_elements(data: bytes, syntax: Syntax) -> dict[int, RawElement]:
    """The elements of a whole data set.

    Raises
    ------
    MetaDataError
        The data set is malformed.
    """
    return {e.tag: _raw(data, e, syntax) for e in iter_elements(data, 0, len(data), syntax)}


def _tail_elements(tail: bytes, syntax: Syntax) -> dict[int, RawElement]:
    """Elements behind the pixel data; none where the bytes there are no elements."""
    try:
        return raw_elements(tail, syntax)
    except MetaDataError:
        return {}  # the bytes themselves are kept in the tail


def _text(element: RawElement | None) -> str:
    return "" if element is None else element.value.decode("ascii", "replace").strip("\0 ")


def _take_apart_deflated(path: Path, data: bytes, length: int, start: int) -> Instance:
    """A deflated data set (PS3.5 A.5): explicit VR little endian once it is inflated."""
    if len(data) < length:
        raise _NeedsMore
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        inflated = inflater.decompress(data[start:], _MAX_INFLATED)
    except zlib.error as error:
        raise MetaDataError("the deflated data set is damaged") from error
    if not inflater.eof:
        raise MetaDataError("the deflated data set is cut short or too large")
    whole = data[:start] + inflated
    elements, pixel, begin = _elements(whole, start, len(whole), EXPLICIT_LITTLE)
    if pixel is None:
        pixels, head, tail = None, whole, b""
    else:
        value = whole[pixel.start : pixel.end]
        pixels = PixelElement(
            begin, pixel.tag, pixel.vr, pixel.start, len(value), pixel.undefined_length, value
        )
        head, tail = whole[: pixel.start], whole[pixel.next :]
        elements.update(_tail_elements(tail, EXPLICIT_LITTLE))
    return Instance(path, head, tail, EXPLICIT_LITTLE, _DEFLATED_UID, start, elements, pixels)
