"""A region of interest as a caller gives it, as the mask of every frame."""

import os
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from dicube.codecs.base import Mask
from dicube.codecs.jxl import Background
from dicube.core.axes import volume_shape
from dicube.core.body_mask import body_mask
from dicube.core.contents import CubeContents
from dicube.core.exchange import exchange_of, segmentation_reader
from dicube.core.frame_writing import RoiRequest
from dicube.core.grid_turn import GridTurn
from dicube.core.segmentation import Segmentation
from dicube.exceptions import CodecError, DataConsistencyError
from dicube.storage.formats import DCBR, FileFormat
from dicube.storage.pixel_utils import encoding_of

Array = npt.NDArray[Any]
# An array, segments, a .npy, NIfTI or DICOM segmentation file, or the word "body".
RoiLike = npt.ArrayLike | Segmentation | str | os.PathLike[str]

BODY: Final = "body"
_GRID_TOLERANCE: Final = 0.02  # voxels that a grid may be off at its far corner


def roi_request(
    contents: CubeContents,
    file_format: FileFormat,
    roi: RoiLike | None,
    background_error: int | None,
    background_distance: float | None,
) -> RoiRequest | None:
    """What `DicomCubeImage.to_file` was asked for; None for the lossless formats.

    An image that came from a .dcbr file keeps its region and its error: what was rounded once comes
    out the same, so nothing more is lost.

    Raises
    ------
    DataConsistencyError
        The format takes no region, needs one, or the image has one of its own already.
    CodecError
        The quality of the background is out of range.
    """
    asked = any(option is not None for option in (roi, background_error, background_distance))
    if file_format != DCBR:
        if asked:
            raise DataConsistencyError(
                f"a {file_format.suffix} file has no region of interest, it is lossless",
                hint="write a .dcbr file, or leave roi and background_... out",
            )
        return None
    if not encoding_of(contents.values.dtype).is_plain:
        raise CodecError(
            f"{contents.values.dtype.name} values cannot be off by a known error in JPEG XL",
            hint="write a .dcba file, which is lossless",
        )
    if contents.roi is not None:
        if asked:
            raise DataConsistencyError(
                "the image has a region of interest already, and is not exact outside of it",
                hint="start from the source, or keep the region: leave roi and background_... out",
            )
        error = contents.roi.quality.background_error
        if error is None:
            raise DataConsistencyError(
                "writing the image as .dcbr again would lose more",
                hint="write a .dcba or .dcbs file, which keep it as it is",
            )
        masks = contents.roi.mask.reshape(contents.frames.shape[:3])
        return RoiRequest(masks, Background(error, None))
    if roi is None:
        raise DataConsistencyError(
            "a .dcbr file needs a region of interest",
            hint='give roi= (--roi): an array, a .npy, NIfTI or DICOM SEG file, or "body"',
        )
    background = Background.chosen(background_error, background_distance)
    return RoiRequest(masks_of(contents, roi), background)


def masks_of(contents: CubeContents, roi: RoiLike) -> Mask:
    """The mask of every frame.

    Parameters
    ----------
    contents : CubeContents
    roi : array, Segmentation, path, or "body"
        An array, of the shape of the image (without samples), or of one volume or one frame that
        stands for all; True or any number but 0 is inside. A .npy file with such an array. A NIfTI
        file or a DICOM segmentation (.dcm), whose grid may be turned against that of the image; all
        segments of one together, as those of a `Segmentation`. Or "body" (see `body_mask`).

    Returns
    -------
    (frames, rows, columns) bool

    Raises
    ------
    DataConsistencyError
        The file cannot be read, the mask does not fit the image, holds fractions or is empty.
    MissingDependencyError
        An extra is missing: nibabel for NIfTI, scipy for "body".
    """
    where = str(roi) if isinstance(roi, (str, os.PathLike)) else None
    if where == BODY:
        masks = body_mask(contents)
    else:
        if isinstance(roi, Segmentation):
            array = _union(roi, *_grid_of(contents, where))
        else:
            array = np.asarray(roi) if where is None else _read(contents, Path(where))
        masks = _for_all_frames(contents, _as_bool(array, where), where)
    if not masks.any():
        raise DataConsistencyError(
            "the region of interest is empty", where=where, hint="look at it with `dicube mask`"
        )
    return masks


def _read(contents: CubeContents, path: Path) -> Array:
    name = path.name.lower()
    if name.endswith((".nii", ".nii.gz")):
        return _read_nifti(contents, path)
    if name.endswith(".dcm"):
        affine, shape = _grid_of(contents, str(path))
        return _union(segmentation_reader()(path, affine, shape), affine, shape)
    if not name.endswith(".npy"):
        raise DataConsistencyError(
            "masks are read from .npy, .nii, .nii.gz and .dcm files", where=str(path)
        )
    try:
        return np.asarray(np.load(path, allow_pickle=False))
    except (OSError, ValueError) as error:
        raise DataConsistencyError("cannot be read as .npy", where=str(path)) from error


def _as_bool(array: Array, where: str | None) -> Mask:
    """True where the mask is not 0.

    Probabilities and the like would silently become "everything", so fractions are refused.
    """
    if array.dtype.kind not in "biuf":
        raise DataConsistencyError(f"a mask cannot be of dtype {array.dtype.name}", where=where)
    if array.dtype.kind == "f" and not np.array_equal(array, np.floor(array)):
        raise DataConsistencyError(
            "the mask holds fractions or NaN", where=where, hint="compare it with a threshold first"
        )
    return np.asarray(array != 0)


def _for_all_frames(contents: CubeContents, mask: Mask, where: str | None) -> Mask:
    grid = contents.values.shape[: len(contents.axes) + 2]
    if mask.ndim < 2 or mask.shape != grid[len(grid) - mask.ndim :]:
        raise DataConsistencyError(
            f"the mask is of shape {mask.shape}, the image of {grid}",
            where=where,
            hint="give the mask of the image, of one volume or of one frame, in (z, y, x) order",
        )
    repeated = np.broadcast_to(mask, grid).reshape(-1, *grid[-2:])
    return np.ascontiguousarray(repeated)


# ---- grids that are turned against each other ---------------------------------------------------


def _read_nifti(contents: CubeContents, path: Path) -> Array:
    """The mask on the grid of the image: tools differ in the direction of rows and slices."""
    image = exchange_of("nifti").read(path)
    own, shape = _grid_of(contents, str(path))
    turned = None if image.affine is None else _turned(image.raw_image, image.affine, own, shape)
    if turned is None:
        raise _on_another_grid(str(path))
    return turned


def _union(segmentation: Segmentation, affine: Array, shape: tuple[int, ...]) -> Mask:
    placed = segmentation.turned(affine, shape, _GRID_TOLERANCE)
    if placed is None:
        raise _on_another_grid(None)
    return placed.any_mask()


def _grid_of(contents: CubeContents, where: str | None) -> tuple[Array, tuple[int, ...]]:
    """Affine and shape of one volume."""
    affine = contents.voxel_affine
    if affine is None:
        raise DataConsistencyError(
            "the image has no regular geometry that tells where the mask lies",
            where=where,
            hint="give the mask as .npy, slice by slice like the image",
        )
    return affine, volume_shape(contents.values.shape, contents.axes)


def _on_another_grid(where: str | None) -> DataConsistencyError:
    return DataConsistencyError(
        "the mask lies on another grid than the image",
        where=where,
        hint="resample it to the grid of the image, by nearest neighbour",
    )


def _turned(mask: Array, affine: Array, own: Array, shape: tuple[int, ...]) -> Array | None:
    """The mask with its last three axes exchanged and reversed; None where that is not enough."""
    turn = GridTurn.between(affine, own, mask.shape[-3:], _GRID_TOLERANCE)
    if turn is None:
        return None
    turned = turn.array(mask)
    starts_there = turn.corner((0, 0, 0), mask.shape[-3:]) == (0, 0, 0)
    return turned if starts_there and turned.shape[-3:] == tuple(shape) else None
