"""Trees of series as Zarr and back: compared file by file, resumed, nothing replaced."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from dicube import DicomCubeImage
from dicube.exceptions import MetaDataError
from dicube.interchange.zarr import tree as tree_module
from dicube.interchange.zarr.tree import TreeOptions, TreeResult, convert_tree, find_tree
from tests.series import requires_data, series_folder

zarr = pytest.importorskip("zarr", reason='needs the extra "zarr"')


@pytest.fixture
def tree(small_folder, tmp_path) -> Path:
    shutil.copytree(small_folder, tmp_path / "tree" / "raw" / "study" / "ct")
    return tmp_path / "tree"


def converted(tree: Path, **options) -> list[TreeResult]:
    return list(convert_tree(tree, find_tree(tree), TreeOptions(**options)))


def files_of(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.mark.parametrize("options", [{}, {"chunks": "training", "codec": "htj2k"}], ids=str)
def test_files_are_reconstructed(options, tree):
    (result,) = converted(tree, **options)
    assert result.name == "study/ct"
    assert result.problems == ()
    assert (result.identical_files, result.equal_files, result.was_done) == (4, 0, False)
    assert files_of(tree / "reconstructed" / "study" / "ct") == files_of(tree / "raw/study/ct")
    image = DicomCubeImage.from_zarr(tree / "converted" / "study" / "ct.zarr")
    assert not image.is_edited


def test_description_has_geometry_and_elements(tree):
    converted(tree)
    members = json.loads((tree / "converted" / "study" / "ct.json").read_text())
    image = DicomCubeImage.from_dicom_folder(tree / "raw" / "study" / "ct")
    assert members["shape"] == list(image.shape)
    np.testing.assert_array_equal(members["affine"], image.affine)
    assert members["dicom"]["_merged_data"]["00080060"]["Value"] == ["CT"]


def test_the_second_time_everything_is_there_and_only_compared(tree):
    converted(tree)
    before = files_of(tree / "converted")
    (result,) = converted(tree)
    assert (result.was_done, result.problems, result.identical_files) == (True, (), 4)
    assert files_of(tree / "converted") == before


@pytest.mark.parametrize("step", ["write_zarr", "_write_description", "_reconstruct", "_compared"])
def test_a_stopped_job_goes_on(step, tree, monkeypatch):
    def stop(*arguments, **options):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(tree_module, step, stop)
        with pytest.raises(KeyboardInterrupt):
            converted(tree)
    (result,) = converted(tree)
    assert (result.problems, result.identical_files) == ((), 4)


def test_a_folder_half_reconstructed_is_none(tree, monkeypatch):
    def stop(self, target):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Path, "rename", stop)
        with pytest.raises(KeyboardInterrupt):
            converted(tree)
    assert not (tree / "reconstructed" / "study" / "ct").exists()
    (result,) = converted(tree)
    assert result.identical_files == 4
    names = [path.name for path in (tree / "reconstructed" / "study").iterdir()]
    assert names == ["ct"]


def test_differences_are_found(tree):
    converted(tree)
    first, second = sorted((tree / "reconstructed" / "study" / "ct").iterdir())[:2]
    data = bytearray(first.read_bytes())
    data[-1] ^= 1
    first.write_bytes(data)
    second.unlink()
    (result,) = converted(tree)
    assert len(result.problems) == 2
    assert f"{first.name} differs from its source" in result.problems
    assert result.problems[0].startswith(f"{second.name} is missing")


def test_another_image_in_the_place_of_the_target_stays(tree):
    converted(tree)
    image = DicomCubeImage.from_dicom_folder(tree / "raw" / "study" / "ct")
    shutil.rmtree(tree / "raw" / "study" / "ct")
    image.raw_image[0, 0, 0] += 1
    image.to_dicom_folder(tree / "raw" / "study" / "ct")
    before = files_of(tree / "converted")
    (result,) = converted(tree)
    assert "the target is another image" in result.problems[0]
    assert files_of(tree / "converted") == before


def test_one_bad_series_does_not_stop_the_others(tree, small_image):
    odd = small_image.from_array(small_image.raw_image, small_image)
    odd.to_dicom_folder(tree / "raw" / "odd")
    (tree / "converted").mkdir()
    (tree / "converted" / "odd.zarr").write_text("in the way")
    results = {result.name: result for result in converted(tree)}
    assert "odd.zarr" in results["odd"].problems[0]
    assert results["study/ct"].problems == ()


def test_a_series_uid_cannot_lead_out_of_the_tree(tree, small_image):
    folder = tree / "raw" / "two"
    for number, uid in enumerate(("../../../../escape", "..")):
        copy = small_image.from_array(small_image.raw_image, small_image)
        copy.dicom_meta.set_shared_item("SeriesInstanceUID", uid)
        copy.to_dicom_folder(folder / str(number))
    for number in range(2):
        for path in (folder / str(number)).iterdir():
            path.rename(folder / f"{number}_{path.name}")
        (folder / str(number)).rmdir()
    before = set(tree.parent.rglob("*"))
    results = converted(tree)
    assert [result.problems for result in results] == [()] * 3
    created = set(tree.parent.rglob("*")) - before
    allowed = (tree / "converted", tree / "reconstructed")
    assert all(any(path.is_relative_to(folder) for folder in allowed) for path in created)


def test_a_tree_without_raw_is_refused(tmp_path):
    with pytest.raises(MetaDataError, match="there is no folder raw"):
        find_tree(tmp_path)


@requires_data
def test_several_series_groups_and_compressed_sources(tmp_path):
    names = ["broken_mixed_series", "mr_orientation_mixed", "mr_rle_series", "rgb_series_j2k"]
    for name in names:
        shutil.copytree(series_folder(name), tmp_path / "raw" / name)
    results = converted(tmp_path)
    assert len(results) == 6
    assert [result.problems for result in results] == [()] * 6
    equal = {result.name: result.equal_files for result in results if result.equal_files}
    assert equal == {"mr_rle_series": 4, "rgb_series_j2k": 4}
