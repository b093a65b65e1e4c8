"""Metadata of a series some of whose frames are filled because there are no files for them."""

import hashlib
import uuid
from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from dicube.dicom.dicom_meta import DicomMeta
from dicube.dicom.dicom_tags import CommonTags
from dicube.dicom.geometry import slice_positions

_DECIMALS: Final = 6  # of mm


def padded_meta(meta: DicomMeta, order: Sequence[int], volume_slices: int) -> DicomMeta:
    """Metadata with one slice for each frame, filled ones included.

    A filled frame has what all frames share, Image Type DERIVED, a SOP Instance UID made from its
    place (so that the same job gives the same one), the next free Instance Number, and the position
    that its neighbours give it.

    Parameters
    ----------
    meta : DicomMeta
        One slice for each instance of one frame.
    order : sequence of int
        For each frame its slice, -1 for none.
    volume_slices : int
        Frames of one volume.
    """
    padded = meta.taken([None if number < 0 else number for number in order])
    filled = [place for place, number in enumerate(order) if number < 0]
    series = str(meta.get_values(CommonTags.SeriesInstanceUID)[0])
    _fill(padded, CommonTags.SOPInstanceUID, {place: filled_uid(series, place) for place in filled})
    numbers = [n for n in meta.get_values(CommonTags.InstanceNumber) if isinstance(n, int)]
    after = max(numbers, default=0) + 1
    _fill(padded, CommonTags.InstanceNumber, {place: after + i for i, place in enumerate(filled)})
    types = padded.get_values("ImageType")
    _fill(padded, "ImageType", {place: _derived(types[place]) for place in filled})
    _fill(padded, CommonTags.ImagePositionPatient, _positions(padded, filled, volume_slices))
    return padded


def _fill(meta: DicomMeta, tag: Any, values: dict[int, Any]) -> None:
    """Give some slices a value and leave the others as they are."""
    before = meta.get_values(tag)
    meta.set_nonshared_item(tag, [values.get(i, value) for i, value in enumerate(before)])


def _positions(meta: DicomMeta, filled: Sequence[int], volume_slices: int) -> dict[int, Any]:
    """Where the filled frames lie: where other volumes have that slice, else between neighbours."""
    known: dict[int, Any] = {}
    for place, position in enumerate(slice_positions(meta)):
        if position is not None:
            known.setdefault(place % volume_slices, position)
    slices = sorted(known)
    columns = np.array([known[number] for number in slices])
    wanted = {place: place % volume_slices for place in filled}
    return {
        place: [
            round(float(np.interp(number, slices, columns[:, axis])), _DECIMALS)
            for axis in range(3)
        ]
        for place, number in wanted.items()
    }


def filled_uid(series: str, place: int) -> str:
    """SOP Instance UID of a filled frame, made from its series and its place (PS3.5 B.2)."""
    digest = hashlib.sha256(f"{series} {place}".encode()).digest()
    return f"2.25.{uuid.UUID(bytes=digest[:16], version=4).int}"


def _derived(value: Any) -> list[Any]:
    listed = value if isinstance(value, list) else []
    return ["DERIVED", *(listed[1:] or ["SECONDARY"])]
