"""Corners of sheared and straightened stacks stay put, whatever way the image goes."""

import shutil
from pathlib import Path

import numpy as np
import pydicom
import pytest

import dicube
from dicube import DicomCubeImage, PixelDataHeader
from dicube.exceptions import DataConsistencyError
from tests.core.sheared import noise, sheared
from tests.series import series_folder


def corners(affine: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Patient coordinates of the eight corners, (3, 8)."""
    index = np.indices((2, 2, 2)).reshape(3, 8) * (np.array(shape)[:, None] - 1)
    return affine[:3, :3] @ index + affine[:3, 3:]


def dicom_corners(folder: Path) -> np.ndarray:
    """The eight corners as the equation of PS3.3 C.7.6.2.1.1 gives them, (3, 8)."""
    files = sorted(folder.iterdir())
    found = []
    for path in (files[0], files[-1]):
        data = pydicom.dcmread(path)
        cosines = np.array(data.ImageOrientationPatient, dtype=float)
        between_rows, between_columns = map(float, data.PixelSpacing)
        for row in (0, data.Rows - 1):
            for column in (0, data.Columns - 1):
                place = cosines[:3] * between_columns * column + cosines[3:] * between_rows * row
                found.append(place + np.array(data.ImagePositionPatient, dtype=float))
    return np.transpose(found)


class TestCorners:
    """All eight corners within 0.0001 mm, sheared and straightened, on every way out."""

    @pytest.fixture(params=["oblique", "09-14", "15-18"])
    def tilted(self, request, tmp_path) -> Path:
        """A folder of a sheared stack; two of them are the even parts of a real CT."""
        folder = tmp_path / "tilted"
        if request.param == "oblique":
            axes, _ = np.linalg.qr(np.random.default_rng(5).normal(size=(3, 3)))
            image = DicomCubeImage(noise((20, 64, 48)), PixelDataHeader(OriginalPixelDtype="int16"))
            image.affine = sheared((1.23, -0.4), axes, (4.0, 0.9765625, 0.7))
            image.init_meta("CT")
            image.to_dicom_folder(folder)
            return folder
        source = series_folder("ct_ge_int16_tilt")
        if not source.is_dir():
            pytest.skip("real series not found: set DICUBE_TEST_DATA to the folder that holds them")
        folder.mkdir()
        first, last = map(int, request.param.split("-"))
        for number in range(first, last + 1):
            shutil.copy(source / f"{number:02d}.dcm", folder)
        return folder

    @staticmethod
    def check(image: DicomCubeImage, expected: np.ndarray) -> None:
        found = corners(image.affine, image.shape)
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-4)

    def check_everywhere(self, image: DicomCubeImage, expected: np.ndarray, folder: Path) -> None:
        self.check(image, expected)
        for suffix in ("dcbs", "dcba"):
            path = image.to_file(folder / f"x.{suffix}")
            loaded = dicube.load(path)
            np.testing.assert_array_equal(loaded.raw_image, image.raw_image)
            assert (loaded.space is None) == (image.space is None)
            self.check(loaded, expected)
            with dicube.open(path) as cube:
                np.testing.assert_allclose(cube.affine, loaded.affine, rtol=0, atol=1e-9)
        self.check_nifti(image, expected, folder)

    def check_nifti(self, image: DicomCubeImage, expected: np.ndarray, folder: Path) -> None:
        nib = pytest.importorskip("nibabel", reason="nibabel is not installed (extra nifti)")
        image.to_nifti(folder / "x.nii")
        nifti = nib.load(folder / "x.nii")
        assert int(nifti.header["sform_code"]) == 1
        assert int(nifti.header["qform_code"]) == (0 if image.space is None else 1)
        ras = corners(nifti.affine[:, [2, 1, 0, 3]], image.shape)
        np.testing.assert_allclose(ras * [[-1], [-1], [1]], expected, rtol=0, atol=1e-4)
        again = DicomCubeImage.from_nifti(folder / "x.nii")
        assert (again.space is None) == (image.space is None)
        self.check(again, expected)

    def test_of_the_sheared_stack(self, tilted, tmp_path):
        image = DicomCubeImage.from_dicom_folder(tilted)
        assert image.space is None
        self.check_everywhere(image, dicom_corners(tilted), tmp_path)

    def test_of_the_straightened_stack(self, tilted, tmp_path):
        straight = DicomCubeImage.from_dicom_folder(tilted).resample_tilt()
        straight.to_dicom_folder(tmp_path / "straight")
        expected = dicom_corners(tmp_path / "straight")
        assert straight.space is not None
        self.check_everywhere(straight, expected, tmp_path)
        again = DicomCubeImage.from_dicom_folder(tmp_path / "straight")
        np.testing.assert_array_equal(again.raw_image, straight.raw_image)
        np.testing.assert_allclose(again.affine, straight.affine, rtol=0, atol=1e-6)
        assert again.space.shape == straight.space.shape
        with pytest.raises(DataConsistencyError, match="not sheared"):
            again.resample_tilt()

    def test_slices_stay_in_their_planes(self, tilted):
        """The corners of each slice lie in the plane that they lay in, and within its frame."""
        image = DicomCubeImage.from_dicom_folder(tilted)
        straight = image.resample_tilt()
        last = len(image.raw_image) - 1
        back = np.linalg.inv(straight.affine)
        for number in (0, last):
            pixels = [[number, row, column, 1] for row in (0, image.shape[1] - 1)
                      for column in (0, image.shape[2] - 1)]  # fmt: skip
            index = back @ image.affine @ np.transpose(pixels)
            np.testing.assert_allclose(index[0], number, atol=1e-4)
            assert (index[1:3] > -1e-3).all()
            assert (index[1:3].max(axis=1) < np.array(straight.shape[1:]) - 1 + 1e-3).all()
