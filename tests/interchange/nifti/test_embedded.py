"""DICOM metadata inside of NIfTI files: back again exactly, or not at all."""

import logging

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dicube import Axis, DicomCubeImage, PixelDataHeader
from dicube.exceptions import DataConsistencyError, InvalidCubeFileError
from tests.core.made import image_of
from tests.interchange.placed import placed_images
from tests.series import requires_data, series_folder

nib = pytest.importorskip("nibabel", reason="nibabel is not installed (extra nifti)")
NAMES = ["x.nii", "x.nii.gz"]


@pytest.fixture
def image(small_folder) -> DicomCubeImage:
    return DicomCubeImage.from_dicom_folder(small_folder)


def edited(path, change) -> None:
    """Let nibabel change a file as any tool would, header extensions kept."""
    nifti = nib.load(path)
    values, affine = change(np.asanyarray(nifti.dataobj.get_unscaled()).copy(), nifti.affine.copy())
    kept = nib.Nifti1Image(values, affine, nifti.header)
    kept.header.set_slope_inter(nifti.dataobj.slope, nifti.dataobj.inter)
    nib.save(kept, path)


@pytest.mark.parametrize("name", NAMES)
def test_series_comes_back_as_its_files(name, image, small_folder, tmp_path):
    image.to_nifti(tmp_path / name, embed=True)
    found = DicomCubeImage.from_nifti(tmp_path / name)
    assert not found.is_edited
    for file in found.to_dicom_folder(tmp_path / "copy"):
        assert file.read_bytes() == (small_folder / file.name).read_bytes()


def test_nothing_of_the_patient_is_there_unasked(image, tmp_path):
    image.dicom_meta.set_shared_item("PatientName", "Somebody^Known")
    image.to_nifti(tmp_path / "x.nii", sidecar=True)
    assert not nib.load(tmp_path / "x.nii").header.extensions
    for path in tmp_path.glob("x.*"):
        assert b"Somebody" not in path.read_bytes()
    assert DicomCubeImage.from_nifti(tmp_path / "x.nii").dicom_meta is None


def test_an_edit_is_embedded_without_the_source_files(image, tmp_path):
    image.dicom_meta.set_shared_item("PatientName", "Nobody")
    image.to_nifti(tmp_path / "x.nii", embed=True)
    found = DicomCubeImage.from_nifti(tmp_path / "x.nii")
    assert found.dicom_meta.get("PatientName") == {"Alphabetic": "Nobody"}
    assert found.is_edited


@pytest.mark.parametrize(
    "change",
    [
        lambda values, affine: (values + 1, affine),
        lambda values, affine: (values[:, :, 1:], affine),
        lambda values, affine: (values[::-1], affine),
        lambda values, affine: (values, affine @ np.diag([1, 1, 1.01, 1])),
        lambda values, affine: (values, affine + np.diag([0, 0, 0.1], 1)),
    ],
    ids=["values", "cropped", "flipped", "stretched", "moved"],
)
def test_what_tools_changed_gets_no_metadata_of_another_image(change, image, tmp_path, caplog):
    image.to_nifti(tmp_path / "x.nii", embed=True)
    edited(tmp_path / "x.nii", change)
    with caplog.at_level(logging.WARNING):
        found = DicomCubeImage.from_nifti(tmp_path / "x.nii")
    assert found.dicom_meta is None
    assert "were changed after DICOM metadata were embedded" in caplog.text


def test_what_tools_only_copied_is_whole(image, tmp_path):
    image.to_nifti(tmp_path / "x.nii.gz", embed=True)
    edited(tmp_path / "x.nii.gz", lambda values, affine: (values, affine))
    assert not DicomCubeImage.from_nifti(tmp_path / "x.nii.gz").is_edited


def test_more_than_a_single_precision_offset_can_count(small_image, tmp_path):
    """vox_offset is a float32: beyond 16 MiB it holds multiples of 2 only."""
    noise = np.random.default_rng(0).bytes(20 << 20)
    small_image.pixel_header.Extras["Noise"] = noise.hex()
    small_image.to_nifti(tmp_path / "x.nii", embed=True)
    found = DicomCubeImage.from_nifti(tmp_path / "x.nii")
    assert found.pixel_header.Extras["Noise"] == noise.hex()
    np.testing.assert_array_equal(found.raw_image, small_image.raw_image)


def test_damaged_metadata_are_an_error(image, tmp_path):
    image.to_nifti(tmp_path / "x.nii", embed=True)
    data = bytearray((tmp_path / "x.nii").read_bytes())
    data[2000] ^= 1
    (tmp_path / "x.nii").write_bytes(data)
    with pytest.raises(InvalidCubeFileError, match=r"x\.nii"):
        DicomCubeImage.from_nifti(tmp_path / "x.nii")


def test_output_values_that_lose_the_stored_ones_are_not_embedded(tmp_path):
    image = image_of(np.arange(24, dtype=np.int16).reshape(2, 3, 4), RescaleSlope=0.0)
    with pytest.raises(DataConsistencyError, match="do not give the stored ones back"):
        image.to_nifti(tmp_path / "x.nii", embed=True)
    assert not (tmp_path / "x.nii").exists()


@requires_data
@pytest.mark.parametrize("name", ["pet_slopes", "mr_asl_slopes", "broken_empty_slope"])
def test_a_rescale_for_each_frame_comes_back_from_output_values(name, tmp_path):
    image = DicomCubeImage.from_dicom_folder(series_folder(name))
    assert image.frame_rescale is not None
    image.to_nifti(tmp_path / "x.nii", embed=True)
    stored = nib.load(tmp_path / "x.nii")
    assert stored.get_data_dtype() == np.float64
    found = DicomCubeImage.from_nifti(tmp_path / "x.nii")
    np.testing.assert_array_equal(found.raw_image, image.raw_image)
    assert not found.is_edited


def test_axes_of_volumes_come_back(tmp_path):
    axes = [Axis("t", 2), Axis("echo", 3, "ms", (1.0, 2.0, 3.0)), Axis("z", 2, "mm")]
    values = np.arange(2 * 3 * 2 * 4 * 5).reshape(2, 3, 2, 4, 5).astype(np.int16)
    DicomCubeImage(values, PixelDataHeader(), axes=axes).to_nifti(tmp_path / "x.nii", embed=True)
    found = DicomCubeImage.from_nifti(tmp_path / "x.nii")
    assert found.axes == tuple(axes)
    np.testing.assert_array_equal(found.raw_image, values)


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(image=placed_images(), name=st.sampled_from(NAMES))
def test_any_image_goes_round_unchanged(image, name, tmp_path):
    try:
        image.to_nifti(tmp_path / name, embed=True)
    except DataConsistencyError as error:
        # Floats whose slope no header of single precision holds: output values lose some.
        assert image.dtype.kind == "f"
        assert "do not give the stored ones back" in str(error)  # noqa: PT017
        return
    found = DicomCubeImage.from_nifti(tmp_path / name)
    assert (found.shape, found.dtype) == (image.shape, image.dtype)
    assert found.raw_image.tobytes() == image.raw_image.tobytes()
    assert found.pixel_header.RescaleSlope == image.pixel_header.RescaleSlope
    np.testing.assert_array_equal(found.affine, image.affine)
    assert found.axes == image.axes


@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(image=placed_images())
def test_any_image_lies_where_it_did_without_metadata(image, tmp_path):
    image.to_nifti(tmp_path / "x.nii")
    found = DicomCubeImage.from_nifti(tmp_path / "x.nii")
    reach_mm = np.abs(image.affine).max()
    np.testing.assert_allclose(found.affine, image.affine, rtol=0, atol=2e-7 * reach_mm)
    if image.dtype.kind in "iu":
        assert found.raw_image.tobytes() == image.raw_image.tobytes()
