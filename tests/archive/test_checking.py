"""Checking archives against their ledgers: what is missing, changed or unknown is found."""

import os
import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from dicube.archive.checking import verify_ledger
from dicube.archive.restore import restore_ledger
from dicube.exceptions import DataConsistencyError, MetaDataError
from tests.archive.samples import SampleLedger, change, digest, flip, rows

PATHS = ["a/ct.dcbs", "a/jls.dcbs", "other-files/000000.zip"]
TABLE = "SELECT path, verified_by, problem FROM output ORDER BY path"


class TestIntact:
    @pytest.mark.parametrize(("deep", "how"), [(False, "checksum"), (True, "decoding")])
    def test_every_file_is_found_right_and_dated(self, sample, deep, how):
        started = datetime.now(UTC).isoformat(timespec="seconds")
        calls = []
        summary = verify_ledger(sample.ledger, deep=deep, progress=lambda *call: calls.append(call))
        assert (summary.intact, summary.problems, summary.unknown) == (3, [], [])
        assert summary.ok
        assert rows(sample, TABLE) == [(path, how, None) for path in PATHS]
        assert all(date >= started for (date,) in rows(sample, "SELECT verified_at FROM output"))
        assert calls[-1] == ("verifying", summary.length_bytes, summary.length_bytes)

    def test_nothing_in_the_archive_is_changed(self, sample):
        def files():
            found = [path for path in sample.folder.rglob("*") if "archive.sqlite" not in path.name]
            return {path: path.is_file() and path.read_bytes() for path in found}

        flip(sample.folder / "a/ct.dcbs", 200)
        before = files()
        verify_ledger(sample.ledger, deep=True)
        assert files() == before

    def test_files_that_the_ledger_does_not_know_are_only_listed(self, sample):
        (sample.folder / "a/.0123456789ab.part.ct.dcbs").write_bytes(b"left by a killed process")
        (sample.folder / "readme.txt").write_bytes(b"")
        summary = verify_ledger(sample.ledger)
        assert summary.unknown == ["a/.0123456789ab.part.ct.dcbs", "readme.txt"]
        assert summary.ok
        assert (sample.folder / "readme.txt").exists()


class TestProblems:
    @pytest.mark.parametrize("deep", [False, True])
    def test_missing_cut_and_changed_files_are_reported(self, sample, deep):
        (sample.folder / "a/ct.dcbs").unlink()
        flip(sample.folder / "a/jls.dcbs", 200)
        cut = sample.folder / "other-files/000000.zip"
        cut.write_bytes(cut.read_bytes()[:-1])
        summary = verify_ledger(sample.ledger, deep=deep)
        assert summary.intact == 0
        assert not summary.ok
        found = {path: problem for path, _, problem in rows(sample, TABLE)}
        assert "no such file" in found["a/ct.dcbs"]
        assert "bytes were changed" in found["a/jls.dcbs"]
        assert "bytes, not" in found["other-files/000000.zip"]
        assert sorted(summary.problems) == sorted(f"{path}: {found[path]}" for path in found)
        dates = rows(sample, "SELECT DISTINCT verified_at FROM output")
        assert dates == [("2026-01-02T03:04:05+00:00",)]

    def test_deep_check_says_which_frame_is_damaged(self, sample):
        flip(sample.folder / "a/ct.dcbs", 116 + 20)
        (problem,) = verify_ledger(sample.ledger, deep=True).problems
        assert "frame 0" in problem

    def test_deep_check_finds_what_was_wrong_from_the_start(self, sample):
        """The digest of the file is right, and the file is damaged all the same."""
        for path, position in (("a/ct.dcbs", 116 + 20), ("other-files/000000.zip", 50)):
            flip(sample.folder / path, position)
            data = (sample.folder / path).read_bytes()
            change(sample, "UPDATE output SET digest = ? WHERE path = ?", digest(data), path)
        assert verify_ledger(sample.ledger).ok
        summary = verify_ledger(sample.ledger, deep=True)
        assert len(summary.problems) == 2
        # What only a deep check finds, a fast one must not take back.
        assert len(verify_ledger(sample.ledger).problems) == 2

    def test_deep_check_compares_the_source_files_with_the_ledger(self, sample):
        change(sample, "UPDATE file SET digest = 'x' WHERE name = 'e' OR position = 3")
        change(sample, "UPDATE file SET position = 77 WHERE name = 'notes.txt' AND position = 0")
        assert verify_ledger(sample.ledger).ok
        problems = " ".join(verify_ledger(sample.ledger, deep=True).problems)
        assert problems.count("are not those of the ledger, such as number 3") == 2
        assert "are not those of the ledger, such as number 2" in problems
        assert "number 77" in problems

    def test_repaired_file_is_right_again(self, sample):
        path = sample.folder / "a/ct.dcbs"
        data = path.read_bytes()
        path.unlink()
        assert not verify_ledger(sample.ledger).ok
        path.write_bytes(data)
        assert verify_ledger(sample.ledger).ok
        assert ("a/ct.dcbs", "decoding", None) in rows(sample, TABLE)

    def test_archive_that_is_not_mounted_is_no_list_of_missing_files(self, sample, tmp_path):
        (tmp_path / "empty").mkdir()
        with pytest.raises(DataConsistencyError, match="none of the 3 files"):
            verify_ledger(sample.ledger, archive=str(tmp_path / "empty"))
        with pytest.raises(MetaDataError, match="not there"):
            verify_ledger(sample.ledger, archive=str(tmp_path / "nowhere"))
        assert not [row for row in rows(sample, TABLE) if row[2]]


class TestRegions:
    def test_dcbr_file_is_checked_though_it_has_no_source_files(self, small_image, tmp_path):
        (tmp_path / "archive").mkdir()
        path = tmp_path / "archive/ct.dcbr"
        region = np.zeros(small_image.shape, bool)
        region[:, 2:9, 3:8] = True
        small_image.to_file(path, roi=region, background_error=5)
        builder = SampleLedger(tmp_path / "x.sqlite", str(path.parent))
        output = builder.output(path.parent, "ct.dcbr", "cube")
        place = builder.place(builder.root("/data", "data"), "")
        builder.file(place, "1.dcm", b"the source", output_id=output, position=0)
        ledger = builder.close()
        assert verify_ledger(ledger, deep=True).intact == 1
        summary = restore_ledger(ledger, tmp_path / "out")
        assert (summary.derived, summary.identical, summary.problems) == (1, 0, [])
        flip(path, 116 + 20)
        assert "frame 0" in verify_ledger(ledger, deep=True).problems[0]


class TestTurns:
    def test_limited_checks_take_turns(self, sample):
        for number in range(3):
            summary = verify_ledger(sample.ledger, limit=1, older_than_days=1)
            assert (summary.intact, summary.not_checked) == (1, 2)
            checked = rows(sample, "SELECT id FROM output WHERE verified_by = 'checksum'")
            assert len(checked) == number + 1
        assert verify_ledger(sample.ledger, limit=1, older_than_days=1).intact == 0

    def test_only_what_was_not_checked_for_long_is_checked(self, sample):
        day = timedelta(days=1)
        for days, output in ((10, 1), (40, 2), (29, 3)):
            date = (datetime.now(UTC) - days * day).isoformat(timespec="seconds")
            change(sample, "UPDATE output SET verified_at = ? WHERE id = ?", date, output)
        summary = verify_ledger(sample.ledger, older_than_days=30)
        assert (summary.intact, summary.not_checked) == (1, 2)
        assert rows(sample, "SELECT id FROM output WHERE verified_by = 'checksum'") == [(2,)]

    def test_known_problem_keeps_a_check_from_being_all_right(self, sample):
        change(sample, "UPDATE output SET problem = 'its bytes were changed' WHERE id = 1")
        summary = verify_ledger(sample.ledger, limit=2)
        assert (summary.intact, summary.known_problems) == (2, 1)
        assert not summary.ok

    def test_killed_check_goes_on(self, sample):
        program = (
            "import os, signal, sys\n"
            "from pathlib import Path\n"
            "from dicube.archive.checking import verify_ledger\n"
            "def kill(stage, done, total):\n"
            "    os.kill(os.getpid(), signal.SIGKILL)\n"
            "verify_ledger(Path(sys.argv[1]), progress=kill)\n"
        )
        command = [sys.executable, "-c", program, os.fspath(sample.ledger)]
        assert subprocess.run(command, check=False).returncode == -signal.SIGKILL
        assert len(rows(sample, "SELECT 1 FROM output WHERE verified_by = 'checksum'")) == 1
        assert verify_ledger(sample.ledger, older_than_days=1).intact == 2
