"""What an index means for an image of frames: which of them, and which part of each."""

from typing import Any, NamedTuple, Self

import numpy as np
import numpy.typing as npt

IntArray = npt.NDArray[np.int64]


class LazyIndex(NamedTuple):
    """An index of numpy, taken apart.

    Attributes
    ----------
    frames : int64 array
        Numbers of the frames, in the shape that indexing the leading axes gives.
    rectangle : (row, column, rows, columns)
        The smallest part of a frame that has all pixels wanted.
    inside : tuple
        Index into (`*frames.shape`, rows, columns[, samples]) for what is left to do.
    """

    frames: IntArray
    rectangle: tuple[int, int, int, int]
    inside: tuple[Any, ...]

    @classmethod
    def of(cls, key: Any, shape: tuple[int, ...], *, leading: int) -> Self:
        """Take an index apart.

        Parameters
        ----------
        key
            Integers, slices, at most one `...`; along the leading axes also lists of integers or
            arrays.
        shape : tuple of int
        leading : int
            Number of axes before rows and columns.

        Raises
        ------
        IndexError
            Too many indices, one is out of range, or one of another kind.
        """
        parts = _expanded(key, len(shape))
        for part in parts[leading:]:
            if not isinstance(part, (int, np.integer, slice)):
                raise IndexError("rows, columns and samples are indexed by integers and slices")
        count = int(np.prod(shape[:leading], dtype=np.int64))
        numbers = np.arange(count, dtype=np.int64).reshape(shape[:leading])
        frames = np.asarray(numbers[parts[:leading]])
        row, rows, inner_rows = _span(parts[leading], shape[leading])
        column, columns, inner_columns = _span(parts[leading + 1], shape[leading + 1])
        inside = (*(slice(None),) * frames.ndim, inner_rows, inner_columns, *parts[leading + 2 :])
        return cls(frames, (row, column, rows, columns), inside)


def _expanded(key: Any, ndim: int) -> tuple[Any, ...]:
    """The index with one part for each axis."""
    parts = key if isinstance(key, tuple) else (key,)
    if any(part is None for part in parts):
        raise IndexError("new axes cannot be made here; index the result again")
    ellipses = sum(part is Ellipsis for part in parts)
    if ellipses > 1 or len(parts) - ellipses > ndim:
        raise IndexError(f"too many indices for {ndim} axes")
    missing = (slice(None),) * (ndim - (len(parts) - ellipses))
    place = next((i for i, part in enumerate(parts) if part is Ellipsis), len(parts))
    return (*parts[:place], *missing, *parts[place + 1 :])


def _span(part: Any, size: int) -> tuple[int, int, Any]:
    """First index and number of what an index touches, and the index into that."""
    if not isinstance(part, slice):
        number = int(part)
        if not -size <= number < size:
            raise IndexError(f"index {number} is out of range for an axis of {size}")
        return number % size, 1, 0
    touched = range(size)[part]
    if not touched:
        return 0, 1, slice(0, 0)  # one pixel is decoded, none is given
    first, last = min(touched[0], touched[-1]), max(touched[0], touched[-1])
    start = touched[0] - first
    stop = touched[-1] - first + (1 if touched.step > 0 else -1)
    return first, last - first + 1, slice(start, None if stop < 0 else stop, touched.step)
