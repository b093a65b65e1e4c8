"""A sheared stack as another image: values, place and metadata of the straightened one."""

from dataclasses import replace

import numpy as np

from dicube.core.axes import volume_shape
from dicube.core.contents import CubeContents, packed_meta, values_digest
from dicube.core.tilt import Array, checked_fill, straightened, straightening_of
from dicube.dicom.dicom_meta import DicomMeta
from dicube.dicom.dicom_status import get_dicom_status
from dicube.dicom.geometry import Float64Array, space_of
from dicube.dicom.judgement import first_volume
from dicube.dicom.straightened_meta import (
    NewPadding,
    StraightGrid,
    check_can_be_resampled,
    padding_value,
    straightened_meta,
)
from dicube.exceptions import DataConsistencyError


def straightened_contents(
    contents: CubeContents, *, fill: float | None, num_threads: int | None
) -> CubeContents:
    """All that `DicomCubeImage.resample_tilt` returns; `contents` is not changed.

    Raises
    ------
    DataConsistencyError
        The stack is not sheared, has no affine, or cannot be resampled; or `fill` does not fit.
    """
    frames = contents.frames
    shape = volume_shape(contents.values.shape, contents.axes)
    plan = straightening_of(_affine(contents), shape)
    meta = None if contents.meta is None else contents.meta.value
    if meta is not None:
        check_can_be_resampled(meta, len(frames))
    padding = _padding(meta, frames)
    chosen = _fill(fill, padding, frames)
    values = straightened(frames, plan, chosen, padding=padding, num_threads=num_threads)
    grid = StraightGrid(plan.affine, (shape[0], *plan.shape), plan.degrees)
    if meta is not None:
        new = _new_padding(chosen, padding, frames)
        digest = values_digest(values)
        meta = straightened_meta(meta, grid, result=f"straightened {digest}", padding=new)
    volume = first_volume(contents.axes)
    header = replace(contents.header, Extras=dict(contents.header.Extras))
    if header.MinVal is not None or header.MaxVal is not None:
        header.MinVal, header.MaxVal = float(values.min()), float(values.max())
    return CubeContents(
        values=values.reshape(*contents.values.shape[: len(contents.axes)], *values.shape[1:]),
        # Places along z now follow from the grid; those of before are along the sheared direction.
        axes=(*contents.axes[:-1], *(z._replace(coordinates=None) for z in contents.axes[-1:])),
        header=header,
        rescale=contents.rescale,
        meta=None if meta is None else packed_meta(value=meta),
        space=space_of(grid.affine, grid.shape),
        status=contents.status if meta is None else get_dicom_status(meta, volume=volume),
    )


def _affine(contents: CubeContents) -> Float64Array:
    affine = contents.voxel_affine
    if affine is None:
        raise DataConsistencyError(
            "the image has no affine, so nobody knows how its slices lie",
            hint="`findings` (`dicube info`) says why; where the slice distance changes, read the"
            " files of one distance alone",
        )
    return affine


def _padding(meta: DicomMeta | None, frames: Array) -> int | None:
    """The Pixel Padding Value of a monochrome image, if stored values can have it."""
    value = None if meta is None or frames.ndim > 3 else padding_value(meta)
    if value is None or frames.dtype.kind not in "iu":
        return None
    limits = np.iinfo(frames.dtype)
    return value if limits.min <= value <= limits.max else None


def _fill(fill: float | None, padding: int | None, frames: Array) -> float:
    """What was asked for, else the padding, else the smallest stored value that is a number."""
    if fill is not None:
        return checked_fill(fill, frames.dtype)
    if padding is not None:
        return padding
    smallest: float = np.fmin.reduce(frames, axis=None).item()
    return checked_fill(smallest, frames.dtype)


def _new_padding(fill: float, padding: int | None, frames: Array) -> NewPadding | None:
    """The fill as Pixel Padding Value: where there is none yet, and no pixel has this value."""
    fits = frames.ndim == 3 and frames.dtype.kind in "iu" and frames.dtype.itemsize <= 2
    if padding is not None or not fits or (frames == fill).any():
        return None
    return NewPadding(int(fill), is_signed=frames.dtype.kind == "i")
