"""Archives of one small series: what is added, in the way, removed, or refused."""

import shutil
import time
from pathlib import Path

import numpy as np
import pytest
from pydicom import dcmread

from dicube import DicomCubeImage, PixelDataHeader
from dicube.archive.restore import restore_ledger
from tests.archive.archives import (
    LEDGER,
    archived,
    assert_consistent,
    rows,
    stored_outputs,
    tried,
)
from tests.cli.runs import ok


def test_series_of_any_folder_is_archived_and_comes_back(small_folder, tmp_path):
    out = archived(small_folder, tmp_path / "dest", "--format", "dcba")
    assert "1 series stored, 4 files" in out
    restore_ledger(tmp_path / "dest" / LEDGER, tmp_path / "out")
    for path in small_folder.iterdir():
        back = tmp_path / "out" / small_folder.name / path.name
        assert back.read_bytes() == path.read_bytes()


def test_new_files_of_a_series_are_added_beside_it(small_folder, tmp_path):
    source, dest = tmp_path / "source", tmp_path / "dest"
    source.mkdir()
    first, *others = sorted(small_folder.iterdir())
    shutil.copy(first, source / "first")
    archived(source, dest, "--format", "dcbs")
    before = stored_outputs(dest)
    (source / "more").mkdir()
    for path in others:
        shutil.copy(path, source / "more")
    shutil.copy(first, source / "again")
    out = archived(source, dest, "--format", "dcbs")
    assert "1 series stored, 3 files" in out
    assert "1 duplicate stored once" in out
    after = stored_outputs(dest)
    assert {path: after[path] for path in before} == before
    assert len(after) == 2
    assert_consistent(dest)


def test_file_that_is_in_the_way_stays(small_folder, tmp_path):
    dest = tmp_path / "dest"
    archived(small_folder, dest, "--format", "dcbs")
    (cube,) = dest.rglob("*.dcbs")
    other = tmp_path / "other" / cube.relative_to(dest)
    other.parent.mkdir(parents=True)
    other.write_bytes(b"of somebody else")
    archived(small_folder, tmp_path / "other", "--format", "dcbs")
    assert other.read_bytes() == b"of somebody else"
    (row,) = rows(tmp_path / "other" / LEDGER, "SELECT path FROM output")
    assert row["path"] == f"{cube.relative_to(dest).with_suffix('')}~2.dcbs"


def test_output_that_the_ledger_had_no_time_to_note_is_taken(small_folder, tmp_path):
    dest = tmp_path / "dest"
    archived(small_folder, dest, "--format", "dcbs")
    (cube,) = dest.rglob("*.dcbs")
    before = (cube.stat().st_ino, cube.stat().st_mtime_ns)
    (dest / LEDGER).unlink()
    time.sleep(0.01)
    archived(small_folder, dest, "--format", "dcbs")
    assert (cube.stat().st_ino, cube.stat().st_mtime_ns) == before
    assert_consistent(dest)


def test_name_that_is_no_text_fails_alone(small_folder, tmp_path):
    shutil.copytree(small_folder, tmp_path / "source")
    Path(f"{tmp_path}/source/\udcff.dcm").write_bytes(b"x")
    out = archived(tmp_path / "source", tmp_path / "dest", "--format", "dcbs", code=1)
    assert "1 series stored" in out
    assert "1 could not be stored" in out


class TestRemoval:
    def test_sources_stay_unless_it_is_asked_for(self, small_folder, tmp_path):
        names = sorted(path.name for path in small_folder.iterdir())
        archived(small_folder, tmp_path / "dest", "--format", "dcbs")
        assert sorted(path.name for path in small_folder.iterdir()) == names

    def test_stored_files_are_removed_and_come_back(self, small_folder, tmp_path):
        contents = {path.name: path.read_bytes() for path in small_folder.iterdir()}
        (small_folder / "note.txt").write_text("no image")
        archived(small_folder, tmp_path / "dest", "--format", "dcbs", "--remove-source")
        assert not list(small_folder.iterdir())
        restore_ledger(tmp_path / "dest" / LEDGER, tmp_path / "out")
        back = {p.name: p.read_bytes() for p in (tmp_path / "out" / small_folder.name).iterdir()}
        assert back == contents | {"note.txt": b"no image"}

    def test_nothing_is_removed_that_the_archive_lost(self, small_folder, tmp_path):
        archived(small_folder, tmp_path / "dest", "--format", "dcbs")
        (cube,) = (tmp_path / "dest").rglob("*.dcbs")
        data = bytearray(cube.read_bytes())
        data[len(data) // 2] ^= 1
        cube.write_bytes(data)
        archived(small_folder, tmp_path / "dest", "--format", "dcbs", "--remove-source")
        assert len(list(small_folder.iterdir())) == 4

    def test_file_that_changed_meanwhile_stays(self, small_folder, tmp_path):
        archived(small_folder, tmp_path / "dest", "--format", "dcbs")
        changed = sorted(small_folder.iterdir())[0]
        ledger = tmp_path / "dest" / LEDGER
        before = changed.stat()
        changed.write_bytes(changed.read_bytes()[:-1] + b"\x07")
        out = archived(small_folder, tmp_path / "dest", "--format", "dcbs", "--remove-source")
        assert "1 series stored, 1 file" in out
        assert not list(small_folder.iterdir())
        states = [row["state"] for row in rows(ledger, "SELECT state FROM file ORDER BY id")]
        assert states.count("superseded") == 1
        assert before.st_size == rows(ledger, "SELECT bytes FROM file")[0]["bytes"]

    def test_region_of_interest_is_no_reason_to_remove_sources(self, small_folder, tmp_path):
        done = tried(small_folder, tmp_path, "--format", "dcbr", "--remove-source")
        assert done.returncode == 2
        assert "--remove-source" in done.stderr
        assert len(list(small_folder.iterdir())) == 4


class TestRegionsOfInterest:
    """Archives of .dcbr files, which hold less than the sources."""

    @pytest.fixture
    def folder(self, tmp_path) -> Path:
        """A bright square in noise, which does not stay as it is."""
        values = np.random.default_rng(0).integers(0, 40, (4, 64, 64)).astype(np.uint16)
        values[:, 16:48, 16:48] += 1000
        image = DicomCubeImage(values, PixelDataHeader())
        image.init_meta("MR")
        image.to_dicom_folder(tmp_path / "series")
        (tmp_path / "series/note.txt").write_text("no image")
        shutil.copytree(tmp_path / "series", tmp_path / "series/copy")
        return tmp_path / "series"

    @pytest.fixture
    def archive(self, folder, tmp_path) -> Path:
        lossy = ("--format", "dcbr", "--background-error", 9)
        out = archived(folder, tmp_path / "dest", *lossy, "--workers", 1)
        assert "do not hold their sources" in out
        return tmp_path / "dest"

    def test_ledger_says_what_is_there(self, archive):
        assert_consistent(archive)
        ok("verify", "--ledger", archive / LEDGER, "--deep")

    def test_restore_gives_what_export_gives_in_the_places_of_the_sources(
        self, archive, folder, tmp_path
    ):
        text = ok("restore", archive / LEDGER, tmp_path / "out")
        assert "2 files identical byte for byte, 8 derived images" in text
        (cube,) = archive.rglob("*.dcbr")
        ok("export", cube, tmp_path / "exported")
        exported = sorted(path.read_bytes() for path in (tmp_path / "exported").iterdir())
        back = tmp_path / "out" / folder.name
        for place in (back, back / "copy"):
            assert (place / "note.txt").read_text() == "no image"
            images = sorted(place.glob("*.dcm"))
            assert sorted(path.read_bytes() for path in images) == exported
            for path in images:
                image, source = dcmread(path), dcmread(folder / path.name)
                assert image.InstanceNumber == source.InstanceNumber
                assert image.ImageType[0] == "DERIVED"
                assert image.SOPInstanceUID != source.SOPInstanceUID
        assert "10 files there before" in ok("restore", archive / LEDGER, tmp_path / "out")

    def test_sources_that_are_there_stay(self, archive, folder):
        before = {path: path.read_bytes() for path in folder.rglob("*.dcm")}
        ok("restore", archive / LEDGER, folder.parent)
        assert {path: path.read_bytes() for path in folder.rglob("*.dcm")} == before


def test_ledger_of_another_archive_is_refused(small_folder, tmp_path):
    archived(small_folder, tmp_path / "dest", "--format", "dcbs")
    archived(small_folder, tmp_path / "dest", "--format", "dcba", code=4)
    archived(small_folder, tmp_path / "dest", "--format", "dcbs", "--layout", "{Modality}", code=4)


def test_too_little_memory_fails_with_advice_and_more_lets_it_go_on(tmp_path, small_folder):
    archived(
        small_folder,
        tmp_path / "dest",
        "--format",
        "dcbs",
        "--memory",
        "100M",
        "--workers",
        1,
        code=1,
    )
    (row,) = rows(tmp_path / "dest" / LEDGER, "SELECT state, error FROM series")
    assert row["state"] == "failed"
    assert "--memory" in row["error"]
    archived(small_folder, tmp_path / "dest", "--format", "dcbs", "--workers", 1)
    assert_consistent(tmp_path / "dest")


def test_layout_names_the_outputs(small_folder, tmp_path):
    archived(small_folder, tmp_path, "--format", "dcbs", "--layout", "{Modality}/x-{SeriesNumber}")
    (row,) = rows(tmp_path / LEDGER, "SELECT path FROM output")
    assert row["path"] == "CT/x-unknown.dcbs" or row["path"].startswith("CT/x-")


@pytest.mark.parametrize(
    "arguments",
    [
        ["--layout", "{NoSuchKeyword}"],
        ["--layout", "../{PatientID}"],
        ["--layout", "no keyword"],
    ],
)
def test_layout_that_cannot_be_is_refused(small_folder, tmp_path, arguments):
    archived(small_folder, tmp_path / "dest", *arguments, code=4)
    assert not (tmp_path / "dest").exists()


@pytest.mark.parametrize("arguments", [["--memory", "much"], ["--memory", "0G"], ["--workers", 0]])
def test_wrong_usage_is_said(small_folder, tmp_path, arguments):
    archived(small_folder, tmp_path / "dest", *arguments, code=2)


def test_source_that_is_not_there_is_named(tmp_path):
    done = tried(tmp_path / "nothing", tmp_path / "dest")
    assert done.returncode == 3
    assert "nothing: no such folder or file" in done.stderr


def test_nobody_else_may_read_the_ledger_and_the_report(small_folder, tmp_path):
    archived(small_folder, tmp_path / "dest", "--format", "dcbs")
    own = [path for path in (tmp_path / "dest").iterdir() if path.is_file()]
    assert sorted(path.name for path in own) == [
        "archive.report.html", "archive.report.json", LEDGER
    ]  # fmt: skip
    assert {path.stat().st_mode & 0o777 for path in own} == {0o600}
