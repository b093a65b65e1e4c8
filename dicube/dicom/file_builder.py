"""One DICOM file from stored values (PS3.10 section 7, PS3.5 annex A).

The data set comes from the source file where the series is unedited, and then every element keeps
its value; otherwise it is built from the metadata.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from pydicom.encaps import encapsulate

from dicube.dicom.data_set import (
    DataElement,
    elements_of_entries,
    elements_of_raw,
    encode_elements,
    header_of,
)
from dicube.dicom.dicom_meta import DicomMeta
from dicube.dicom.dicom_tags import PIXEL_TAGS, CommonTags, tag_key
from dicube.dicom.instance import raw_elements
from dicube.dicom.part10 import EXPLICIT_LITTLE, UNDEFINED_LENGTH, iter_elements
from dicube.dicom.pixel_layout import PixelLayout, pack_values
from dicube.dicom.source_files import SourceFile
from dicube.exceptions import MetaDataError

Array = npt.NDArray[Any]

_PREAMBLE: Final = bytes(128)
_MAGIC: Final = b"DICM"
_GROUP_LENGTH: Final = 0x00020000
_TRANSFER_SYNTAX: Final = int(CommonTags.TransferSyntaxUID)
_PHOTOMETRIC: Final = int(CommonTags.PhotometricInterpretation)
_PLANAR: Final = int(CommonTags.PlanarConfiguration)
_SEQUENCE_END: Final = b"\xfe\xff\xdd\xe0\0\0\0\0"
# Names DiCube as the writer (PS3.10 7.1); a UUID-derived UID (PS3.5 B.2), chosen once.
IMPLEMENTATION_UID: Final = "2.25.261573846210473946113042158930512077315"
# What the colour space of a codestream is called once the codec has undone its part of it
# (PS3.5 8.2); uncompressed data has no other names for them.
DECODED_PHOTOMETRIC: Final = {
    "YBR_RCT": "RGB",
    "YBR_ICT": "RGB",
    "YBR_FULL_422": "YBR_FULL",
    "YBR_PARTIAL_422": "YBR_FULL",
    "YBR_PARTIAL_420": "YBR_FULL",
}


@dataclass(frozen=True)
class FilePixels:
    """The frames of one file, and their codestreams where the syntax is a compressed one."""

    values: Array
    layout: PixelLayout
    codestreams: Sequence[bytes | memoryview] | None = None


def file_from_source(source: SourceFile, pixels: FilePixels, uid: str) -> bytes:
    """A file with the elements of the source file in another transfer syntax.

    Elements keep their bytes where the source is explicit VR little endian; others are written anew
    in it. Only what describes the pixels changes, and only where it has to.

    Raises
    ------
    MetaDataError
        The stored header of the source file is malformed.
    """
    head, has_preamble = source.head, source.head[128:132] == _MAGIC
    begin = len(_PREAMBLE) + len(_MAGIC) if has_preamble else 0
    meta = [
        DataElement(element.tag, str(element.vr), head[element.start : element.end])
        for element in iter_elements(head, begin, source.data_set_start, EXPLICIT_LITTLE)
        if element.tag not in (_GROUP_LENGTH, _TRANSFER_SYNTAX)
    ]
    meta.append(_text_element(_TRANSFER_SYNTAX, "UI", uid))
    body = _as_explicit(head[source.data_set_start : source.pixel_start], source)
    tail = _as_explicit(source.tail[source.padding :], source)
    preamble = head[: len(_PREAMBLE)] if has_preamble else _PREAMBLE
    return _assemble(preamble, meta, _redescribed(body, pixels), pixels, tail)


def file_from_meta(meta: DicomMeta, index: int, pixels: FilePixels, uid: str) -> bytes:
    """A file built from the metadata of one slice.

    Raises
    ------
    MetaDataError
        SOP Class UID or SOP Instance UID is missing, or a value cannot be encoded.
    """
    elements = {
        element.tag: element
        for element in elements_of_entries(dict(meta.index(index).items()))
        if element.tag not in PIXEL_TAGS and element.tag >> 16 >= 8
    }
    for tag in (CommonTags.SOPClassUID, CommonTags.SOPInstanceUID):
        if int(tag) not in elements or not elements[int(tag)].value:
            raise MetaDataError(
                "a DICOM file needs this UID",
                where=f"slice {index}, tag {tag_key(tag)}",
                hint="set it with set_shared_item or set_nonshared_item of the DicomMeta",
            )
    file_meta = [
        DataElement(0x00020001, "OB", b"\0\1"),
        DataElement(0x00020002, "UI", elements[int(CommonTags.SOPClassUID)].value),
        DataElement(0x00020003, "UI", elements[int(CommonTags.SOPInstanceUID)].value),
        _text_element(_TRANSFER_SYNTAX, "UI", uid),
        _text_element(0x00020012, "UI", IMPLEMENTATION_UID),
    ]
    elements |= {element.tag: element for element in _pixel_module(pixels, elements)}
    body = encode_elements(e for e in elements.values() if e.tag < min(PIXEL_TAGS))
    tail = encode_elements(e for e in elements.values() if e.tag > max(PIXEL_TAGS))
    return _assemble(_PREAMBLE, file_meta, _redescribed(body, pixels), pixels, tail)


def layout_for_meta(meta: DicomMeta, index: int, values: Array) -> PixelLayout:
    """The native layout in which the values of one slice are written from its metadata.

    Bits Allocated and Bits Stored of the metadata hold as long as the values fit them; an array of
    another dtype is described by its own.
    """
    layout = layout_of_dtype(values.shape, values.dtype)
    described = described_layout(meta, index, layout)
    fits = described is layout or fits_layout(described, int(values.min()), int(values.max()))
    return described if fits else layout


def described_layout(meta: DicomMeta, index: int, layout: PixelLayout) -> PixelLayout:
    """The layout of whole words with the bits that the metadata of a slice give it, if they can."""
    bits = layout.bits_stored
    allocated = meta.get(CommonTags.BitsAllocated, force_nonshared=True)[index]
    stored = meta.get(CommonTags.BitsStored, force_nonshared=True)[index]
    if layout.is_float or not isinstance(allocated, int) or not isinstance(stored, int):
        return layout
    if max(allocated, 8) != bits or not 1 <= stored <= min(allocated, 32):
        return layout
    return replace(layout, bits_allocated=allocated, bits_stored=stored, high_bit=stored - 1)


def fits_layout(layout: PixelLayout, lowest: int, highest: int) -> bool:
    """Whether stored values of this range fit into the bits stored."""
    least = -(1 << layout.bits_stored - 1) if layout.signed else 0
    most = (1 << layout.bits_stored - layout.signed) - 1
    return least <= lowest and highest <= most


def layout_of_dtype(shape: tuple[int, ...], dtype: np.dtype[Any]) -> PixelLayout:
    """The native layout of (frames, rows, columns[, samples]) values that use their whole words."""
    bits = dtype.itemsize * 8
    return PixelLayout(
        frames=shape[0],
        rows=shape[1],
        columns=shape[2],
        samples=shape[3] if len(shape) == 4 else 1,
        bits_allocated=bits,
        bits_stored=bits,
        high_bit=bits - 1,
        signed=dtype.kind == "i",
        is_float=dtype.kind == "f",
    )


def _as_explicit(data: bytes, source: SourceFile) -> bytes:
    """Elements of a source file as explicit VR little endian; trailing junk has no place there."""
    if source.syntax == EXPLICIT_LITTLE:
        return data
    return encode_elements(elements_of_raw(raw_elements(data, source.syntax), source.syntax))


def _assemble(
    preamble: bytes, meta: Sequence[DataElement], body: bytes, pixels: FilePixels, tail: bytes
) -> bytes:
    encoded_meta = encode_elements(meta)
    length = DataElement(_GROUP_LENGTH, "UL", len(encoded_meta).to_bytes(4, "little"))
    head = (preamble, _MAGIC, encode_elements([length]), encoded_meta, body)
    return b"".join((*head, _pixel_element(pixels), tail))


def _pixel_element(pixels: FilePixels) -> bytes:
    layout = pixels.layout
    if pixels.codestreams is not None:
        items: bytes = encapsulate([bytes(stream) for stream in pixels.codestreams])
        return header_of(int(CommonTags.PixelData), "OB", UNDEFINED_LENGTH) + items + _SEQUENCE_END
    if layout.is_float and layout.bits_allocated == 64:
        tag, vr = CommonTags.DoubleFloatPixelData, "OD"
    elif layout.is_float:
        tag, vr = CommonTags.FloatPixelData, "OF"
    else:
        tag, vr = CommonTags.PixelData, "OW" if layout.bits_allocated > 8 else "OB"
    return encode_elements([DataElement(int(tag), vr, pack_values(pixels.values, layout, b""))])


def _redescribed(body: bytes, pixels: FilePixels) -> bytes:
    """The data set with what has to change when pixels change their transfer syntax."""
    parts, position = [], 0
    for element in iter_elements(body, 0, len(body), EXPLICIT_LITTLE):
        part = body[position : element.next]
        value = body[element.start : element.end]
        if element.tag == _PHOTOMETRIC and not pixels.layout.chroma_422:
            name = DECODED_PHOTOMETRIC.get(value.decode("latin-1").strip(" \0"))
            if name is not None:
                part = encode_elements([_text_element(_PHOTOMETRIC, "CS", name)])
        elif element.tag == _PLANAR and pixels.codestreams is not None:
            part = encode_elements([_short(_PLANAR, 0)])  # codestreams interleave their samples
        parts.append(part)
        position = element.next
    return b"".join(parts)


def _pixel_module(pixels: FilePixels, elements: Mapping[int, DataElement]) -> Iterator[DataElement]:
    """The Image Pixel module (PS3.3 C.7.6.3) as the array has it."""
    layout = pixels.layout
    yield _short(CommonTags.Rows, layout.rows)
    yield _short(CommonTags.Columns, layout.columns)
    yield _short(CommonTags.SamplesPerPixel, layout.samples)
    yield _short(CommonTags.BitsAllocated, layout.bits_allocated)
    if not layout.is_float:
        yield _short(CommonTags.BitsStored, layout.bits_stored)
        yield _short(CommonTags.HighBit, layout.high_bit)
        yield _short(CommonTags.PixelRepresentation, int(layout.signed))
    if layout.samples > 1:
        yield _short(_PLANAR, 0)
    if _PHOTOMETRIC not in elements:
        yield _text_element(_PHOTOMETRIC, "CS", "MONOCHROME2" if layout.samples == 1 else "RGB")
    if layout.frames > 1 or int(CommonTags.NumberOfFrames) in elements:
        yield _text_element(int(CommonTags.NumberOfFrames), "IS", str(layout.frames))


def _short(tag: int, number: int) -> DataElement:
    return DataElement(int(tag), "US", int(np.uint16(number)).to_bytes(2, "little"))


def _text_element(tag: int, vr: str, text: str) -> DataElement:
    data = text.encode("ascii")
    return DataElement(tag, vr, data if vr == "UI" else data + b" " * (len(data) % 2))
