"""The file formats: which magic and suffix belong to which codec."""

from pathlib import PurePath
from typing import NamedTuple

from dicube.exceptions import InvalidCubeFileError


class FileFormat(NamedTuple):
    """One member of the family; `letter` is its short name in `save(..., file_type=)`."""

    magic: bytes
    suffix: str
    letter: str
    codec_name: str


DCBS = FileFormat(b"DCMCUBES", ".dcbs", "s", "jph")
DCBA = FileFormat(b"DCMCUBEA", ".dcba", "a", "jxl")
DCBR = FileFormat(b"DCMCUBER", ".dcbr", "r", "jxl-roi")
FORMATS = (DCBS, DCBA, DCBR)

# Magics of the family that this version does not read, and what to say about each.
_REFUSED = {
    b"DCMCUBEL": ".dcbl (lossy) files of the published tool are not supported",
}
_REFUSED_NAMES = {"l": b"DCMCUBEL"}
_HINT = "use .dcbs (fast, HTJ2K), .dcba (small, JPEG XL) or .dcbr (exact in a region only)"


def format_of_magic(magic: bytes, *, where: str) -> FileFormat:
    """The format a file announces in its first 8 bytes.

    Raises
    ------
    InvalidCubeFileError
        No cube file, or a member of the family that is not supported.
    """
    for file_format in FORMATS:
        if file_format.magic == magic:
            return file_format
    if magic in _REFUSED:
        raise InvalidCubeFileError(_REFUSED[magic], where=where, hint=_HINT)
    raise InvalidCubeFileError(
        "this is no cube file: it does not start with DCMCUBES, DCMCUBEA or DCMCUBER",
        where=where,
        hint="convert DICOM folders with `dicube convert FOLDER FILE.dcbs`",
    )


def format_of_name(name: str, *, where: str) -> FileFormat:
    """The format called `name`: a suffix (".dcbs", "dcbs") or a letter ("s").

    Raises
    ------
    InvalidCubeFileError
        The name is unknown, or stands for a format that is not supported.
    """
    key = name.lower().removeprefix(".").removeprefix("dcb")
    for file_format in FORMATS:
        if file_format.letter == key:
            return file_format
    if key in _REFUSED_NAMES:
        raise InvalidCubeFileError(_REFUSED[_REFUSED_NAMES[key]], where=where, hint=_HINT)
    raise InvalidCubeFileError(f"unknown file format {name!r}", where=where, hint=_HINT)


def is_cube_suffix(path: PurePath) -> bool:
    """Whether the suffix belongs to the family, supported or not."""
    return path.suffix.lower() in {".dcbs", ".dcba", ".dcbr", ".dcbl"}
