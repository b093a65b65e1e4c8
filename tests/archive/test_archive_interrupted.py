"""Archives that are killed, run out of room, or are made by two at a time."""

import json
import random
import signal
import subprocess

import pytest

from dicube.archive.restore import restore_ledger
from tests.archive.archives import (
    LEDGER,
    archive_command,
    archived,
    assert_consistent,
    assert_restored,
    killed_after,
    rows,
    stored_outputs,
    tried,
)
from tests.archive.disks import small_disk
from tests.series import requires_data


@requires_data
class TestInterruption:
    def test_killed_again_and_again_it_goes_on(self, corpus, tmp_path):
        dest, chance = tmp_path / "dest", random.Random(5)
        arguments = (corpus.folder, dest, "--format", "dcbs", "--workers", 2)
        before: dict[str, tuple[int, int]] = {}
        for number in range(8):
            was_there = killed_after(chance.uniform(0.5, 4), *arguments)
            after = stored_outputs(dest)
            assert {path: after.get(path) for path in before} == before, number
            before = after
            if not was_there:
                break
        archived(*arguments)
        after = stored_outputs(dest)
        assert {path: after[path] for path in before} == before
        assert_consistent(dest)
        restore_ledger(dest / LEDGER, tmp_path / "out")
        assert_restored(corpus, tmp_path / "out" / "src", tmp_path / "scratch")

    @pytest.mark.parametrize("scheduler", ["processes", "dask"])
    def test_worker_that_is_killed_takes_nothing_with_it(self, corpus, tmp_path, scheduler):
        dask = ["--dask"] if scheduler == "dask" else []
        if dask:
            pytest.importorskip("distributed")
        arguments = (corpus.folder, tmp_path, "--format", "dcbs", "--workers", 2, *dask)
        assert killed_after(3.5 if dask else 2, *arguments, worker=True)
        assert_consistent(tmp_path)
        assert len(rows(tmp_path / LEDGER, "SELECT * FROM run")) == 1

    def test_full_disk_stops_it_and_room_lets_it_go_on(self, corpus, tmp_path):
        with small_disk(tmp_path / "disk", 2 << 20) as disk:
            arguments = (corpus.folder, disk, "--format", "dcbs", "--ledger", tmp_path / LEDGER)
            done = tried(*arguments)
            assert done.returncode == 8, done.stderr
            assert "the disk is full" in done.stderr
            assert not list(disk.rglob("*.part.*"))
            before = {path: path.stat().st_mtime_ns for path in disk.rglob("*.dcbs")}
            subprocess.run(["mount", "-o", "remount,size=64m", str(disk)], check=True)
            archived(*arguments)
            assert before
            assert {path: path.stat().st_mtime_ns for path in before} == before
            summary = restore_ledger(tmp_path / LEDGER, tmp_path / "out")
            assert summary.identical + summary.equal == corpus.files

    def test_ledger_on_a_full_disk_is_whole(self, corpus, tmp_path):
        with small_disk(tmp_path / "disk", 1 << 20) as disk:
            done = tried(corpus.folder, disk, "--format", "dcbs")
            assert done.returncode == 8, done.stderr
            assert "the disk is full" in done.stderr
            subprocess.run(["mount", "-o", "remount,size=64m", str(disk)], check=True)
            archived(corpus.folder, disk, "--format", "dcbs")
            assert_consistent(disk)

    def test_two_at_a_time_share_the_work(self, corpus, archive, tmp_path):
        command = archive_command(corpus.folder, tmp_path, "--format", "dcbs", "--workers", 1)
        both = [
            subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            for _ in range(2)
        ]
        for process in both:
            _, said = process.communicate(timeout=280)
            assert process.returncode == 0, said
        assert_consistent(tmp_path)
        question = "SELECT COUNT(*), SUM(files), SUM(source_bytes) FROM output"
        assert tuple(rows(tmp_path / LEDGER, question)[0]) == tuple(
            rows(archive / LEDGER, question)[0]
        )

    @pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
    def test_interrupted_it_says_so_and_goes_on(self, corpus, tmp_path, number):
        command = archive_command(corpus.folder, tmp_path, "--format", "dcbs", "--workers", 1)
        with subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        ) as process:
            assert process.stderr is not None
            while json.loads(process.stderr.readline())["phase"] != "scanning":
                pass
            process.send_signal(number)
            _, said = process.communicate(timeout=60)
        assert process.returncode == 130
        assert said.splitlines()[-1] == "error: interrupted"
        (run,) = rows(tmp_path / LEDGER, "SELECT outcome FROM run")
        assert run["outcome"] == "interrupted"
        archived(corpus.folder, tmp_path, "--format", "dcbs")
        assert_consistent(tmp_path)
