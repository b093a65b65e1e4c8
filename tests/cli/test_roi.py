"""Regions of interest on the command line: `convert --roi`, `mask`, and what `info` says."""

import json

import nibabel
import numpy as np
import pydicom
import pytest

from dicube import DicomCubeImage, load
from tests.cli.runs import misused, ok, refused


@pytest.fixture
def mask(tmp_path):
    """A .npy file for the series of `folder`, 4 x 12 x 10."""
    mask = np.zeros((4, 12, 10), np.uint8)
    mask[:, 3:9, 2:8] = 1
    np.save(tmp_path / "mask.npy", mask)
    return tmp_path / "mask.npy"


@pytest.fixture
def region(folder, mask, tmp_path):
    """The series as .dcbr, within 5 outside of the mask."""
    path = tmp_path / "series.dcbr"
    ok("convert", folder, path, "--roi", mask, "--background-error", "5")
    return path


class TestConvert:
    def test_says_how_far_values_are_off(self, folder, mask, tmp_path):
        text = ok("convert", folder, tmp_path / "x.dcbr", "--roi", mask, "--background-error", "5")
        assert "verified (exact in the region, off by up to 5 elsewhere)" in text

    def test_distance(self, folder, mask, tmp_path):
        text = ok(
            "convert", folder, tmp_path / "x.dcbr", "--roi", mask, "--background-distance", "2"
        )
        assert "exact in the region, off by up to" in text

    def test_body(self, folder, tmp_path):
        ok("convert", folder, tmp_path / "x.dcbr", "--roi", "body", "--effort", "fast")
        loaded = load(tmp_path / "x.dcbr")
        body = DicomCubeImage.from_dicom_folder(folder).find_body()
        np.testing.assert_array_equal(loaded.roi.mask, body)

    def test_without_a_region_it_is_refused(self, folder, tmp_path):
        assert "--roi" in refused(4, "convert", folder, tmp_path / "x.dcbr")
        assert not (tmp_path / "x.dcbr").exists()

    def test_mask_of_another_shape_is_refused(self, folder, tmp_path):
        np.save(tmp_path / "bad.npy", np.ones((4, 12, 9)))
        line = refused(4, "convert", folder, tmp_path / "x.dcbr", "--roi", tmp_path / "bad.npy")
        assert "bad.npy" in line

    @pytest.mark.parametrize(
        "option", [("--roi", "body"), ("--background-error", 3), ("--background-distance", 1)]
    )
    @pytest.mark.parametrize("name", ["x.dcbs", "x.dcba", "x.nii"])
    def test_options_of_a_region_are_for_dcbr(self, folder, tmp_path, name, option):
        assert "only for a .dcbr file" in misused("convert", folder, tmp_path / name, *option)

    def test_error_of_0_is_wrong_usage(self, folder, mask, tmp_path):
        misused("convert", folder, tmp_path / "x.dcbr", "--roi", mask, "--background-error", "0")


class TestOtherCommands:
    def test_info_says_that_it_is_lossy_and_by_how_much(self, region):
        text = ok("info", region)
        assert "LOSSY outside" in text
        assert "up to 5 in stored values (at most 5 allowed)" in text
        facts = json.loads(ok("info", region, "--json"))
        assert facts["region"] == {
            "exact_pixels": 144,
            "exact_fraction": 0.3,
            "background_error": 5,
            "background_distance": None,
            "largest_error": 5,
        }

    def test_info_of_a_region_of_everything(self, folder, tmp_path):
        np.save(tmp_path / "all.npy", np.ones((12, 10)))
        ok("convert", folder, tmp_path / "x.dcbr", "--roi", tmp_path / "all.npy")
        assert "nothing was lost" in ok("info", tmp_path / "x.dcbr")

    def test_info_of_lossless_files_has_no_region(self, cube):
        assert "region" not in ok("info", cube)
        assert json.loads(ok("info", cube, "--json"))["region"] is None

    def test_verify_against_the_folder(self, folder, region):
        assert "off by up to 5 elsewhere" in ok("verify", region, "--against", folder)

    def test_exported_files_say_that_they_are_derived(self, region, tmp_path):
        ok("export", region, tmp_path / "out")
        for path in (tmp_path / "out").iterdir():
            assert pydicom.dcmread(path).LossyImageCompression == "01"

    def test_convert_to_other_formats(self, region, tmp_path):
        for name in ("y.dcbs", "y.dcba", "y.nii.gz", "y.dcbr"):
            ok("convert", region, tmp_path / name)


class TestMask:
    def test_region_of_a_file_as_npy_and_nifti(self, region, mask, tmp_path):
        text = ok("mask", region, tmp_path / "out.npy")
        assert "the region, 30.0% of the pixels" in text
        np.testing.assert_array_equal(np.load(tmp_path / "out.npy"), np.load(mask) != 0)
        ok("mask", region, tmp_path / "out.nii.gz")
        nifti = nibabel.load(tmp_path / "out.nii.gz")
        assert nifti.get_data_dtype() == np.uint8
        ok("convert", region, tmp_path / "whole.nii")
        np.testing.assert_array_equal(nifti.affine, nibabel.load(tmp_path / "whole.nii").affine)

    def test_nifti_can_be_given_back(self, folder, region, mask, tmp_path):
        ok("mask", region, tmp_path / "out.nii.gz")
        ok("convert", folder, tmp_path / "again.dcbr", "--roi", tmp_path / "out.nii.gz")
        np.testing.assert_array_equal(load(tmp_path / "again.dcbr").roi.mask, np.load(mask) != 0)

    def test_body_of_a_folder_as_picture(self, folder, tmp_path):
        assert "the body" in ok("mask", folder, tmp_path / "body.png")
        assert (tmp_path / "body.png").read_bytes()[:4] == b"\x89PNG"

    def test_other_suffixes_are_refused(self, region, tmp_path):
        assert ".npy" in refused(4, "mask", region, tmp_path / "out.txt")

    def test_existing_files_are_kept(self, region, mask):
        assert "--overwrite" in refused(4, "mask", region, mask)
        ok("mask", region, mask, "--overwrite")
