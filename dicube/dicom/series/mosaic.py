"""Mosaics: one image that holds all slices of a volume as tiles, row by row.

Siemens stores EPI series so, United Imaging calls the same a grid. They are kept as they come
unless somebody asks for the slices; then each tile becomes a frame with a position of its own.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from dicube.dicom.derivation import new_uid
from dicube.dicom.dicom_meta import DicomMeta
from dicube.dicom.dicom_tags import CommonTags
from dicube.dicom.geometry import (
    Float64Array,
    shared_orientation,
    shared_spacing,
    slice_normal,
    slice_positions,
)
from dicube.dicom.image_plane import decimals
from dicube.dicom.series.csa_header import csa_values
from dicube.dicom.series.private_elements import number_of, private_values

Array = npt.NDArray[Any]

_MOSAIC: Final = "MOSAIC"  # in Image Type; United Imaging has VFRAME
_UNITED_IMAGING: Final = ("Image Private Header", 0x0065, 0x50)  # images in the grid
_SIEMENS: Final = ("SIEMENS MR HEADER", 0x0019, 0x0A)  # NumberOfImagesInMosaic


@dataclass(frozen=True)
class Mosaic:
    """How the slices of a volume lie in one image.

    Attributes
    ----------
    slices : int
    tiles : int
        In a row, and in a column; the last rows may be empty.
    rows, columns : int
        Of a slice.
    step : (3,) float64, mm
        From a slice to the next, in patient coordinates.
    """

    slices: int
    tiles: int
    rows: int
    columns: int
    step: Float64Array

    def unpacked(self, values: Array) -> Array:
        """The slices of each image.

        Parameters
        ----------
        values : (n, rows, columns) array
            Mosaics.

        Returns
        -------
        (n, slices, rows, columns) array
        """
        cells = values.reshape(len(values), self.tiles, self.rows, self.tiles, self.columns)
        ordered = cells.transpose(0, 1, 3, 2, 4)
        every = ordered.reshape(len(values), self.tiles**2, self.rows, self.columns)
        return np.ascontiguousarray(every[:, : self.slices])

    def corners(self, meta: DicomMeta) -> list[Float64Array] | None:
        """(3,) mm of each image: centre of the first voxel of its first slice.

        Image Position (Patient) is that of an image as large as the mosaic around the middle of the
        slice.
        """
        positions, orientation = slice_positions(meta), shared_orientation(meta)
        spacing = shared_spacing(meta)
        placed = [position for position in positions if position is not None]
        if len(placed) < len(positions) or orientation is None or spacing is None:
            return None
        across = orientation[:3] * spacing[1] * (self.columns * (self.tiles - 1)) / 2
        down = orientation[3:] * spacing[0] * (self.rows * (self.tiles - 1)) / 2
        return [position + across + down for position in placed]


def mosaic_of(meta: DicomMeta) -> Mosaic | None:
    """The mosaic that all images of a series are; None where they are none.

    `meta` has one slice for each frame.
    """
    slices = _slice_count(meta)
    if slices < 2:
        return None
    shape = [meta.get_values(tag) for tag in (CommonTags.Rows, CommonTags.Columns)]
    if any(len(set(map(str, sizes))) > 1 for sizes in shape):
        return None
    rows, columns = (sizes[0] for sizes in shape)
    tiles = math.ceil(math.sqrt(slices))
    if not isinstance(rows, int) or not isinstance(columns, int) or rows % tiles or columns % tiles:
        return None
    step = _step(meta)
    return None if step is None else Mosaic(slices, tiles, rows // tiles, columns // tiles, step)


def unpacked_meta(meta: DicomMeta, mosaic: Mosaic) -> DicomMeta:
    """The metadata with one slice for each tile, image by image.

    Slices get UIDs made from those of their mosaics, numbers, their own Rows, Columns and position,
    and an Image Type without MOSAIC.
    """
    count = meta.slice_count
    unpacked = meta.taken([number for number in range(count) for _ in range(mosaic.slices)])
    unpacked.set_shared_item(CommonTags.Rows, mosaic.rows)
    unpacked.set_shared_item(CommonTags.Columns, mosaic.columns)
    uids = unpacked.get_values(CommonTags.SOPInstanceUID)
    places = [number % mosaic.slices for number in range(unpacked.slice_count)]
    named = [new_uid(f"slice {place}", uid) for uid, place in zip(uids, places, strict=True)]
    unpacked.set_nonshared_item(CommonTags.SOPInstanceUID, named)
    unpacked.set_nonshared_item(CommonTags.InstanceNumber, list(range(1, unpacked.slice_count + 1)))
    corners = mosaic.corners(meta)
    if corners is not None:
        positions = [
            decimals(corner + place * mosaic.step)
            for corner in corners
            for place in range(mosaic.slices)
        ]
        unpacked.set_nonshared_item(CommonTags.ImagePositionPatient, positions)
    types = [list(_words(value)) for value in unpacked.get_values("ImageType")]
    unpacked.set_nonshared_item(
        "ImageType", [[word for word in words if word != _MOSAIC] for words in types]
    )
    unpacked.remove_item(CommonTags.SliceLocation)
    return unpacked


def _slice_count(meta: DicomMeta) -> int:
    """Slices in each image; 0 where the images are no mosaics, or not all alike."""
    if all(_MOSAIC in _words(value) for value in meta.get_values("ImageType")):
        counts = private_values(meta, *_SIEMENS)
        if None in counts:
            counts = [*csa_values(meta).get("NumberOfImagesInMosaic", ["0"])]
    else:
        counts = private_values(meta, *_UNITED_IMAGING)
    numbers = {number_of(count) for count in counts}
    number = numbers.pop() if len(numbers) == 1 else None
    return int(number) if number is not None and 0 < number < 1 << 16 else 0


def _step(meta: DicomMeta) -> Float64Array | None:
    """From slice to slice, mm; the header says on which side of the plane the next one is."""
    orientation = shared_orientation(meta)
    distance = number_of(meta.get_values(CommonTags.SpacingBetweenSlices)[0])
    if distance is None:
        distance = number_of(meta.get_values(CommonTags.SliceThickness)[0])
    if orientation is None or not distance:
        return None
    normal = slice_normal(orientation)
    said = [number_of(text) for text in csa_values(meta).get("SliceNormalVector", [])]
    if len(said) == 3 and None not in said:
        side = float(np.dot(normal, np.array(said, dtype=np.float64)))
        normal = -normal if side < 0 else normal
    step: Float64Array = normal * abs(distance)
    return step


def _words(value: Any) -> Iterator[str]:
    listed = value if isinstance(value, list) else [value]
    return (word for word in listed if isinstance(word, str))
