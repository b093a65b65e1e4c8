"""Every folder of the test data through every other format, and back: nothing is lost."""

import filecmp
import math
from pathlib import Path

import numpy as np
import pytest

from dicube import DicomCubeImage
from dicube.core.value_comparison import has_same_values
from dicube.exceptions import DataConsistencyError
from tests.series import requires_data, series_folder
from tests.test_round_trip import STORED

pytestmark = requires_data
_VOXELS = 200_000  # of each volume are compared where it has more; odd steps meet every column
# Colour that NIfTI has no voxels for, and why.
NO_NIFTI = {
    "rgb_SC_rgb_16bit": "uint16 RGB",
    "rgb_SC_rgb_32bit": "uint32 RGB",
    "rgb_SC_rgb_rle_16bit_2frame": "uint16 RGB",
    "rgb_SC_rgb_jpeg_dcmtk": "uint8 YBR_FULL",
    "rgb_SC_ybr_full_422_uncompressed": "uint8 YBR_FULL",
    "rgb_SC_ybr_full_uncompressed": "uint8 YBR_FULL",
    "rgb_examples_ybr_color": "uint8 YBR_FULL",
}


def assert_same_image(found: DicomCubeImage, image: DicomCubeImage) -> None:
    assert (found.shape, found.dtype) == (image.shape, image.dtype)
    assert found.raw_image.tobytes() == image.raw_image.tobytes()
    assert (found.axes, found.axes_rule) == (image.axes, image.axes_rule)
    assert (found.space, found.dicom_status) == (image.space, image.dicom_status)
    np.testing.assert_array_equal(found.affine, image.affine)
    np.testing.assert_array_equal(found.get_fdata("float64"), image.get_fdata("float64"))
    assert dict(found.dicom_meta.items()) == dict(image.dicom_meta.items())


def assert_same_files(found: DicomCubeImage, image: DicomCubeImage, scratch: Path) -> None:
    """Both export the same files; that those of `image` are the source is another test's."""
    assert not found.is_edited
    expected = image.to_dicom_folder(scratch / "expected")
    files = found.to_dicom_folder(scratch / "found")
    assert [file.name for file in files] == [file.name for file in expected]
    for file, source in zip(files, expected, strict=True):
        assert filecmp.cmp(file, source, shallow=False), file.name


@pytest.mark.parametrize("name", STORED)
def test_nifti_with_metadata(name: str, tmp_path: Path) -> None:
    pytest.importorskip("nibabel", reason="nibabel is not installed (extra nifti)")
    image = DicomCubeImage.from_dicom_folder(series_folder(name))
    path = tmp_path / "series.nii.gz"
    if name in NO_NIFTI:
        with pytest.raises(DataConsistencyError, match=NO_NIFTI[name]):
            image.to_nifti(path, embed=True)
        return
    image.to_nifti(path, embed=True)
    found = DicomCubeImage.from_nifti(path)
    assert_same_image(found, image)
    assert_same_files(found, image, tmp_path)


@pytest.mark.parametrize("name", [name for name in STORED if name not in NO_NIFTI])
def test_nifti_alone_has_the_values_and_the_place(name: str, tmp_path: Path) -> None:
    nib = pytest.importorskip("nibabel", reason="nibabel is not installed (extra nifti)")
    image = DicomCubeImage.from_dicom_folder(series_folder(name))
    image.to_nifti(tmp_path / "series.nii")
    nifti = nib.load(tmp_path / "series.nii")
    values = np.asanyarray(nifti.dataobj)
    if values.dtype.names:
        values = np.stack([values[sample].T for sample in values.dtype.names], -1).T
    expected = image.get_fdata("float64")
    is_stored = values.dtype.kind == "u" or nifti.get_data_dtype() == image.dtype
    assert is_stored or image.frame_rescale is not None or image.dtype.kind == "f"
    np.testing.assert_allclose(
        values.T.reshape(expected.shape), expected, rtol=2e-7 if is_stored else 0, atol=0
    )
    found = DicomCubeImage.from_nifti(tmp_path / "series.nii")
    assert has_same_values(image, found)
    if is_stored:
        np.testing.assert_array_equal(found.raw_image.reshape(image.shape), image.raw_image)
    if image.affine is not None:
        np.testing.assert_allclose(found.affine, image.affine, atol=1e-4)


@pytest.mark.parametrize("name", STORED)
def test_npz(name: str, tmp_path: Path) -> None:
    image = DicomCubeImage.from_dicom_folder(series_folder(name))
    image.to_npz(tmp_path / "series.npz", embed=True)
    found = DicomCubeImage.from_npz(tmp_path / "series.npz")
    assert_same_image(found, image)
    assert_same_files(found, image, tmp_path)
    with np.load(tmp_path / "series.npz") as archive:
        data, affine = archive["data"], archive.get("affine")
        assert "stored" not in archive or image.dtype.itemsize > 2 or image.dtype.kind == "f"
    assert data.dtype == np.float32
    output = image.get_fdata("float32").reshape(-1, *image.shape[len(image.axes) - 1 :])
    if affine is None:
        assert image.affine is None
        assert np.array_equal(data.reshape(output.shape), output)
        return
    # Where voxels of `data` lie in the image, as both affines say: all of them, or very many.
    sizes = data.shape[-4:-1] if image.ndim - len(image.axes) > 2 else data.shape[-3:]
    voxels = np.arange(0, math.prod(sizes), math.prod(sizes) // _VOXELS | 1)
    index = np.array(np.unravel_index(voxels, sizes))
    to_image = np.linalg.solve(image.affine, affine)
    z, y, x = np.rint(to_image[:3, :3] @ index + to_image[:3, 3:]).astype(int)
    samples = image.shape[len(image.axes) + 2 :]
    volumes = data.reshape(len(output), -1, *samples)
    np.testing.assert_array_equal(output[:, z, y, x], volumes[:, voxels])


@pytest.mark.parametrize("name", ["ct_sts_int16", "mr_fmri_ge_4d", "pet_slopes", "rgb_series_j2k"])
def test_stored_values_come_back_without_dicom(name: str, tmp_path: Path) -> None:
    image = DicomCubeImage.from_dicom_folder(series_folder(name))
    image.to_npz(tmp_path / "series.npz")
    found = DicomCubeImage.from_npz(tmp_path / "series.npz")
    assert found.dicom_meta is None
    assert found.raw_image.tobytes() == image.raw_image.tobytes()
    assert (found.axes, found.dtype, found.space) == (image.axes, image.dtype, image.space)
    np.testing.assert_array_equal(found.get_fdata("float64"), image.get_fdata("float64"))


@pytest.mark.parametrize("name", STORED)
def test_zarr(name: str, tmp_path: Path) -> None:
    zarr = pytest.importorskip("zarr", reason="zarr is not installed (extra zarr)")
    image = DicomCubeImage.from_dicom_folder(series_folder(name))
    image.to_zarr(tmp_path / "series.zarr")
    found = DicomCubeImage.from_zarr(tmp_path / "series.zarr")
    assert_same_image(found, image)
    assert_same_files(found, image, tmp_path)
    array = zarr.open_array(tmp_path / "series.zarr" / "0", mode="r")
    values, names = array[...], array.metadata.dimension_names
    if image.ndim - len(image.axes) > 2:
        values = np.moveaxis(values, names.index("c"), -1)
    np.testing.assert_array_equal(values, image.raw_image)
