"""UIDs of the services, and what can be offered for storage (PS3.6 annex A, PS3.4 B.5)."""

from typing import Final

from pydicom._uid_dict import UID_dictionary

VERIFICATION: Final = "1.2.840.10008.1.1"
PATIENT_ROOT_FIND: Final = "1.2.840.10008.5.1.4.1.2.1.1"
STUDY_ROOT_FIND: Final = "1.2.840.10008.5.1.4.1.2.2.1"
STUDY_ROOT_MOVE: Final = "1.2.840.10008.5.1.4.1.2.2.2"
STUDY_ROOT_GET: Final = "1.2.840.10008.5.1.4.1.2.2.3"

IMPLICIT_LITTLE: Final = "1.2.840.10008.1.2"
EXPLICIT_LITTLE: Final = "1.2.840.10008.1.2.1"
# Most likely first: where there are more SOP classes than contexts, the last ones go.
STORAGE_SYNTAXES: Final = (
    EXPLICIT_LITTLE,
    IMPLICIT_LITTLE,
    "1.2.840.10008.1.2.4.70",  # JPEG lossless, first-order prediction
    "1.2.840.10008.1.2.4.90",  # JPEG 2000 lossless
    "1.2.840.10008.1.2.4.80",  # JPEG-LS lossless
    "1.2.840.10008.1.2.5",  # RLE
    "1.2.840.10008.1.2.4.50",  # JPEG baseline
    "1.2.840.10008.1.2.4.91",  # JPEG 2000
    "1.2.840.10008.1.2.2",  # big endian
    "1.2.840.10008.1.2.4.201",  # HTJ2K lossless
    "1.2.840.10008.1.2.4.202",  # HTJ2K lossless, RPCL
    "1.2.840.10008.1.2.4.57",  # JPEG lossless
    "1.2.840.10008.1.2.4.81",  # JPEG-LS near-lossless
    "1.2.840.10008.1.2.4.51",  # JPEG extended
    "1.2.840.10008.1.2.4.203",  # HTJ2K
    "1.2.840.10008.1.2.4.110",  # JPEG XL lossless
    "1.2.840.10008.1.2.1.99",  # deflated
    "1.2.840.10008.1.2.8.1",  # deflated frames
    "1.2.840.10008.1.2.4.112",  # JPEG XL
    "1.2.840.10008.1.2.4.111",  # JPEG XL of JPEG
    "1.2.840.10008.1.2.4.100",  # MPEG-2
    "1.2.840.10008.1.2.4.101",
    "1.2.840.10008.1.2.4.102",  # MPEG-4 AVC
    "1.2.840.10008.1.2.4.103",
    "1.2.840.10008.1.2.4.107",  # HEVC
)

# Every SOP class that stores something: what a name in the standard's table ends in.
_STORED: Final = (" Storage", " Storage - For Presentation", " Storage - For Processing")
_STANDARD_STORAGE: Final = frozenset(
    uid for uid, entry in UID_dictionary.items() if entry[0].endswith(_STORED)
)
_MODALITY_CLASSES: Final = {
    "CT": ("1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.5.1.4.1.1.2.1"),
    "MR": ("1.2.840.10008.5.1.4.1.1.4", "1.2.840.10008.5.1.4.1.1.4.1"),
    "PT": ("1.2.840.10008.5.1.4.1.1.128", "1.2.840.10008.5.1.4.1.1.130"),
}
_SECONDARY_CAPTURE: Final = "1.2.840.10008.5.1.4.1.1.7"


def is_storage(uid: str) -> bool:
    """Whether a SOP class can be stored; private ones may."""
    return uid in _STANDARD_STORAGE or not uid.startswith("1.2.840.10008.")


def likely_classes(modality: str | None) -> tuple[str, ...]:
    """SOP classes of a series whose server tells no more than the modality."""
    if modality is None:
        most = [uid for classes in _MODALITY_CLASSES.values() for uid in classes]
        return (*most, _SECONDARY_CAPTURE)
    return (*_MODALITY_CLASSES.get(modality, ()), _SECONDARY_CAPTURE)
