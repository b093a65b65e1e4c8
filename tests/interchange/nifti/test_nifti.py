"""NIfTI against nibabel: values, dtypes and places, both ways."""

import gzip
from pathlib import Path

import numpy as np
import pytest

import dicube
from dicube import Axis, DicomCubeImage, PixelDataHeader
from dicube.exceptions import DataConsistencyError
from tests.series import requires_data, series_folder

nib = pytest.importorskip("nibabel", reason="nibabel is not installed (extra nifti)")
SHIPPED = Path(nib.__file__).parent / "tests" / "data"
OBLIQUE = np.array([[-2, 0.1, 0, 30], [0.1, 3, 0.2, -40], [0, -0.2, 4, 50], [0, 0, 0, 1]])


@pytest.mark.parametrize("name", ["anatomical.nii", "functional.nii", "example4d.nii.gz"])
def test_shipped_files_come_back_with_equal_values_and_places(name: str, tmp_path: Path) -> None:
    original = nib.load(SHIPPED / name)
    image = DicomCubeImage.from_nifti(SHIPPED / name)
    np.testing.assert_array_equal(image.get_fdata("float64").T, original.get_fdata())
    image.to_nifti(tmp_path / "copy.nii.gz")
    copy = nib.load(tmp_path / "copy.nii.gz")
    np.testing.assert_array_equal(copy.get_fdata(), original.get_fdata())
    np.testing.assert_allclose(copy.affine, original.affine, atol=1e-6)
    assert copy.get_data_dtype() == original.get_data_dtype().newbyteorder("=")


@pytest.mark.parametrize("suffix", [".dcbs", ".dcba"])
@pytest.mark.parametrize(
    "dtype", ["uint8", "int8", "int16", "uint16", "int32", "uint32", "int64", "float32", "float64"]
)
def test_no_value_changes_on_the_way_through_a_cube_file(
    dtype: str, suffix: str, tmp_path: Path
) -> None:
    generator = np.random.default_rng(0)
    values = (generator.standard_normal((5, 6, 7, 2)) * 50).astype(dtype)
    nib.save(nib.Nifti1Image(values, OBLIQUE, dtype=values.dtype), tmp_path / "a.nii")
    image = dicube.load_from_nifti(tmp_path / "a.nii")
    assert image.dtype == dtype
    assert image.shape == (2, 7, 6, 5)
    loaded = dicube.load(image.to_file(tmp_path / f"a{suffix}"))
    dicube.save_to_nifti(loaded, tmp_path / "b.nii")
    again = nib.load(tmp_path / "b.nii")
    assert again.get_data_dtype() == dtype
    np.testing.assert_array_equal(np.asanyarray(again.dataobj), values)
    np.testing.assert_allclose(again.affine, nib.load(tmp_path / "a.nii").affine, atol=1e-5)


def test_scaled_integers_stay_integers(tmp_path: Path) -> None:
    nifti = nib.Nifti1Image(np.arange(24, dtype=np.int16).reshape(2, 3, 4), np.eye(4))
    nifti.header.set_slope_inter(0.5, -3)
    nib.save(nifti, tmp_path / "a.nii")
    image = dicube.load_from_nifti(tmp_path / "a.nii")
    assert image.dtype == np.int16
    assert (image.pixel_header.RescaleSlope, image.pixel_header.RescaleIntercept) == (0.5, -3.0)
    image.to_nifti(tmp_path / "b.nii")
    again = nib.load(tmp_path / "b.nii")
    assert again.get_data_dtype() == np.int16
    np.testing.assert_array_equal(again.get_fdata(), nib.load(tmp_path / "a.nii").get_fdata())


@pytest.mark.parametrize("slope", [0.1, 4.987654321, 1e-9, -0.3])
def test_integers_stay_integers_with_a_slope_of_single_precision(slope, tmp_path: Path) -> None:
    values = np.arange(24, dtype=np.int16).reshape(2, 3, 4)
    header = PixelDataHeader(RescaleSlope=slope, RescaleIntercept=7.7, OriginalPixelDtype="int16")
    image = DicomCubeImage(values, header)
    image.to_nifti(tmp_path / "a.nii")
    written = nib.load(tmp_path / "a.nii")
    assert written.get_data_dtype() == np.int16
    np.testing.assert_array_equal(np.asarray(written.dataobj.get_unscaled()), values.T)
    np.testing.assert_allclose(
        written.get_fdata(),
        image.get_fdata("float64").T,
        rtol=0,
        atol=6e-8 * (7.7 + 24 * abs(slope)),
    )


@pytest.mark.parametrize("slope", [0.0, 1e-60, 1e60])
def test_slope_that_no_header_can_hold_is_applied_in_double(slope, tmp_path: Path) -> None:
    values = np.arange(24, dtype=np.int16).reshape(2, 3, 4)
    image = DicomCubeImage(values, PixelDataHeader(RescaleSlope=slope, OriginalPixelDtype="int16"))
    image.to_nifti(tmp_path / "a.nii")
    written = nib.load(tmp_path / "a.nii")
    assert written.get_data_dtype() == np.float64
    np.testing.assert_array_equal(written.get_fdata(), image.get_fdata("float64").T)


def test_slope_of_floats_is_applied_where_the_header_would_round_it(tmp_path: Path) -> None:
    values = np.linspace(0, 1, 24, dtype=np.float32).reshape(2, 3, 4)
    image = DicomCubeImage(values, PixelDataHeader(RescaleSlope=0.1))
    image.to_nifti(tmp_path / "a.nii")
    written = nib.load(tmp_path / "a.nii")
    assert written.get_data_dtype() == np.float64
    np.testing.assert_array_equal(written.get_fdata(), image.get_fdata("float64").T)


@requires_data
@pytest.mark.parametrize("name", ["mr_t1_3d", "pet_slopes", "ct_sts_int16"])
def test_real_series_lie_where_their_positions_say(name: str, tmp_path: Path) -> None:
    image = dicube.load_from_dicom_folder(series_folder(name))
    image.to_nifti(tmp_path / "x.nii.gz")
    nifti = nib.load(tmp_path / "x.nii.gz")
    np.testing.assert_allclose(nifti.get_fdata(), image.get_fdata("float64").T, rtol=1e-6)
    last = image.dicom_meta.get("ImagePositionPatient")[-1]
    corner = nifti.affine @ [0, 0, len(image.raw_image) - 1, 1]
    np.testing.assert_allclose(corner[:3] * [-1, -1, 1], last, atol=0.1)


def test_two_dimensional_and_broken_files_are_refused(tmp_path: Path) -> None:
    nib.save(nib.Nifti1Image(np.zeros((2, 2, 2, 2, 2), np.int16), np.eye(4)), tmp_path / "5d.nii")
    (tmp_path / "text.nii").write_text("no NIfTI")
    for name, match in (("5d.nii", "3 or 4 dimensions"), ("text.nii", "cannot be read"),
                        ("missing.nii", "cannot be read")):  # fmt: skip
        with pytest.raises(DataConsistencyError, match=match):
            dicube.load_from_nifti(tmp_path / name)


@pytest.mark.parametrize("shape", [(2, 4, 5, 3), (3, 2, 4, 5, 3), (2, 4, 5, 4)])
def test_colour_of_bytes_comes_back(shape, tmp_path: Path) -> None:
    values = np.random.default_rng(1).integers(0, 256, shape).astype(np.uint8)
    DicomCubeImage(values, PixelDataHeader()).to_nifti(tmp_path / "x.nii.gz")
    kind = {3: "RGB24", 4: "RGBA32"}[shape[-1]]
    assert nib.load(tmp_path / "x.nii.gz").header.get_value_label("datatype") in (kind, kind[:-2])
    np.testing.assert_array_equal(
        DicomCubeImage.from_nifti(tmp_path / "x.nii.gz").raw_image, values
    )


def test_other_colour_is_refused(tmp_path: Path) -> None:
    image = DicomCubeImage(np.zeros((2, 4, 4, 3), np.uint16), PixelDataHeader())
    with pytest.raises(DataConsistencyError, match="RGB of 8 bits only"):
        image.to_nifti(tmp_path / "x.nii")


def test_compressed_file_is_as_large_files_are(tmp_path: Path) -> None:
    """More than the blocks that threads compress on their own, and what zlib reads again."""
    values = np.random.default_rng(1).integers(0, 500, (40, 300, 301)).astype(np.int16)
    image = DicomCubeImage(values, PixelDataHeader())
    image.to_nifti(tmp_path / "x.nii.gz", num_threads=2)
    with gzip.open(tmp_path / "x.nii.gz") as file:
        assert len(file.read()) == 352 + values.nbytes
    np.testing.assert_array_equal(np.asanyarray(nib.load(tmp_path / "x.nii.gz").dataobj), values.T)
    np.testing.assert_array_equal(
        DicomCubeImage.from_nifti(tmp_path / "x.nii.gz").raw_image, values
    )


@pytest.mark.parametrize("kind", ["Nifti1Image", "Nifti2Image"])
@pytest.mark.parametrize("name", ["x.nii", "x.nii.gz"])
def test_both_versions_are_read(kind: str, name: str, tmp_path: Path) -> None:
    values = np.arange(24, dtype=">i2").reshape(2, 3, 4)
    nib.save(getattr(nib, kind)(values, OBLIQUE), tmp_path / name)
    image = DicomCubeImage.from_nifti(tmp_path / name)
    np.testing.assert_array_equal(image.raw_image, values.T)
    assert image.dtype == np.int16


@pytest.mark.parametrize("cut", [0, 5, 100, 400, 1000])
def test_cut_files_are_refused(cut: int, tmp_path: Path) -> None:
    values = np.random.default_rng(1).integers(0, 500, (4, 30, 30)).astype(np.int16)
    DicomCubeImage(values, PixelDataHeader()).to_nifti(tmp_path / "x.nii.gz")
    data = (tmp_path / "x.nii.gz").read_bytes()
    (tmp_path / "x.nii.gz").write_bytes(data[:cut])
    with pytest.raises(DataConsistencyError, match="cannot be read"):
        DicomCubeImage.from_nifti(tmp_path / "x.nii.gz")


def test_sheared_stack_has_an_sform_and_no_qform(tmp_path: Path) -> None:
    image = DicomCubeImage(np.zeros((2, 4, 4), np.int16), PixelDataHeader())
    affine = np.eye(4)
    affine[1, 0] = 0.5
    image.affine = affine
    image.to_nifti(tmp_path / "x.nii")
    header = nib.load(tmp_path / "x.nii").header
    assert (int(header["qform_code"]), int(header["sform_code"])) == (0, 1)


def test_shear_that_a_space_can_bear_is_in_the_sform_alone(tmp_path: Path) -> None:
    """0.5 degrees pass for perpendicular, but move the last of 50 slices by 0.9 mm."""
    image = DicomCubeImage(np.zeros((50, 4, 4), np.int16), PixelDataHeader())
    image.affine = np.array([[0, 0, 1, 5], [np.tan(np.radians(0.5)) * 2, 1, 0, 6], [2, 0, 0, 7],
                             [0, 0, 0, 1]])  # fmt: skip
    assert image.space is not None
    image.to_nifti(tmp_path / "x.nii")
    nifti = nib.load(tmp_path / "x.nii")
    assert (int(nifti.header["qform_code"]), int(nifti.header["sform_code"])) == (0, 1)
    last = nifti.affine @ [3, 3, 49, 1]
    np.testing.assert_allclose(last * [-1, -1, 1, 1], image.affine @ [49, 3, 3, 1], atol=1e-4)


@requires_data
@pytest.mark.parametrize("name", ["mr_t1_3d", "ct_philips_private", "ct_sts_int16"])
def test_right_angled_series_have_both_forms(name: str, tmp_path: Path) -> None:
    dicube.load_from_dicom_folder(series_folder(name)).to_nifti(tmp_path / "x.nii")
    header = nib.load(tmp_path / "x.nii").header
    assert (int(header["qform_code"]), int(header["sform_code"])) == (1, 1)


def test_failed_write_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    image = DicomCubeImage(np.zeros((2, 4, 4), np.int16), PixelDataHeader())
    (tmp_path / "x.nii").write_text("old")

    def fail(nifti: object, path: Path) -> None:
        path.write_text("half")
        raise OSError("disk full")

    monkeypatch.setattr(nib, "save", fail)
    with pytest.raises(DataConsistencyError, match="cannot be written"):
        image.to_nifti(tmp_path / "x.nii")
    assert [path.name for path in tmp_path.iterdir()] == ["x.nii"]
    assert (tmp_path / "x.nii").read_text() == "old"


def test_times_are_written_in_seconds(tmp_path):
    axes = [Axis("t", 3, "ms", (0.0, 2000.0, 4000.0)), Axis("z", 2, "mm")]
    image = DicomCubeImage(np.zeros((3, 2, 4, 5), np.int16), PixelDataHeader(), axes=axes)
    image.to_nifti(tmp_path / "x.nii")
    axis = DicomCubeImage.from_nifti(tmp_path / "x.nii").axes[0]
    assert (axis.name, axis.unit, axis.coordinates) == ("t", "s", (0.0, 2.0, 4.0))


def test_volumes_that_are_no_times_get_no_times(tmp_path):
    axes = [Axis("t", 2), Axis("echo", 3, "ms", (1.0, 2.0, 3.0)), Axis("z", 2, "mm")]
    values = np.arange(2 * 3 * 2 * 4 * 5).reshape(2, 3, 2, 4, 5).astype(np.int16)
    DicomCubeImage(values, PixelDataHeader(), axes=axes).to_nifti(tmp_path / "x.nii")
    read = DicomCubeImage.from_nifti(tmp_path / "x.nii")
    np.testing.assert_array_equal(read.raw_image, values.reshape(6, 2, 4, 5))
    assert read.axes[0].coordinates is None


def test_frames_of_a_cine_are_times_not_slices(tmp_path):
    axes = [Axis("t", 3, "ms", (0.0, 40.0, 80.0))]
    image = DicomCubeImage(np.zeros((3, 4, 5), np.uint8), PixelDataHeader(), axes=axes)
    image.to_nifti(tmp_path / "x.nii")
    assert DicomCubeImage.from_nifti(tmp_path / "x.nii").shape == (3, 1, 4, 5)
