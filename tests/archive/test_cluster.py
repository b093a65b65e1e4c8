"""An archive job on a Dask cluster of processes, as `--scheduler` finds one."""

import contextlib
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.archive.archives import CUBES, LEDGER, archive_command, assert_consistent, rows
from tests.series import requires_data


@contextlib.contextmanager
def dask_cluster(folder: Path, size: int) -> Iterator[tuple[str, list[subprocess.Popen[bytes]]]]:
    """The address of a Dask cluster of processes, and its workers, which nobody starts again."""
    about = folder / "scheduler.json"
    command = [sys.executable, "-m", "distributed.cli.dask_scheduler", "--no-dashboard"]
    command += ["--host", "127.0.0.1", "--port", "0", "--scheduler-file", str(about)]
    processes = [subprocess.Popen(command, stderr=subprocess.DEVNULL)]
    try:
        while not about.exists() or not about.read_text():
            assert processes[0].poll() is None
            time.sleep(0.1)
        address = json.loads(about.read_text())["address"]
        command = [sys.executable, "-m", "distributed.cli.dask_worker", address, "--no-nanny"]
        command += ["--no-dashboard", "--host", "127.0.0.1", "--nthreads", "1"]
        command += ["--local-directory", str(folder)]
        processes += [subprocess.Popen(command, stderr=subprocess.DEVNULL) for _ in range(size)]
        yield address, processes[1:]
    finally:
        for process in reversed(processes):
            process.kill()
            process.wait(20)


@requires_data
def test_worker_of_a_cluster_that_is_killed_changes_nothing(corpus, archive, tmp_path):
    pytest.importorskip("distributed")
    dest = tmp_path / "dest"
    with dask_cluster(tmp_path, 3) as (address, workers):
        command = archive_command(corpus.folder, dest, "--format", "dcbs", "--scheduler", address)
        with subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
        ) as process:
            assert process.stderr is not None
            for line in process.stderr:
                counters = json.loads(line)
                if counters["phase"] == "storing" and counters["series"]:
                    break
            workers[0].kill()
            _, said = process.communicate(timeout=280)
        assert process.returncode == 0, said
        assert workers[1].poll() is None
    assert_consistent(dest)
    assert [*map(tuple, rows(dest / LEDGER, CUBES))] == [*map(tuple, rows(archive / LEDGER, CUBES))]
