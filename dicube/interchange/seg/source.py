"""The images that a segmentation is of: one volume of them, its grid and what it refers to.

Whatever they come as, files or data sets or a cube, only their metadata are looked at. Files come
in any order; slices are put in order by their positions, as everywhere.
"""

import math
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt
from pydicom.dataset import Dataset

from dicube.core.axes import volume_axes, volume_shape
from dicube.core.cube_file import read_description
from dicube.core.image import DicomCubeImage
from dicube.dicom.dicom_io import DicomSeries, read_series, series_of
from dicube.dicom.dicom_meta import DicomMeta
from dicube.dicom.dicom_tags import CommonTags, TagLike
from dicube.dicom.folder_scan import scan_files_of
from dicube.dicom.geometry import stack_geometry
from dicube.dicom.instance import Instance
from dicube.dicom.provenance import FrameSource, frame_sources
from dicube.dicom.series.axis import Axis
from dicube.dicom.series.frame_meta import frame_meta
from dicube.exceptions import DataConsistencyError, MetaDataError
from dicube.interchange.seg.data_sets import instance_of_header

Affine = npt.NDArray[np.float64]
Vector = npt.NDArray[np.float64]
PathLike = str | os.PathLike[str]
# A folder, a cube file, an image, files, or data sets of pydicom.
Source = PathLike | DicomCubeImage | Sequence[PathLike] | Sequence[Dataset]

_CUBE_SUFFIXES: Final = (".dcbs", ".dcba", ".dcbr")
# A slice may lie this part of the slice distance beside its place, as in any stack we call even.
_EVEN: Final = 0.1
_SAME: Final = 1e-4  # of direction cosines, or mm


class SourceFrame(NamedTuple):
    """One slice of the volume.

    Attributes
    ----------
    sop_class, sop_instance : str
    frame : int or None
        Its number in the file, from 1, where that holds several.
    position : (3,) float64
        Image Position (Patient), mm.
    """

    sop_class: str
    sop_instance: str
    frame: int | None
    position: Vector


@dataclass(frozen=True)
class SourceVolume:
    """One volume of source images.

    Attributes
    ----------
    shape : (z, y, x)
    affine : (4, 4) float64
        From (z, y, x, 1) to patient coordinates, mm.
    meta : DicomMeta
        One slice for each instance.
    first : int
        The slice of `meta` that the first slice of the volume is of.
    frames : tuple of SourceFrame
        One for each slice.
    orientation : (6,) float64
        Image Orientation (Patient).
    pixel_spacing : (2,) float64
        Between rows, between columns; mm.
    """

    shape: tuple[int, int, int]
    affine: Affine
    meta: DicomMeta
    first: int
    frames: tuple[SourceFrame, ...]
    orientation: Vector
    pixel_spacing: Vector


class _Parts(NamedTuple):
    """What all kinds of sources have in common; see `CubeContents`."""

    meta: DicomMeta | None
    axes: tuple[Axis, ...]
    frame_order: npt.NDArray[np.intp] | None
    shape: tuple[int, ...]
    affine: Affine | None
    where: str | None


def source_volume(source: Source, volume: int | None = None) -> SourceVolume:
    """One volume of whatever the source images come as.

    Parameters
    ----------
    source : folder, cube file, DicomCubeImage, sequence of files or of pydicom data sets
    volume : int, optional
        Which volume, counted in C order; needed where there are several.

    Raises
    ------
    MetaDataError
        There are no images, or they cannot be read or lack what tells where they are.
    DataConsistencyError
        There are several series, or several volumes and none is named, or the slices are no regular
        stack.
    """
    parts = _parts(source)
    if parts.meta is None:
        raise MetaDataError(
            "the source images have no metadata", where=parts.where, hint="image.init_meta(...)"
        )
    if parts.affine is None:
        raise DataConsistencyError(
            "the source images are no regular stack with positions",
            where=parts.where,
            hint="`findings` of the image says why",
        )
    volumes = math.prod(axis.size for axis in volume_axes(parts.axes))
    number = _chosen(volume, volumes, parts.where)
    z, y, x = volume_shape(parts.shape, parts.axes)
    order = parts.frame_order
    count = math.prod(axis.size for axis in parts.axes)
    numbers = np.arange(count) if order is None else order
    chosen = [int(i) for i in numbers[number * z : (number + 1) * z]]
    instances = frame_sources(parts.meta, count)
    placed = frame_meta(parts.meta)
    spacing = np.linalg.norm(parts.affine[:3, 1:3], axis=0)
    cosines = (parts.affine[:3, 1:3] / spacing)[:, ::-1].T.reshape(6)  # row cosines come first
    return SourceVolume(
        shape=(z, y, x),
        affine=parts.affine,
        meta=parts.meta,
        first=instances[chosen[0]].slice,
        frames=_frames(parts, placed, chosen, instances),
        orientation=_said(placed, CommonTags.ImageOrientationPatient, chosen[0], cosines),
        pixel_spacing=_said(placed, CommonTags.PixelSpacing, chosen[0], spacing),
    )


def _chosen(volume: int | None, volumes: int, where: str | None) -> int:
    if volume is None and volumes > 1:
        raise DataConsistencyError(
            f"the source images form {volumes} volumes",
            where=where,
            hint="say which one the segmentation is of: volume=0 (--volume 0) for the first",
        )
    number = volume or 0
    if not 0 <= number < volumes:
        raise DataConsistencyError(
            f"there is no volume {number}", where=where, hint=f"there are {volumes}, from 0"
        )
    return number


def _said(placed: DicomMeta, tag: TagLike, frame: int, expected: Vector) -> Vector:
    """The value of an element in its own digits, unless the geometry has been changed since."""
    said = _numbers(placed.get_values(tag)[frame], len(expected))
    is_same = said is not None and np.allclose(said, expected, rtol=0, atol=_SAME)
    return said if said is not None and is_same else expected


def _frames(
    parts: _Parts, placed: DicomMeta, chosen: Sequence[int], instances: Sequence[FrameSource]
) -> tuple[SourceFrame, ...]:
    """The slices in the order of the grid; positions of the metadata where they fit the grid."""
    assert parts.meta is not None
    assert parts.affine is not None
    positions = placed.get_values(CommonTags.ImagePositionPatient)
    classes = parts.meta.get_values(CommonTags.SOPClassUID)
    uids = parts.meta.get_values(CommonTags.SOPInstanceUID)
    step = parts.affine[:3, 0]
    frames = []
    for z, number in enumerate(chosen):
        index, frame = instances[number]
        if not classes[index] or not uids[index]:
            raise MetaDataError(
                "a source image has no SOP Class UID or SOP Instance UID",
                where=parts.where,
                hint="a segmentation has to name its sources",
            )
        position = parts.affine[:3, 3] + z * step
        said = _numbers(positions[number], 3)
        if said is not None and np.linalg.norm(said - position) <= _EVEN * np.linalg.norm(step):
            position = said
        frames.append(SourceFrame(str(classes[index]), str(uids[index]), frame, position))
    return tuple(frames)


def _numbers(value: object, count: int) -> Vector | None:
    if not isinstance(value, list) or len(value) != count:
        return None
    try:
        return np.array(value, dtype=np.float64)
    except (TypeError, ValueError):
        return None


# ---- what the images come as --------------------------------------------------------------------


def _parts(source: Source) -> _Parts:
    if isinstance(source, DicomCubeImage):
        return _parts_of_image(source)
    if isinstance(source, (str, os.PathLike)):
        path = Path(source)
        if path.suffix.lower() in _CUBE_SUFFIXES and not path.is_dir():
            return _parts_of_cube(path)
        if path.is_dir() or not path.exists():
            return _parts_of_series(read_series(path))
        return _parts_of_series(series_of(path.parent, scan_files_of([path])))
    images = [image for image in source if isinstance(image, Dataset)]
    names = [image for image in source if not isinstance(image, Dataset)]
    paths = [Path(name) for name in names if isinstance(name, (str, os.PathLike))]
    if bool(images) == bool(paths) or len(paths) != len(names):
        raise MetaDataError(
            "there are no source images, or things of several kinds among them",
            hint="give a folder, a cube file, a DicomCubeImage, files or pydicom data sets",
        )
    if images:
        return _parts_of_series(_series([instance_of_header(image) for image in images], Path()))
    folder = Path(os.path.commonpath([path.absolute().parent for path in paths]))
    return _parts_of_series(_series(scan_files_of(paths), folder))


def _parts_of_image(image: DicomCubeImage) -> _Parts:
    contents = image.contents()
    meta = None if contents.meta is None else contents.meta.value
    shape, affine = contents.values.shape, contents.voxel_affine
    return _Parts(meta, contents.axes, contents.frame_order, shape, affine, None)


def _parts_of_cube(path: Path) -> _Parts:
    cube = read_description(path)
    meta = None if cube.meta is None else cube.meta.value
    return _Parts(meta, cube.axes, cube.frame_order, cube.shape, cube.affine, str(path))


def _parts_of_series(series: DicomSeries) -> _Parts:
    frames = series.table.frames
    order = series.frame_order
    if min(series.arrangement.order) < 0:
        raise DataConsistencyError(
            "frames of the source images are missing", where=str(series.folder)
        )
    axes = series.arrangement.axes
    first = range(axes[-1].size) if order is None else order[: axes[-1].size].tolist()
    sizes = [frames.get_values(tag)[0] for tag in (CommonTags.Rows, CommonTags.Columns)]
    if not all(isinstance(size, int) and size > 0 for size in sizes):
        raise MetaDataError("the source images lack Rows or Columns", where=str(series.folder))
    shape = (*(axis.size for axis in axes), *sizes)
    affine = stack_geometry(frames.taken(list(first))).affine
    where = str(series.folder) if series.folder != Path() else None
    return _Parts(series.meta, axes, order, shape, affine, where)


def _series(instances: Sequence[Instance], folder: Path) -> DicomSeries:
    uids = {str(uid) for uid in DicomMeta.from_instances(instances).get_values("SeriesInstanceUID")}
    if len(uids) > 1:
        raise DataConsistencyError(
            f"the source images are of {len(uids)} series", hint="give those of one series"
        )
    return series_of(folder, instances)
