"""The CSA image header of Siemens MR: named text values in a private element of bytes (0029,xx10).

Only what mosaics need is asked of it. The layout is the one that files since about 2004 have,
marked "SV10": a count of tags, then for each a name, a count of items, and the items, each with its
length. It is not documented by the manufacturer; other tools agree on these facts.
"""

import base64
import struct
from typing import Any, Final

from dicube.dicom.dicom_meta import DicomMeta
from dicube.dicom.series.private_elements import private_tag

_MAGIC: Final = b"SV10\4\3\2\1"
_COUNT: Final = struct.Struct("<LL")
_TAG: Final = struct.Struct("<64sl4sLLL")  # name, multiplicity, VR, VR number, items, end mark
_ITEM: Final = struct.Struct("<4L")  # the second number is the length
_MOST_TAGS: Final = 1024  # real headers have about a hundred
_MOST_ITEMS: Final = 4096


def csa_values(meta: DicomMeta) -> dict[str, list[str]]:
    """Values of the CSA image header of the first slice by name; empty where there is none."""
    tag = private_tag(meta, "SIEMENS CSA HEADER", 0x0029, 0x10)
    encoded: Any = None if tag is None else meta.get_values(tag)[0]
    if not isinstance(encoded, str):
        return {}
    try:
        return parse_csa(base64.b64decode(encoded, validate=True))
    except ValueError:
        return {}


def parse_csa(data: bytes) -> dict[str, list[str]]:
    """The values by name; empty for bytes of another layout, or damaged ones."""
    if not data.startswith(_MAGIC):
        return {}
    values: dict[str, list[str]] = {}
    position = len(_MAGIC)
    try:
        count, _ = _COUNT.unpack_from(data, position)
        position += _COUNT.size
        for _ in range(min(count, _MOST_TAGS)):
            name, _, _, _, items, _ = _TAG.unpack_from(data, position)
            position += _TAG.size
            texts = []
            for _ in range(min(items, _MOST_ITEMS)):
                length = _ITEM.unpack_from(data, position)[1]
                position += _ITEM.size
                texts.append(_text(data[position : position + length]))
                position += length + -length % 4
            values[_text(name)] = [text for text in texts if text]
    except struct.error:
        return {}
    return values


def _text(data: bytes) -> str:
    return data.partition(b"\0")[0].decode("latin-1").strip()
