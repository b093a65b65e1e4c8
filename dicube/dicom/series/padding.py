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
        self._volumes = [row[row >= 0].tolist() for row in cells for _ in range(volume_slices)]
        self._places = [column[column >= 0].tolist() for column in cells.T] * len(cells)

    def padded(self, entry: Entry, slice_count: int) -> Entry:
        if is_shared(entry):
            return reordered(entry, [None] * len(self._order))
        absent = absent_slices(entry, slice_count)
        order: list[int | None] = [
            self._donor(entry, place, absent) if number < 0 else number
            for place, number in enumerate(self._order)
        ]
        return dict(copied(reordered(entry, order)))

    def _donor(self, entry: Entry, place: int, absent: frozenset[int]) -> int | None:
        """A slice of the volume, or of the place, if those agree on the element."""
        for slices in (self._volumes[place], self._places[place]):
            if len(slices) > 1 and not absent.intersection(slices):
                singles = [slice_item({"": entry}, number) for number in slices]
                if all(single == singles[0] for single in singles[1:]):
                    return int(slices[0])
        return None


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
