"""How an image was acquired: the members of the Brain Imaging Data Structure, in its units.

No element that identifies a patient is among them.
"""

from typing import Any, Final, NamedTuple

from dicube.core.axes import axis_members, volume_axes
from dicube.core.image import DicomCubeImage
from dicube.dicom.dicom_meta import DicomMeta
from dicube.version import __version__


class _Field(NamedTuple):
    """A member of the JSON: the DICOM element it comes from, and what to multiply numbers with."""

    keyword: str
    factor: float | None = None


_SECONDS: Final = 1e-3  # DICOM has milliseconds
_FIELDS: Final = {
    "Modality": _Field("Modality"),
    "Manufacturer": _Field("Manufacturer"),
    "ManufacturersModelName": _Field("ManufacturerModelName"),
    "InstitutionName": _Field("InstitutionName"),
    "InstitutionalDepartmentName": _Field("InstitutionalDepartmentName"),
    "DeviceSerialNumber": _Field("DeviceSerialNumber"),
    "StationName": _Field("StationName"),
    "SoftwareVersions": _Field("SoftwareVersions"),
    "BodyPart": _Field("BodyPartExamined"),
    "PatientPosition": _Field("PatientPosition"),
    "SeriesDescription": _Field("SeriesDescription"),
    "ProtocolName": _Field("ProtocolName"),
    "SeriesNumber": _Field("SeriesNumber"),
    "ImageType": _Field("ImageType"),
    "SliceThickness": _Field("SliceThickness", 1.0),
    "SpacingBetweenSlices": _Field("SpacingBetweenSlices", 1.0),
    # Magnetic resonance
    "MagneticFieldStrength": _Field("MagneticFieldStrength", 1.0),
    "ImagingFrequency": _Field("ImagingFrequency", 1.0),
    "MRAcquisitionType": _Field("MRAcquisitionType"),
    "ScanningSequence": _Field("ScanningSequence"),
    "SequenceVariant": _Field("SequenceVariant"),
    "ScanOptions": _Field("ScanOptions"),
    "SequenceName": _Field("SequenceName"),
    "PulseSequenceName": _Field("PulseSequenceName"),
    "EchoTime": _Field("EchoTime", _SECONDS),
    "InversionTime": _Field("InversionTime", _SECONDS),
    "RepetitionTime": _Field("RepetitionTime", _SECONDS),
    "FlipAngle": _Field("FlipAngle", 1.0),
    "EchoTrainLength": _Field("EchoTrainLength", 1.0),
    "EchoNumber": _Field("EchoNumbers", 1.0),
    "PixelBandwidth": _Field("PixelBandwidth", 1.0),
    "PercentSampling": _Field("PercentSampling", 1.0),
    "PercentPhaseFOV": _Field("PercentPhaseFieldOfView", 1.0),
    "ReceiveCoilName": _Field("ReceiveCoilName"),
    "InPlanePhaseEncodingDirectionDICOM": _Field("InPlanePhaseEncodingDirection"),
    # Computed tomography
    "KVP": _Field("KVP", 1.0),
    "XRayTubeCurrent": _Field("XRayTubeCurrent", 1.0),
    "XRayExposure": _Field("Exposure", 1.0),
    "ConvolutionKernel": _Field("ConvolutionKernel"),
    "GantryDetectorTilt": _Field("GantryDetectorTilt", 1.0),
    # Positron emission
    "Units": _Field("Units"),
    "DecayCorrection": _Field("DecayCorrection"),
    "AttenuationCorrection": _Field("AttenuationCorrectionMethod"),
    "ReconstructionMethod": _Field("ReconstructionMethod"),
}
_PHASE_AXES: Final = {"ROW": "i", "COL": "j", "COLUMN": "j"}


def acquisition_of(image: DicomCubeImage) -> dict[str, Any]:
    """What all frames share, and the axes of a series of volumes; JSON."""
    members: dict[str, Any] = {}
    frames = image.frame_meta
    if frames is not None:
        for name, field in _FIELDS.items():
            value = _shared(frames, field)
            if value is not None:
                members[name] = value
        phase = members.get("InPlanePhaseEncodingDirectionDICOM")
        if phase in _PHASE_AXES:
            members["PhaseEncodingAxis"] = _PHASE_AXES[phase]
    outer = volume_axes(image.axes)
    if outer:
        members["VolumeAxes"] = [axis_members(axis) for axis in outer]
    members["ConversionSoftware"] = "DiCube"
    members["ConversionSoftwareVersion"] = __version__
    return members


def _shared(frames: DicomMeta, field: _Field) -> Any:
    """The value that all frames have; None where they differ, or there is no plain one."""
    if frames.is_missing(field.keyword) or not frames.is_shared(field.keyword):
        return None
    value = frames.get_shared_value(field.keyword)
    if field.factor is None:
        return value
    number = value[0] if isinstance(value, list) else value
    return number * field.factor if isinstance(number, (int, float)) else None
