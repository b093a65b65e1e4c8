"""The loop inside the process of one peer: an operation comes in, its seconds go out.

    python worker.py PEER THREADS

Requests and replies are JSON, one to a line, on standard input and output. A request is
{"operation": name, "arguments": {...}}; a reply is {"seconds": ..., ...} or {"error": text}. Only
the call of the peer is inside the clock: imports are over by then, an untimed call went before, and
the check of the result comes after. The check is a CRC of each frame, in order, so that a wrong
answer gets no speed.
"""

import gc
import importlib
import json
import os
import shutil
import sys
import time
import traceback
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, TextIO

import numpy as np
from peers import OPERATIONS, Array, Peer, find_operation

_PATHS = ("folder", "path")
# What an operation writes, and so must not be there before.
_TARGET = {"convert": "path", "save": "path", "export": "folder"}


def frame_crcs(frames: Array) -> list[int]:
    """CRC-32 of each frame as float32, so that dtypes and rounding of doubles do not matter."""
    # Adding zero turns -0.0 into 0.0: equal values, different bytes.
    return [
        zlib.crc32((np.ascontiguousarray(frame, dtype=np.float32) + np.float32(0)).data)
        for frame in frames
    ]


def remove(path: Path) -> None:
    """Remove a file or folder, if it is there."""
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


class Worker:
    """One peer and the requests it can be asked."""

    def __init__(self, peer: Peer) -> None:
        self._peer = peer

    def answer(self, operation: str, arguments: dict[str, Any]) -> dict[str, Any]:
        """The reply to one request."""
        if operation == "hello":
            return self._hello()
        if operation == "reference":
            return self._reference(**arguments)
        if operation == "adopt":
            return self._adopt(**arguments)
        return self._measure(operation, arguments)

    def _hello(self) -> dict[str, Any]:
        has = [name for name in OPERATIONS if find_operation(self._peer, name)]
        return {"versions": self._peer.versions(), "operations": has, "values": self._peer.values}

    def _reference(self, folder: Path, path: Path) -> dict[str, Any]:
        """What is right for a folder; the stored values go to `path` as .npy.

        Only the module of pydicom can be asked.
        """
        peer: Any = self._peer
        values = peer.folder_to_image(folder)
        np.save(path, values)
        return {
            "stored": frame_crcs(values),
            "output": frame_crcs(peer.output_values()),
            "uids": peer.sop_instance_uids(peer.load_meta(folder)),
        }

    def _adopt(self, path: Path) -> dict[str, Any]:
        """Give an image, from an .npy file, to a tool that reads no DICOM."""
        peer: Any = self._peer
        if find_operation(peer, "adopt"):
            peer.adopt(np.load(path))
        return {}

    def _measure(self, operation: str, arguments: dict[str, Any]) -> dict[str, Any]:
        method = find_operation(self._peer, operation)
        if operation not in OPERATIONS or method is None:
            raise ValueError(f"this peer has no operation {operation}")
        # Since its last turn the peer may have lost the memory it had freed, in a virtual machine
        # even to the host (free page reporting): there, interleaved calls of dicube 0.3.0 took two
        # to three times as long as calls in a row. One call brings it back, the next is timed.
        self._call(method, operation, arguments)
        result, seconds = self._call(method, operation, arguments)
        reply: dict[str, Any] = {"seconds": seconds}
        if operation == "load_meta":
            peer: Any = self._peer
            reply["uids"] = peer.sop_instance_uids(result)
        elif result is not None:
            reply["crcs"] = frame_crcs(result)
        return reply

    @staticmethod
    def _call(
        method: Callable[..., Any], operation: str, arguments: dict[str, Any]
    ) -> tuple[Any, float]:
        """Result and seconds."""
        if operation in _TARGET:
            remove(arguments[_TARGET[operation]])
        gc.collect()  # the garbage of the call before is nobody's fault in this one
        start = time.perf_counter()
        result = method(**arguments)
        return result, time.perf_counter() - start


def serve(worker: Worker, replies: TextIO) -> None:
    """Answer until the other side closes the line."""
    for line in sys.stdin:
        request = json.loads(line)
        arguments = {
            name: Path(value) if name in _PATHS else value
            for name, value in request["arguments"].items()
        }
        try:
            reply = worker.answer(request["operation"], arguments)
        except Exception as error:  # noqa: BLE001 -- whatever a peer raises is a cell of the table
            traceback.print_exc()
            reply = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(reply), file=replies, flush=True)


def main(name: str, threads: str) -> None:
    # What a tool prints must not get between the replies: it goes to standard error instead.
    replies = os.fdopen(os.dup(sys.stdout.fileno()), "w")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    module = importlib.import_module(f"peers.{name}")
    serve(Worker(module.Peer(int(threads))), replies)


if __name__ == "__main__":
    main(*sys.argv[1:])
