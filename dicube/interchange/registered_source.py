"""What a registered series takes over from its source: patient, place, and which image is which."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from dicube.core.new_meta import new_study_meta
from dicube.dicom.dicom_io import read_dicom_dir
from dicube.dicom.dicom_meta import DicomMeta
from dicube.dicom.geometry import slice_normal
from dicube.dicom.instance import NotDicomError, read_instance
from dicube.dicom.multi_frame.reading import FramePlace, frame_places
from dicube.dicom.provenance import FrameSource
from dicube.dicom.temporal_position import start_of
from dicube.exceptions import MetaDataError

Affine = npt.NDArray[np.float64]
Vector = npt.NDArray[np.float64]

_AXIAL: Final = np.array([1.0, 0, 0, 0, 1, 0])
_SAME_PLACE: Final = 1e-3  # mm
_SAME_STEP: Final = 1e-3  # part of the slice distance


class Reference(NamedTuple):
    """What a new series of volumes is made after.

    Attributes
    ----------
    meta : DicomMeta
    frames : list of FrameSource
        For each new frame the image in `meta` that it comes from.
    affine : (4, 4) float64
        From (z, y, x, 1) to patient coordinates, mm.
    start : datetime or None
    """

    meta: DicomMeta
    frames: list[FrameSource]
    affine: Affine
    start: datetime | None


def reference_of(
    source: str | Path | None, shape: Sequence[int], spacing: Sequence[float]
) -> Reference:
    """The reference for an array of shape (t, z, y, x).

    Slices lie where those of the source do, in the order of its instance numbers; where it has
    another number of positions, they follow its first one along the normal. Distances between
    voxels are those of `spacing`, (x, y, z) in mm.

    Raises
    ------
    MetaDataError
        The source cannot be read.
    """
    volumes, slices = shape[:2]
    if source is None:
        meta = new_study_meta("MR", "ANONYMOUS^", "0000000", slices=1)
        frames = [FrameSource(0)] * (volumes * slices)
        return Reference(meta, frames, _affine([], _AXIAL, slices, spacing), start_of(meta))
    meta = _read(Path(source))
    places = frame_places(meta)
    columns = _by_position(places)
    orientation = next((p.orientation for p in places if p.orientation is not None), _AXIAL)
    orientation = np.concatenate([half / np.linalg.norm(half) for half in np.split(orientation, 2)])
    positions = [position for position, _ in columns]
    affine = _affine(positions, orientation, slices, spacing)
    return Reference(meta, _frames(places, columns, volumes, slices), affine, start_of(meta))


def _read(source: Path) -> DicomMeta:
    if source.is_dir():
        return read_dicom_dir(source)
    try:
        return DicomMeta.from_instances([read_instance(source)])
    except NotDicomError as error:
        raise MetaDataError(error.what, where=str(source)) from error
    except OSError as error:
        raise MetaDataError(
            f"cannot be read: {error.strerror}", where=str(source), hint="check the path"
        ) from error


def _by_position(places: Sequence[FramePlace]) -> list[tuple[Vector, list[FramePlace]]]:
    """The images at each position, positions in the order in which they come first."""
    columns: list[tuple[Vector, list[FramePlace]]] = []
    for place in places:
        if place.position is None:
            continue
        for position, column in columns:
            if np.abs(position - place.position).max() < _SAME_PLACE:
                column.append(place)
                break
        else:
            columns.append((place.position, [place]))
    return columns


def _affine(
    positions: Sequence[Vector], orientation: Vector, slices: int, spacing: Sequence[float]
) -> Affine:
    affine = np.eye(4)
    affine[:3, 2] = orientation[:3] * spacing[0]
    affine[:3, 1] = orientation[3:] * spacing[1]
    affine[:3, 0] = slice_normal(orientation) * spacing[2]
    if positions:
        affine[:3, 3] = positions[0]
    if len(positions) == slices > 1:
        step = (positions[-1] - positions[0]) / (slices - 1)
        distance = float(np.linalg.norm(step))
        alike = abs(distance - spacing[2]) <= _SAME_STEP * spacing[2]
        affine[:3, 0] = step if alike else step / distance * spacing[2]
    return affine


def _frames(
    places: Sequence[FramePlace],
    columns: Sequence[tuple[Vector, list[FramePlace]]],
    volumes: int,
    slices: int,
) -> list[FrameSource]:
    """The image of the same slice and volume where the source has it, else the first that fits."""
    if len(columns) != slices:
        if len(places) == volumes * slices:
            return [place.source for place in places]
        return [places[0].source] * (volumes * slices)
    found = []
    for volume in range(volumes):
        for _, column in columns:
            found.append(column[volume if len(column) == volumes else 0].source)
    return found
