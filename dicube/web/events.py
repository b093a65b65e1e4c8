"""Server-sent events: each page is told of the jobs that change, as they change.

Workers are threads, pages are coroutines. A page that reads slowly misses steps in between, never
the last one: what is sent is the state of the job at the time of sending.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from threading import Lock
from typing import Any, Final

from dicube.web.jobs.states import Job
from dicube.web.jobs.store import JobStore

_GATHER_S: Final = 0.1  # changes within this time are sent together
_LOOK_S: Final = 1.0  # how often a page that nothing happens on looks whether the server stops
_PING_EVERY: Final = 15  # looks; what is between us and the page may close silent connections


class _Listener:
    """One page: what has changed since it was told last."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._event = asyncio.Event()
        self._changed: dict[str, None] = {}
        self._lock = Lock()

    def tell(self, job: str) -> None:
        with self._lock:
            self._changed[job] = None
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._event.set)

    async def changed(self) -> list[str]:
        """Jobs that changed; none after a while in which nothing did."""
        try:
            await asyncio.wait_for(self._event.wait(), _LOOK_S)
        except TimeoutError:
            return []
        await asyncio.sleep(_GATHER_S)
        self._event.clear()
        with self._lock:
            changed, self._changed = list(self._changed), {}
        return changed


class JobEvents:
    """Tells pages of jobs.

    Attributes
    ----------
    is_stopping : callable
        Whether the server is about to stop, so that it does not wait for pages that listen.
    """

    def __init__(self, store: JobStore) -> None:
        self._store = store
        self._listeners: set[_Listener] = set()
        self._is_closed = False
        self.is_stopping: Callable[[], bool] = lambda: False
        store.listen(self._tell)

    def _tell(self, job: str) -> None:
        for listener in tuple(self._listeners):
            listener.tell(job)

    def close(self) -> None:
        """End all streams at their next look."""
        self._is_closed = True

    async def stream(self, members: Callable[[Job], dict[str, Any]]) -> AsyncIterator[str]:
        """Events "job" with the members of a job that changed, "gone" with the id of one that is
        no more; until the page goes or the server stops.
        """
        listener = _Listener()
        self._listeners.add(listener)
        quiet = 0
        try:
            yield "retry: 2000\n\n"
            while not (self._is_closed or self.is_stopping()):
                changed = await listener.changed()
                for job in changed:
                    yield await asyncio.to_thread(self._event, job, members)
                quiet = 0 if changed else quiet + 1
                if quiet == _PING_EVERY:
                    yield ": still here\n\n"
                    quiet = 0
        finally:
            self._listeners.discard(listener)

    def _event(self, job: str, members: Callable[[Job], dict[str, Any]]) -> str:
        try:
            found = members(self._store.job(job))
        except KeyError:
            return f"event: gone\ndata: {json.dumps(job)}\n\n"
        return f"event: job\ndata: {json.dumps(found)}\n\n"
