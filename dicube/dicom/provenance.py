"""Where the images of a derived series come from: source images, their series, and the scanner."""

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from dicube.dicom.copied_attributes import OF_SCANNER
from dicube.dicom.derivation import REFERENCES, code_sequence, listed
from dicube.dicom.dicom_meta import DicomMeta
from dicube.dicom.dicom_tags import CommonTags, tag_key
from dicube.dicom.entries import Entry, has_value, reordered, slice_item
from dicube.dicom.series.frame_meta import frame_counts
from dicube.exceptions import DataConsistencyError
from dicube.version import __version__

SOURCES: Final = "SourceImageSequence"
REFERENCED_SERIES: Final = "ReferencedSeriesSequence"
PROCESSING_SOURCE: Final = ("121322", "Source image for image processing operation")  # CID 7202
_SCANNER: Final = ("109101", "Acquisition Equipment")  # PS3.16 CID 7005
_MAKER: Final = "DiCube"


class FrameSource(NamedTuple):
    """Which image a frame was computed from.

    Attributes
    ----------
    slice : int
        Slice of the metadata.
    frame : int or None
        Its frame, from 1, where the file holds several.
    """

    slice: int
    frame: int | None = None


def frame_sources(meta: DicomMeta, frames: int) -> list[FrameSource]:
    """The slice, and the frame in it, that each frame of an image belongs to.

    Raises
    ------
    DataConsistencyError
        The metadata describe another number of frames.
    """
    counts = frame_counts(meta)
    if sum(counts) != frames:
        raise DataConsistencyError(
            f"the metadata describe {sum(counts)} frames, the image has {frames}",
            hint="give the image metadata with one slice for each frame",
        )
    return [
        FrameSource(i, number + 1 if count > 1 else None)
        for i, count in enumerate(counts)
        for number in range(count)
    ]


def is_unwritten_derivation(meta: DicomMeta) -> bool:
    """Whether images name sources of theirs, and so might exist in memory only."""
    types = [listed(value) for value in meta.get_values("ImageType")]
    return not meta.is_missing(SOURCES) and all(kind[:1] == ["DERIVED"] for kind in types)


def name_sources(
    meta: DicomMeta, source: DicomMeta, frames: Sequence[FrameSource], *, is_source: bool
) -> None:
    """Source images (PS3.3 C.7.6.1.1.4), and which series they are of (PS3.3 C.12.2)."""
    slices = [frame.slice for frame in frames]
    if not is_source:
        entries = dict(source.items())
        for keyword in (SOURCES, REFERENCED_SERIES):
            entry = entries.get(tag_key(keyword), {})
            for before in reversed(reordered(entry, slices).get("Value", [])):
                meta.insert_item(keyword, before)
        return
    values = {name: source.get_values(tag) for name, tag in REFERENCES.items()}
    if not all(uids[i] for uids in values.values() for i in slices):
        return  # a reference needs both UIDs
    item = {name: _by_slice("UI", [uids[i] for i in slices]) for name, uids in values.items()}
    reference = {tag_key(name): entry for name, entry in item.items()}
    if any(frame.frame is not None for frame in frames):
        numbers = _by_slice("IS", [frame.frame for frame in frames])
        whole = [i for i, frame in enumerate(frames) if frame.frame is None]
        reference[tag_key("ReferencedFrameNumber")] = numbers | ({"Absent": whole} if whole else {})
    purpose = {tag_key("PurposeOfReferenceCodeSequence"): code_sequence(*PROCESSING_SOURCE)}
    meta.insert_item(SOURCES, reference | purpose)
    series = source.get_values(CommonTags.SeriesInstanceUID)
    if all(series[i] for i in slices):
        instances = {"vr": "SQ", "shared": None, "Value": [dict(reference)]}
        members = {
            tag_key(CommonTags.SeriesInstanceUID): _by_slice("UI", [series[i] for i in slices]),
            tag_key("ReferencedInstanceSequence"): instances,
        }
        meta.insert_item(REFERENCED_SERIES, members)


def _by_slice(vr: str, values: list[Any]) -> Entry:
    return {"vr": vr, "shared": False, "Value": values}


def name_equipment(meta: DicomMeta, source: DicomMeta, first: int) -> None:
    """DiCube made the images (PS3.3 C.7.5.1), the scanner contributed to them (C.12.1.1.5).

    Readers know what the makers of scanners do, and would look for it in what those did not make.
    """
    for keyword in ("Manufacturer", "ManufacturerModelName"):
        meta.set_shared_item(keyword, _MAKER)
    meta.set_shared_item("SoftwareVersions", __version__)
    scanner = {key: entry for key, entry in source.items() if key in OF_SCANNER}
    known = {key: entry for key, entry in slice_item(scanner, first).items() if has_value(entry)}
    if tag_key(CommonTags.Manufacturer) in known:
        purpose = {tag_key("PurposeOfReferenceCodeSequence"): code_sequence(*_SCANNER)}
        meta.insert_item("ContributingEquipmentSequence", known | purpose)
