"""What the pixels of a series may still show of the patient, as far as its metadata tell.

Nobody looks at the pixels here. What is said is a reason to look, and silence is no promise.
"""

from typing import Any, Final

from dicube.dicom.derivation import listed
from dicube.dicom.dicom_meta import DicomMeta
from dicube.dicom.dicom_tags import CommonTags

_HEAD: Final = ("HEAD", "BRAIN", "FACE", "SKULL", "NECK", "ORBIT", "SINUS", "JAW", "EAR", "EYE",
                "WHOLEBODY", "WHBRAIN")  # fmt: skip
_SLICED: Final = frozenset(("CT", "MR", "PT"))
_PHOTOGRAPHS: Final = frozenset(("XC", "ES", "GM", "DMS", "OP", "OPV", "DOC", "SM"))
_SECONDARY_CAPTURE: Final = "1.2.840.10008.5.1.4.1.1.7"
_TOLD_BURNED_IN: Final = "Burned In Annotation is YES: the pixels hold text, perhaps of the patient"
_SILENT: Final = "Burned In Annotation is absent: nobody says that no text is in the pixels"
_CAPTURED: Final = "images are secondary captures, which often show the name of the patient"
_ULTRASOUND: Final = "ultrasound images often show the name of the patient at their border"
_PHOTOGRAPHED: Final = "photographs may show the patient, or a label with a name"
_TOLD_FEATURES: Final = "Recognizable Visual Features is YES: the patient can be recognised"
_FACE: Final = "slices of a head: a face can be computed from them, unless it was removed"
_ANY_PART: Final = "slices of a body part that is not named: if it is the head, they hold the face"
_SCREEN: Final = "images are screen shots or derived pictures, which may show text"


def pixel_notices(meta: DicomMeta) -> tuple[str, ...]:
    """Reasons to look at the pixels, the surest first; no value of the metadata is in them."""
    modalities = set(_words(meta, CommonTags.Modality))
    burned_in = _words(meta, "BurnedInAnnotation")
    types = _words(meta, "ImageType")
    classes = _words(meta, CommonTags.SOPClassUID)
    is_captured = any(uid.startswith(_SECONDARY_CAPTURE) for uid in classes)
    found = {
        _TOLD_BURNED_IN: "YES" in burned_in,
        _TOLD_FEATURES: "YES" in _words(meta, "RecognizableVisualFeatures"),
        _CAPTURED: is_captured or "ConversionType" in meta,
        _ULTRASOUND: bool(modalities & {"US", "IVUS", "BDUS"}),
        _PHOTOGRAPHED: bool(modalities & _PHOTOGRAPHS),
        _SCREEN: any("SCREEN" in word for word in types),
        **_of_slices(meta, modalities),
        _SILENT: None in _values(meta, "BurnedInAnnotation"),
    }
    return tuple(notice for notice, applies in found.items() if applies)


def _of_slices(meta: DicomMeta, modalities: set[str]) -> dict[str, bool]:
    """A face in sliced images, where they show a head or do not say what they show."""
    is_sliced = bool(modalities & _SLICED)
    named = [*_words(meta, "BodyPartExamined"), *_words(meta, "StudyDescription")]
    named += [*_words(meta, "SeriesDescription"), *_words(meta, "ProtocolName")]
    is_head = any(part in text.upper() for text in named for part in _HEAD)
    is_unnamed = not _words(meta, "BodyPartExamined") and not is_head
    return {_FACE: is_sliced and is_head, _ANY_PART: is_sliced and is_unnamed}


def _values(meta: DicomMeta, tag: Any) -> list[Any]:
    """Distinct values of slices."""
    return list({str(value): value for value in meta.get_values(tag)}.values())


def _words(meta: DicomMeta, tag: Any) -> list[str]:
    found = [each for value in _values(meta, tag) for each in listed(value)]
    return [each.strip() for each in found if isinstance(each, str) and each.strip()]
