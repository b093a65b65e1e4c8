"""Segmentations as a section of a cube file (docs/format.md, section 12).

Each mask is its bounding box, packed on its own, so that thousands of mostly empty ones take little
room, and one can be had without unpacking the others.
"""

import json
import math
import struct
from collections.abc import Sequence
from typing import Any, Final, overload

import numpy as np

from dicube.core.grid_turn import Affine
from dicube.core.segmentation import Code, MaskBox, Segment, Segmentation, SegmentationKind
from dicube.exceptions import DataConsistencyError, InvalidCubeFileError
from dicube.storage.compression import compress, decompress

_PREFIX: Final = struct.Struct("<Q")  # length of the index
_LEVEL: Final = 9  # of zstd; 19 saves a fifth, and takes thirty times as long
_KINDS: Final = ("binary", "fractional", "labelmap")
_HINT: Final = "the file is damaged; restore it from a copy"


def pack_segmentations(segmentations: Sequence[Segmentation]) -> bytes:
    """The section."""
    masks: list[bytes] = []
    members = [_members(segmentation, masks) for segmentation in segmentations]
    index = compress(json.dumps({"Segmentations": members}).encode())
    return b"".join([_PREFIX.pack(len(index)), index, *masks])


def unpack_segmentations(
    data: bytes, shape: Sequence[int], affine: Affine, *, where: str
) -> list[Segmentation]:
    """The segmentations of an image; each mask is unpacked when it is asked for.

    Parameters
    ----------
    data : bytes
        The section.
    shape : (z, y, x)
        Of one volume of the image.
    affine : (4, 4) float64
    where : str
        For messages.

    Raises
    ------
    InvalidCubeFileError
        The section is malformed. Of a mask, when that is asked for.
    """
    if len(data) < _PREFIX.size:
        raise InvalidCubeFileError("the segmentations are cut short", where=where, hint=_HINT)
    (length,) = _PREFIX.unpack_from(data)
    start = _PREFIX.size + length
    if start > len(data):
        raise InvalidCubeFileError("the segmentations are cut short", where=where, hint=_HINT)
    index = decompress(data[_PREFIX.size : start], where=where)
    payload = memoryview(data)[start:]
    try:
        members = json.loads(index)["Segmentations"]
        return [_segmentation(member, payload, shape, affine, where) for member in members]
    except (KeyError, TypeError, ValueError, DataConsistencyError, RecursionError) as error:
        raise InvalidCubeFileError(
            f"the segmentations are malformed: {error}", where=where, hint=_HINT
        ) from error


# ---- one segmentation ---------------------------------------------------------------------------


def _members(segmentation: Segmentation, masks: list[bytes]) -> dict[str, Any]:
    """The JSON object; the packed masks are appended to the list."""
    offset = sum(map(len, masks))
    described = []
    for segment, box in segmentation:
        packed = b"" if box.is_empty else _packed(box)
        masks.append(packed)
        place = {
            "Corner": [int(start) for start in box.corner],
            "Size": list(box.values.shape),
            "Extent": [offset, len(packed)],
        }
        described.append({**_segment_members(segment), "Mask": place})
        offset += len(packed)
    return {"Kind": segmentation.kind, "Segments": described}


def _segmentation(
    member: dict[str, Any], payload: memoryview, shape: Sequence[int], affine: Affine, where: str
) -> Segmentation:
    kind: SegmentationKind = member["Kind"]
    if kind not in _KINDS:
        raise ValueError("the kind is unknown")
    segments = [_segment(each) for each in member["Segments"]]
    places = [_Place.parsed(each["Mask"], shape, len(payload)) for each in member["Segments"]]
    masks = _StoredMasks(places, payload, is_fractional=kind == "fractional", where=where)
    return Segmentation(segments, masks, shape, affine, kind)


def _segment_members(segment: Segment) -> dict[str, Any]:
    """What is said of a segment; what is not said is left out."""
    members = {
        "Number": segment.number,
        "Label": segment.label,
        "Category": list(segment.category),
        "Type": list(segment.type),
        "AlgorithmType": segment.algorithm_type,
    }
    said = {
        "Description": segment.description,
        "TypeModifiers": [list(code) for code in segment.type_modifiers],
        "AnatomicRegions": [list(code) for code in segment.anatomic_regions],
        "AnatomicRegionModifiers": [list(code) for code in segment.anatomic_region_modifiers],
        "AlgorithmName": segment.algorithm_name,
        "TrackingID": segment.tracking_id,
        "TrackingUID": segment.tracking_uid,
        "Colour": None if segment.colour is None else list(segment.colour),
    }
    return members | {name: value for name, value in said.items() if value}


def _segment(member: dict[str, Any]) -> Segment:
    colour = member.get("Colour")
    if type(member["Number"]) is not int:
        raise TypeError("the number of a segment is no integer")
    return Segment(
        number=member["Number"],
        label=str(member["Label"]),
        category=_code(member["Category"]),
        type=_code(member["Type"]),
        description=str(member.get("Description", "")),
        type_modifiers=_codes(member.get("TypeModifiers", ())),
        anatomic_regions=_codes(member.get("AnatomicRegions", ())),
        anatomic_region_modifiers=_codes(member.get("AnatomicRegionModifiers", ())),
        algorithm_type=str(member["AlgorithmType"]),
        algorithm_name=str(member.get("AlgorithmName", "")),
        tracking_id=str(member.get("TrackingID", "")),
        tracking_uid=str(member.get("TrackingUID", "")),
        colour=None if colour is None else _colour(colour),
    )


def _codes(members: Sequence[Any]) -> tuple[Code, ...]:
    return tuple(map(_code, members))


def _code(member: Any) -> Code:
    value, scheme, meaning = member
    return Code(str(value), str(scheme), str(meaning))


def _colour(member: Any) -> tuple[int, int, int]:
    red, green, blue = (int(number) for number in member)
    return red, green, blue


# ---- masks --------------------------------------------------------------------------------------


def _packed(box: MaskBox) -> bytes:
    """Bits, the rows of the box filled up to whole bytes; fractions as the four planes of bytes."""
    if box.values.dtype == np.bool_:
        return compress(np.packbits(box.values, axis=-1).tobytes(), level=_LEVEL)
    words = np.ascontiguousarray(box.values, "<f4")
    return compress(words.reshape(-1, 1).view(np.uint8).T.tobytes(), level=_LEVEL)


class _Place:
    """Where a mask is: in the grid, and in the section."""

    def __init__(
        self, corner: tuple[int, int, int], size: tuple[int, int, int], first: int, last: int
    ) -> None:
        self.corner, self.size, self.first, self.last = corner, size, first, last

    @classmethod
    def parsed(cls, member: dict[str, Any], shape: Sequence[int], length: int) -> "_Place":
        """Checked against the grid and the length of all masks."""
        (cz, cy, cx), (z, y, x) = member["Corner"], member["Size"]
        offset, count = member["Extent"]
        numbers = (cz, cy, cx, z, y, x, offset, count)
        if any(type(number) is not int or number < 0 for number in numbers):
            raise ValueError("the place of a mask is not made of counts")
        ends = (cz + z, cy + y, cx + x)
        if any(end > size for end, size in zip(ends, shape, strict=True)):
            raise ValueError("a mask lies outside of the volume")
        if count > length or offset > length - count:
            raise ValueError("a mask lies outside of the section")
        return cls((cz, cy, cx), (z, y, x), offset, offset + count)


class _StoredMasks(Sequence[MaskBox]):
    """Masks of a section, each unpacked when it is asked for."""

    def __init__(
        self, places: Sequence[_Place], payload: memoryview, *, is_fractional: bool, where: str
    ) -> None:
        self._places, self._payload = places, payload
        self._is_fractional, self._where = is_fractional, where

    def __len__(self) -> int:
        return len(self._places)

    @overload
    def __getitem__(self, index: int) -> MaskBox: ...
    @overload
    def __getitem__(self, index: slice) -> "_StoredMasks": ...
    def __getitem__(self, index: int | slice) -> "MaskBox | _StoredMasks":
        if isinstance(index, slice):
            return _StoredMasks(
                self._places[index],
                self._payload,
                is_fractional=self._is_fractional,
                where=self._where,
            )
        place = self._places[index]
        dtype = np.dtype("<f4") if self._is_fractional else np.dtype(np.bool_)
        if not math.prod(place.size):
            return MaskBox(place.corner, np.zeros(place.size, dtype))
        z, y, x = place.size
        width = 4 * x if self._is_fractional else (x + 7) // 8
        data = decompress(
            bytes(self._payload[place.first : place.last]), where=self._where, limit=z * y * width
        )
        if len(data) != z * y * width:
            raise InvalidCubeFileError(
                "a mask is not of the size that the index says", where=self._where, hint=_HINT
            )
        planes = np.frombuffer(data, np.uint8)
        if self._is_fractional:
            fractions = np.ascontiguousarray(planes.reshape(4, -1).T).view("<f4")
            return MaskBox(place.corner, fractions.reshape(place.size).astype(np.float32))
        bits = np.unpackbits(planes.reshape(z, y, width), axis=-1, count=x)
        return MaskBox(place.corner, bits.view(np.bool_))
