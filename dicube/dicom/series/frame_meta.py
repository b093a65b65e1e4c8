"""Metadata with one slice for each frame, so that frames of all objects can be asked alike.

Of a multi-frame object each frame gets what its functional groups say (PS3.3 C.7.6.16), as if it
were at the top level of a single-frame object: `ImagePositionPatient`, `EffectiveEchoTime` and the
rest are then non-shared values like any other.
"""

from collections.abc import Iterator, Sequence
from typing import Any, Final

from dicube.dicom.dicom_meta import DicomMeta
from dicube.dicom.dicom_tags import CommonTags, tag_key
from dicube.dicom.entries import Entry, merged_entry, slice_item
from dicube.dicom.series.frame_scopes import DEEPEST, dose_positions, frame_scopes, says_of_frame

_SHARED_GROUPS: Final = tag_key("SharedFunctionalGroupsSequence")
_FRAME_GROUPS: Final = tag_key("PerFrameFunctionalGroupsSequence")
_NUMBER_OF_FRAMES: Final = tag_key(CommonTags.NumberOfFrames)
_POSITION: Final = tag_key(CommonTags.ImagePositionPatient)
_ORIENTATION: Final = tag_key(CommonTags.ImageOrientationPatient)
_GRID_OFFSETS: Final = tag_key("GridFrameOffsetVector")

Item = dict[str, Entry]


def frame_counts(meta: DicomMeta) -> list[int]:
    """Number of frames of each instance as Number of Frames says; 1 where it says nothing."""
    counts = meta.get_values(CommonTags.NumberOfFrames)
    return [n if isinstance(n, int) and n > 0 else 1 for n in counts]


def counts_for(meta: DicomMeta, frames: int) -> list[int] | None:
    """Number of frames of each instance of an image that has so many; None if nobody can tell.

    Metadata from a file may claim any number, so this is asked before frames are taken apart.
    """
    counts = frame_counts(meta)
    if sum(counts) == frames:
        return counts
    if meta.slice_count == frames:
        return [1] * frames
    return [frames] if meta.slice_count == 1 else None


def frame_meta(meta: DicomMeta, counts: Sequence[int] | None = None) -> DicomMeta:
    """The metadata with one slice for each frame, instance by instance.

    Elements of shared and per-frame functional groups stand at the top level and win over elements
    that stand there already; private sequences, those that hold several items, and those that name
    codes or other instances, stay sequences. The dose grid of RT Dose gives each frame its position
    (PS3.3 C.8.8.3.2). Metadata of single-frame objects are returned as they are.

    Parameters
    ----------
    meta : DicomMeta
    counts : sequence of int, optional
        Number of frames of each instance, where Number of Frames is not to be trusted.
    """
    counts = frame_counts(meta) if counts is None else counts
    if max(counts) == 1 and _FRAME_GROUPS not in meta and _SHARED_GROUPS not in meta:
        return meta
    if meta.scopes:  # spares the conversion of what nobody asks for
        pairs = zip(meta.scopes, counts, strict=True)
        return DicomMeta.from_scopes([s for scope, n in pairs for s in frame_scopes(scope, n)])
    merged = meta.merged_entries()
    merged.pop(_NUMBER_OF_FRAMES, None)
    frames: list[Item] = []
    for number, count in enumerate(counts):
        instance = slice_item(merged, number) if meta.slice_count > 1 else dict(merged)
        frames.extend(_frames_of(instance, count))
    keys = dict.fromkeys(key for frame in frames for key in frame)
    entries = {key: merged_entry([frame.get(key) for frame in frames]) for key in keys}
    return DicomMeta(entries, slice_count=len(frames))


def _frames_of(instance: Item, count: int) -> Iterator[Item]:
    """The frames of one instance; those without a group of their own have what is shared."""
    shared_groups = _items(instance.pop(_SHARED_GROUPS, None))
    frame_groups = _items(instance.pop(_FRAME_GROUPS, None))
    common = dict(instance)
    for group in shared_groups[:1]:
        common |= flattened(group)
    positions = _dose_positions(common, count)
    for number in range(count):
        own = flattened(frame_groups[number]) if number < len(frame_groups) else {}
        yield common | positions[number] | own


def flattened(item: Item) -> Item:
    """The elements of a functional group item, those in its sequences included."""
    return dict(_flat(item, 1))


def _flat(item: Item, depth: int) -> Iterator[tuple[str, Entry]]:
    for key, entry in item.items():
        if entry.get("vr") != "SQ":
            yield key, entry
            continue
        if depth < DEEPEST and _says_of_frame(key, _items(entry)):
            yield from _flat(_items(entry)[0], depth + 1)
        else:
            yield key, entry


def _says_of_frame(key: str, items: Sequence[Item]) -> bool:
    return says_of_frame(int(key, 16), [{int(key, 16) for key in item} for item in items])


def _dose_positions(common: Item, count: int) -> Sequence[Item]:
    offsets, first, cosines = (
        _numbers(common.get(key)) for key in (_GRID_OFFSETS, _POSITION, _ORIENTATION)
    )
    return [
        {} if place is None else {_POSITION: {"vr": "DS", "shared": True, "Value": place}}
        for place in dose_positions(offsets, first, cosines, count)
    ]


def _numbers(entry: Entry | None) -> list[float]:
    values: list[Any] = [] if entry is None else entry.get("Value", [])
    return values if all(isinstance(value, (int, float)) for value in values) else []


def _items(entry: Entry | None) -> list[Item]:
    return [] if entry is None or entry.get("vr") != "SQ" else entry.get("Value", [])
