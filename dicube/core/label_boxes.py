"""Where each label of a label image is: its bounding box, in one pass over the slices."""

from typing import Any, Final

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
# (first, past the last) along z, y and x.
Box = tuple[slice, slice, slice]

_COUNTED: Final = 1 << 16  # labels below this are found by counting, which beats sorting
# Comparing a slice with a label costs a fixed time for each label, scattering one for each pixel
# that is not background; they meet at about as many labels.
_MANY: Final = 32


def label_boxes(labels: Array) -> dict[int, Box]:
    """The bounding box of each label but 0.

    Parameters
    ----------
    labels : (z, y, x) unsigned integers

    Returns
    -------
    dict
        By label, ascending.
    """
    found: dict[int, list[int]] = {}
    for z, plane in enumerate(labels):
        rows = np.flatnonzero(plane.any(axis=1))
        if not rows.size:
            continue
        first = int(rows[0])
        band = plane[first : rows[-1] + 1]
        for label, (y0, y1, x0, x1) in boxes_of_plane(band).items():
            known = found.setdefault(label, [z, z, y0 + first, y1 + first, x0, x1])
            known[1] = z
            known[2] = min(known[2], y0 + first)
            known[3] = max(known[3], y1 + first)
            known[4] = min(known[4], x0)
            known[5] = max(known[5], x1)
    return {
        label: (slice(z0, z1 + 1), slice(y0, y1 + 1), slice(x0, x1 + 1))
        for label, (z0, z1, y0, y1, x0, x1) in sorted(found.items())
    }


def labels_in(labels: Array) -> list[int]:
    """The labels in an array of unsigned integers, ascending, without 0."""
    if labels.dtype.itemsize <= 2 or int(labels.max(initial=0)) < _COUNTED:
        found = np.flatnonzero(np.bincount(labels.reshape(-1)))
    else:
        found = np.unique(labels)
    return [int(label) for label in found if label]


def boxes_of_plane(plane: Array) -> dict[int, tuple[int, int, int, int]]:
    """First and last row, first and last column of each label but 0 of one slice."""
    labels = labels_in(plane)
    if len(labels) > _MANY:
        return _scattered_boxes(plane, labels)
    boxes = {}
    for label in labels:
        is_label = plane == label
        rows = np.flatnonzero(is_label.any(axis=1))
        columns = np.flatnonzero(is_label[rows[0] : rows[-1] + 1].any(axis=0))
        boxes[label] = (int(rows[0]), int(rows[-1]), int(columns[0]), int(columns[-1]))
    return boxes


def _scattered_boxes(plane: Array, labels: list[int]) -> dict[int, tuple[int, int, int, int]]:
    rows, columns = np.nonzero(plane)
    index = np.searchsorted(labels, plane[rows, columns])
    largest = np.iinfo(np.intp).max
    lowest = np.full((2, len(labels)), largest, np.intp)
    highest = np.full((2, len(labels)), -1, np.intp)
    for axis, places in enumerate((rows, columns)):
        np.minimum.at(lowest[axis], index, places)
        np.maximum.at(highest[axis], index, places)
    corners = np.stack([lowest[0], highest[0], lowest[1], highest[1]], axis=1).tolist()
    return {label: tuple(corner) for label, corner in zip(labels, corners, strict=True)}
