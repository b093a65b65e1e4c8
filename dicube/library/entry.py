"""What a library knows of one cube file: its image, and who and what it shows."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from dicube.core.cube_file import read_description
from dicube.dicom.dicom_meta import DicomMeta
from dicube.dicom.dicom_tags import tag_key
from dicube.dicom.entries import Entry, slice_entry

Element = dict[str, Any]

# Elements that a search matches and gives (PS3.18 10.6.3.3), patient, study and series.
STUDY_KEYWORDS: Final = (
    "StudyDate", "StudyTime", "AccessionNumber", "ReferringPhysicianName", "StudyDescription",
    "PatientName", "PatientID", "PatientBirthDate", "PatientSex", "StudyInstanceUID", "StudyID",
    "IssuerOfPatientID", "PatientAge", "InstitutionName",
)  # fmt: skip
SERIES_KEYWORDS: Final = (
    "Modality", "SeriesDescription", "SeriesInstanceUID", "SeriesNumber", "SeriesDate",
    "SeriesTime", "BodyPartExamined", "Laterality", "ProtocolName", "Manufacturer",
    "ManufacturerModelName", "FrameOfReferenceUID", "PerformedProcedureStepStartDate",
    "PerformedProcedureStepStartTime",
)  # fmt: skip
INDEXED_TAGS: Final = frozenset(map(tag_key, (*STUDY_KEYWORDS, *SERIES_KEYWORDS)))
_KEY_BYTES: Final = 8


@dataclass(frozen=True, repr=False)
class LibraryEntry:
    """One cube file of a library.

    Text is "" where the file has no such element; its first instance speaks for all. The
    representation names the file alone, because it may end up in a log.

    Attributes
    ----------
    key : str
        16 hexadecimal digits, from the relative path: the same in each run, and safe in URLs.
    path : Path
    relative_path : str
        Below the folder of the library, with forward slashes.
    bytes : int
        Length of the file.
    modified : datetime
        In UTC.
    stamp : tuple of int
        Changes when the file is replaced or written to: modification time in ns, length, inode.
    format : str
        "dcbs", "dcba" or "dcbr".
    shape : tuple of int
        Of the stored values: leading axes, rows, columns, and samples for colour.
    axes : tuple of str
        Names of the leading axes.
    dtype : str
        Of the stored values.
    instance_count : int
        SOP instances; 0 for an image without metadata.
    frame_count : int
    has_sources : bool
        Whether the DICOM files come back as they were.
    attributes : mapping
        Elements of patient, study and series by "GGGGEEEE" in the DICOM JSON model (PS3.18 F.2).
    """

    key: str
    path: Path
    relative_path: str
    bytes: int
    modified: datetime
    stamp: tuple[int, int, int]
    format: str
    shape: tuple[int, ...]
    axes: tuple[str, ...]
    dtype: str
    modality: str
    patient_id: str
    patient_name: str
    patient_birth_date: str
    patient_sex: str
    study_uid: str
    study_date: str
    study_time: str
    accession_number: str
    study_description: str
    series_uid: str
    series_number: str
    series_description: str
    instance_count: int
    frame_count: int
    has_sources: bool
    attributes: Mapping[str, Element]

    def __repr__(self) -> str:
        return f"LibraryEntry({self.key}, {self.relative_path})"


@dataclass(frozen=True)
class LibraryFinding:
    """A file that looks like a cube file and cannot be read, or is not served as a whole.

    Attributes
    ----------
    path : Path
    relative_path : str
    reason : str
        In plain words, without values of the file.
    """

    path: Path
    relative_path: str
    reason: str


def entry_key(relative_path: str) -> str:
    """A short name for a file that tells nothing of it and stays the same."""
    encoded = relative_path.encode(errors="surrogateescape")
    return hashlib.blake2b(encoded, digest_size=_KEY_BYTES).hexdigest()


def read_entry(path: Path, relative_path: str, stamp: tuple[int, int, int]) -> LibraryEntry:
    """Read what an entry holds; no frame is decoded, and of the metadata only that much parsed.

    Raises
    ------
    InvalidCubeFileError, CodecError, MetaDataError
        The file is damaged.
    """
    about = read_description(path)
    meta = None if about.meta is None else about.meta.value
    attributes = {} if meta is None else _attributes(meta)

    def text(keyword: str) -> str:
        return _text(attributes.get(tag_key(keyword), {}))

    return LibraryEntry(
        key=entry_key(relative_path),
        path=path,
        relative_path=relative_path,
        bytes=about.file_length,
        modified=datetime.fromtimestamp(stamp[0] / 1e9, UTC),
        stamp=stamp,
        format=about.file_format.suffix.removeprefix("."),
        shape=about.shape,
        axes=tuple(axis.name for axis in about.axes),
        dtype=about.dtype.name,
        modality=text("Modality"),
        patient_id=text("PatientID"),
        patient_name=text("PatientName"),
        patient_birth_date=text("PatientBirthDate"),
        patient_sex=text("PatientSex"),
        study_uid=text("StudyInstanceUID"),
        study_date=text("StudyDate"),
        study_time=text("StudyTime"),
        accession_number=text("AccessionNumber"),
        study_description=text("StudyDescription"),
        series_uid=text("SeriesInstanceUID"),
        series_number=text("SeriesNumber"),
        series_description=text("SeriesDescription"),
        instance_count=0 if meta is None else meta.slice_count,
        frame_count=about.frames,
        has_sources=about.sources is not None,
        attributes=attributes,
    )


def _attributes(meta: DicomMeta) -> dict[str, Element]:
    """Elements of the first instance."""
    found = {}
    for keyword in (*STUDY_KEYWORDS, *SERIES_KEYWORDS):
        entry = meta.merged_entry(keyword)
        if entry is not None and meta.slice_count:
            found[tag_key(keyword)] = _element(slice_entry(entry, 0))
    return found


def _element(entry: Entry) -> Element:
    element: Element = {"vr": entry.get("vr") or "UN"}
    if entry.get("Value"):
        element["Value"] = entry["Value"]
    return element


def _text(element: Element) -> str:
    """The first value as text; of a name, its alphabetic form."""
    first = (element.get("Value") or [None])[0]
    if isinstance(first, dict):
        first = first.get("Alphabetic")
    return "" if first is None else str(first)
