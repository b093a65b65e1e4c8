"""`dicube convert`: what is read, written, refused and said."""

import shutil

import numpy as np
import pydicom
import pytest

import dicube
from dicube.core.cube_file import read_description
from tests.cli.runs import damage_first_frame, misused, ok, refused, run, same_files


class TestConvert:
    @pytest.mark.parametrize("suffix", ["dcbs", "dcba"])
    def test_folder_becomes_a_verified_cube_file(self, folder, tmp_path, suffix):
        target = tmp_path / f"ct.{suffix}"
        text = ok("convert", folder, target)
        assert text.startswith(f"{target}: 4 frames, ")
        assert "verified (4 files identical byte for byte)" in text
        assert read_description(target).file_format.suffix == f".{suffix}"

    def test_effort_is_for_archives(self, folder, tmp_path):
        for effort in ("fast", "default", "max"):
            ok("convert", folder, tmp_path / f"{effort}.dcba", "--effort", effort)
        text = misused("convert", folder, tmp_path / "x.dcbs", "--effort", "max")
        assert "only for a .dcba or .dcbr file" in text

    def test_format_option_overrides_the_suffix(self, folder, tmp_path):
        ok("convert", folder, tmp_path / "ct.bin", "--format", "dcba")
        assert read_description(tmp_path / "ct.bin").file_format.suffix == ".dcba"

    def test_files_left_out_are_listed_with_the_reason(self, folder, tmp_path):
        (folder / "notes.txt").write_text("not DICOM")
        text = ok("convert", folder, tmp_path / "ct.dcbs", "--no-verify")
        assert f"skipped {folder / 'notes.txt'}: " in text
        assert "not verified" in text

    def test_findings_are_counted(self, folder, tmp_path):
        (folder / "00002.dcm").unlink()
        assert "2 findings, first: gap_instance_number" in ok(
            "convert", folder, tmp_path / "ct.dcbs"
        )

    @pytest.mark.parametrize("sort", ["instance", "instance-desc", "position", "position-desc"])
    @pytest.mark.parametrize("keep", [[], ["--no-sources"]], ids=["sources", "no sources"])
    def test_every_order_verifies(self, folder, tmp_path, sort, keep):
        target = tmp_path / "ct.dcbs"
        assert "verified" in ok("convert", folder, target, "--sort", sort, *keep, "--threads", 1)
        numbers = dicube.load_meta(target).get("InstanceNumber")
        assert numbers == ([4, 3, 2, 1] if sort.endswith("desc") else [1, 2, 3, 4])

    def test_without_sources_none_are_kept(self, folder, tmp_path):
        ok("convert", folder, tmp_path / "ct.dcbs", "--no-sources")
        assert read_description(tmp_path / "ct.dcbs").sources is None

    def test_existing_target_is_refused_and_untouched(self, folder, tmp_path):
        target = tmp_path / "ct.dcbs"
        target.write_bytes(b"precious")
        assert "--overwrite" in refused(4, "convert", folder, target)
        assert target.read_bytes() == b"precious"
        ok("convert", folder, target, "--overwrite")
        assert target.read_bytes().startswith(b"DCMCUBES")

    def test_target_that_cannot_be_a_file_is_refused(self, folder, tmp_path):
        (tmp_path / "taken.dcbs").mkdir()
        refused(4, "convert", folder, tmp_path / "taken.dcbs", "--overwrite")
        refused(4, "convert", folder, tmp_path / "missing" / "ct.dcbs")

    def test_source_that_is_missing_is_named(self, tmp_path):
        line = refused(3, "convert", tmp_path / "nothing", tmp_path / "ct.dcbs")
        assert str(tmp_path / "nothing") in line

    def test_source_that_is_no_cube_file_is_refused(self, folder, tmp_path):
        assert "no cube file" in refused(3, "convert", folder / "00001.dcm", tmp_path / "ct.dcbs")

    def test_format_that_is_not_supported_is_refused(self, folder, tmp_path):
        assert "not supported" in refused(3, "convert", folder, tmp_path / "ct.dcbl")

    def test_unknown_suffix_is_wrong_usage_and_points_to_export(self, folder, tmp_path):
        assert "dicube export" in misused("convert", folder, tmp_path / "dicom")

    def test_options_without_effect_are_wrong_usage(self, folder, cube, tmp_path):
        target = tmp_path / "ct.dcba"
        assert "--skip-damaged" in misused("convert", cube, target, "--skip-damaged")
        assert "--modality" in misused("convert", folder, target, "--modality", "MR")

    def test_several_series_are_listed_and_one_can_be_picked(self, folder, small_image, tmp_path):
        uid = small_image.init_meta("MR").get("SeriesInstanceUID")
        for path in small_image.to_dicom_folder(tmp_path / "other"):
            shutil.copy(path, folder / f"other-{path.name}")
        target = tmp_path / "ct.dcbs"
        assert uid in refused(4, "convert", folder, target)
        text = ok("convert", folder, target, "--series-uid", uid)
        assert "4 frames" in text
        assert text.count("an image of another series") == 4

    def test_damaged_file_stops_unless_it_may_be_left_out(self, folder, tmp_path):
        damaged, target = folder / "00003.dcm", tmp_path / "ct.dcbs"
        damaged.write_bytes(damaged.read_bytes()[:-50])
        line = refused(3, "convert", folder, target)
        assert "00003.dcm" in line
        assert "--skip-damaged" in line
        assert not target.exists()
        text = ok("convert", folder, target, "--skip-damaged")
        assert "3 frames" in text
        assert f"skipped {damaged}: " in text

    def test_verification_that_fails_is_reported(self, folder, tmp_path, monkeypatch):
        target = tmp_path / "ct.dcbs"

        def write_damaged(source, path, **options):
            done = dicube.convert(source, path, **options)
            damage_first_frame(path)
            return done

        monkeypatch.setattr("dicube.cli.convert.convert_folder", write_damaged)
        result = run("convert", folder, target)
        assert result.exit_code == 1
        assert "VERIFICATION FAILED" in result.stdout
        assert "frame 0 fails its checksum" in result.stderr

    def test_cube_file_to_the_other_format_keeps_the_sources(self, folder, cube, tmp_path):
        ok("convert", cube, tmp_path / "ct.dcba")
        ok("export", tmp_path / "ct.dcba", tmp_path / "copy")
        assert same_files(folder, tmp_path / "copy")

    def test_cube_file_can_replace_itself(self, cube):
        before = dicube.load(cube).raw_image
        ok("convert", cube, cube, "--overwrite", "--no-sources")
        np.testing.assert_array_equal(dicube.load(cube).raw_image, before)

    def test_nifti_there_and_back(self, cube, tmp_path):
        pytest.importorskip("nibabel")
        ok("convert", cube, tmp_path / "ct.nii.gz")
        assert "verified" in ok("convert", tmp_path / "ct.nii.gz", tmp_path / "back.dcbs")
        expected, image = dicube.load(cube), dicube.load(tmp_path / "back.dcbs")
        np.testing.assert_array_equal(image.raw_image, expected.raw_image)
        np.testing.assert_allclose(image.affine, expected.affine)

    def test_nifti_with_modality_can_be_exported(self, cube, tmp_path):
        pytest.importorskip("nibabel")
        nifti, target = tmp_path / "ct.nii", tmp_path / "new.dcbs"
        ok("convert", cube, nifti)
        ok("convert", nifti, target, "--modality", "MR")
        ok("export", target, tmp_path / "new")
        assert {pydicom.dcmread(p).Modality for p in (tmp_path / "new").iterdir()} == {"MR"}
