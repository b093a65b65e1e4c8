"""Restoring: what was archived comes back, what is there stays, damage costs what it hits."""

import shutil
import signal
import subprocess
import sys

import numpy as np
import pytest

import dicube
from dicube import DicomCubeImage, PixelDataHeader
from dicube.archive.restore import restore_cubes, restore_ledger
from dicube.exceptions import DataConsistencyError, DestinationFullError, MetaDataError
from tests.archive.disks import small_disk
from tests.archive.samples import (
    MODIFIED_NS,
    change,
    digest,
    files_of,
    flip,
)
from tests.file_servers import s3_server, use_s3
from tests.series import requires_data, series_folder


class TestLedger:
    def test_trees_come_back_byte_for_byte(self, sample, tmp_path):
        summary = restore_ledger(sample.ledger, tmp_path / "out")
        assert files_of(tmp_path / "out") == {**sample.tree, **sample.compressed}
        assert (summary.identical, summary.equal, summary.present) == (12, 4, 0)
        assert not summary.problems
        assert not summary.conflicts
        assert summary.length_bytes == sum(map(len, files_of(tmp_path / "out").values()))

    def test_modification_times_come_back_where_they_are_known(self, sample, tmp_path):
        restore_ledger(sample.ledger, tmp_path / "out")
        for name in files_of(tmp_path / "out/first/scan"):
            if name != "notes.txt":
                assert (tmp_path / "out/first/scan" / name).stat().st_mtime_ns == MODIFIED_NS
        assert (tmp_path / "out/first/notes.txt").stat().st_mtime_ns > MODIFIED_NS

    def test_second_restore_writes_nothing(self, sample, tmp_path):
        restore_ledger(sample.ledger, tmp_path / "out")
        before = {path: path.stat().st_ino for path in (tmp_path / "out").rglob("*")}
        summary = restore_ledger(sample.ledger, tmp_path / "out")
        assert (summary.identical, summary.equal, summary.present) == (0, 0, 16)
        assert {path: path.stat().st_ino for path in (tmp_path / "out").rglob("*")} == before

    def test_other_files_in_the_way_stay_and_are_reported(self, sample, tmp_path):
        out = tmp_path / "out"
        restore_ledger(sample.ledger, out)
        plain, packed = sorted(out.glob("first/scan/*.dcm"))[1], next(out.glob("first/jls/*"))
        for path in (plain, packed, out / "first/notes.txt"):
            path.write_bytes(b"mine")
        summary = restore_ledger(sample.ledger, out)
        assert len(summary.conflicts) == 3
        assert not summary.problems
        assert summary.present == 13
        assert plain.read_bytes() == packed.read_bytes() == b"mine"
        summary = restore_ledger(sample.ledger, out, overwrite=True)
        assert (summary.identical, summary.equal, summary.conflicts) == (2, 1, [])
        assert files_of(out) == {**sample.tree, **sample.compressed}

    def test_folder_or_link_in_the_place_of_a_file_is_a_conflict(self, sample, tmp_path):
        out = tmp_path / "out"
        (out / "first/notes.txt").mkdir(parents=True)
        (out / "first/e").symlink_to(tmp_path / "elsewhere")
        summary = restore_ledger(sample.ledger, out)
        assert len(summary.conflicts) == 2
        assert summary.identical == 10
        assert not (tmp_path / "elsewhere").exists()

    def test_nothing_is_written_through_linked_folders(self, sample, tmp_path):
        out, elsewhere = tmp_path / "out", tmp_path / "elsewhere"
        elsewhere.mkdir()
        (out / "first").mkdir(parents=True)
        (out / "first/scan").symlink_to(elsewhere)
        (out / "second").write_bytes(b"a file where a folder has to be")
        for overwrite in (False, True):
            summary = restore_ledger(sample.ledger, out, overwrite=overwrite)
            assert len(summary.conflicts) == 9
        assert not list(elsewhere.iterdir())

    @pytest.mark.parametrize(
        ("table", "column", "value"),
        [
            ("root", "label", "../up"),
            ("place", "path", "../../up"),
            ("file", "name", "/etc/up"),
            ("file", "name", "a/../../../up"),
        ],
    )
    def test_forged_paths_are_refused(self, sample, tmp_path, table, column, value):
        change(sample, f"UPDATE {table} SET {column} = ? WHERE id = 1", value)
        summary = restore_ledger(sample.ledger, tmp_path / "a/b/c/out")
        assert summary.problems
        assert all("leads out" in problem for problem in summary.problems)
        assert not list(tmp_path.rglob("up"))
        assert set(tmp_path.glob("a/**/*.dcm")) == set(tmp_path.glob("a/b/c/out/**/*.dcm"))

    def test_only_chosen_outputs_are_restored(self, sample, tmp_path):
        calls = []
        restore_ledger(
            sample.ledger,
            tmp_path / "out",
            outputs=["a/ct.dcbs"],
            progress=lambda *call: calls.append(call),
        )
        expected = {name for name in sample.tree if name.endswith(".dcm")}
        assert files_of(tmp_path / "out").keys() == expected
        assert calls[-1] == ("restoring", 8, 8)

    def test_target_that_is_a_file_is_refused(self, sample, tmp_path):
        (tmp_path / "out").write_bytes(b"x")
        with pytest.raises(DataConsistencyError, match="no folder"):
            restore_ledger(sample.ledger, tmp_path / "out")


class TestDamage:
    def test_damaged_frame_costs_one_file(self, sample, tmp_path):
        flip(sample.folder / "a/ct.dcbs", 116 + 20)
        summary = restore_ledger(sample.ledger, tmp_path / "out")
        assert len(summary.problems) == 2  # the file and its copy
        assert all("checksum" in problem for problem in summary.problems)
        found = files_of(tmp_path / "out")
        assert len(found) == 14
        assert all({**sample.tree, **sample.compressed}[name] == found[name] for name in found)

    @pytest.mark.parametrize("path", ["a/ct.dcbs", "other-files/000000.zip"])
    def test_missing_or_cut_output_costs_its_files_and_no_others(self, sample, tmp_path, path):
        file = sample.folder / path
        file.write_bytes(file.read_bytes()[:100])
        lost = 8 if path == "a/ct.dcbs" else 4
        summary = restore_ledger(sample.ledger, tmp_path / "out")
        (problem,) = summary.problems
        assert path in problem
        assert f"{lost} files of it" in problem
        assert summary.identical == 12 - lost
        file.unlink()
        (problem,) = restore_ledger(sample.ledger, tmp_path / "other").problems
        assert "no such file" in problem

    def test_damaged_member_of_a_zip_file_costs_itself(self, sample, tmp_path):
        path = sample.folder / "other-files/000000.zip"
        flip(path, path.read_bytes().index(b"first/notes.txt") + len("first/notes.txt") + 2)
        summary = restore_ledger(sample.ledger, tmp_path / "out")
        assert len(summary.problems) == 2
        assert all("notes.txt" in problem for problem in summary.problems)
        assert (tmp_path / "out/first/bad.zip").read_bytes() == b"no zip at all"
        assert not [name for name in files_of(tmp_path / "out") if name.endswith(".part")]

    def test_file_that_is_not_the_one_of_the_ledger_is_not_written(self, sample, tmp_path):
        change(sample, "UPDATE file SET digest = ? WHERE name IN ('e', ?)", digest(b"?"), "")
        change(
            sample, "UPDATE file SET position = 1 - position WHERE position < 2 AND place_id = 1"
        )
        summary = restore_ledger(sample.ledger, tmp_path / "out")
        texts = " ".join(summary.problems)
        assert texts.count("another file in its place") == 4  # two, and their copies
        assert texts.count("not the source file") == 2
        assert not (tmp_path / "out/first/e").exists()

    def test_position_that_is_not_there_is_named(self, sample, tmp_path):
        change(sample, "UPDATE file SET position = 99 WHERE name = 'e'")
        change(sample, "UPDATE file SET output_id = NULL WHERE name = ''")
        summary = restore_ledger(sample.ledger, tmp_path / "out")
        assert len(summary.problems) == 2
        assert "number 99" in " ".join(summary.problems)
        assert "does not say where" in " ".join(summary.problems)

    def test_output_that_leads_out_of_the_archive_is_not_opened(self, sample, tmp_path):
        shutil.move(sample.folder / "a/ct.dcbs", sample.folder.parent)
        change(sample, "UPDATE output SET path = '../ct.dcbs' WHERE path = 'a/ct.dcbs'")
        (problem,) = restore_ledger(sample.ledger, tmp_path / "out").problems
        assert "leads out" in problem
        assert "8 files of it" in problem

    def test_copy_of_a_file_that_was_superseded_comes_back(self, sample, tmp_path):
        change(sample, "UPDATE file SET state = 'superseded' WHERE id = 1")
        summary = restore_ledger(sample.ledger, tmp_path / "out")
        assert not summary.problems
        assert len(list(tmp_path.glob("out/first/scan/*.dcm"))) == 3
        assert len(list(tmp_path.glob("out/second/deep/er/*.dcm"))) == 4

    def test_full_disk_stops_and_leaves_whole_files_only(self, sample, tmp_path):
        with small_disk(tmp_path / "disk", 1 << 14) as disk:
            with pytest.raises(DestinationFullError, match="full"):
                restore_ledger(sample.ledger, disk / "out")
            found = files_of(disk / "out")
            assert found
            assert all({**sample.tree, **sample.compressed}[name] == found[name] for name in found)


class TestInterruption:
    def test_killed_restore_goes_on(self, sample, tmp_path):
        program = (
            "import os, signal, sys\n"
            "from pathlib import Path\n"
            "from dicube.archive import tree\n"
            "from dicube.archive.restore import restore_ledger\n"
            "utime, calls = os.utime, []\n"
            "def kill(*arguments, **options):\n"
            "    calls.append(1)\n"
            "    if len(calls) == 3: os.kill(os.getpid(), signal.SIGKILL)\n"
            "    return utime(*arguments, **options)\n"
            "os.utime = kill\n"  # between writing a file and giving it its name
            "restore_ledger(Path(sys.argv[1]), Path(sys.argv[2]))\n"
        )
        command = [sys.executable, "-c", program, str(sample.ledger), str(tmp_path / "out")]
        assert subprocess.run(command, check=False).returncode == -signal.SIGKILL
        left = files_of(tmp_path / "out")
        assert [name for name in left if name.endswith(".part")]
        summary = restore_ledger(sample.ledger, tmp_path / "out")
        assert summary.present == len(left) - 1
        assert files_of(tmp_path / "out") == {**sample.tree, **sample.compressed}


class TestLocation:
    def test_ledger_that_moved_with_its_archive_finds_it(self, sample, tmp_path):
        moved = tmp_path / "moved"
        sample.folder.rename(moved)
        summary = restore_ledger(moved / "archive.sqlite", tmp_path / "out")
        assert summary.identical == 12

    def test_ledger_of_another_name_needs_to_be_told(self, sample, tmp_path):
        ledger = shutil.move(sample.ledger, tmp_path / "mine.sqlite")
        sample.folder.rename(tmp_path / "moved")
        with pytest.raises(MetaDataError, match="--archive"):
            restore_ledger(ledger, tmp_path / "out")
        summary = restore_ledger(ledger, tmp_path / "out", archive=str(tmp_path / "moved"))
        assert summary.identical == 12

    @pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::DeprecationWarning")
    def test_archive_on_s3_comes_back(self, sample, tmp_path, monkeypatch):
        with s3_server() as endpoint:
            use_s3(endpoint, monkeypatch)
            import fsspec

            bucket = fsspec.filesystem("s3", skip_instance_cache=True)
            bucket.mkdir("archives")
            bucket.put(str(sample.folder) + "/", "archives/mine/", recursive=True)
            shutil.rmtree(sample.folder / "a")
            summary = restore_ledger(sample.ledger, tmp_path / "out", archive="s3://archives/mine")
            assert not summary.problems
        assert files_of(tmp_path / "out") == {**sample.tree, **sample.compressed}


class TestCubes:
    def test_cube_without_ledger_brings_back_its_files(self, sample, small_image, tmp_path):
        cubes = [sample.folder / "a/ct.dcbs"]
        summary = restore_cubes(cubes, tmp_path / "out")
        plain = sample.folder.parent / "plain"
        assert files_of(tmp_path / "out") == files_of(plain)
        assert (summary.identical, summary.equal) == (4, 0)

    def test_damaged_cube_stops_no_other(self, sample, tmp_path):
        (tmp_path / "bad.dcbs").write_bytes(b"no cube")
        cubes = [tmp_path / "bad.dcbs", sample.folder / "a/jls.dcbs"]
        summary = restore_cubes(cubes, tmp_path / "out")
        assert len(summary.problems) == 1
        assert summary.equal == 4

    def test_cube_without_source_files_says_so(self, small_image, tmp_path):
        path = small_image.to_file(tmp_path / "made.dcbs")
        (problem,) = restore_cubes([path], tmp_path / "out").problems
        assert "does not hold its source files" in problem

    @requires_data
    @pytest.mark.parametrize(
        "series",
        [
            "ct_sts_int16",
            "derived_4d_interleaved",
            "enh_emri_small_big_endian",
            "enh_mr_nema_stacks",
            "mr_mosaic_siemens",
            "odd_MR_small_padded",
            "paramap_float32",
            "rgb_SC_ybr_full_422_uncompressed",
            "seg_overlaps",
        ],
    )
    def test_real_series_come_back_byte_for_byte(self, series, tmp_path):
        cubes = []
        for number, found in enumerate(dicube.find_series(series_folder(series))):
            image = DicomCubeImage.from_volume_set(found)
            cubes.append(image.to_file(tmp_path / f"{number}.dcbs"))
        summary = restore_cubes(cubes, tmp_path / "out")
        assert not summary.problems
        restored = files_of(tmp_path / "out")
        assert summary.identical == len(restored) > 0
        for name, data in restored.items():
            assert (series_folder(series) / name).read_bytes() == data

    @requires_data
    @pytest.mark.parametrize(
        "series", ["enh_emri_small_RLE", "htj2k_rgb_lossless", "mr_j2k_series"]
    )
    def test_compressed_series_come_back_as_they_are_exported(self, series, tmp_path):
        dicube.convert(series_folder(series), tmp_path / "x.dcbs")
        DicomCubeImage.from_file(tmp_path / "x.dcbs").to_dicom_folder(tmp_path / "export")
        summary = restore_cubes([tmp_path / "x.dcbs"], tmp_path / "out")
        exported = files_of(tmp_path / "export")
        assert files_of(tmp_path / "out") == exported
        assert (summary.identical, summary.equal) == (0, len(exported))

    def test_pieces_of_a_long_series_are_put_together_again(self, tmp_path, monkeypatch):
        monkeypatch.setattr("dicube.core.rebuilding._PIECE_BYTES", 5000)
        values = np.random.default_rng(3).integers(0, 99, (30, 20, 50)).astype(np.uint16)
        image = DicomCubeImage(values, PixelDataHeader())
        image.init_meta("MR")
        image.to_dicom_folder(tmp_path / "in")
        dicube.convert(tmp_path / "in", tmp_path / "x.dcba")
        assert restore_cubes([tmp_path / "x.dcba"], tmp_path / "out").identical == 30
        assert files_of(tmp_path / "out") == files_of(tmp_path / "in")
