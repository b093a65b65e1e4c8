"""DicomCubeImage as its users meet it."""

from pathlib import Path

import numpy as np
import pytest
from spacetransformer import Space

import dicube
from dicube import DicomCubeImage, PixelDataHeader
from dicube.exceptions import DataConsistencyError, InvalidCubeFileError
from tests.dicom.made import write_slice


def plain(shape: tuple[int, ...], dtype: str = "int16", **header: float) -> DicomCubeImage:
    values = np.arange(np.prod(shape)).reshape(shape).astype(dtype)
    return DicomCubeImage(values, PixelDataHeader(OriginalPixelDtype=dtype, **header))


def test_output_values_are_stored_values_rescaled() -> None:
    image = plain((2, 3, 4), "uint16", RescaleSlope=2.0, RescaleIntercept=-10.0)
    np.testing.assert_array_equal(image.get_fdata(), image.raw_image * 2.0 - 10)
    assert image.get_fdata().dtype == np.float32
    assert image.get_fdata("float64").dtype == np.float64
    assert image.raw_image.dtype == np.uint16
    with pytest.raises(DataConsistencyError, match="floating point"):
        image.get_fdata("int16")


def test_rescale_of_each_slice_is_applied(tmp_path: Path) -> None:
    for number, (slope, intercept) in enumerate([(1.5, 0), (2.0, -3), (0.25, 7)]):
        write_slice(
            tmp_path / f"{number}.dcm",
            {"InstanceNumber": number, "RescaleSlope": slope, "RescaleIntercept": intercept},
            np.full((2, 2), 100, np.int16),
        )
    image = dicube.load_from_dicom_folder(tmp_path)
    assert image.get_fdata()[:, 0, 0].tolist() == [150.0, 197.0, 32.0]
    assert image.frame_rescale.slopes.tolist() == [1.5, 2.0, 0.25]
    assert np.isnan(image.pixel_header.RescaleSlope)
    assert image.raw_image.max() == 100


@pytest.mark.parametrize(
    ("shape", "axes"),
    [((2, 3, 4), ["z"]), ((5, 2, 3, 6), ["t", "z"]), ((2, 6, 4, 3), ["z"]),
     ((5, 2, 6, 4, 3), ["t", "z"])],
)  # fmt: skip
def test_axes_follow_from_the_shape(shape: tuple[int, ...], axes: list[str]) -> None:
    assert [axis.name for axis in plain(shape).axes] == axes


@pytest.mark.parametrize("shape", [(4,), (0, 3, 4), (1, 2, 3, 4, 5, 6)])
def test_arrays_that_are_no_image_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(DataConsistencyError, match="is no image"):
        plain(shape)


def test_image_is_an_array_to_numpy() -> None:
    image = plain((2, 3, 4))
    np.testing.assert_array_equal(np.asarray(image), image.raw_image)
    assert np.asarray(image, dtype=np.float32).dtype == np.float32
    assert (image.shape, image.ndim, image.dtype) == ((2, 3, 4), 3, np.int16)


def test_space_must_have_the_shape_of_the_volume() -> None:
    image = plain((2, 3, 4))
    image.space = Space(shape=(2, 3, 4), spacing=(3, 2, 1))
    assert image.affine.shape == (4, 4)
    with pytest.raises(DataConsistencyError, match="is of shape"):
        image.space = Space(shape=(4, 3, 2))


def test_transformed_space_is_stored_and_read(tmp_path: Path) -> None:
    image = plain((2, 3, 4))
    image.space = Space(shape=(2, 3, 4), spacing=(3, 2, 1)).apply_flip(axis=2)
    loaded = dicube.load(image.to_file(tmp_path / "x.dcbs"))
    np.testing.assert_allclose(loaded.affine, image.affine)
    assert loaded.space.shape == (2, 3, 4)


def test_sheared_affine_is_stored_and_read(tmp_path: Path) -> None:
    image = plain((2, 3, 4))
    affine = np.eye(4)
    affine[1, 0] = 0.5
    image.affine = affine
    assert image.space is None
    loaded = dicube.load(image.to_file(tmp_path / "x.dcba"))
    assert loaded.space is None
    np.testing.assert_array_equal(loaded.affine, affine)


def test_repr_tells_shape_dtype_spacing_and_status() -> None:
    image = plain((2, 3, 4))
    image.space = Space(shape=(2, 3, 4), spacing=(3, 2, 1))
    assert repr(image) == (
        "DicomCubeImage(shape=(2, 3, 4), dtype=int16, spacing_mm=3 x 2 x 1, status=consistent)"
    )


@pytest.mark.parametrize("suffix", ["", ".nii", ".dcbl", ".dcm"])
def test_unsupported_suffixes_are_refused_with_the_supported(suffix: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidCubeFileError, match=r"\.dcbs"):
        plain((2, 3, 4)).to_file(tmp_path / f"x{suffix}")
    assert list(tmp_path.iterdir()) == []


def test_format_argument_overrides_the_suffix(tmp_path: Path) -> None:
    path = plain((2, 3, 4)).to_file(tmp_path / "x.bin", file_format="dcba")
    assert path.read_bytes()[:8] == b"DCMCUBEA"
    assert dicube.load(path).shape == (2, 3, 4)


@pytest.mark.parametrize(
    ("name", "file_type", "expected"),
    [("x.dcbs", None, "x.dcbs"), ("x.dcba", None, "x.dcba"), ("x", None, "x.dcbs"),
     ("x.dcb", "a", "x.dcb.dcba"), ("x", "s", "x.dcbs"), ("x.dcbs", "a", "x.dcbs.dcba")],
)  # fmt: skip
def test_save_names_files_as_the_published_package(
    name: str, file_type: str | None, expected: str, tmp_path: Path
) -> None:
    assert dicube.save(plain((2, 3, 4)), tmp_path / name, file_type).name == expected
    assert (tmp_path / expected).exists()


def test_lossy_file_type_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidCubeFileError, match="dcbl"):
        dicube.save(plain((2, 3, 4)), tmp_path / "x", "l")


def test_metadata_is_read_alone_or_not_at_all(tmp_path: Path) -> None:
    image = plain((2, 3, 4))
    image.init_meta("MR")
    path = image.to_file(tmp_path / "x.dcbs")
    assert dicube.load_meta(path).get("Modality") == "MR"
    assert dicube.load(path, skip_meta=True).dicom_meta is None
    assert plain((2, 3, 4)).to_file(tmp_path / "y.dcbs")
    assert dicube.load_meta(tmp_path / "y.dcbs") is None


def test_new_metadata_makes_conformant_slices(tmp_path: Path) -> None:
    image = plain((2, 3, 4), RescaleIntercept=-1024.0)
    image.space = Space(shape=(2, 3, 4), spacing=(3, 2, 1), origin=(5, 6, 7))
    image.init_meta("CT", patient_name="A^B", patient_id="7")
    image.to_dicom_folder(tmp_path / "out")
    again = dicube.load_from_dicom_folder(tmp_path / "out")
    np.testing.assert_array_equal(again.get_fdata(), image.get_fdata())
    np.testing.assert_allclose(again.affine, image.affine)
    assert again.dicom_status is dicube.DicomStatus.CONSISTENT
    assert again.dicom_meta.get("PatientName") == {"Alphabetic": "A^B"}


@pytest.mark.parametrize("path", ["missing.dcbs", "."])
def test_unreadable_path_is_an_error_of_ours(path: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidCubeFileError):
        dicube.load(tmp_path / path)


def test_unwritable_folder_is_an_error_of_ours(tmp_path: Path) -> None:
    with pytest.raises(InvalidCubeFileError, match="cannot be written"):
        plain((2, 3, 4)).to_file(tmp_path / "no" / "such" / "x.dcbs")


def test_threads_are_set_and_checked() -> None:
    before = dicube.get_num_threads()
    try:
        dicube.set_num_threads(3)
        assert dicube.get_num_threads() == 3
        with pytest.raises(ValueError, match="1"):
            dicube.set_num_threads(0)
    finally:
        dicube.set_num_threads(before)
