"""The life of a worker process."""

import multiprocessing
import os
import pickle
from multiprocessing.connection import Connection
from threading import Thread
from typing import Final

from dicube.archive.workers.replies import reply_of_error, reply_to

READY: Final = b""  # the first message of a worker that has its function


def serve(connection: Connection, function: bytes) -> None:
    """Reply to one task after the other, until the main process closes the connection.

    Parameters
    ----------
    connection : Connection
        Pickled tasks come in, replies go out; the first message is `READY`, or an error.
    function : bytes
        The pickled function: read here, where a failing import can be told.
    """
    Thread(target=_end_with_parent, name="parent watch", daemon=True).start()
    try:
        call = pickle.loads(function)  # noqa: S301 (of the main process)
    except Exception as error:  # noqa: BLE001 (a module may raise anything while it is imported)
        connection.send_bytes(reply_of_error(error))
        return
    connection.send_bytes(READY)
    while True:
        try:
            task = connection.recv_bytes()
        except EOFError:
            return
        connection.send_bytes(reply_to(call, task))


def _end_with_parent() -> None:
    """End at once when the main process is gone: nobody would hear of the task that runs.

    A thread, because native code releases the GIL for a whole volume. PR_SET_PDEATHSIG would need
    no GIL, but it is of Linux alone, misses a parent that died before the call, and kills when the
    *thread* ends that started the worker.
    """
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)
