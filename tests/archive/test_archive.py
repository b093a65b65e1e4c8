"""The whole way of an archive: mixed trees in, killed in between, and every file back."""

import contextlib
import json
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from pydicom import dcmread

from dicube import DicomCubeImage, PixelDataHeader
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
from tests.archive.corpus import Corpus, make_corpus
from tests.archive.disks import small_disk
from tests.cli.runs import ok
from tests.series import DATA, requires_data

# Of each kind one, and all that is broken; a few megabytes.
NAMES = [
    "broken_duplicate_file", "broken_junk", "broken_missing_pixeldata", "broken_mixed_series",
    "broken_mixed_shape", "broken_mixed_transfer_syntax", "broken_no_preamble",
    "broken_truncated_header", "broken_truncated_pixels", "ct_rtstruct", "derived_4d_interleaved",
    "derived_metadata_torture", "enh_emri_small_big_endian", "enh_emri_small_jpeg_ls_lossless",
    "mr_rle_series", "mr_t1_sts", "odd_JPEG2000_embedded_sequence_delimiter", "odd_image_dfl",
    "pet_pmod_slopes", "rgb_series_j2k", "seg_24x38x3", "sr_no_pixels", "ts_siemens_1",
    "us_8bit_jpegll",
]  # fmt: skip


# The order of other files in their zip files is that in which places were scanned.
_CUBES = "SELECT path, digest, files FROM output WHERE path NOT LIKE 'other-files/%' ORDER BY path"


@pytest.fixture(scope="module")
def corpus(tmp_path_factory) -> Corpus:
    return make_corpus(DATA, tmp_path_factory.mktemp("corpus") / "src", 2, names=NAMES)


@pytest.fixture(scope="module")
def archive(corpus, tmp_path_factory) -> Path:
    """The corpus as .dcbs files; not to be changed."""
    folder = tmp_path_factory.mktemp("archive") / "dest"
    archived(corpus.folder, folder, "--format", "dcbs", "--workers", 2)
    return folder


@requires_data
class TestMixedTree:
    def test_every_file_comes_back(self, corpus, archive, tmp_path):
        assert_consistent(archive)
        summary = restore_ledger(archive / LEDGER, tmp_path / "out")
        assert not summary.problems
        assert summary.identical + summary.equal == corpus.files
        assert_restored(corpus, tmp_path / "out" / "src", tmp_path / "scratch")

    def test_same_bytes_are_stored_once(self, corpus, archive):
        stored, duplicates = (
            rows(archive / LEDGER, f"SELECT * FROM file WHERE state = '{state}'")
            for state in ("stored", "duplicate")
        )
        assert len(duplicates) == corpus.duplicates
        by_id = {row["id"]: row for row in stored}
        for row in duplicates:
            same = by_id[row["stored_as"]]
            assert (same["digest"], same["bytes"]) == (row["digest"], row["bytes"])
        assert len({row["digest"] for row in stored}) == len(stored)

    def test_instance_with_other_bytes_is_stored_too(self, corpus, archive):
        differing = rows(
            archive / LEDGER,
            "SELECT COUNT(*) AS copies, GROUP_CONCAT(name) AS names FROM file"
            " WHERE state = 'stored' AND sop_uid IS NOT NULL GROUP BY sop_uid HAVING copies > 1",
        )
        changed = [Path(path).name for path in corpus.changed]
        assert changed
        assert all(any(name in row["names"].split(",") for row in differing) for name in changed)

    def test_links_are_said_to_be_left(self, corpus, archive):
        left = rows(archive / LEDGER, "SELECT name, reason FROM file WHERE state = 'left'")
        assert {row["name"] for row in left} == {Path(link).name for link in corpus.links}
        assert all("link" in row["reason"] for row in left)

    def test_second_run_does_nothing(self, corpus, archive):
        before = stored_outputs(archive)
        out = archived(corpus.folder, archive, "--format", "dcbs")
        assert "0 series stored" in out
        assert stored_outputs(archive) == before

    def test_archive_of_jpeg_xl_comes_back_too(self, corpus, tmp_path):
        archived(corpus.folder, tmp_path / "dest", "--format", "dcba", "--effort", "fast")
        assert_consistent(tmp_path / "dest")
        restore_ledger(tmp_path / "dest" / LEDGER, tmp_path / "out")
        assert_restored(corpus, tmp_path / "out" / "src", tmp_path / "scratch")

    def test_dask_stores_the_same(self, corpus, archive, tmp_path):
        pytest.importorskip("distributed")
        archived(corpus.folder, tmp_path, "--format", "dcbs", "--dask", "--workers", 2)
        assert_consistent(tmp_path)
        assert [*map(tuple, rows(tmp_path / LEDGER, _CUBES))] == [
            *map(tuple, rows(archive / LEDGER, _CUBES))
        ]


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

    def test_worker_of_a_cluster_that_is_killed_changes_nothing(self, corpus, archive, tmp_path):
        pytest.importorskip("distributed")
        dest = tmp_path / "dest"
        with dask_cluster(tmp_path, 3) as (address, workers):
            command = archive_command(
                corpus.folder, dest, "--format", "dcbs", "--scheduler", address
            )
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
        assert [*map(tuple, rows(dest / LEDGER, _CUBES))] == [
            *map(tuple, rows(archive / LEDGER, _CUBES))
        ]

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
