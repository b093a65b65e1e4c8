"""`dicube restore` and `dicube verify --ledger`."""

import pytest

from tests.archive.samples import Sample, change, files_of, flip, sample_archive
from tests.cli.runs import misused, ok, refused, run


@pytest.fixture
def sample(small_image, tmp_path) -> Sample:
    return sample_archive(small_image, tmp_path / "work")


class TestRestore:
    def test_ledger_comes_back_as_trees(self, sample, tmp_path):
        out = tmp_path / "out"
        text = ok("restore", sample.ledger, out)
        assert text.startswith(f"{out}: 12 files identical byte for byte, 4 compressed files with")
        assert files_of(out) == {**sample.tree, **sample.compressed}
        assert "0 bytes written, 16 files there before" in ok("restore", sample.ledger, out)

    def test_conflicts_end_with_4_and_overwrite_replaces(self, sample, tmp_path):
        out = tmp_path / "out"
        ok("restore", sample.ledger, out)
        (out / "first/notes.txt").write_bytes(b"mine")
        result = run("restore", sample.ledger, out)
        assert result.exit_code == 4
        assert "in the way: first/notes.txt" in result.stderr
        assert "--overwrite" in result.stderr
        assert (out / "first/notes.txt").read_bytes() == b"mine"
        ok("restore", sample.ledger, out, "--overwrite")
        assert (out / "first/notes.txt").read_bytes() == b"some notes"

    def test_damage_ends_with_1_and_costs_its_files_only(self, sample, tmp_path):
        (sample.folder / "a/ct.dcbs").unlink()
        assert "a/ct.dcbs" in refused(1, "restore", sample.ledger, tmp_path / "out")
        assert len(files_of(tmp_path / "out")) == 8

    def test_files_that_are_not_archived_yet_are_counted(self, sample, tmp_path):
        change(sample, "UPDATE file SET state = 'failed' WHERE name = 'e'")
        text = ok("restore", sample.ledger, tmp_path / "out")
        assert "1 file of the sources not restored" in text
        assert "first/e" not in files_of(tmp_path / "out")

    def test_archive_that_was_moved_is_named(self, sample, tmp_path):
        ledger = sample.ledger.rename(tmp_path / "mine.sqlite")
        sample.folder.rename(tmp_path / "moved")
        assert "--archive" in refused(3, "restore", ledger, tmp_path / "out")
        ok("restore", ledger, tmp_path / "out", "--archive", tmp_path / "moved")

    def test_condition_chooses_what_comes_back(self, sample, tmp_path):
        change(sample, "UPDATE output SET modality = 'CT' WHERE path = 'a/jls.dcbs'")
        text = ok("restore", sample.ledger, tmp_path / "out", "--where", "modality = 'CT'")
        assert "4 compressed files with equal pixels" in text
        assert files_of(tmp_path / "out") == sample.compressed
        assert "0 files" in ok("restore", sample.ledger, tmp_path / "no", "--where", "rows = 1")

    def test_condition_that_is_not_understood_is_wrong_usage(self, sample, tmp_path):
        arguments = ("restore", sample.ledger, tmp_path / "out", "--where", "no_such = 1")
        assert "columns are" in misused(*arguments)
        assert not (tmp_path / "out").exists()

    def test_cubes_come_back_without_a_ledger(self, sample, tmp_path):
        cubes = [sample.folder / "a/ct.dcbs", sample.folder / "a/jls.dcbs"]
        assert "4 files identical" in ok("restore", cubes[0], tmp_path / "out")
        assert "4 compressed files" in ok("restore", cubes[1], tmp_path / "out2")
        assert "4 files there before" in ok("restore", cubes[0], cubes[0], tmp_path / "out3")

    def test_wrong_usage_is_explained(self, sample, tmp_path):
        cube = sample.folder / "a/ct.dcbs"
        assert "one ledger" in misused("restore", sample.ledger, cube, tmp_path / "out")
        assert "one ledger" in misused("restore", sample.ledger, sample.ledger, tmp_path / "out")
        assert "only with a ledger" in misused("restore", cube, tmp_path, "--archive", tmp_path)
        assert "only with a ledger" in misused("restore", cube, tmp_path, "--where", "rows = 1")
        refused(3, "restore", tmp_path / "nothing.sqlite", tmp_path / "out")
        refused(4, "restore", sample.folder / "other-files/000000.zip", tmp_path / "out")


class TestVerifyLedger:
    def test_intact_archive_is_said_to_be_so(self, sample):
        assert "3 files intact" in ok("verify", "--ledger", sample.ledger)
        assert "3 files intact" in ok("verify", "--ledger", sample.ledger, "--deep")
        text = ok("verify", "--ledger", sample.ledger, "--older-than", "30d")
        assert "0 files intact, 0 bytes checked, 3 files not checked" in text

    def test_damage_ends_with_1_now_and_later(self, sample):
        flip(sample.folder / "a/ct.dcbs", 200)
        assert "a/ct.dcbs: its bytes" in refused(1, "verify", "--ledger", sample.ledger)
        assert "1 file not checked now" in refused(
            1, "verify", "--ledger", sample.ledger, "--limit", "2"
        )

    def test_unknown_files_are_listed(self, sample):
        (sample.folder / "readme.txt").write_bytes(b"")
        assert "not in the ledger: readme.txt" in ok("verify", "--ledger", sample.ledger)

    def test_moved_archive_is_found_with_archive(self, sample, tmp_path):
        ledger = sample.ledger.rename(tmp_path / "mine.sqlite")
        sample.folder.rename(tmp_path / "moved")
        assert "--archive" in refused(3, "verify", "--ledger", ledger)
        ok("verify", "--ledger", ledger, "--archive", tmp_path / "moved")

    def test_messages_hold_no_patient_data(self, sample):
        change(sample, "UPDATE output SET patient_id = 'Verysecret', digest = 'x'")
        result = run("verify", "--ledger", sample.ledger, "--deep")
        assert result.exit_code == 1
        assert "Verysecret" not in result.output

    def test_wrong_usage_is_explained(self, sample):
        cube = sample.folder / "a/ct.dcbs"
        assert "--ledger" in misused("verify")
        assert "only with --ledger" in misused("verify", cube, "--deep")
        assert "not with a file" in misused("verify", cube, "--ledger", sample.ledger)
        assert "30d" in misused("verify", "--ledger", sample.ledger, "--older-than", "soon")
        refused(3, "verify", "--ledger", sample.folder / "nothing.sqlite")
