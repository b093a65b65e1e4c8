"""Cube files that are kept open while somebody reads them, and for a while after."""

from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Lock
from typing import Final

from dicube.core.instances import CubeInstances
from dicube.library.entry import LibraryEntry

MOST_OPEN: Final = 16


@dataclass
class _Held:
    cube: CubeInstances
    readers: int = 0


class OpenCubes:
    """The cubes that were asked for last, no more than so many besides those being read.

    An open cube holds its header and, once they were needed, its metadata and the headers of its
    source files: up to some tens of megabytes. Safe to share between threads.

    Parameters
    ----------
    most : int
        How many stay open.
    """

    def __init__(self, most: int = MOST_OPEN) -> None:
        self._most = most
        self._held: OrderedDict[tuple[object, ...], _Held] = OrderedDict()
        self._lock = Lock()

    @contextmanager
    def borrow(self, entry: LibraryEntry) -> Iterator[CubeInstances]:
        """A cube, which stays open as long as the block runs.

        Raises
        ------
        InvalidCubeFileError, CodecError, MetaDataError
            The file is gone, damaged, or holds no DICOM metadata.
        """
        held = self._take(entry)
        try:
            yield held.cube
        finally:
            self._give_back(held)

    def close(self) -> None:
        """Close what nobody reads."""
        with self._lock:
            self._evict(0)

    def __len__(self) -> int:
        return len(self._held)

    def _take(self, entry: LibraryEntry) -> _Held:
        key = (entry.path, *entry.stamp)  # a file that was replaced is another one
        with self._lock:
            held = self._held.get(key)
            if held is not None:
                held.readers += 1
                self._held.move_to_end(key)
                return held
        cube = CubeInstances(entry.path)
        with self._lock:
            held = self._held.get(key)
            if held is None:
                held = self._held[key] = _Held(cube)
            else:
                cube.close()  # another thread was faster
            held.readers += 1
            self._evict(self._most)
            return held

    def _give_back(self, held: _Held) -> None:
        with self._lock:
            held.readers -= 1
            self._evict(self._most)

    def _evict(self, most: int) -> None:
        idle = [key for key, held in self._held.items() if not held.readers]
        for key in idle[: max(0, len(self._held) - most)]:
            self._held.pop(key).cube.close()
