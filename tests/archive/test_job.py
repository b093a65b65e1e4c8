"""The job as a whole: where things may lie, what it says, and what it does when it cannot go on."""

import shutil
import subprocess

import pytest

from dicube.archive.restore import restore_ledger
from tests.archive.archives import LEDGER, archive_command, archived, assert_consistent, rows, tried
from tests.archive.disks import small_disk

PASSWORD = "do-not-tell"


@pytest.fixture
def source(small_folder, tmp_path):
    """A folder with a series."""
    return shutil.copytree(small_folder, tmp_path / "in" / "source")


class TestPlacesInEachOther:
    def test_source_is_not_left_out_because_the_ledger_lies_there(self, source, tmp_path):
        for folder in (source, source.parent):
            done = tried(folder, tmp_path / "dest", "--ledger", source / LEDGER)
            assert done.returncode == 4
            assert "the ledger lies in a source" in done.stderr
        assert not (source / LEDGER).exists()

    def test_ledger_above_a_source_is_no_obstacle(self, source, tmp_path):
        ledger = source.parent / LEDGER
        out = archived(source, tmp_path / "dest", "--format", "dcbs", "--ledger", ledger)
        assert "1 series stored, 4 files" in out

    def test_destination_that_is_the_source_is_refused(self, source, tmp_path):
        (tmp_path / "link").symlink_to(source)
        for destination in (source, f"{source}/", tmp_path / "link"):
            done = tried(source, destination)
            assert done.returncode == 4
            assert "a source is the destination" in done.stderr
        assert len(list(source.iterdir())) == 4

    @pytest.mark.parametrize("name", ["{}", "file://{}"])
    def test_destination_in_the_source_is_not_archived(self, source, name):
        destination = name.format(source / "dest")
        for _ in range(2):
            archived(source, destination, "--format", "dcbs")
        assert_consistent(source / "dest")
        assert len(rows(source / "dest" / LEDGER, "SELECT * FROM file")) == 4

    def test_file_that_is_in_two_sources_is_stored_once_and_comes_back_twice(
        self, source, tmp_path
    ):
        (source / "note.txt").write_text("no image")
        (tmp_path / "link").symlink_to(source)
        archived(
            source.parent, source, tmp_path / "link", f"{source}/", tmp_path / "dest",
            "--format", "dcbs", "--remove-source",
        )  # fmt: skip
        assert_consistent(tmp_path / "dest")
        (row,) = rows(tmp_path / "dest" / LEDGER, "SELECT SUM(files) AS files FROM output")
        assert row["files"] == 5
        assert not list(source.iterdir())
        restore_ledger(tmp_path / "dest" / LEDGER, tmp_path / "out")
        for place in ("in/source", "source", "link"):
            assert len(list((tmp_path / "out" / place).iterdir())) == 5

    def test_source_that_is_named_by_steps_upwards_comes_back(self, source, tmp_path):
        done = subprocess.run(
            archive_command("..", tmp_path / "dest", "--format", "dcbs"),
            cwd=source, capture_output=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        summary = restore_ledger(tmp_path / "dest" / LEDGER, tmp_path / "out")
        assert not summary.problems
        assert len(list((tmp_path / "out" / "in" / "source").iterdir())) == 4


@pytest.mark.parametrize("url", ["https://me:{}@127.0.0.1:1/x", "https://{}@127.0.0.1:1/x"])
@pytest.mark.parametrize("is_source", [True, False])
def test_password_in_a_url_is_not_recorded(source, tmp_path, url, is_source):
    url = url.format(PASSWORD)
    places = (url, tmp_path / "dest") if is_source else (source, url)
    done = tried(*places, "--ledger", tmp_path / "ledger" / LEDGER)
    assert done.returncode == 4
    assert "127.0.0.1:1/x: a URL with a password" in done.stderr
    assert PASSWORD not in done.stderr
    assert not (tmp_path / "ledger").exists()


def test_ledger_on_a_disk_of_its_own_that_is_full_is_whole(source, tmp_path):
    for number in range(3000):
        (source / f"{number:0200}").write_text(str(number))
    with small_disk(tmp_path / "disk", 600_000) as disk:
        arguments = (source, tmp_path / "dest", "--format", "dcbs", "--ledger", disk / LEDGER)
        done = tried(*arguments)
        assert done.returncode == 8, done.stderr
        assert "the disk is full" in done.stderr
        assert "Traceback" not in done.stderr
        subprocess.run(["mount", "-o", "remount,size=64m", str(disk)], check=True)
        archived(*arguments)
        shutil.copy(disk / LEDGER, tmp_path / "dest")
    assert_consistent(tmp_path / "dest")


def test_scratch_folder_that_is_not_there_is_named(source, tmp_path):
    done = tried(source, tmp_path / "dest", "--scratch", tmp_path / "nothing")
    assert done.returncode == 3
    assert "nothing: no folder can be made there" in done.stderr
