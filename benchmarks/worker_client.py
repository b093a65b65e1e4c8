"""The near side of a worker: starts its process, asks, and never waits for ever."""

import json
import os
import queue
import subprocess
import tempfile
import threading
from pathlib import Path
from typing import Any, Final

from dicube.closing import Closing

_WORKER: Final = Path(__file__).with_name("worker.py")
_PATIENCE_SECONDS: Final = 300.0
_TOLD_LINES: Final = 5


class WorkerError(Exception):
    """The worker ended, was silent for too long, or its peer raised."""


class WorkerClient(Closing):
    """A worker process for one peer. Use as a context manager.

    Parameters
    ----------
    interpreter : Path
        Python of the environment that the peer is installed in.
    module : str
        Name of the module in `peers`.
    threads : int
    own : bool
        Whether the peer is ours. Others do not see PYTHONPATH, which may lead to the checkout.
    """

    def __init__(self, interpreter: Path, module: str, threads: int, *, own: bool) -> None:
        self._module = module
        hidden = () if own else ("PYTHONPATH", "PYTHONHOME")
        environment = {name: v for name, v in os.environ.items() if name not in hidden}
        environment["PYTHONDONTWRITEBYTECODE"] = "1"
        self._complaints = tempfile.TemporaryFile("w+")  # noqa: SIM115 -- see `close`
        self._process = subprocess.Popen(
            [str(interpreter), str(_WORKER), module, str(threads)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._complaints,
            text=True,
            env=environment,
        )
        self._replies: queue.Queue[str] = queue.Queue()
        threading.Thread(target=self._listen, daemon=True).start()

    def ask(self, operation: str, **arguments: Any) -> dict[str, Any]:
        """Send one request and wait for its reply; paths may be given as `Path`.

        Raises
        ------
        WorkerError
            The peer raised, or there is no reply.
        """
        assert self._process.stdin is not None
        request = json.dumps({"operation": operation, "arguments": arguments}, default=str)
        try:
            self._process.stdin.write(request + "\n")
            self._process.stdin.flush()
            line = self._replies.get(timeout=_PATIENCE_SECONDS)
        except BrokenPipeError:
            line = ""
        except queue.Empty:
            self._process.kill()
            raise WorkerError(
                f"{self._module}: no reply to {operation} in {_PATIENCE_SECONDS:g} s"
            ) from None
        if not line:
            raise WorkerError(f"{self._module}: the worker ended\n{self._last_complaints()}")
        reply: dict[str, Any] = json.loads(line)
        if "error" in reply:
            raise WorkerError(f"{self._module}, {operation}: {reply['error']}")
        return reply

    def close(self) -> None:
        """End the worker."""
        assert self._process.stdin is not None
        try:
            self._process.stdin.close()
            self._process.wait(timeout=10)
        except (BrokenPipeError, subprocess.TimeoutExpired):
            self._process.kill()
            self._process.wait()
        self._complaints.close()

    def _listen(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._replies.put(line)
        self._replies.put("")  # the end

    def _last_complaints(self) -> str:
        self._complaints.seek(0)
        return "\n".join(self._complaints.read().splitlines()[-_TOLD_LINES:])
