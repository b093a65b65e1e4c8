"""A segmentation as a DICOM object (PS3.3 A.51, A.90); highdicom lays it out.

highdicom is given a miniature: one pixel for each slice that holds anything. From that it makes the
modules, functional groups, dimensions and references, which is what it is good at. The groups of a
slice are then repeated for each segment that it has (frame_groups), and Pixel Data are made of the
boxes of the masks (planes), so that overlapping segments need no array of all voxels of all
segments.

Of the source, highdicom sees the geometry only, as a classic series whose UIDs stand in for the
real ones. So it never logs or quotes anything of a patient, multi-frame sources need no rules of
their own, and what it would refuse in badly made headers does not matter.
"""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from pydicom.charset import convert_encodings
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate
from pydicom.filereader import read_dataset
from pydicom.uid import generate_uid
from pydicom.valuerep import DSfloat

from dicube.codecs import codec_for_transfer_syntax
from dicube.core.segmentation import MaskBox, Segmentation, SegmentationKind
from dicube.dicom.copied_attributes import OF_SCANNER
from dicube.dicom.data_set import elements_of_entries, encode_elements
from dicube.dicom.derived_series import of_series
from dicube.dicom.dicom_meta import DicomMeta
from dicube.dicom.dicom_tags import tag_key
from dicube.dicom.entries import slice_item
from dicube.dicom.instance import EXPLICIT_UID
from dicube.exceptions import DataConsistencyError
from dicube.interchange.seg.descriptions import name_algorithm, segment_description
from dicube.interchange.seg.frame_groups import repeat_groups
from dicube.interchange.seg.planes import (
    Plane,
    Window,
    common_window,
    label_frames,
    occupied_slices,
    packed_frames,
    whole_frames,
)
from dicube.interchange.seg.source import SourceVolume
from dicube.interchange.seg.template import Template
from dicube.version import __version__

Array = npt.NDArray[Any]

LARGEST_FRACTION: Final = 255  # Maximum Fractional Value: fractions have 8 bits
_MAKER: Final = "DiCube"
_SERIAL_NUMBER: Final = "1"  # has to be there (type 1), and a program has none
_STAND_IN_CLASS: Final = "1.2.840.10008.5.1.4.1.1.2"  # CT: a classic class with positions
_RIGHT_ANGLED: Final = 1e-7  # of cosines between axes; highdicom is as strict as that
_BLANK: Final = (
    "PatientID", "PatientName", "PatientBirthDate", "PatientSex", "AccessionNumber", "StudyID",
    "StudyDate", "StudyTime", "ReferringPhysicianName",
)  # fmt: skip
# What says something of the series of the source only; the segmentation is a series of its own.
_NOT_TAKEN: Final = frozenset(
    tag_key(keyword)
    for keyword in (
        "Modality", "SeriesDescription", "DerivationDescription", "ProtocolName", "PatientPosition",
        "Laterality", "InstitutionName", "InstitutionAddress", "InstitutionalDepartmentName",
    )
)  # fmt: skip


@dataclass(frozen=True)
class Layout:
    """How to lay a segmentation out.

    Attributes
    ----------
    kind : "binary", "fractional" or "labelmap"
    is_cropped : bool
        Frames show the common bounding box of all segments only.
    omits_empty : bool
        Frames of slices without the segment are left out.
    fractional_type : "PROBABILITY" or "OCCUPANCY"
    transfer_syntax : str
        UID; Pixel Data of one bit are never compressed.
    series_uid, instance_uid : str or None
        None for new ones.
    """

    kind: SegmentationKind
    is_cropped: bool
    omits_empty: bool
    fractional_type: str
    transfer_syntax: str
    series_uid: str | None = None
    instance_uid: str | None = None


def encoded(
    hd: Any,
    segmentation: Segmentation,
    numbers: Sequence[int],
    source: SourceVolume,
    template: Template,
    layout: Layout,
) -> Any:
    """The object as a data set: all elements are there, highdicom's own tables of frames are not.

    Parameters
    ----------
    hd : module
        highdicom.
    segmentation : Segmentation
        On the grid of the source; not empty.
    numbers : sequence of int
        Segment Number of each segment, ascending.
    source : SourceVolume
    template : Template
    layout : Layout

    Raises
    ------
    MetaDataError
        A segment cannot be described.
    DataConsistencyError
        highdicom refuses the geometry.
    CodecError
        The frames cannot be compressed like this.
    """
    masks = list(segmentation.masks)
    slices, rows, columns = segmentation.shape
    whole = Window(0, 0, rows, columns)
    window = common_window(masks, rows, columns) if layout.is_cropped else whole
    header = _header(source)
    occupied = occupied_slices(masks, slices)
    descriptions = [
        segment_description(hd, segment, number)
        for segment, number in zip(segmentation.segments, numbers, strict=True)
    ]
    is_whole = window == whole
    images = _stand_ins(source, header.FrameOfReferenceUID, 1 if is_whole else rows)
    try:
        made = hd.seg.Segmentation(
            source_images=images,
            segmentation_type=layout.kind.upper(),
            segment_descriptions=descriptions,
            series_instance_uid=layout.series_uid or generate_uid(),
            series_number=template.series_number,
            sop_instance_uid=layout.instance_uid or generate_uid(),
            instance_number=template.instance_number,
            manufacturer=_MAKER,
            manufacturer_model_name=_MAKER,
            software_versions=__version__,
            device_serial_number=_SERIAL_NUMBER,
            fractional_type=layout.fractional_type,
            max_fractional_value=LARGEST_FRACTION,
            content_label=template.content_label,
            omit_empty_frames=True,
            **_miniature(hd, occupied, numbers, source, window, layout, is_whole=is_whole),
        )
    except ValueError as error:
        raise DataConsistencyError(f"highdicom refuses the segmentation: {error}") from error
    _name_sources(made, images, source)
    slices_made = _slices_of(made, source)
    if layout.kind == "labelmap":
        planes = [Plane(0, z) for z in slices_made]
    else:
        planes = [
            Plane(mask, z)
            for mask in range(len(masks))
            for z in slices_made
            if occupied[z, mask] or not layout.omits_empty
        ]
        repeat_groups(made, slices_made, planes)
        # Where there is one segment only, highdicom says so here; many readers look at frames.
        made.SharedFunctionalGroupsSequence[0].pop("SegmentIdentificationSequence", None)
    made.NumberOfFrames = len(planes)
    made.Rows, made.Columns = window.rows, window.columns
    made.SegmentsOverlap = _overlap(segmentation)
    _set_pixels(made, masks, numbers, planes, window, layout)
    by_number = dict(zip(numbers, segmentation.segments, strict=True))
    for item in made.SegmentSequence:
        # The background of a label map was made as the segments were.
        name_algorithm(item, by_number.get(item.SegmentNumber, segmentation.segments[0]))
    _describe(made, header, template)
    return made


# ---- the miniature ------------------------------------------------------------------------------


def _miniature(
    hd: Any,
    occupied: npt.NDArray[np.bool_],
    numbers: Sequence[int],
    source: SourceVolume,
    window: Window,
    layout: Layout,
    *,
    is_whole: bool,
) -> dict[str, Any]:
    """Arguments for one pixel in each slice, and for where it is if it is not where sources are."""
    is_shown = np.logical_or(occupied.any(axis=1), [not layout.omits_empty])
    pixels: Array
    if layout.kind == "labelmap":
        pixels = np.where(is_shown[:, None, None], numbers[0], 0).astype(np.uint16)
    else:
        # Each slice once, as if the first segment had it: see frame_groups for the others.
        pixels = np.zeros((len(occupied), 1, 1, len(numbers)), np.uint8)
        pixels[:, 0, 0, 0] = is_shown
    if is_whole:
        return {"pixel_array": pixels}
    affine = source.affine.copy()
    affine[:3, 3] += affine[:3, 1] * window.row + affine[:3, 2] * window.column
    directions = affine[:3, :3] / np.linalg.norm(affine[:3, :3], axis=0)
    if np.abs(directions.T @ directions - np.eye(3)).max() <= _RIGHT_ANGLED:
        volume = hd.Volume(
            pixels,
            affine,
            coordinate_system="PATIENT",
            channels={"SegmentNumber": list(numbers)} if pixels.ndim == 4 else None,
        )
        return {"pixel_array": volume}
    # A stack that is sheared, by a gantry tilt or by rounding, is no Volume of highdicom.
    positions = affine[:3, 3] + np.arange(len(pixels))[:, None] * affine[:3, 0]
    distance = float(np.linalg.norm(affine[:3, 0]))
    return {
        "pixel_array": pixels,
        "plane_positions": [hd.PlanePositionSequence("PATIENT", p) for p in positions.tolist()],
        "plane_orientation": hd.PlaneOrientationSequence("PATIENT", source.orientation.tolist()),
        "pixel_measures": hd.PixelMeasuresSequence(source.pixel_spacing.tolist(), distance),
    }


def _stand_ins(source: SourceVolume, frame_of_reference: str, rows: int) -> list[Dataset]:
    """The slices of the source as far as highdicom has to know them."""
    distance = float(np.linalg.norm(source.affine[:3, 0]))
    scanner = _elements(
        {key: entry for key, entry in source.meta.items() if key in OF_SCANNER}, source.first
    )
    lossy = source.meta.get_values("LossyImageCompression")[source.first]
    common = Dataset()
    common.update(scanner)
    for keyword in _BLANK:
        setattr(common, keyword, "")
    common.SOPClassUID = _STAND_IN_CLASS
    common.StudyInstanceUID, common.SeriesInstanceUID = generate_uid(), generate_uid()
    common.FrameOfReferenceUID = frame_of_reference
    common.Modality = "OT"
    common.Rows = common.Columns = rows
    common.ImageOrientationPatient = _decimals(source.orientation)
    common.PixelSpacing = _decimals(source.pixel_spacing)
    common.SliceThickness = DSfloat(distance, auto_format=True)
    common.LossyImageCompression = "01" if lossy == "01" else "00"
    images = []
    for number, frame in enumerate(source.frames):
        image = Dataset()
        image.update(common)
        image.SOPInstanceUID = f"2.25.{number + 1}"
        image.ImagePositionPatient = _decimals(frame.position)
        images.append(image)
    return images


def _decimals(numbers: npt.NDArray[np.float64]) -> list[DSfloat]:
    return [DSfloat(number, auto_format=True) for number in numbers.tolist()]


def _slices_of(made: Any, source: SourceVolume) -> dict[int, Dataset]:
    """The functional groups of the frame of each slice, in the order of highdicom."""
    normal = np.cross(source.affine[:3, 2], source.affine[:3, 1])
    origin, step = source.affine[:3, 3] @ normal, source.affine[:3, 0] @ normal
    slices = {}
    for group in made.PerFrameFunctionalGroupsSequence:
        position = np.array(group.PlanePositionSequence[0].ImagePositionPatient, np.float64)
        slices[int(np.rint((position @ normal - origin) / step))] = group
    return slices


# ---- what the miniature does not have -----------------------------------------------------------


def _set_pixels(
    made: Any,
    masks: Sequence[MaskBox],
    numbers: Sequence[int],
    planes: Sequence[Plane],
    window: Window,
    layout: Layout,
) -> None:
    if layout.kind == "binary":
        made.PixelData = packed_frames(masks, planes, window)
        made["PixelData"].VR = "OB"
        return
    if layout.kind == "labelmap":
        made["PixelPaddingValue"].VR = "US"
        dtype = np.dtype(f"u{made.BitsAllocated // 8}")
        slices = [plane.slice for plane in planes]
        frames = label_frames(masks, numbers, slices, window, dtype)
    else:
        fractions = whole_frames(masks, planes, window)
        frames = np.rint(fractions * np.float32(LARGEST_FRACTION)).astype(np.uint8)
    if layout.transfer_syntax == EXPLICIT_UID:
        data = frames.astype(frames.dtype.newbyteorder("<"), copy=False).tobytes()
        made.PixelData = data + b"\0" * (len(data) % 2)
        made["PixelData"].VR = "OB" if frames.itemsize == 1 else "OW"
        return
    streams = codec_for_transfer_syntax(layout.transfer_syntax).encode_frames(frames)
    made.file_meta.TransferSyntaxUID = layout.transfer_syntax
    made.PixelData = encapsulate([bytes(stream) for stream in streams])
    made["PixelData"].VR = "OB"
    made["PixelData"].is_undefined_length = True


def _overlap(segmentation: Segmentation) -> str:
    """Segments Overlap (0062,0013); fractions of several segments in a voxel are no overlap."""
    if segmentation.kind == "fractional" and len(segmentation) > 1:
        return "UNDEFINED"
    return "YES" if segmentation.overlaps else "NO"


def _name_sources(made: Any, images: Sequence[Dataset], source: SourceVolume) -> None:
    """Put the real references where the stand-ins are."""
    real = {image.SOPInstanceUID: frame for image, frame in zip(images, source.frames, strict=True)}
    for group in made.PerFrameFunctionalGroupsSequence:
        for derivation in group.DerivationImageSequence:
            for item in derivation.SourceImageSequence:
                frame = real.get(item.ReferencedSOPInstanceUID)
                if frame is not None:  # frames of one slice share their items
                    item.ReferencedSOPClassUID = frame.sop_class
                    item.ReferencedSOPInstanceUID = frame.sop_instance
                    if frame.frame is not None:
                        item.ReferencedFrameNumber = frame.frame
    references = []
    for sop_class, sop_instance in dict.fromkeys(
        (f.sop_class, f.sop_instance) for f in real.values()
    ):
        reference = Dataset()
        reference.ReferencedSOPClassUID = sop_class
        reference.ReferencedSOPInstanceUID = sop_instance
        references.append(reference)
    made.SourceImageSequence = references
    series = made.ReferencedSeriesSequence[0]
    series.SeriesInstanceUID = source.meta.get_values("SeriesInstanceUID")[source.first]
    series.ReferencedInstanceSequence = references


def _header(source: SourceVolume) -> Dataset:
    """Patient, study and frame of reference in UTF-8, without anything empty that must not be."""
    entries = {
        key: entry
        for key, entry in of_series(source.meta, source.first).items()
        if key not in _NOT_TAKEN
    }
    header = _elements(entries, 0)
    for keyword in ("StudyInstanceUID", "FrameOfReferenceUID"):
        if not header.get(keyword):
            setattr(header, keyword, generate_uid())
    return header


def _elements(entries: dict[str, Any], index: int) -> Dataset:
    """Entries of one slice as a data set in UTF-8."""
    meta = DicomMeta(slice_item(entries, index), slice_count=1)
    meta.set_shared_item("SpecificCharacterSet", "ISO_IR 192")
    data = encode_elements(elements_of_entries(dict(meta.items())))
    return read_dataset(io.BytesIO(data), is_implicit_VR=False, is_little_endian=True)


def _describe(made: Any, header: Dataset, template: Template) -> None:
    for tag in list(header.keys()):
        made[tag] = header.get_item(tag)
    made.SpecificCharacterSet = "ISO_IR 192"
    # What is encoded already stays as it is, also when the object is saved: pydicom would quote
    # values that it finds odd in warnings.
    made.set_original_encoding(False, True, convert_encodings("ISO_IR 192"))
    made.ContentDescription = template.content_description
    if template.content_creator_name:
        name = template.content_creator_name
        made.ContentCreatorName = name if "^" in name else f"{name}^"  # PS3.5 6.2.1.1
    made.SeriesDescription = template.series_description
    if template.body_part_examined:
        made.BodyPartExamined = template.body_part_examined
    if "ClinicalTrialProtocolID" in made:
        for keyword, text in (
            ("ClinicalTrialSeriesID", template.clinical_trial_series_id),
            ("ClinicalTrialTimePointID", template.clinical_trial_time_point_id),
            ("ClinicalTrialCoordinatingCenterName", template.clinical_trial_coordinating_center),
        ):
            if text:
                setattr(made, keyword, text)
