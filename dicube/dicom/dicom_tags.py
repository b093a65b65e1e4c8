"""Tags by name: the ones DiCube itself asks for, and how callers may spell a tag."""

from functools import lru_cache
from typing import Final

from pydicom.datadict import dictionary_VR, private_dictionary_VR, tag_for_keyword
from pydicom.tag import BaseTag, Tag

from dicube.exceptions import MetaDataError

TagLike = str | int | tuple[int, int]


def tag_number(tag: TagLike) -> int:
    """A tag as one number, group in the upper 16 bits.

    Accepts a keyword ("PatientName"), eight hexadecimal digits ("00100010"), a number, a
    (group, element) pair or a pydicom tag.

    Raises
    ------
    MetaDataError
        Not a tag in any of these spellings.
    """
    if isinstance(tag, int):
        return int(tag)
    if isinstance(tag, str):
        known = tag_for_keyword(tag)
        if known is not None:
            return known
    try:
        return int(Tag(tag))
    except (ValueError, TypeError, OverflowError) as error:
        raise MetaDataError(
            f"{tag!r} is no tag", hint='give a keyword, "GGGGEEEE" or a (group, element) pair'
        ) from error


@lru_cache(maxsize=65536)
def tag_key(tag: TagLike) -> str:
    """A tag as the eight upper-case hexadecimal digits of the DICOM JSON model."""
    return f"{tag_number(tag):08X}"


def is_private(tag: int) -> bool:
    """Odd group (PS3.5 7.8)."""
    return bool(tag >> 16 & 1)


@lru_cache(maxsize=65536)
def standard_vr(tag: int) -> str:
    """VR of the data dictionary (PS3.6), "UN" where it has none; may be like "US or SS"."""
    if tag & 0xFFFF == 0:
        return "UL"  # group length, in every group
    if is_private(tag) and 0x10 <= tag & 0xFFFF <= 0xFF:
        return "LO"  # private creator (PS3.5 7.8.1)
    try:
        return dictionary_VR(tag)
    except KeyError:
        return "UN"


@lru_cache(maxsize=65536)
def private_vr(tag: int, creator: str) -> str:
    """VR of a private element in pydicom's private dictionary, "UN" where it has none."""
    try:
        return private_dictionary_VR(tag, creator)
    except KeyError:
        return "UN"


def _named(keyword: str) -> BaseTag:
    number = tag_for_keyword(keyword)
    assert number is not None, keyword
    return Tag(number)


class CommonTags:
    """The tags that DiCube and its callers use most, under their PS3.6 keywords."""

    # Patient
    PatientID: Final = _named("PatientID")
    PatientName: Final = _named("PatientName")
    PatientBirthDate: Final = _named("PatientBirthDate")
    PatientSex: Final = _named("PatientSex")
    PatientAge: Final = _named("PatientAge")
    PatientWeight: Final = _named("PatientWeight")
    # Study
    StudyInstanceUID: Final = _named("StudyInstanceUID")
    StudyID: Final = _named("StudyID")
    StudyDate: Final = _named("StudyDate")
    StudyTime: Final = _named("StudyTime")
    AccessionNumber: Final = _named("AccessionNumber")
    StudyDescription: Final = _named("StudyDescription")
    # Series
    SeriesInstanceUID: Final = _named("SeriesInstanceUID")
    SeriesNumber: Final = _named("SeriesNumber")
    SeriesDescription: Final = _named("SeriesDescription")
    Modality: Final = _named("Modality")
    PatientPosition: Final = _named("PatientPosition")
    BodyPartExamined: Final = _named("BodyPartExamined")
    FrameOfReferenceUID: Final = _named("FrameOfReferenceUID")
    AcquisitionNumber: Final = _named("AcquisitionNumber")
    ContrastBolusAgent: Final = _named("ContrastBolusAgent")
    # Instance
    SpecificCharacterSet: Final = _named("SpecificCharacterSet")
    SOPInstanceUID: Final = _named("SOPInstanceUID")
    SOPClassUID: Final = _named("SOPClassUID")
    InstanceNumber: Final = _named("InstanceNumber")
    NumberOfFrames: Final = _named("NumberOfFrames")
    ReferencedImageSequence: Final = _named("ReferencedImageSequence")
    ReferencedSOPInstanceUID: Final = _named("ReferencedSOPInstanceUID")
    # Image plane (PS3.3 C.7.6.2)
    ImagePositionPatient: Final = _named("ImagePositionPatient")
    ImageOrientationPatient: Final = _named("ImageOrientationPatient")
    PixelSpacing: Final = _named("PixelSpacing")
    SliceThickness: Final = _named("SliceThickness")
    SpacingBetweenSlices: Final = _named("SpacingBetweenSlices")
    SliceLocation: Final = _named("SliceLocation")
    # Image pixel (PS3.3 C.7.6.3)
    Rows: Final = _named("Rows")
    Columns: Final = _named("Columns")
    BitsAllocated: Final = _named("BitsAllocated")
    BitsStored: Final = _named("BitsStored")
    HighBit: Final = _named("HighBit")
    PixelRepresentation: Final = _named("PixelRepresentation")
    SamplesPerPixel: Final = _named("SamplesPerPixel")
    PhotometricInterpretation: Final = _named("PhotometricInterpretation")
    PlanarConfiguration: Final = _named("PlanarConfiguration")
    PixelData: Final = _named("PixelData")
    FloatPixelData: Final = _named("FloatPixelData")
    DoubleFloatPixelData: Final = _named("DoubleFloatPixelData")
    # Modality LUT and VOI LUT (PS3.3 C.11.1, C.11.2)
    RescaleIntercept: Final = _named("RescaleIntercept")
    RescaleSlope: Final = _named("RescaleSlope")
    WindowCenter: Final = _named("WindowCenter")
    WindowWidth: Final = _named("WindowWidth")
    # Multi-frame (PS3.3 C.7.6.16, C.7.6.17)
    DimensionIndexSequence: Final = _named("DimensionIndexSequence")
    FrameContentSequence: Final = _named("FrameContentSequence")
    # Equipment
    Manufacturer: Final = _named("Manufacturer")
    ManufacturerModelName: Final = _named("ManufacturerModelName")
    SoftwareVersions: Final = _named("SoftwareVersions")
    # File meta information (PS3.10 7.1)
    TransferSyntaxUID: Final = _named("TransferSyntaxUID")
    ImplementationClassUID: Final = _named("ImplementationClassUID")
    MediaStorageSOPClassUID: Final = _named("MediaStorageSOPClassUID")
    MediaStorageSOPInstanceUID: Final = _named("MediaStorageSOPInstanceUID")

    PATIENT_LEVEL_TAGS: Final = frozenset((PatientID, PatientName, PatientBirthDate, PatientSex))
    STUDY_LEVEL_TAGS: Final = frozenset(
        (StudyInstanceUID, StudyID, StudyDate, StudyTime, AccessionNumber)
    )
    SERIES_LEVEL_TAGS: Final = frozenset((SeriesInstanceUID, SeriesNumber, Modality))
    INSTANCE_LEVEL_TAGS: Final = frozenset((SOPInstanceUID, SOPClassUID, InstanceNumber))


PIXEL_TAGS: Final = frozenset(
    map(int, (CommonTags.PixelData, CommonTags.FloatPixelData, CommonTags.DoubleFloatPixelData))
)
