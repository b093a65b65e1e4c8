"""The start of a received file: what goes before its data set, and whom the data set names."""

from contextlib import suppress
from typing import Final

from dicube.dicom.data_set import DataElement, encode_elements, header_of
from dicube.dicom.file_builder import IMPLEMENTATION_UID
from dicube.dicom.part10 import EXPLICIT_BIG, EXPLICIT_LITTLE, IMPLICIT_LITTLE, iter_elements
from dicube.exceptions import MetaDataError

SOP_INSTANCE, SERIES = UIDS = (0x00080018, 0x0020000E)
_SYNTAXES: Final = {
    "1.2.840.10008.1.2": IMPLICIT_LITTLE,
    "1.2.840.10008.1.2.2": EXPLICIT_BIG,
}


def file_meta(
    transfer_syntax: str, sop_class_uid: str, sop_instance_uid: str, source: str = ""
) -> bytes:
    """Preamble and file meta information of a file (PS3.10 7.1)."""
    texts = [
        (0x00020002, "UI", sop_class_uid),
        (0x00020003, "UI", sop_instance_uid),
        (0x00020010, "UI", transfer_syntax),
        (0x00020012, "UI", IMPLEMENTATION_UID),
    ]
    if source:
        texts.append((0x00020016, "AE", source))
    elements = [DataElement(0x00020001, "OB", b"\0\1")]
    elements += [DataElement(tag, vr, _padded(text, vr)) for tag, vr, text in texts]
    group = encode_elements(elements)
    length = DataElement(0x00020000, "UL", len(group).to_bytes(4, "little"))
    return bytes(128) + b"DICM" + encode_elements([length]) + group


def _padded(text: str, vr: str) -> bytes:
    raw = text.encode("ascii", "replace")
    return raw + (b"\0" if vr == "UI" else b" ") * (len(raw) % 2)


def first_uids(data: bytes, transfer_syntax: str) -> dict[int, str]:
    """The UIDs of instance and series, as far as the data has them; it may be cut short."""
    found: dict[int, str] = {}
    with suppress(MetaDataError):
        for element in iter_elements(
            data, 0, len(data), _SYNTAXES.get(transfer_syntax, EXPLICIT_LITTLE)
        ):
            if element.tag > SERIES:
                break
            if element.tag in UIDS:
                raw = data[element.start : element.end]
                found[element.tag] = raw.decode("latin-1").strip(" \0")
    return found


def explicit_uid(tag: int, uid: str) -> bytes:
    """The element of a UID in explicit VR little endian."""
    raw = _padded(uid, "UI")
    return header_of(tag, "UI", len(raw)) + raw


def after_file_meta(data: bytes) -> tuple[bytes, str]:
    """The data set of a file and its transfer syntax; ("", "") where it is no DICOM file."""
    if data[128:132] != b"DICM":
        return b"", ""
    syntax, end = "", 132
    with suppress(MetaDataError):
        for element in iter_elements(data, 132, len(data), EXPLICIT_LITTLE):
            if element.tag >> 16 != 2:
                break
            if element.tag == 0x00020010:
                syntax = data[element.start : element.end].decode("latin-1").strip(" \0")
            end = element.next
    return data[end:], syntax
