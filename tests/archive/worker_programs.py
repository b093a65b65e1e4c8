"""Programs that use workers, to be interrupted and killed: python -m ... KIND PROGRAM FOLDER."""

import os
import signal
import sys
import time
from pathlib import Path

from dicube.archive.workers.base import Workers
from dicube.archive.workers.dask import DaskWorkers
from dicube.archive.workers.local import LocalWorkers
from tests.archive.worker_functions import Act, perform, told_pid


def be_busy(workers: Workers[Act, object], folder: Path) -> None:
    """Say so, and stay so until somebody ends this."""
    workers.submit(("wait_for", folder / "waits"))
    workers.submit(("compute", folder / "computes"))
    while True:
        workers.wait(0.1)
        if (folder / "waits.pid").exists() and (folder / "computes.pid").exists():
            print("busy", flush=True)
            time.sleep(1000)


def be_interrupted(workers: Workers[Act, object], folder: Path) -> None:
    """Interrupt the whole process group while workers start, and while they work."""
    interrupts: list[int] = []
    signal.signal(signal.SIGINT, lambda number, frame: interrupts.append(number))
    workers.submit(("wait_for", folder / "waits"))
    for _ in range(20):
        os.killpg(0, signal.SIGINT)
        workers.wait(0.05)
    while not (folder / "waits.pid").exists():
        workers.wait(0.1)
    os.killpg(0, signal.SIGINT)
    (folder / "waits").touch()
    [outcome] = workers.wait(100)
    print(type(outcome).__name__, outcome[1] == told_pid(folder / "waits"), len(interrupts))


def main(kind: str, program: str, folder: str) -> None:
    make = {"local": LocalWorkers, "dask": DaskWorkers.local}[kind]
    with make(perform, 2) as workers:
        {"be_busy": be_busy, "be_interrupted": be_interrupted}[program](workers, Path(folder))


if __name__ == "__main__":
    main(*sys.argv[1:])
