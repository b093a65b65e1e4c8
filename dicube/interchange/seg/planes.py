"""The frames of a segmentation as Pixel Data (PS3.5 8.1.1, PS3.3 C.8.20.2).

Frames are made of the boxes of masks, so that what is empty costs nothing: rows without a segment
are neither compared nor packed.
"""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from dicube.core.segmentation import MaskBox

Array = npt.NDArray[Any]


class Window(NamedTuple):
    """The rows and columns of the grid that frames show.

    Attributes
    ----------
    row, column : int
        The first of each.
    rows, columns : int
        How many.
    """

    row: int
    column: int
    rows: int
    columns: int


class Plane(NamedTuple):
    """One frame: which mask, and which slice of the grid."""

    mask: int
    slice: int


def common_window(masks: Iterable[MaskBox], rows: int, columns: int) -> Window:
    """The smallest window that shows all masks, for all frames have one size."""
    boxes = [mask.box for mask in masks if not mask.is_empty]
    if not boxes:
        return Window(0, 0, rows, columns)
    row, column = (min(box[axis].start for box in boxes) for axis in (1, 2))
    last_row, last_column = (max(box[axis].stop for box in boxes) for axis in (1, 2))
    return Window(row, column, last_row - row, last_column - column)


def occupied_slices(masks: Iterable[MaskBox], slices: int) -> npt.NDArray[np.bool_]:
    """(slices, masks) bool: whether a slice of the grid holds anything of a mask."""
    columns = []
    for mask in masks:
        column = np.zeros(slices, np.bool_)
        column[mask.box[0]] = mask.values.any(axis=(1, 2))
        columns.append(column)
    return np.stack(columns, axis=1)


def packed_frames(masks: Sequence[MaskBox], planes: Sequence[Plane], window: Window) -> bytes:
    """Frames of one bit for each pixel, without a gap between them, the first pixel lowest.

    The length is even, as that of any value has to be (PS3.5 7.1.1).

    Parameters
    ----------
    masks : sequence of MaskBox
        bool.
    planes : sequence of Plane
        The frames in their order.
    window : Window
        Holds all masks.
    """
    pixels = window.rows * window.columns
    packed = np.zeros((len(planes) * pixels + 15) // 16 * 2, np.uint8)
    for number, (part, row) in enumerate(_parts(masks, planes, window)):
        if part is None:
            continue
        band = np.zeros((part.shape[0], window.columns), np.uint8)
        column = masks[planes[number].mask].corner[2] - window.column
        band[:, column : column + part.shape[1]] = part
        first = number * pixels + row * window.columns
        # A frame begins within a byte where the frames before it are no whole bytes.
        bits = np.packbits(np.pad(band.reshape(-1), (first % 8, 0)), bitorder="little")
        packed[first // 8 : first // 8 + len(bits)] |= bits
    return packed.tobytes()


def whole_frames(masks: Sequence[MaskBox], planes: Sequence[Plane], window: Window) -> Array:
    """Frames as an array, (frames, rows, columns) of the dtype of the masks."""
    dtype = masks[0].values.dtype
    frames = np.zeros((len(planes), window.rows, window.columns), dtype)
    for number, (part, row) in enumerate(_parts(masks, planes, window)):
        if part is not None:
            column = masks[planes[number].mask].corner[2] - window.column
            frames[number, row : row + part.shape[0], column : column + part.shape[1]] = part
    return frames


def label_frames(
    masks: Sequence[MaskBox],
    numbers: Sequence[int],
    slices: Sequence[int],
    window: Window,
    dtype: npt.DTypeLike,
) -> Array:
    """Frames in which each pixel is the number of its segment, (frames, rows, columns)."""
    frames = np.zeros((len(slices), window.rows, window.columns), dtype)
    frame_of = {z: number for number, z in enumerate(slices)}
    for number, mask in zip(numbers, masks, strict=True):
        _, rows, columns = mask.box
        shown = np.s_[
            rows.start - window.row : rows.stop - window.row,
            columns.start - window.column : columns.stop - window.column,
        ]
        for z, part in enumerate(mask.values, mask.corner[0]):
            if z in frame_of:
                frames[frame_of[z]][shown][part] = number
    return frames


def _parts(
    masks: Sequence[MaskBox], planes: Sequence[Plane], window: Window
) -> Iterable[tuple[Array | None, int]]:
    """For each frame the slice of its box and its first row in the window; None: empty."""
    current, mask = -1, None
    for plane in planes:
        if plane.mask != current:  # frames of one mask follow each other, and it is made only once
            current, mask = plane.mask, masks[plane.mask]
        assert mask is not None
        z = plane.slice - mask.corner[0]
        inside = 0 <= z < len(mask.values)
        yield (mask.values[z] if inside else None), mask.corner[1] - window.row
