"""Metadata of derived images (PS3.3 C.7.6.1.1.2), above all of those compressed with loss.

An image whose pixels are not those of its source is another image: it says so in Image Type, gets a
SOP Instance UID of its own, and names its source. If values were lost, it keeps that for ever
(PS3.3 C.7.6.1.1.5). What is computed from a series in any other way is a series of its own
(`derived_series`).
"""

import uuid
from typing import Any, Final, NamedTuple

from dicube.dicom.dicom_meta import DicomMeta
from dicube.dicom.dicom_tags import CommonTags, TagLike, tag_key
from dicube.dicom.entries import Entry, copied

_JPEG_XL: Final = "ISO_18181_1"  # Lossy Image Compression Method, PS3.3 C.7.6.1.1.5.1
_LONGEST_TEXT: Final = 1024  # characters of ST, PS3.5 6.2
_FRAME_TYPE: Final = "00089007"
REFERENCES: Final = {
    "ReferencedSOPClassUID": CommonTags.SOPClassUID,
    "ReferencedSOPInstanceUID": CommonTags.SOPInstanceUID,
}
_NAMESPACE: Final = uuid.UUID("7b2ec70e-283c-41ed-a0df-c8e78b33d842")  # chosen once, for new UIDs


class Derivation(NamedTuple):
    """What a kind of derivation is called: code and meaning, of the DICOM Controlled Terminology.

    Attributes
    ----------
    code : pair of str
        What was done, from PS3.16 CID 7203.
    purpose : pair of str
        What the source was to it, from PS3.16 CID 7202.
    """

    code: tuple[str, str]
    purpose: tuple[str, str]


_LOSSY_COMPRESSION: Final = Derivation(
    code=("113040", "Lossy Compression"), purpose=("121320", "Uncompressed predecessor")
)


def mark_lossy(meta: DicomMeta, ratio: float) -> None:
    """Say that the image is derived, its pixels compressed with loss as JPEG XL.

    Parameters
    ----------
    meta : DicomMeta
        Changed.
    ratio : float
        Bytes before to bytes after.
    """
    _mark_derived(meta)
    meta.set_shared_item("LossyImageCompression", "01")
    _append(meta, "LossyImageCompressionRatio", ratio)
    _append(meta, "LossyImageCompressionMethod", _JPEG_XL)


def lossy_derivative(meta: DicomMeta, *, ratio: float, description: str, result: str) -> DicomMeta:
    """The metadata of a series that was compressed with loss as JPEG XL.

    Parameters
    ----------
    meta : DicomMeta
        Of the series before; not changed.
    ratio : float
        Bytes before to bytes after.
    description : str
        What was lost, in ASCII; goes before an older Derivation Description unless both together
        would be too long for the element.
    result : str
        Names the new pixels. New SOP Instance UIDs are made from it and the old ones, so that the
        same job gives the same UIDs.

    Returns
    -------
    DicomMeta
        Image Type DERIVED, new SOP Instance UIDs, Source Image Sequence and Derivation Code
        Sequence, and the elements of `mark_lossy`. The series stays the same.
    """
    derived = derivative(meta, _LOSSY_COMPRESSION, description=description, result=result)
    mark_lossy(derived, ratio)
    return derived


def derivative(
    meta: DicomMeta, derivation: Derivation, *, description: str, result: str
) -> DicomMeta:
    """The metadata of images that were derived from others, one from each.

    Parameters
    ----------
    meta : DicomMeta
        Of the series before; not changed.
    derivation : Derivation
    description : str
        What was done, in ASCII; goes before an older Derivation Description unless both together
        would be too long for the element.
    result : str
        Names the new pixels; see `new_uid`.

    Returns
    -------
    DicomMeta
        Image Type DERIVED, new SOP Instance UIDs, Source Image Sequence, Derivation Code Sequence
        and Derivation Description.
    """
    entries = dict(meta.items())
    source = {
        tag_key(name): copied(entries[tag_key(tag)])
        for name, tag in REFERENCES.items()
        if tag_key(tag) in entries
    }
    for entry in entries.values():
        _mark_frame_types(entry)
    derived = DicomMeta(entries, meta.filenames, slice_count=meta.slice_count)
    uids = [new_uid(result, uid) for uid in meta.get_values(CommonTags.SOPInstanceUID)]
    set_values(derived, CommonTags.SOPInstanceUID, uids)
    purpose = {tag_key("PurposeOfReferenceCodeSequence"): code_sequence(*derivation.purpose)}
    derived.insert_item("SourceImageSequence", source | purpose)
    derived.insert_item("DerivationCodeSequence", code_sequence(*derivation.code)["Value"][0])
    describe(derived, description)
    _mark_derived(derived)
    return derived


def source_uids(meta: DicomMeta) -> list[Any]:
    """SOP Instance UID of the first source of each slice of a `derivative`, or its own."""
    sources = meta.get_values("SourceImageSequence")
    own = meta.get_values(CommonTags.SOPInstanceUID)
    key = tag_key(CommonTags.ReferencedSOPInstanceUID)
    return [
        items[0][key]["Value"][0] if items and key in items[0] else uid
        for items, uid in zip(sources, own, strict=True)
    ]


def new_uid(result: str, uid: Any) -> str | None:
    """A UID made from another one (PS3.5 B.2); None where there is none.

    `result` names what came out, so that the same job gives the same UID and another one another.
    """
    return f"2.25.{uuid.uuid5(_NAMESPACE, f'{result} {uid}').int}" if uid else None


def set_values(meta: DicomMeta, tag: TagLike, values: list[Any]) -> None:
    """Give each slice its value, as one where all have the same."""
    if all(value == values[0] for value in values):
        meta.set_shared_item(tag, values[0])
    else:
        meta.set_nonshared_item(tag, values)


def _mark_derived(meta: DicomMeta) -> None:
    set_values(meta, "ImageType", [derived_type(v) for v in meta.get_values("ImageType")])


def derived_type(value: Any) -> list[Any]:
    """Image Type or Frame Type with its first value changed; PRIMARY is what a lone one means."""
    return ["DERIVED", *(listed(value)[1:] or ["PRIMARY"])]


def _mark_frame_types(entry: Entry) -> None:
    """Change Frame Type wherever the functional groups of a multi-frame image have it."""
    if entry.get("vr") != "SQ":
        return
    for item in entry.get("Value", []):
        for key, nested in item.items():
            _mark_frame_types(nested)
            if key == _FRAME_TYPE and "Value" in nested:
                values = nested["Value"]
                nested["Value"] = (
                    derived_type(values)
                    if nested["shared"]
                    else [None if value is None else derived_type(value) for value in values]
                )
                nested.pop("Raw", None)


def code_sequence(value: str, meaning: str) -> Entry:
    """A code sequence of one item (PS3.3 8), from the DICOM Controlled Terminology."""
    texts = {
        "CodeValue": ("SH", value),
        "CodingSchemeDesignator": ("SH", "DCM"),
        "CodeMeaning": ("LO", meaning),
    }
    item = {
        tag_key(name): {"vr": vr, "shared": True, "Value": [text]}
        for name, (vr, text) in texts.items()
    }
    return {"vr": "SQ", "shared": None, "Value": [item]}


def describe(meta: DicomMeta, description: str) -> None:
    """Put a text before the Derivation Description, unless both together would be too long."""
    texts = [
        description if before in (None, "") else f"{description}; {before}"
        for before in meta.get_values("DerivationDescription")
    ]
    if max(map(len, texts)) <= _LONGEST_TEXT:
        set_values(meta, "DerivationDescription", texts)


def _append(meta: DicomMeta, keyword: str, value: Any) -> None:
    """Add a value behind those that an element has in each slice."""
    set_values(meta, keyword, [[*listed(v), value] for v in meta.get_values(keyword)])


def listed(value: Any) -> list[Any]:
    """The values of one slice, of which there may be none, one or several."""
    return value if isinstance(value, list) else [] if value is None else [value]
