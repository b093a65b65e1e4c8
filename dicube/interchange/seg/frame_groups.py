"""The Per-frame Functional Groups of all frames, made of those of one frame for each slice.

Frames of several segments on one slice differ in two numbers (PS3.3 C.8.20.2, C.7.6.17): the
segment, and its dimension index. So each slice is encoded once, and its bytes are repeated with
other numbers. A data set for each frame, as pydicom has it, would take most of the time.
"""

import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Self

from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_dataset
from pydicom.tag import Tag

from dicube.dicom.data_set import DataElement, encode_elements
from dicube.interchange.seg.planes import Plane

_GROUPS: Final = Tag(0x5200, 0x9230)
_FRAME_CONTENT: Final = 0x00209111
_DIMENSION_INDEX: Final = 0x00209157
_SEGMENT_IDENTIFICATION: Final = 0x0062000A
_SEGMENT_NUMBER: Final = 0x0062000B
_ITEM: Final = struct.Struct("<HHL")


@dataclass(frozen=True)
class SliceGroups:
    """What the frames of one slice have in common, encoded around their dimension index.

    Attributes
    ----------
    index : int
        Dimension index of the slice.
    before, behind : bytes
    """

    index: int
    before: bytes
    behind: bytes

    @classmethod
    def of(cls, group: Dataset) -> Self:
        """Of the item that highdicom made for a frame of this slice."""
        *_, index = _as_list(group.FrameContentSequence[0].DimensionIndexValues)
        return cls(index, _encoded(group[:_FRAME_CONTENT]), _encoded(_behind_frame_content(group)))

    def item(self, segment: bytes, dimension_index: Sequence[int]) -> bytes:
        """The item of one frame, its Segment Identification Sequence encoded by the caller."""
        values = struct.pack(f"<{len(dimension_index)}L", *dimension_index)
        content = _sequence(_FRAME_CONTENT, DataElement(_DIMENSION_INDEX, "UL", values))
        data = b"".join((self.before, content, self.behind, segment))
        return _ITEM.pack(0xFFFE, 0xE000, len(data)) + data


def repeat_groups(made: Dataset, slices: Mapping[int, Dataset], planes: Sequence[Plane]) -> None:
    """Give an object the functional groups of all its frames.

    Parameters
    ----------
    made : Dataset
        Changed.
    slices : mapping of int to Dataset
        For each slice of the grid the item of one frame.
    planes : sequence of Plane
        The frames; the segment of mask i has the number i + 1.
    """
    data = b"".join(_items({z: SliceGroups.of(group) for z, group in slices.items()}, planes))
    # Raw, so that it is taken apart only if somebody asks for it.
    made[_GROUPS] = RawDataElement(_GROUPS, "SQ", len(data), data, 0, False, True)


def _items(slices: Mapping[int, SliceGroups], planes: Sequence[Plane]) -> Iterator[bytes]:
    current, segment = -1, b""
    for mask, z in planes:
        if mask != current:
            number = DataElement(_SEGMENT_NUMBER, "US", struct.pack("<H", mask + 1))
            current, segment = mask, _sequence(_SEGMENT_IDENTIFICATION, number)
        yield slices[z].item(segment, (mask + 1, slices[z].index))


def _behind_frame_content(group: Dataset) -> Dataset:
    return group[_FRAME_CONTENT + 1 : _SEGMENT_IDENTIFICATION]


def _sequence(tag: int, element: DataElement) -> bytes:
    content = encode_elements([element])
    item = _ITEM.pack(0xFFFE, 0xE000, len(content)) + content
    return encode_elements([DataElement(tag, "SQ", item)])


def _encoded(group: Dataset) -> bytes:
    encoded = DicomBytesIO()
    encoded.is_implicit_VR, encoded.is_little_endian = False, True
    write_dataset(encoded, group)
    return encoded.getvalue()


def _as_list(value: int | Sequence[int]) -> list[int]:
    return [value] if isinstance(value, int) else list(value)
