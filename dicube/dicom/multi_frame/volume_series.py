"""What all multi-frame objects of one series share, and where each of their frames lies."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt
from pydicom.dataset import Dataset
from pydicom.uid import generate_uid

from dicube.dicom.copied_attributes import OF_IMAGE, OF_SERIES
from dicube.dicom.dicom_meta import DicomMeta
from dicube.dicom.dicom_tags import tag_key
from dicube.dicom.entries import Entry
from dicube.dicom.multi_frame.data_sets import Code, code_item, data_set_of_entries
from dicube.dicom.provenance import PROCESSING_SOURCE, REFERENCED_SERIES, SOURCES
from dicube.dicom.stored_form import as_decimal
from dicube.dicom.temporal_position import moment_of

Array = npt.NDArray[Any]
Affine = npt.NDArray[np.float64]

_OF_ALL: Final = (OF_SERIES | OF_IMAGE | frozenset(
    tag_key(keyword)
    for keyword in (
        "SeriesInstanceUID", "SeriesNumber", "ContentDate", "ContentTime", "Manufacturer",
        "ManufacturerModelName", "SoftwareVersions", "ContributingEquipmentSequence",
    )
)) - {tag_key("DerivationDescription"), tag_key("AnatomicalOrientationType")}  # fmt: skip

# No standard code says that images were processed in a way that nobody names (PS3.16 CID 7203).
PROCESSED: Final = Code("PROCESSED", "Image processing", "99DICUBE")


class Place(NamedTuple):
    """One frame of a series of volumes, by the numbers of its volume and slice."""

    volume: int
    slice: int


@dataclass(frozen=True)
class VolumeSeries:
    """A derived series of volumes, all on one grid.

    Attributes
    ----------
    meta : DicomMeta
        Of classic images, one slice for each frame, volume after volume (`derived_series`).
    affine : (4, 4) float64, mm
        From (z, y, x, 1) to patient coordinates.
    volumes, slices : int
    slope, intercept : float
        Of all frames.
    window : (centre, width) or None
        In output values.
    offsets_ms : tuple of float, or None
        When each volume was acquired.
    start : datetime or None
        Of offset 0.
    derivation : Code
        How the images were made.
    """

    meta: DicomMeta
    affine: Affine
    volumes: int
    slices: int
    slope: float = 1.0
    intercept: float = 0.0
    window: tuple[float, float] | None = None
    offsets_ms: tuple[float, ...] | None = None
    start: datetime | None = None
    derivation: Code = PROCESSED
    organization_uid: str = field(default_factory=lambda: str(generate_uid()))

    def places(self, volumes: range) -> list[Place]:
        """The frames of some volumes in the order in which an object holds them."""
        return [Place(t, z) for t in volumes for z in range(self.slices)]

    def common(self) -> Dataset:
        """Elements of patient, study, series, frame of reference and equipment."""
        first = dict(self.meta.index(0).items())
        return data_set_of_entries({key: first[key] for key in first if key in _OF_ALL})

    @property
    def modality(self) -> str:
        return str(self.meta.get("Modality"))

    @property
    def pixel_spacing(self) -> list[float]:
        """Between rows, between columns; mm."""
        return [_distance(float(number)) for number in np.linalg.norm(self.affine[:3, 1:3], axis=0)]

    @property
    def slice_distance(self) -> float:
        """Between the planes of neighbouring slices; mm."""
        rows, columns = (self.affine[:3, i] / np.linalg.norm(self.affine[:3, i]) for i in (2, 1))
        return _distance(abs(float(np.cross(rows, columns) @ self.affine[:3, 0])))

    @property
    def orientation(self) -> list[float]:
        """Row cosines, then column cosines."""
        directions = self.affine[:3, :3] / np.linalg.norm(self.affine[:3, :3], axis=0)
        return [as_decimal(cosine) for cosine in (*directions[:, 2], *directions[:, 1])]

    def position(self, slice_number: int) -> list[float]:
        """Image Position (Patient) of a slice, mm."""
        corner = self.affine[:3, 3] + slice_number * self.affine[:3, 0]
        return [as_decimal(coordinate) for coordinate in corner]

    def moment(self, volume: int) -> datetime | None:
        """When a volume was acquired, as far as that is known."""
        if self.start is None or self.offsets_ms is None:
            return None
        return moment_of(self.start, self.offsets_ms[volume])

    def sources(self, place: Place) -> list[Dataset]:
        """The images that a frame was computed from, as items of a Source Image Sequence."""
        found = self._items(SOURCES, place)
        for item in found:
            if "PurposeOfReferenceCodeSequence" not in item:
                item.PurposeOfReferenceCodeSequence = [code_item(*PROCESSING_SOURCE)]
        return found

    def source_series(self, places: list[Place]) -> list[Dataset]:
        """Series of the source images, each with those of its images that the frames need."""
        by_series: dict[str, Dataset] = {}
        seen: set[tuple[str, str]] = set()
        for place in places:
            for item in self._items(REFERENCED_SERIES, place):
                series_uid = str(item.SeriesInstanceUID)
                series = by_series.setdefault(series_uid, Dataset())
                series.SeriesInstanceUID = series_uid
                instances = series.setdefault("ReferencedInstanceSequence", []).value
                for instance in item.ReferencedInstanceSequence:
                    key = (series_uid, str(instance.ReferencedSOPInstanceUID))
                    if key not in seen:
                        seen.add(key)
                        instances.append(_without_frame(instance))
        return list(by_series.values())

    def _items(self, keyword: str, place: Place) -> list[Dataset]:
        items: list[dict[str, Entry]] | None
        items = self._by_slice(keyword)[place.volume * self.slices + place.slice]
        return [data_set_of_entries(item) for item in items or []]

    def _by_slice(self, keyword: str) -> list[Any]:
        return self.meta.get_values(keyword)


def _distance(number: float) -> float:
    """Without what the cosines of an affine add in their last digits: 1.5, not 1.50000000000001."""
    return as_decimal(float(f"{number:.12g}"))


def _without_frame(instance: Dataset) -> Dataset:
    reference = Dataset()
    reference.ReferencedSOPClassUID = instance.ReferencedSOPClassUID
    reference.ReferencedSOPInstanceUID = instance.ReferencedSOPInstanceUID
    return reference
