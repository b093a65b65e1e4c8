"""What the images of a derived series take over from those they were computed from, as tables.

Everything else stays behind: private elements and whatever describes how one slice was measured.
"""

from collections.abc import Iterable
from typing import Any, Final

from dicube.dicom.dicom_tags import tag_key


def _keys(text: str) -> frozenset[str]:
    return frozenset(tag_key(keyword) for keyword in text.split())


def _empty(text: str) -> dict[str, Any]:
    return dict.fromkeys(text.split())


# Of the patient, the study, the institution and the series (PS3.3 C.7.1 to C.7.5). A series has one
# value of each: that of its first image.
OF_SERIES: Final = _keys(
    """
    SpecificCharacterSet TimezoneOffsetFromUTC
    PatientName PatientID IssuerOfPatientID OtherPatientIDsSequence PatientBirthDate PatientSex
    PatientSpeciesDescription PatientSpeciesCodeSequence PatientBreedDescription
    PatientBreedCodeSequence BreedRegistrationSequence ResponsiblePerson ResponsiblePersonRole
    ResponsibleOrganization PatientIdentityRemoved DeidentificationMethod
    DeidentificationMethodCodeSequence LongitudinalTemporalInformationModified
    ClinicalTrialSponsorName ClinicalTrialProtocolID ClinicalTrialProtocolName
    ClinicalTrialSiteID ClinicalTrialSiteName ClinicalTrialSubjectID ClinicalTrialSubjectReadingID
    ClinicalTrialTimePointID ClinicalTrialTimePointDescription
    PatientAge PatientSize PatientWeight PatientSexNeutered AdditionalPatientHistory
    PregnancyStatus
    StudyInstanceUID StudyDate StudyTime AccessionNumber IssuerOfAccessionNumberSequence
    ReferringPhysicianName StudyID StudyDescription ProcedureCodeSequence
    FrameOfReferenceUID PositionReferenceIndicator
    InstitutionName InstitutionAddress InstitutionalDepartmentName
    Modality PatientPosition BodyPartExamined Laterality ProtocolName AnatomicalOrientationType
    SeriesDescription DerivationDescription
    """
)

# Of the scanner, which did not make the derived images: they name it as a contributor.
OF_SCANNER: Final = _keys(
    """
    Manufacturer InstitutionName InstitutionAddress StationName InstitutionalDepartmentName
    ManufacturerModelName DeviceSerialNumber SoftwareVersions
    """
)

# Of these that are empty where nobody knows (type 2); other empty elements are left behind.
MAY_BE_EMPTY: Final = _keys(
    "ClinicalTrialProtocolName ClinicalTrialSiteID ClinicalTrialSiteName PatientSexNeutered"
    " PatientBreedDescription"
)

# Of each image, and true of all that is made of it (PS3.3 C.7.6.1).
OF_IMAGE: Final = _keys(
    """
    LossyImageCompression LossyImageCompressionRatio LossyImageCompressionMethod
    BurnedInAnnotation RecognizableVisualFeatures
    """
)

# Where the patient was cut: kept if the geometry of the image does not say it already.
OF_PLANE: Final = _keys(
    "ImagePositionPatient ImageOrientationPatient PixelSpacing SliceThickness SpacingBetweenSlices"
)

# Of the acquisition: holds as long as all slices of a volume agree on it.
_MR: Final = _keys(
    """
    ScanningSequence SequenceVariant ScanOptions MRAcquisitionType SequenceName AngioFlag
    RepetitionTime EchoTime TriggerTime EchoNumbers EchoTrainLength InversionTime FlipAngle
    NumberOfAverages
    MagneticFieldStrength ImagingFrequency ImagedNucleus NumberOfPhaseEncodingSteps PercentSampling
    PercentPhaseFieldOfView PixelBandwidth ReceiveCoilName TransmitCoilName AcquisitionMatrix
    InPlanePhaseEncodingDirection SAR dBdt DiffusionBValue DiffusionGradientOrientation
    ContrastBolusAgent ContrastBolusRoute ContrastBolusVolume ContrastBolusIngredient
    """
)
_CT: Final = _keys(
    """
    ScanOptions KVP DataCollectionDiameter ReconstructionDiameter DistanceSourceToDetector
    DistanceSourceToPatient GantryDetectorTilt TableHeight RotationDirection ExposureTime
    XRayTubeCurrent Exposure FilterType GeneratorPower FocalSpots ConvolutionKernel RevolutionTime
    SingleCollimationWidth TotalCollimationWidth SpiralPitchFactor RescaleType
    IrradiationEventUID
    ContrastBolusAgent ContrastBolusRoute ContrastBolusVolume ContrastBolusIngredient
    """
)
_PT: Final = _keys(
    """
    SeriesDate SeriesTime Units CountsSource SeriesType ReprojectionMethod NumberOfRRIntervals
    NumberOfTimeSlots RandomsCorrectionMethod AttenuationCorrectionMethod ScatterCorrectionMethod
    DecayCorrection ReconstructionDiameter ConvolutionKernel ReconstructionMethod
    DetectorLinesOfResponseUsed TypeOfDetectorMotion CollimatorType CorrectedImage
    RadiopharmaceuticalInformationSequence EnergyWindowRangeSequence PatientOrientationCodeSequence
    PatientGantryRelationshipCodeSequence FrameReferenceTime ActualFrameDuration DecayFactor
    DoseCalibrationFactor AcquisitionDate AcquisitionTime
    """
)
OF_ACQUISITION: Final = {"MR": _MR, "CT": _CT, "PT": _PT}

# What has to be there; None is an empty element (type 2, PS3.5 7.4.3).
REQUIRED: Final = _empty(
    """
    PatientName PatientID PatientBirthDate PatientSex StudyDate StudyTime AccessionNumber
    ReferringPhysicianName StudyID PositionReferenceIndicator
    """
)
_REQUIRED_MR: Final = {
    "ScanningSequence": "RM",  # research mode, PS3.3 C.8.3.1: the source does not say
    "SequenceVariant": "NONE",
    **_empty(
        """
        PatientPosition ScanOptions MRAcquisitionType RepetitionTime EchoTime EchoTrainLength
        SliceThickness
        """
    ),
}
_REQUIRED_CT: Final = _empty("PatientPosition KVP AcquisitionNumber SliceThickness")
REQUIRED_OF_MODALITY: Final = {"MR": _REQUIRED_MR, "CT": _REQUIRED_CT, "PT": {}}

# Third value of Image Type where the source has none (PS3.3 C.8.3.1.1.1, C.8.2.1.1.1).
IMAGE_FLAVOR: Final = {"MR": "OTHER", "CT": "AXIAL"}


def keywords_missing(keywords: Iterable[str], present: Iterable[str]) -> list[str]:
    """Those keywords whose tag is not among the keys that are present."""
    known = frozenset(present)
    return [keyword for keyword in keywords if tag_key(keyword) not in known]
