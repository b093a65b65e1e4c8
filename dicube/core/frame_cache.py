"""Frames that were decoded lately, up to so many bytes."""

import os
import threading
import weakref
from collections import OrderedDict

from dicube.core.contents import Array


class FrameCache:
    """Keeps the frames that were used last; safe to share between threads.

    After a fork the child starts with an empty one: another thread may have been inside of it.
    """

    def __init__(self, most_bytes: int) -> None:
        self.most_bytes = most_bytes
        self.clear()
        _all_caches.add(self)

    def clear(self) -> None:
        """Forget everything, and whoever holds the lock."""
        self._lock = threading.Lock()
        self._frames: OrderedDict[int, Array] = OrderedDict()
        self._bytes = 0

    def get(self, number: int) -> Array | None:
        """The frame of this number, if it is there."""
        with self._lock:
            frame = self._frames.get(number)
            if frame is not None:
                self._frames.move_to_end(number)
            return frame

    def put(self, number: int, frame: Array) -> None:
        """Keep a frame, which nobody may change; the longest unused ones make room."""
        with self._lock:
            if frame.nbytes > self.most_bytes or number in self._frames:
                return
            self._frames[number] = frame
            self._bytes += frame.nbytes
            while self._bytes > self.most_bytes:
                _, oldest = self._frames.popitem(last=False)
                self._bytes -= oldest.nbytes

    @property
    def nbytes(self) -> int:
        """Bytes of all frames that are kept."""
        return self._bytes


_all_caches: "weakref.WeakSet[FrameCache]" = weakref.WeakSet()


def _clear_all() -> None:
    for cache in list(_all_caches):
        cache.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_clear_all)
