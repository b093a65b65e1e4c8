"""Reading DICOM segmentations of any writer: BINARY, FRACTIONAL and LABELMAP."""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt
from pydicom.dataset import Dataset

from dicube.core.exchange import register_segmentation_reader
from dicube.core.label_boxes import boxes_of_plane
from dicube.core.segmentation import MaskBox, Segment, Segmentation, SegmentationKind
from dicube.dicom.dicom_meta import DicomMeta
from dicube.dicom.frame_stream import iter_frames
from dicube.dicom.instance import Instance, read_instance
from dicube.dicom.pixel_data import frame_count_problem, layout_of
from dicube.dicom.series.frame_table import FrameTable
from dicube.exceptions import DataConsistencyError, MetaDataError
from dicube.interchange.seg.data_sets import instance_of_data_set
from dicube.interchange.seg.frame_grid import frame_grid
from dicube.interchange.seg.segment_items import segment_of_item
from dicube.interchange.seg.source import Source, source_volume

Array = npt.NDArray[Any]
PathLike = str | os.PathLike[str]

_CLASSES: Final = ("1.2.840.10008.5.1.4.1.1.66.4", "1.2.840.10008.5.1.4.1.1.66.7")
_KINDS: Final[dict[str, SegmentationKind]] = {
    "BINARY": "binary",
    "FRACTIONAL": "fractional",
    "LABELMAP": "labelmap",
}
# In voxels (z, y, x): positions of seven digits are off by far less, a wrong source by far more.
_GRID_TOLERANCE: Final = (0.25, 0.05, 0.05)


class _Piece(NamedTuple):
    """What one frame has of one segment: the box around it, on one slice."""

    slice: int
    row: int
    column: int
    values: Array


def read_seg(
    file: PathLike | Dataset, source: Source | None = None, *, volume: int | None = None
) -> Segmentation:
    """Read a DICOM segmentation.

    Masks come on the grid of the source, empty slices included and cropped frames in their place;
    without a source on the grid that the frames span. Segments that overlap stay whole. Nothing is
    resampled.

    Parameters
    ----------
    file : path or pydicom data set
    source : folder, cube file, DicomCubeImage, sequence of files or pydicom data sets, optional
        The images that were segmented.
    volume : int, optional
        Which volume of a 4D source, from 0.

    Returns
    -------
    Segmentation
        Its `affine`, `space` and `shape` say where it is.

    Raises
    ------
    MetaDataError
        The file is no segmentation, or lacks what tells where its frames are.
    DataConsistencyError
        The frames are no part of a regular grid, or not of that of the source.
    CodecError
        Compressed frames cannot be decoded.
    """
    if source is None:
        return _read(file, None)
    grid = source_volume(source, volume)
    return read_seg_on_grid(file, grid.affine, grid.shape)


def read_seg_on_grid(
    file: PathLike | Dataset, affine: npt.NDArray[np.float64], shape: Sequence[int]
) -> Segmentation:
    """Read a DICOM segmentation on the grid of an image; errors are those of `read_seg`.

    Parameters
    ----------
    file : path or pydicom data set
    affine : (4, 4) float64
        From (z, y, x, 1) to patient coordinates (LPS), mm.
    shape : (z, y, x)
    """
    placed = _read(file, affine).turned(affine, shape, _GRID_TOLERANCE)
    if placed is None:
        raise DataConsistencyError(
            "the segmentation does not lie on the grid of the source",
            where=None if isinstance(file, Dataset) else str(file),
            hint="give the images it was made of, or read it without a source",
        )
    return placed


def _read(file: PathLike | Dataset, source: npt.NDArray[np.float64] | None) -> Segmentation:
    """The segmentation on the grid of its frames; the source knows how far slices are apart."""
    if isinstance(file, Dataset):
        instance = instance_of_data_set(file)
    else:
        instance = read_instance(Path(file))
    where = str(instance.path)
    meta = DicomMeta.from_instances([instance])
    kind = _kind(meta, where)
    if instance.pixels is not None and (problem := frame_count_problem(instance)):
        raise DataConsistencyError(problem, where=where)
    layout = layout_of(instance)
    table = FrameTable.of(meta, [layout.frames])
    grid = frame_grid(
        table.positions,
        table.orientations,
        table.spacings,
        [float(table.numbers(tag, 1)[0, 0]) for tag in ("SpacingBetweenSlices", "SliceThickness")],
        source,
        where=where,
    )
    segments = _segments(meta, kind, where)
    found: dict[int, list[_Piece]] = {segment.number: [] for segment in segments}
    for number, piece in _pieces(instance, meta, table, kind, grid.slice_of):
        if number not in found:
            raise DataConsistencyError(
                f"frames are of segment {number}, which is not described", where=where
            )
        found[number].append(piece)
    dtype = np.float32 if kind == "fractional" else np.bool_
    masks = [_joined(found[segment.number], dtype) for segment in segments]
    shape = (grid.slices, layout.rows, layout.columns)
    return Segmentation(segments, masks, shape, grid.affine, kind)


def _kind(meta: DicomMeta, where: str) -> SegmentationKind:
    sop_class, kind = (meta.get_values(tag)[0] for tag in ("SOPClassUID", "SegmentationType"))
    if sop_class not in _CLASSES or kind not in _KINDS:
        raise MetaDataError(
            "no DICOM segmentation",
            where=where,
            hint="give a file of SOP class Segmentation or Label Map Segmentation Storage",
        )
    return _KINDS[kind]


def _segments(meta: DicomMeta, kind: SegmentationKind, where: str) -> list[Segment]:
    """The segments by number; the background of a label map is none."""
    entry = dict(meta.items()).get("00620002", {})
    segments = [segment_of_item(item) for item in entry.get("Value", [])]
    if kind == "labelmap":
        segments = [segment for segment in segments if segment.number != 0]
    numbers = [segment.number for segment in segments]
    if len(set(numbers)) != len(numbers) or min(numbers, default=1) < 1:
        raise DataConsistencyError(f"the segments are numbered {numbers}", where=where)
    return sorted(segments, key=lambda segment: segment.number)


def _pieces(
    instance: Instance,
    meta: DicomMeta,
    table: FrameTable,
    kind: SegmentationKind,
    index: npt.NDArray[np.intp],
) -> Iterator[tuple[int, _Piece]]:
    """What the frames hold, with the number of its segment."""
    frames = iter_frames(instance, layout_of(instance))
    if kind == "labelmap":
        for z, labels in zip(index.tolist(), frames, strict=True):
            for label, (y0, y1, x0, x1) in boxes_of_plane(labels).items():
                yield label, _Piece(z, y0, x0, labels[y0 : y1 + 1, x0 : x1 + 1] == label)
        return
    numbers = table.numbers("ReferencedSegmentNumber", 1)[:, 0]
    if np.isnan(numbers).any():
        raise MetaDataError(
            "frames do not say which segment they are of", where=f"{instance.path}, tag 0062000B"
        )
    largest = 1.0
    if kind == "fractional":
        said = meta.get_values("MaximumFractionalValue")[0]
        largest = float(said) if isinstance(said, (int, float)) and said > 0 else 255.0
    for number, z, values in zip(numbers.astype(int).tolist(), index.tolist(), frames, strict=True):
        rows = np.flatnonzero(values.any(axis=1))
        if not rows.size:
            continue
        band = values[rows[0] : rows[-1] + 1]
        columns = np.flatnonzero(band.any(axis=0))
        box = band[:, columns[0] : columns[-1] + 1]
        part = box / np.float32(largest) if kind == "fractional" else box != 0
        yield number, _Piece(z, int(rows[0]), int(columns[0]), part)


def _joined(pieces: list[_Piece], dtype: npt.DTypeLike) -> MaskBox:
    """The pieces of one segment in one box."""
    if not pieces:
        return MaskBox((0, 0, 0), np.zeros((0, 0, 0), dtype))
    low = (
        min(piece.slice for piece in pieces),
        min(piece.row for piece in pieces),
        min(piece.column for piece in pieces),
    )
    high = (
        max(piece.slice + 1 for piece in pieces),
        max(piece.row + piece.values.shape[0] for piece in pieces),
        max(piece.column + piece.values.shape[1] for piece in pieces),
    )
    values = np.zeros([end - start for start, end in zip(low, high, strict=True)], dtype)
    for z, row, column, part in pieces:
        y, x = row - low[1], column - low[2]
        place = values[z - low[0], y : y + part.shape[0], x : x + part.shape[1]]
        np.maximum(place, part, out=place)
    return MaskBox(low, values)


register_segmentation_reader(read_seg_on_grid)
