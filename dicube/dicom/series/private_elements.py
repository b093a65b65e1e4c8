"""Elements of the manufacturers, found by their private creator (PS3.5 7.8.1)."""

import base64
import struct
from functools import lru_cache
from typing import Any, Final

from dicube.dicom.dicom_meta import DicomMeta

_FIRST_BLOCK: Final = 0x10
_LAST_BLOCK: Final = 0x1F  # files with more than a few blocks in a group are unheard of
_FLOAT64: Final = struct.Struct("<d")


def private_values(meta: DicomMeta, creator: str, group: int, element: int) -> list[Any]:
    """Values of a private element, one for each slice; None where a slice has none.

    Parameters
    ----------
    creator : str
        Private Creator that owns the block.
    group, element : int
        Odd group, and the number inside of the block (00 to FF).
    """
    tag = private_tag(meta, creator, group, element)
    return [None] * meta.slice_count if tag is None else meta.get_values(tag)


def private_tag(meta: DicomMeta, creator: str, group: int, element: int) -> int | None:
    """The tag that a private element has in this series; None where no slice has the creator."""
    for block, names in _creator_tags(group):
        if names not in meta:
            continue
        if meta.is_shared(names):
            found = {meta.get_shared_value(names)}
        else:
            found = set(map(str, meta.get_values(names)))
        if any(isinstance(name, str) and name.strip() == creator for name in found):
            return group << 16 | block << 8 | element
    return None


@lru_cache(maxsize=64)
def _creator_tags(group: int) -> list[tuple[int, int]]:
    """The blocks of a group, and the tags of their creators."""
    return [(block, group << 16 | block) for block in range(_FIRST_BLOCK, _LAST_BLOCK + 1)]


def number_of(value: Any) -> float | None:
    """The number that an element holds, also one that came as UN: text, or a 64-bit float."""
    if isinstance(value, (int, float)):
        return float(value)
    if isinstance(value, list):
        return number_of(value[0]) if value else None
    if not isinstance(value, str):
        return None
    try:
        return float(value)
    except ValueError:
        return _binary_number(value)


def _binary_number(text: str) -> float | None:
    try:
        data = base64.b64decode(text, validate=True)
    except ValueError:
        return None
    try:
        return float(data.decode("ascii").strip("\0 "))
    except ValueError:
        return float(_FLOAT64.unpack(data)[0]) if len(data) == _FLOAT64.size else None
