"""Elements of a derived image that must or must not be there, depending on others (type 1C, 2C)."""

from typing import Final

from dicube.dicom.derivation import listed
from dicube.dicom.dicom_meta import DicomMeta

# Body parts of which there is one (PS3.16 annex L): an image of these has no Laterality.
_UNPAIRED: Final = (
    "ABDOMEN ABDOMENPELVIS AORTA BLADDER BRAIN CEREBELLUM CHEST CHESTABDOMEN CHESTABDPELVIS "
    "CIRCLEOFWILLIS COCCYX COLON CSPINE CTSPINE DUODENUM ESOPHAGUS FACE GALLBLADDER HEAD HEADNECK "
    "HEART JAW LARYNX LIVER LSPINE LSSPINE MEDIASTINUM NECK NECKCHEST NOSE PANCREAS PELVIS PENIS "
    "PROSTATE RECTUM SKULL SPINE SPLEEN SSPINE STERNUM STOMACH THYROID TLSPINE TONGUE TRACHEA "
    "TSPINE UTERUS WHOLEBODY"
)
_CARDIAC_GATING: Final = frozenset(("CG", "PPG"))  # Scan Options, PS3.3 C.8.3.1


def settle_conditions(meta: DicomMeta, volumes: int) -> None:
    """Add what other elements ask for, empty where it is not known; remove what they forbid."""
    _settle_laterality(meta)
    modality = meta.get("Modality")
    if modality == "MR":
        _settle_mr(meta)
    elif modality == "PT":
        _settle_pt(meta, volumes)
    elif modality != "CT" and meta.is_missing("PatientOrientation"):
        meta.set_shared_item("PatientOrientation", None)


def _settle_laterality(meta: DicomMeta) -> None:
    """PS3.3 C.7.3.1: of a paired body part, and empty where nobody knows which part it is."""
    if str(meta.get("BodyPartExamined")) in _UNPAIRED.split():
        meta.remove_item("Laterality")
    elif meta.is_missing("Laterality"):
        meta.set_shared_item("Laterality", None)


def _settle_mr(meta: DicomMeta) -> None:
    if "IR" not in listed(meta.get_values("ScanningSequence")[0]):
        meta.remove_item("InversionTime")
    options = listed(meta.get_values("ScanOptions")[0])
    if not _CARDIAC_GATING.isdisjoint(options) and meta.is_missing("TriggerTime"):
        meta.set_shared_item("TriggerTime", None)


def _settle_pt(meta: DicomMeta, volumes: int) -> None:
    """PS3.3 C.8.9.1 and C.8.9.4."""
    if not meta.is_missing("PatientOrientationCodeSequence"):
        meta.remove_item("PatientPosition")
    meta.set_shared_item("NumberOfSlices", meta.slice_count // volumes)
    meta.set_nonshared_item("ImageIndex", list(range(1, meta.slice_count + 1)))
