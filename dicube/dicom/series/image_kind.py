"""What kind of image a frame is, as far as kinds cannot share a volume.

Magnitude, phase, real and imaginary part of one acquisition lie on the same grid, and so do a map
and the images it was computed from; stacked into one array they would be taken for slices or times.
"""

import re
from typing import Any, Final, NamedTuple

from dicube.dicom.dicom_meta import DicomMeta
from dicube.dicom.dicom_tags import TagLike
from dicube.dicom.series.private_elements import private_tag, private_values

# Words of Image Type and Frame Type (PS3.3 C.8.3.1.1.1, C.8.13.3.1.1) and of the vendors, by part
# of the complex signal.
_PARTS: Final = {
    "magnitude": frozenset(("M", "MAGNITUDE")),
    "phase": frozenset(("P", "PHASE", "PHASE MAP", "VELOCITY MAP", "VELOCITY")),
    "real": frozenset(("R", "REAL")),
    "imaginary": frozenset(("I", "IMAGINARY")),
}
_LOCALIZER: Final = frozenset(("LOCALIZER", "SCOUT", "TOPOGRAM"))
# Computed from other images, each word a map of its own.
_MAPS: Final = frozenset(
    (
        "ADC", "FA", "COLFA", "TRACEW", "TRACE", "TENSOR", "TENSOR_B0", "EXP", "AVDC", "RA", "VR",
        "T1 MAP", "T2 MAP", "R2 MAP", "R2 STAR MAP", "T2 STAR MAP", "T1_MAP", "T2_MAP",
        "T2STAR MAP", "B0", "B0 MAP", "B1", "B1 MAP", "FIELD_MAP", "RCBF", "RCBV", "CBF", "CBV",
        "MTT", "TTP", "TMAX", "PBP", "GBP", "KTRANS", "PERFUSION MAP", "MIP", "MIN IP",
        "MAX_IP", "MIN_IP", "SUBTRACTION", "SUB", "WATER", "FAT", "IN_PHASE", "OUT_PHASE",
        "OPP_PHASE", "IN PHASE", "OUT OF PHASE", "W", "F", "IP", "OP", "FAT_FRACTION",
        "WATER_FRACTION", "T-STATISTIC", "DYNAMIC STUDY",
    )
)  # fmt: skip
_GE_PARTS: Final = {0: "magnitude", 1: "phase", 2: "real", 3: "imaginary"}
_PHILIPS_PART: Final = re.compile(r"([MPRI])_[A-Z0-9]+")  # M_FFE, P_SE...
_SIGNAL_LETTERS: Final = {"M": "magnitude", "P": "phase", "R": "real", "I": "imaginary"}


class ImageKind(NamedTuple):
    """Images of one kind may form a volume.

    Attributes
    ----------
    is_derived : bool
        First value of Image Type (PS3.3 C.7.6.1.1.2).
    is_localizer : bool
    part : str
        "magnitude", "phase", "real" or "imaginary"; "" where nothing says.
    maps : tuple of str
        What was computed, in alphabetical order.
    """

    is_derived: bool
    is_localizer: bool
    part: str
    maps: tuple[str, ...]

    @property
    def name(self) -> str:
        """A word for a coordinate: the map, else the part of the signal."""
        return " ".join(self.maps) or self.part or ("derived" if self.is_derived else "original")


def image_kinds(frames: DicomMeta) -> list[ImageKind]:
    """The kind of each frame, from metadata with one slice for each frame."""
    said: list[TagLike] = ["ImageType", "FrameType", "ComplexImageComponent"]
    said += _private_tags(frames)
    if frames.slice_count > 1 and all(
        frames.is_shared(tag) or frames.is_missing(tag) for tag in said
    ):
        return image_kinds(frames.taken([0])) * frames.slice_count
    types = frames.get_values("ImageType")
    frame_types = frames.get_values("FrameType")
    components = frames.get_values("ComplexImageComponent")
    raw_types = private_values(frames, "GEMS_PARM_01", 0x0043, 0x2F)
    # GE field maps tell field from magnitude by nothing but this flag; elsewhere it varies with
    # the direction of diffusion.
    is_research = "RM" in _words(frames.get_values("ScanningSequence")[0])
    flags = private_values(frames, "GEMS_PARM_01", 0x0043, 0x30)
    known: dict[str, ImageKind] = {}
    kinds = []
    for number in range(frames.slice_count):
        words = _words(frame_types[number]) or _words(types[number])
        flag = flags[number] if is_research else None
        component = (_words(components[number]) or ("",))[0]
        key = repr((words, component, raw_types[number], flag))
        if key not in known:
            known[key] = _kind(words, component, raw_types[number], flag)
        kinds.append(known[key])
    return kinds


def _private_tags(frames: DicomMeta) -> list[int]:
    found = (private_tag(frames, "GEMS_PARM_01", 0x0043, element) for element in (0x2F, 0x30))
    return [tag for tag in found if tag is not None]


def _kind(words: tuple[str, ...], component: Any, raw_type: Any, flag: Any) -> ImageKind:
    meanings = frozenset(words[2:])  # the first two values are characteristics of their own
    maps = sorted(meanings & _MAPS)
    if flag is not None:
        maps.append(f"GE flag {flag}")
    return ImageKind(
        is_derived=words[:1] == ("DERIVED",),
        is_localizer=bool(meanings & _LOCALIZER),
        part=_part(meanings, component, raw_type),
        maps=tuple(maps),
    )


def _part(meanings: frozenset[str], component: Any, raw_type: Any) -> str:
    for part, words in _PARTS.items():
        if component in words:  # the element that exists for this
            return part
    for part, words in _PARTS.items():
        if meanings & words:
            return part
    for word in sorted(meanings):
        match = _PHILIPS_PART.fullmatch(word)
        if match:
            return _SIGNAL_LETTERS[match[1]]
    return _GE_PARTS.get(raw_type, "") if isinstance(raw_type, int) else ""


def _words(value: Any) -> tuple[str, ...]:
    listed = value if isinstance(value, list) else [value]
    return tuple(word.strip().upper() for word in listed if isinstance(word, str))
