"""`dicube convert` to and from NIfTI, NPZ and Zarr, and `dicube zarr`."""

import shutil

import numpy as np
import pytest

import dicube
from dicube import DicomCubeImage
from tests.cli.runs import misused, ok, refused, run, same_files

pytest.importorskip("nibabel", reason="nibabel is not installed (extra nifti)")
pytest.importorskip("zarr", reason="zarr is not installed (extra zarr)")
EMBEDDED = {"ct.nii.gz": ["--embed"], "ct.nii": ["--embed"], "ct.npz": ["--embed"], "ct.zarr": []}


@pytest.mark.parametrize("name", EMBEDDED)
def test_a_series_goes_there_and_back(name, folder, tmp_path):
    text = ok("convert", folder, tmp_path / name, *EMBEDDED[name])
    assert "verified (4 files identical byte for byte)" in text
    text = ok("convert", tmp_path / name, tmp_path / "back.dcbs")
    assert "4 frames" in text
    ok("export", tmp_path / "back.dcbs", tmp_path / "copy")
    assert same_files(folder, tmp_path / "copy")


def test_without_the_series_nothing_is_embedded(folder, tmp_path):
    assert "not verified" in ok("convert", folder, tmp_path / "ct.nii")
    for name in ("ct.npz", "ct.zarr"):
        assert ", verified\n" in ok("convert", folder, tmp_path / name, "--no-embed")
        copy = dicube.load(_as_cube(tmp_path / name, tmp_path / f"{name}.dcbs"))
        assert copy.dicom_meta is None
        np.testing.assert_array_equal(
            copy.raw_image, DicomCubeImage.from_dicom_folder(folder).raw_image
        )


def _as_cube(source, target):
    ok("convert", source, target)
    return target


def test_zarr_of_any_name_is_known_by_its_content(folder, tmp_path):
    ok("convert", folder, tmp_path / "ct.zarr")
    (tmp_path / "ct.zarr").rename(tmp_path / "renamed")
    ok("convert", tmp_path / "renamed", tmp_path / "back.dcbs")


def test_sidecars_lie_beside(folder, tmp_path):
    ok("convert", folder, tmp_path / "ct.nii.gz", "--sidecar")
    assert (tmp_path / "ct.json").exists()


def test_options_of_zarr(folder, tmp_path):
    import zarr

    ok("convert", folder, tmp_path / "ct.zarr", "--chunks", "training", "--codec", "htj2k")
    array = zarr.open_array(tmp_path / "ct.zarr" / "0", mode="r")
    assert array.chunks == array.shape  # smaller than a cube of 32
    assert array.metadata.codecs[0].to_dict()["name"] == "sharding_indexed"


@pytest.mark.parametrize(
    ("name", "option", "message"),
    [
        ("ct.dcbs", ["--embed"], "only for NIfTI, NPZ and Zarr"),
        ("ct.npz", ["--sidecar"], "only for NIfTI"),
        ("ct.nii", ["--chunks", "slices"], "only for Zarr"),
        ("ct.npz", ["--codec", "htj2k"], "only for Zarr"),
        ("ct.zarr", ["--overwrite"], "never replaced"),
        ("ct.zarr", ["--effort", "max"], "only for a .dcba"),
        ("ct.xyz", [], "ends in none of .dcbs, .dcba, .dcbr, .nii, .nii.gz, .npz, .zarr"),
    ],
)
def test_options_without_effect_are_refused(name, option, message, folder, tmp_path):
    assert message in misused("convert", folder, tmp_path / name, *option)


@pytest.mark.parametrize("name", ["ct.nii", "ct.npz", "ct.zarr"])
def test_targets_that_exist_stay(name, folder, tmp_path):
    ok("convert", folder, tmp_path / name)
    assert "exists already" in refused(4, "convert", folder, tmp_path / name)
    assert "does not exist" in refused(4, "convert", folder, tmp_path / "none" / name)


def test_modality_makes_metadata(tmp_path):
    np.savez(tmp_path / "x.npz", data=np.zeros((2, 3, 4), np.int16), affine=np.eye(4))
    ok("convert", tmp_path / "x.npz", tmp_path / "x.dcbs", "--modality", "MR")
    assert dicube.load_meta(tmp_path / "x.dcbs").get("Modality") == "MR"


class TestTree:
    @pytest.fixture
    def tree(self, folder, tmp_path):
        shutil.copytree(folder, tmp_path / "tree" / "raw" / "ct")
        return tmp_path / "tree"

    def test_every_series_is_compared(self, tree):
        text = ok("zarr", tree)
        assert "4 files identical\n1 series, 0 with problems, 0 damaged files" in text
        assert "(was there)" in ok("zarr", tree)
        assert same_files(tree / "raw" / "ct", tree / "reconstructed" / "ct")

    def test_a_difference_is_an_exit_code(self, tree):
        ok("zarr", tree)
        next((tree / "reconstructed" / "ct").iterdir()).unlink()
        result = run("zarr", tree)
        assert result.exit_code == 1
        assert "ct: FAILED" in result.stdout
        assert "is missing in" in result.stderr

    def test_damaged_files_are_told(self, tree):
        path = next((tree / "raw" / "ct").iterdir())
        path.write_bytes(path.read_bytes()[:-50])
        result = run("zarr", tree)
        assert result.exit_code == 1
        assert path.name in result.stderr
        assert "3 files identical" in result.stdout

    def test_no_tree(self, tmp_path):
        assert "there is no folder raw" in refused(3, "zarr", tmp_path)
