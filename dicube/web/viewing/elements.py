"""The DICOM elements of one frame as rows of a table."""

from collections.abc import Iterator
from typing import Any, Final

from pydicom.datadict import keyword_for_tag

from dicube.core.cube_file import CubeDescription
from dicube.dicom.dicom_meta import DicomMeta, Presence
from dicube.dicom.series.frame_meta import counts_for, frame_meta

_MOST_CHARACTERS: Final = 2000  # of a value; the whole one is in the file
_BINARY: Final = frozenset({"OB", "OD", "OF", "OL", "OV", "OW", "UN"})


def frames_meta(about: CubeDescription) -> DicomMeta | None:
    """The metadata with one slice for each frame, in the order of the image.

    Where the metadata do not describe the frames, they come as they are.
    """
    if about.meta is None:
        return None
    meta = about.meta.value
    counts = counts_for(meta, about.frames)
    if counts is None:
        return meta
    frames = frame_meta(meta, counts)
    order = about.frame_order
    return frames if order is None else frames.taken(order.tolist())


def element_rows(meta: DicomMeta, frame: int) -> Iterator[dict[str, Any]]:
    """One row for each element: tag, keyword, VR, text, and whether all frames share it.

    Sequences are shown by their number of items, binary values by their VR alone.
    """
    frame = min(frame, meta.slice_count - 1)
    for key in meta.keys():  # noqa: SIM118  # its order and its own keys
        state, value = meta.presence(key)[frame], meta.get_values(key)[frame]
        if state is Presence.ABSENT:
            continue
        vr = meta.get_vr(key)
        yield {
            "tag": f"({key[:4]},{key[4:]})",
            "keyword": keyword_for_tag(int(key, 16))
            or ("private" if int(key[3], 16) & 1 else "unknown"),
            "vr": vr,
            "value": "" if state is Presence.EMPTY else _text(value, vr),
            "shared": meta.is_shared(key),
        }


def _text(value: Any, vr: str) -> str:
    if vr == "SQ":
        items = len(value) if isinstance(value, list) else 1
        return f"{items} item{'' if items == 1 else 's'}"
    if vr in _BINARY:
        return "binary"
    parts = value if isinstance(value, list) else [value]
    text = "\\".join(_name(part) if isinstance(part, dict) else str(part) for part in parts)
    return text if len(text) <= _MOST_CHARACTERS else text[:_MOST_CHARACTERS] + "…"


def _name(part: dict[str, Any]) -> str:
    """A person name, its groups joined as in the file (PS3.5 6.2.1)."""
    groups = [str(part.get(g, "")) for g in ("Alphabetic", "Ideographic", "Phonetic")]
    return "=".join(groups).rstrip("=")
