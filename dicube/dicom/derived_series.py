"""Metadata of a new series whose images were computed from those of another one.

Such images are derived, secondary ones and name their sources (PS3.3 C.7.6.1.1.2, C.7.6.1.1.4).
They are classic ones, one slice each: the class of their modality, else a Secondary Capture.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from pydicom.uid import generate_uid

from dicube.dicom.conditional_attributes import settle_conditions
from dicube.dicom.copied_attributes import (
    IMAGE_FLAVOR,
    MAY_BE_EMPTY,
    OF_ACQUISITION,
    OF_IMAGE,
    OF_PLANE,
    OF_SERIES,
    REQUIRED,
    REQUIRED_OF_MODALITY,
    keywords_missing,
)
from dicube.dicom.derivation import derived_type, describe, set_values
from dicube.dicom.dicom_meta import DicomMeta
from dicube.dicom.dicom_tags import CommonTags, tag_key
from dicube.dicom.entries import (
    Entry,
    has_value,
    is_shared,
    reordered,
    slice_entry,
    slice_item,
    slice_values,
)
from dicube.dicom.provenance import FrameSource, name_equipment, name_sources
from dicube.dicom.sop_classes import CLASSIC_CLASSES, SECONDARY_CAPTURE
from dicube.exceptions import MetaDataError

SERIES_NUMBER_STEP: Final = 1000  # a derived series is listed behind those of the scanner
_LONGEST_DESCRIPTION: Final = 64  # characters of LO, PS3.5 6.2
_LARGEST_NUMBER: Final = 2**31 - 1  # of an IS


def derived_series(
    source: DicomMeta,
    frames: Sequence[FrameSource],
    volumes: int,
    *,
    series_description: str | None = None,
    derivation_description: str | None = None,
    is_source: bool = True,
) -> DicomMeta:
    """The metadata of a series that was computed from another one, one slice for each frame.

    Parameters
    ----------
    source : DicomMeta
        Not changed.
    frames : sequence of FrameSource
        For each frame of the new series, all of a volume after each other.
    volumes : int
    series_description : str, optional
        Up to 64 characters; that of the source by default.
    derivation_description : str, optional
        What was done; goes before an older one.
    is_source : bool
        Whether the images of `source` exist as such. If not, the new ones name its sources and take
        its Series Number.

    Returns
    -------
    DicomMeta
        Without pixel description, rescale and windows, which belong to pixels. New UIDs.

    Raises
    ------
    MetaDataError
        A description is too long or cannot be encoded.
    """
    meta = DicomMeta(_taken_over(source, frames, volumes), slice_count=len(frames))
    modality = str(meta.get("Modality") or "OT")
    if not f"{series_description}{derivation_description}".isascii():
        meta.set_shared_item(CommonTags.SpecificCharacterSet, "ISO_IR 192")
    _describe_series(meta, source, series_description, SERIES_NUMBER_STEP if is_source else 0)
    if derivation_description:
        describe(meta, derivation_description)
    set_values(meta, "ImageType", _image_types(source, frames, modality))
    _identify(meta, CLASSIC_CLASSES.get(modality, SECONDARY_CAPTURE))
    name_sources(meta, source, frames, is_source=is_source)
    name_equipment(meta, source, frames[0].slice)
    required: Mapping[str, Any] = REQUIRED | REQUIRED_OF_MODALITY.get(
        modality, {"ConversionType": "WSD"}
    )
    for keyword in keywords_missing(required, meta.keys()):
        meta.set_shared_item(keyword, required[keyword])
    settle_conditions(meta, volumes)
    return meta


# ---- what is taken over -------------------------------------------------------------------------


def of_series(source: DicomMeta, index: int) -> dict[str, Entry]:
    """What holds for a whole series and all that is made of it: patient, study, institution...

    Parameters
    ----------
    source : DicomMeta
    index : int
        The slice whose values are taken.

    Returns
    -------
    dict
        Entries by tag. Empty ones are left out, so are empty items and codes in sequences, which no
        data set may hold.
    """
    taken: dict[str, Entry] = {}
    for key, entry in source.items():
        if key in OF_SERIES:
            of_slice = slice_item({key: entry}, index)
            if key in MAY_BE_EMPTY or any(map(has_value, of_slice.values())):
                taken |= of_slice
    return _kept(taken)


def _taken_over(source: DicomMeta, frames: Sequence[FrameSource], volumes: int) -> dict[str, Entry]:
    slices = [frame.slice for frame in frames]
    modality = source.get_values("Modality")[slices[0]]
    of_acquisition = OF_ACQUISITION.get(str(modality), frozenset())
    taken = of_series(source, slices[0])
    for key, entry in source.items():
        if key in OF_IMAGE or key in OF_PLANE:
            taken[key] = reordered(entry, slices)
        elif key in of_acquisition:
            picked = reordered(entry, slices)
            if has_value(picked) and _is_one_per_volume(picked, len(slices), volumes):
                taken[key] = picked
    return _kept({key: _condensed(entry, len(slices)) for key, entry in taken.items()})


def _kept(entries: Mapping[str, Entry]) -> dict[str, Entry]:
    pruned = {key: _pruned(entry) for key, entry in entries.items()}
    return {key: entry for key, entry in pruned.items() if entry is not None}


def _is_one_per_volume(entry: Entry, frames: int, volumes: int) -> bool:
    if is_shared(entry) or entry.get("vr") == "SQ":
        return is_shared(entry)
    if "Absent" in entry:
        return False
    values, slices = slice_values(entry, frames), frames // volumes
    return all(value == values[i // slices * slices] for i, value in enumerate(values))


def _condensed(entry: Entry, frames: int) -> Entry:
    """The entry with its value once, where all frames have the same."""
    if is_shared(entry) or entry.get("vr") == "SQ" or "Absent" in entry:
        return entry
    first = slice_entry(entry, 0)
    return first if all(slice_entry(entry, i) == first for i in range(1, frames)) else entry


def _pruned(entry: Entry) -> Entry | None:
    """An entry without empty items and codes, which no sequence may hold (PS3.3 8.8); None: empty.

    Elements that are no sequences may be empty.
    """
    if entry.get("vr") != "SQ":
        return entry
    items = []
    for item in entry.get("Value", []):
        nested = {key: _pruned(value) for key, value in item.items()}
        kept = {key: value for key, value in nested.items() if value is not None}
        code = kept.get(tag_key("CodeMeaning"))
        if any(map(has_value, kept.values())) and (code is None or has_value(code)):
            items.append(kept)
    return {**entry, "Value": items} if items else None


# ---- what is new --------------------------------------------------------------------------------


def _describe_series(
    meta: DicomMeta, source: DicomMeta, description: str | None, step: int
) -> None:
    numbers = [n for n in source.get_values("SeriesNumber") if isinstance(n, int)]
    number = (numbers[0] if numbers else 1) + step
    meta.set_shared_item("SeriesNumber", min(number, _LARGEST_NUMBER))
    if description is None:
        return
    if len(description) > _LONGEST_DESCRIPTION:
        raise MetaDataError(
            f"the description has {len(description)} characters, up to {_LONGEST_DESCRIPTION} fit",
            where="tag 0008103E",
            hint="shorten it; derivation_description takes 1024",
        )
    meta.set_shared_item("SeriesDescription", description)


def _identify(meta: DicomMeta, sop_class: str) -> None:
    now = datetime.now()
    shared = {
        "SOPClassUID": sop_class,
        "SeriesInstanceUID": str(generate_uid()),
        "ContentDate": now.strftime("%Y%m%d"),
        "ContentTime": now.strftime("%H%M%S.%f"),
    }
    for keyword, value in shared.items():
        meta.set_shared_item(keyword, value)
    for keyword in ("StudyInstanceUID", "FrameOfReferenceUID"):
        if meta.is_missing(keyword):
            meta.set_shared_item(keyword, str(generate_uid()))
    count = meta.slice_count
    meta.set_nonshared_item("SOPInstanceUID", [str(generate_uid()) for _ in range(count)])
    meta.set_nonshared_item("InstanceNumber", list(range(1, count + 1)))


def _image_types(
    source: DicomMeta, frames: Sequence[FrameSource], modality: str
) -> list[list[Any]]:
    before = source.get_values("ImageType")
    flavor = [IMAGE_FLAVOR[modality]] if modality in IMAGE_FLAVOR else []
    # A PET image is a primary one in any case (PS3.3 C.8.9.4.1.1).
    kind = "PRIMARY" if modality == "PT" else "SECONDARY"
    types = [derived_type(before[frame.slice]) for frame in frames]
    return [[derived, kind, *(others or flavor)] for derived, _, *others in types]
