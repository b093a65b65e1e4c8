"""Cubes that somebody looks at: kept open, their values handed out in blocks of slices.

What the page asks for next is nearly always near what it asked for last, so that open files and
decoded volumes are kept, both within bounds.
"""

import threading
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from dicube.api import open as open_cube
from dicube.core.cube_file import CubeDescription, read_description
from dicube.core.lazy_cube import LazyCube
from dicube.dicom.dicom_meta import DicomMeta
from dicube.exceptions import DataConsistencyError
from dicube.web.viewing.elements import frames_meta

Array = npt.NDArray[Any]

MOST_OPEN: Final = 8
VOLUME_BYTES: Final = 1 << 30  # of decoded volumes that are kept for planes across the slices
_WIRE_DTYPES: Final = {  # what a browser has typed arrays for
    "bool": "|u1",
    "float16": "<f4",
    "int64": "<f8",
    "uint64": "<f8",
}


class CubeView:
    """One open cube as volumes of slices: axes before the last leading one are counted in C order.

    Attributes
    ----------
    about : CubeDescription
        Header, geometry and metadata.
    slices : int
        Along the last leading axis; 1 for a single frame.
    volumes : int
        All combinations of the axes before it.
    """

    def __init__(self, path: Path) -> None:
        self.about: CubeDescription = read_description(path)
        self._cube: LazyCube = open_cube(path, cache_bytes=0)
        self._outer = tuple(axis.size for axis in self.about.axes[:-1])
        self.slices = self.about.axes[-1].size if self.about.axes else 1
        self.volumes = int(np.prod(self._outer, dtype=np.int64))
        self.users = 0

    @property
    def frame_shape(self) -> tuple[int, ...]:
        """(rows, columns), and samples for colour."""
        return self.about.shape[len(self.about.axes) :]

    @property
    def volume_bytes(self) -> int:
        """Stored values of one volume."""
        return self.slices * int(np.prod(self.frame_shape, dtype=np.int64)) * self.dtype.itemsize

    @property
    def dtype(self) -> np.dtype[Any]:
        """Of the stored values."""
        return np.dtype(self.about.dtype)

    @property
    def wire_dtype(self) -> np.dtype[Any]:
        """What is sent: the stored dtype in little endian, or the nearest that browsers have."""
        return np.dtype(_WIRE_DTYPES.get(self.dtype.name, self.dtype.newbyteorder("<")))

    @cached_property
    def frames_meta(self) -> DicomMeta | None:
        """See `frames_meta`."""
        return frames_meta(self.about)

    def slices_along(self, axis: int) -> int:
        """Slices along z, y or x."""
        return (self.slices, *self.frame_shape[:2])[axis]

    def values(self, volume: int, axis: int, first: int, count: int) -> Array:
        """(count, rows, columns[, samples]) of stored values, decoded from what the file has.

        Parameters
        ----------
        volume : int
        axis : int
            Of (z, y, x): the one along which slices are counted.
        first, count : int

        Raises
        ------
        DataConsistencyError
            There are no such slices.
        InvalidCubeFileError, CodecError
            A frame is damaged.
        """
        sizes = (self.slices, *self.frame_shape[:2])
        if not (0 <= volume < self.volumes and 0 <= axis < 3 and count > 0):
            raise DataConsistencyError("there is no such volume or plane")
        if first < 0 or first + count > sizes[axis]:
            raise DataConsistencyError(
                f"slices {first} to {first + count - 1} were asked for, there are {sizes[axis]}"
            )
        inside: list[slice] = [slice(None)] * 3
        inside[axis] = slice(first, first + count)
        outer = np.unravel_index(volume, self._outer) if self._outer else ()
        leading = inside if self.about.axes else inside[1:]
        values = self._cube[(*(int(i) for i in outer), *leading)]
        return np.moveaxis(values.reshape(-1, *values.shape[-len(self.frame_shape) :]), axis, 0)

    def close(self) -> None:
        """Close the file."""
        self._cube.close()


class ViewedCubes:
    """The cubes that are open, and some of their volumes in memory. Safe to share between threads.

    Parameters
    ----------
    most_open : int
        Files open at a time, beside those in use.
    volume_bytes : int
        Of decoded volumes.
    """

    def __init__(self, most_open: int = MOST_OPEN, volume_bytes: int = VOLUME_BYTES) -> None:
        self._most_open = most_open
        self._volume_bytes = volume_bytes
        self._views: OrderedDict[tuple[Any, ...], CubeView] = OrderedDict()
        self._volumes: OrderedDict[tuple[Any, ...], Array] = OrderedDict()
        self._lock = threading.Lock()
        self._decoding = threading.Lock()

    @contextmanager
    def view(self, path: Path) -> Iterator[CubeView]:
        """The cube of a file; one that changed on the disk is opened anew.

        Raises
        ------
        InvalidCubeFileError
            No cube file, or a damaged one.
        """
        view = self._taken(_identity(path), path)
        try:
            yield view
        finally:
            with self._lock:
                view.users -= 1
                self._drop_unused()

    def block(self, path: Path, volume: int, axis: int, first: int, count: int) -> Array:
        """As `CubeView.values`, in the wire dtype; volumes that are cut across are kept."""
        identity = _identity(path)
        with self.view(path) as view:
            kept = self._kept((identity, volume))
            is_across = axis > 0 and view.volume_bytes <= self._volume_bytes
            if kept is None and is_across:
                kept = self._decoded(view, (identity, volume), volume)
            if kept is None or not 0 <= axis < 3:
                values = view.values(volume, axis, first, count)
            else:
                values = _part(kept, axis, first, count)
            return np.ascontiguousarray(values, dtype=view.wire_dtype)

    def __len__(self) -> int:
        """How many files are open."""
        return len(self._views)

    def close(self) -> None:
        """Close all files and forget all values."""
        with self._lock:
            for view in self._views.values():
                view.close()
            self._views.clear()
            self._volumes.clear()

    def _taken(self, identity: tuple[Any, ...], path: Path) -> CubeView:
        with self._lock:
            view = self._views.get(identity)
            if view is None:
                view = self._views[identity] = CubeView(path)
            self._views.move_to_end(identity)
            view.users += 1
            return view

    def _drop_unused(self) -> None:
        unused = [key for key, view in self._views.items() if not view.users]
        for key in unused[: max(0, len(self._views) - self._most_open)]:
            self._views.pop(key).close()

    def _kept(self, key: tuple[Any, ...]) -> Array | None:
        with self._lock:
            if key in self._volumes:
                self._volumes.move_to_end(key)
            return self._volumes.get(key)

    def _decoded(self, view: CubeView, key: tuple[Any, ...], volume: int) -> Array:
        # One at a time: two requests for the same volume must not decode it twice.
        with self._decoding:
            kept = self._kept(key)
            if kept is not None:
                return kept
            values = view.values(volume, 0, 0, view.slices)
            with self._lock:
                self._volumes[key] = values
                while sum(v.nbytes for v in self._volumes.values()) > self._volume_bytes:
                    self._volumes.popitem(last=False)
            return values


def _identity(path: Path) -> tuple[Any, ...]:
    status = path.stat()
    return str(path), status.st_ino, status.st_mtime_ns, status.st_size


def _part(values: Array, axis: int, first: int, count: int) -> Array:
    if first < 0 or count < 1 or first + count > values.shape[axis]:
        raise DataConsistencyError(
            f"slices {first} to {first + count - 1} were asked for, there are {values.shape[axis]}"
        )
    return np.moveaxis(values, axis, 0)[first : first + count]
