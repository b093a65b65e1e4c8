"""Metadata of a series some of whose frames are filled because there are no files for them."""

import hashlib
import uuid
from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from dicube.dicom.dicom_meta import DicomMeta
from dicube.dicom.dicom_tags import CommonTags
from dicube.dicom.entries import Entry, absent_slices, copied, is_shared, reordered, slice_item
from dicube.dicom.geometry import slice_positions

_DECIMALS: Final = 6  # of mm
_SAID: Final = "Filled: the series has no image in this place"


def padded_meta(meta: DicomMeta, order: Sequence[int], volume_slices: int) -> DicomMeta:
    """Metadata with one slice for each frame, filled ones included.

    A filled frame has what all frames share, what all other slices of its volume share, and what
    its place has in all other volumes. It has a SOP Instance UID made from its place (so that the
    same job gives the same one), the next free Instance Number, a Derivation Description that says
    what it is, and, where no volume has its place, the position between its neighbours.

    Parameters
    ----------
    meta : DicomMeta
        One slice for each instance of one frame.
    order : sequence of int
        For each frame its slice, -1 for none.
    volume_slices : int
        Frames of one volume.
    """
    donors = _Donors(order, volume_slices)
    entries = {
        key: donors.padded(entry, meta.slice_count) for key, entry in meta.merged_entries().items()
    }
    padded = DicomMeta(entries, slice_count=len(order))
    filled = [place for place, number in enumerate(order) if number < 0]
    series = str(meta.get_values(CommonTags.SeriesInstanceUID)[0])
    numbers = [n for n in meta.get_values(CommonTags.InstanceNumber) if isinstance(n, int)]
    after = max(numbers, default=0) + 1
    uids = {place: filled_uid(series, place) for place in filled}
    padded.set_item_of(CommonTags.SOPInstanceUID, uids)
    padded.set_item_of(CommonTags.InstanceNumber, {p: after + i for i, p in enumerate(filled)})
    padded.set_item_of("DerivationDescription", dict.fromkeys(filled, _SAID))
    padded.set_item_of(CommonTags.ImagePositionPatient, _positions(padded, volume_slices))
    return padded


def filled_uid(series: str, place: int) -> str:
    """SOP Instance UID of a filled frame, made from its series and its place (PS3.5 B.2)."""
    digest = hashlib.sha256(f"{series} {place}".encode()).digest()
    return f"2.25.{uuid.UUID(bytes=digest[:16], version=4).int}"


class _Donors:
    """Which slices a filled frame may take an element from."""

    def __init__(self, order: Sequence[int], volume_slices: int) -> None:
        self._order = order
        cells = np.array(order).reshape(-1, volume_slices)
        volumes = [row[row >= 0].tolist() for row in cells]
        self._volumes = [volume for volume in volumes for _ in range(volume_slices)]
        self._places = [column[column >= 0].tolist() for column in cells.T] * len(cells)

    def padded(self, entry: Entry, slice_count: int) -> Entry:
        if is_shared(entry):
            return reordered(entry, [None] * len(self._order))
        absent = absent_slices(entry, slice_count)
        asked: dict[int, int | None] = {}

        def agreed(slices: list[int]) -> int | None:
            """A slice of a volume, or of a place, if those agree on the element."""
            if id(slices) not in asked:
                asked[id(slices)] = _agreed(entry, slices, absent)
            return asked[id(slices)]

        order: list[int | None] = []
        for place, number in enumerate(self._order):
            donor: int | None = number
            if number < 0:
                donor = agreed(self._volumes[place])
                donor = agreed(self._places[place]) if donor is None else donor
            order.append(donor)
        return dict(copied(reordered(entry, order)))


def _agreed(entry: Entry, slices: list[int], absent: frozenset[int]) -> int | None:
    if len(slices) < 2 or absent.intersection(slices):
        return None
    first = slice_item({"": entry}, slices[0])
    same = all(slice_item({"": entry}, number) == first for number in slices[1:])
    return slices[0] if same else None


def _positions(meta: DicomMeta, volume_slices: int) -> dict[int, Any]:
    """Where frames lie whose place no volume has: between their neighbours."""
    found = slice_positions(meta)
    known = {
        p % volume_slices: position for p, position in enumerate(found) if position is not None
    }
    slices = sorted(known)
    columns = np.array([known[number] for number in slices])
    return {
        place: [
            round(float(np.interp(place % volume_slices, slices, columns[:, axis])), _DECIMALS)
            for axis in range(3)
        ]
        for place, position in enumerate(found)
        if position is None
    }
