"""Real series as .dcbr: what the file promises, from folder to folder."""

import numpy as np
import pydicom
import pytest

import dicube
from dicube import DicomCubeImage, verify_file
from tests.series import requires_data, series_folder

pytestmark = requires_data
# A CT, an MR with negative values, a rescale for each slice, colour, 4D without a grid.
SERIES = ("ct_sts_int16", "mr_b0map_ge", "pet_slopes", "rgb_SC_rgb", "mr_fmri_ge_4d")


@pytest.mark.parametrize("error", [1, 2, 5, 10])
def test_ct_is_exact_in_the_body_and_within_the_error_in_the_air(tmp_path, error):
    folder = series_folder("ct_uint16_thin")
    image = DicomCubeImage.from_dicom_folder(folder)
    body = image.find_body()
    path = image.to_file(tmp_path / "ct.dcbr", roi=body, background_error=error)
    loaded = dicube.load(path)
    np.testing.assert_array_equal(loaded.roi.mask, body)
    np.testing.assert_array_equal(loaded.raw_image[body], image.raw_image[body])
    assert np.abs(loaded.raw_image.astype(int) - image.raw_image).max() == error
    report = verify_file(path, against=folder)
    assert report.ok
    assert report.largest_error == error


@pytest.mark.parametrize("name", SERIES)
def test_series_of_every_kind(name, tmp_path):
    folder = series_folder(name)
    image = DicomCubeImage.from_dicom_folder(folder)
    mask = np.zeros(image.shape[len(image.axes) :][:2], bool)
    mask[: mask.shape[0] // 2, mask.shape[1] // 3 :] = True
    path = image.to_file(tmp_path / "x.dcbr", roi=mask, background_error=3)
    assert verify_file(path, against=folder).ok
    loaded = dicube.load(path)
    files = loaded.to_dicom_folder(tmp_path / "out")
    source = [pydicom.dcmread(file) for file in sorted(folder.iterdir())]
    known = {dataset.SOPInstanceUID: dataset for dataset in source}
    for file in files:
        after = pydicom.dcmread(file)
        before = known[after.SourceImageSequence[0].ReferencedSOPInstanceUID]
        assert after.LossyImageCompression == "01"
        assert after.SeriesInstanceUID == before.SeriesInstanceUID
        difference = np.abs(after.pixel_array.astype(int) - before.pixel_array)
        assert difference.max() <= 3
        assert not difference[mask].any()
