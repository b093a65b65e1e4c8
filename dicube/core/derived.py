"""Images that were computed from another one: its geometry, its patient, a series of their own."""

import math
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from dicube.core.axes import volume_axes, volume_shape
from dicube.core.contents import Array, CubeContents, packed_meta
from dicube.core.pixel_header import PixelDataHeader
from dicube.dicom.derivation import set_values
from dicube.dicom.derived_series import derived_series
from dicube.dicom.dicom_meta import DicomMeta
from dicube.dicom.dicom_tags import CommonTags
from dicube.dicom.geometry import slice_positions
from dicube.dicom.image_plane import set_plane
from dicube.dicom.multi_frame.reading import frame_places
from dicube.dicom.provenance import FrameSource, frame_sources, is_unwritten_derivation
from dicube.dicom.series.axis import Axis
from dicube.dicom.sop_classes import CLASSIC_CLASSES
from dicube.dicom.temporal_position import set_temporal_positions, start_of
from dicube.exceptions import DataConsistencyError

Affine = npt.NDArray[np.float64]

_MILLISECONDS: Final = {"ms": 1.0, "s": 1000.0, "us": 0.001}
_SAME_PLACE: Final = 1e-3  # mm


def derived_contents(
    values: Array,
    like: CubeContents,
    affine: Affine | None,
    *,
    series_description: str | None,
    derivation_description: str | None,
) -> CubeContents:
    """What `DicomCubeImage.from_array` needs; `affine` is that of `like`.

    Raises
    ------
    DataConsistencyError
        The array does not have the shape of the reference, or the reference is in colour.
    MetaDataError
        A description does not fit its element.
    """
    if values.dtype.kind == "b":
        values = values.astype(np.uint8)
    _check_shape(values, like)
    axes = _axes_of(values, like.axes)
    meta = None
    if like.meta is not None:
        meta = derived_meta(
            like,
            affine,
            axes,
            series_description=series_description,
            derivation_description=derivation_description,
        )
        set_pixels(meta, 1.0, 0.0)
    dtype = values.dtype.name
    return CubeContents(
        values=values,
        axes=axes,
        header=PixelDataHeader(OriginalPixelDtype=dtype, PixelDtype=dtype),
        meta=None if meta is None else packed_meta(value=meta),
        space=like.space,
        affine=like.affine,
    )


def derived_meta(
    like: CubeContents,
    affine: Affine | None,
    axes: Sequence[Axis],
    *,
    series_description: str | None = None,
    derivation_description: str | None = None,
) -> DicomMeta:
    """Classic metadata of a series computed from another image, one slice for each frame.

    Nothing is said about pixels; `set_pixels` does that.

    Parameters
    ----------
    like : CubeContents
        With metadata.
    affine : (4, 4) float64 or None
        Of `like`.
    axes : sequence of Axis
        Of the new image: those of `like`, with another number of volumes or without them.
    """
    assert like.meta is not None
    source = like.meta.value
    volumes = math.prod(axis.size for axis in volume_axes(axes))
    frames = _frames_for(like, source, volumes)
    meta = derived_series(
        source,
        frames,
        volumes,
        series_description=series_description,
        derivation_description=derivation_description,
        # An image that never had files, or lost them to an edit, may be a derivation in memory.
        is_source=like.sources is not None or not is_unwritten_derivation(source),
    )
    if affine is None and meta.is_missing(CommonTags.ImagePositionPatient):
        _place_by_frame(meta, source, frames)
    place(meta, affine, axes, start_of(source))
    return meta


def place(
    meta: DicomMeta, affine: Affine | None, axes: Sequence[Axis], start: datetime | None
) -> None:
    """Say where and when the images of a derived series are.

    Parameters
    ----------
    meta : DicomMeta
        Changed; one slice for each frame of the axes.
    affine : (4, 4) float64 or None
        What the metadata say already is kept as they say it.
    axes : sequence of Axis
    start : datetime or None
        Of the time axis.
    """
    volumes = math.prod(axis.size for axis in volume_axes(axes))
    slices = meta.slice_count // volumes
    if affine is not None and not _is_placed(meta, affine, slices):
        set_plane(meta, affine, slices)
        meta.remove_item("SpacingBetweenSlices")  # of the source; positions say it
    if volume_axes(axes):
        set_temporal_positions(meta, volumes, offsets_ms(axes), start)


def set_pixels(meta: DicomMeta, slope: float, intercept: float) -> None:
    """Say how classic metadata describe 16-bit pixels: words, and the rescale where there is one.

    MR images have no rescale of their own (PS3.3 A.4.3), but every reader knows it.
    """
    modality = str(meta.get("Modality"))
    if modality in CLASSIC_CLASSES:
        for keyword, number in (("BitsAllocated", 16), ("BitsStored", 16), ("HighBit", 15)):
            meta.set_shared_item(keyword, number)
    if modality in ("CT", "PT") or (slope, intercept) != (1.0, 0.0):
        meta.set_shared_item("RescaleSlope", slope)
        meta.set_shared_item("RescaleIntercept", intercept)
        if modality == "MR":
            meta.set_shared_item("RescaleType", "US")


def offsets_ms(axes: Sequence[Axis]) -> tuple[float, ...] | None:
    """When each volume was acquired; None where the first axis is no time, or says no times."""
    outer = volume_axes(axes)
    if len(outer) != 1 or outer[0].name != "t" or outer[0].coordinates is None:
        return None
    time = outer[0]
    factor = _MILLISECONDS.get(time.unit)
    return None if factor is None else tuple(factor * t for t in outer[0].coordinates)


def _check_shape(values: Array, like: CubeContents) -> None:
    shape = volume_shape(like.values.shape, like.axes)
    if like.values.ndim - len(like.axes) > 2:
        raise DataConsistencyError("the reference is in colour, derived images are grey")
    fits = values.shape == like.values.shape or (
        values.ndim in (3, 4) and values.shape[-3:] == shape
    )
    if not fits or not values.size:
        raise DataConsistencyError(
            f"the array is of shape {values.shape}, the volume of the reference {shape}",
            hint="give (z, y, x) or (t, z, y, x) on the grid of the reference",
        )


def _axes_of(values: Array, axes: tuple[Axis, ...]) -> tuple[Axis, ...]:
    slices = axes[-1] if axes else Axis("z", 1, "mm")
    if values.shape[:-2] == tuple(axis.size for axis in axes):
        return axes
    if values.ndim == 3:
        return (slices,)
    alike = len(axes) > 1 and axes[0].size == len(values)
    return (axes[0] if alike else Axis("t", len(values)), slices)


def _frames_for(like: CubeContents, source: DicomMeta, volumes: int) -> list[FrameSource]:
    """For each frame of a derived image its source: the same frame, or that of the first volume."""
    frames = frame_sources(source, len(like.frames))
    if like.frame_order is not None:
        frames = [frames[number] for number in like.frame_order]
    slices = like.axes[-1].size if like.axes else 1
    if volumes * slices == len(frames):
        return frames
    return frames[:slices] * volumes


def _place_by_frame(meta: DicomMeta, source: DicomMeta, frames: Sequence[FrameSource]) -> None:
    """Positions of frames of multi-frame files, as far as these have them."""
    places = frame_places(source)
    by_source = dict(zip(frame_sources(source, len(places)), places, strict=True))
    chosen = [by_source[frame] for frame in frames]
    for keyword, vectors in (
        ("ImagePositionPatient", [frame.position for frame in chosen]),
        ("ImageOrientationPatient", [frame.orientation for frame in chosen]),
        ("PixelSpacing", [frame.pixel_spacing for frame in chosen]),
    ):
        values = [None if vector is None else vector.tolist() for vector in vectors]
        if None not in values:
            set_values(meta, keyword, values)


def _is_placed(meta: DicomMeta, affine: Affine, slices: int) -> bool:
    """Whether the slices have the positions of a grid already, in the words of their source."""
    positions: list[Any] = slice_positions(meta)
    if any(position is None for position in positions):
        return False
    places = [affine[:3, 3] + (i % slices) * affine[:3, 0] for i in range(len(positions))]
    return bool(np.abs(np.array(positions) - places).max() < _SAME_PLACE)
