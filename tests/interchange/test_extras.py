"""What is not installed is named, with the way to install it."""

import sys

import pytest

from dicube import DicomCubeImage, MissingDependencyError


@pytest.mark.parametrize(
    ("module", "name", "extra"),
    [("nibabel", "x.nii", "nifti"), ("isal", "x.nii.gz", "nifti"), ("zarr", "x.zarr", "zarr")],
)
def test_a_missing_package_is_named(module, name, extra, small_image, tmp_path, monkeypatch):
    for loaded in [each for each in sys.modules if each.split(".")[0] == module]:
        monkeypatch.delitem(sys.modules, loaded)
    monkeypatch.setitem(sys.modules, module, None)
    way = "zarr" if extra == "zarr" else "nifti"
    with pytest.raises(MissingDependencyError, match=rf"needs {module} .*dicube\[{extra}\]"):
        getattr(small_image, f"to_{way}")(tmp_path / name)
    (tmp_path / name).touch()
    with pytest.raises(MissingDependencyError, match=module):
        getattr(DicomCubeImage, f"from_{way}")(tmp_path / name)
