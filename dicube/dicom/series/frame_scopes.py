"""The data set that each frame of a multi-frame object would have as an object of its own.

Made of raw elements, so that a value is converted only when somebody asks for it.
"""

from collections.abc import Collection, Iterator, Sequence, Set
from typing import Final

from dicube.dicom.dicom_tags import CommonTags, is_private, tag_number
from dicube.dicom.instance import RawElement
from dicube.dicom.merge_utils import Scope, item_scopes, little_endian_value, resolve_vr
from dicube.dicom.part10 import EXPLICIT_LITTLE
from dicube.dicom.values import to_json_value

DEEPEST: Final = 3  # a group, a sequence in it, and one more: no standard group is deeper

_SHARED_GROUPS: Final = tag_number("SharedFunctionalGroupsSequence")
_FRAME_GROUPS: Final = tag_number("PerFrameFunctionalGroupsSequence")
_NUMBER_OF_FRAMES: Final = int(CommonTags.NumberOfFrames)
_POSITION: Final = int(CommonTags.ImagePositionPatient)
_ORIENTATION: Final = int(CommonTags.ImageOrientationPatient)
_GRID_OFFSETS: Final = tag_number("GridFrameOffsetVector")
# Items that name something else: a code, or another instance. Their elements say nothing about the
# frame itself.
_NAMING: Final = frozenset((tag_number("CodeValue"), tag_number("ReferencedSOPInstanceUID")))

Elements = dict[int, RawElement]


def frame_scopes(scope: Scope, count: int) -> list[Scope]:
    """The data set of each frame of one instance.

    Elements of its own functional groups win over those of the shared ones, and these over what
    stands at the top level.
    """
    common = dict(scope.elements)
    common.pop(_NUMBER_OF_FRAMES, None)
    shared = _groups(common.pop(_SHARED_GROUPS, None), scope)
    own = _groups(common.pop(_FRAME_GROUPS, None), scope)
    for item in shared[:1]:
        common |= _flat(item, 1)
    offsets, first, cosines = (
        _numbers(common.get(tag)) for tag in (_GRID_OFFSETS, _POSITION, _ORIENTATION)
    )
    frames = []
    for number, place in enumerate(dose_positions(offsets, first, cosines, count)):
        elements = dict(common)
        if place is not None:
            text = "\\".join(map(repr, place)).encode()
            elements[_POSITION] = RawElement("DS", text, EXPLICIT_LITTLE)
        if number < len(own):
            elements |= _flat(own[number], 1)
        frames.append(Scope(elements, scope.encodings, scope.signed, scope.syntax))
    return frames


def says_of_frame(tag: int, items: Sequence[Set[int]]) -> bool:
    """Whether what a sequence holds may stand in for elements of the frame.

    Manufacturers put whole data sets of other images into private sequences.

    Parameters
    ----------
    tag : int
    items : sequence of sets of int
        Tags of each item.
    """
    return len(items) == 1 and not is_private(tag) and not items[0] & _NAMING


def dose_positions(
    offsets: Sequence[float], first: Sequence[float], cosines: Sequence[float], count: int
) -> Sequence[list[float] | None]:
    """Position of each frame of a dose grid, mm (PS3.3 C.8.8.3.2); None for other objects.

    Offsets run along the normal of the plane. The first one is 0, or else they are coordinates.
    """
    if len(offsets) != count or count == 1 or len(first) != 3 or len(cosines) != 6:
        return [None] * count
    (a, b, c), (d, e, f) = cosines[:3], cosines[3:]
    normal = (b * f - c * e, c * d - a * f, a * e - b * d)
    return [[p + n * (o - offsets[0]) for p, n in zip(first, normal, strict=True)] for o in offsets]


def _groups(raw: RawElement | None, scope: Scope) -> list[Scope]:
    return [] if raw is None else item_scopes(raw, scope)


def _flat(item: Scope, depth: int) -> Elements:
    return dict(_flattened(item, depth))


def _flattened(item: Scope, depth: int) -> Iterator[tuple[int, RawElement]]:
    for tag, raw in item.elements.items():
        inside = _inside(tag, raw, item) if depth < DEEPEST else None
        if inside is None:
            yield tag, raw
        else:
            yield from _flattened(inside, depth + 1)


def _inside(tag: int, raw: RawElement, item: Scope) -> Scope | None:
    """The item of a sequence that says something about the frame."""
    if is_private(tag) or resolve_vr(tag, raw, item) != "SQ":
        return None
    items = item_scopes(raw, item)
    return items[0] if says_of_frame(tag, [_tags(each) for each in items]) else None


def _tags(item: Scope) -> Set[int]:
    tags: Collection[int] = item.elements.keys()
    return frozenset(tags)


def _numbers(raw: RawElement | None) -> list[float]:
    if raw is None:
        return []
    values = to_json_value(little_endian_value(raw, "DS"), "DS", ())
    numbers = [value for value in values if isinstance(value, (int, float))]
    return numbers if len(numbers) == len(values) else []
