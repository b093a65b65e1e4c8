"""The main job on every folder of the test data: what goes in comes out.

Uncompressed series come back as the same files; compressed ones with equal elements and equal
stored values, checked with pydicom and decoders that share no code with ours; the rest with the
error that the table below says.
"""

import filecmp
import warnings
from pathlib import Path

import numpy as np
import pytest

import dicube
from dicube.core.verify import verify_file
from dicube.exceptions import (
    CodecError,
    DataConsistencyError,
    DicomCubeError,
    MetaDataError,
)
from tests.same_files import (
    assert_same_elements,
    assert_same_values,
    is_uncompressed,
    read_quietly,
)
from tests.series import SERIES, requires_data, series_folder

# Folders that hold no series that could be stored: the error, and what its message must name.
REFUSED: dict[str, tuple[type[DicomCubeError], str]] = {
    "broken_missing_pixeldata": (MetaDataError, "IM003.dcm"),
    "broken_mixed_series": (DataConsistencyError, "2 series"),
    "broken_mixed_shape": (DataConsistencyError, "(40, 30)"),
    "broken_truncated_header": (MetaDataError, "IM002.dcm"),
    "broken_truncated_pixels": (MetaDataError, "IM004.dcm"),
    "ct_rtstruct": (MetaDataError, "RS.dcm: a DICOM object without an image"),
    "enh_mr_nema_spectro": (MetaDataError, "BRSV001"),
    # The first bytes of the SIZ marker segment are overwritten: 3.8e12 samples in 250 bytes.
    "odd_JPEG2000_embedded_sequence_delimiter": (CodecError, "samples in one frame"),
    "odd_MR_truncated": (MetaDataError, "MR_truncated.dcm"),
    "odd_UN_sequence": (MetaDataError, "UN_sequence.dcm: a DICOM object without an image"),
    "odd_csa_slice_norm": (MetaDataError, "csa_slice_norm.dcm"),
    "odd_emri_small_jpeg_2k_lossless_too_short": (MetaDataError, "cut short"),
    "odd_meta_missing_tsyntax": (MetaDataError, "meta_missing_tsyntax.dcm"),
    "odd_no_meta": (MetaDataError, "no_meta.dcm: no DICOM file"),
    "sr_no_pixels": (MetaDataError, "test-SR.dcm: a DICOM object without an image"),
    "waveform_ecg": (MetaDataError, "waveform_ecg.dcm: a DICOM object without an image"),
}
# Folders that are stored and have something to say: the status, and a finding with its slices.
FINDINGS: dict[str, tuple[str, tuple[int, ...]]] = {
    "broken_duplicate_file": ("duplicate_instance_numbers", (2, 3)),
    "broken_duplicate_instance_number": ("duplicate_instance_numbers", tuple(range(8))),
    "broken_empty_slope": ("non_uniform_rescale_factor", (4, 5, 6, 7)),
    "broken_gap": ("gap_instance_number", (4,)),
    "broken_missing_ipp": ("missing_location", (3, 6)),
    "broken_mixed_dtype": ("non_uniform_dtype", (2, 3, 6)),
    "broken_no_instance_number": ("missing_instance_number", ()),
}
STORED = [name for name in (series.name for series in SERIES) if name not in REFUSED]

pytestmark = requires_data


@pytest.mark.parametrize("name", REFUSED)
def test_folder_without_a_series_is_refused_with_the_reason(name: str) -> None:
    error, fragment = REFUSED[name]
    with pytest.raises(error) as caught:
        dicube.load_from_dicom_folder(series_folder(name))
    assert type(caught.value) is error
    assert fragment in str(caught.value)


@pytest.mark.parametrize("name", FINDINGS)
def test_odd_series_is_kept_whole_and_reported(name: str) -> None:
    status, slices = FINDINGS[name]
    image = dicube.load_from_dicom_folder(series_folder(name))
    assert image.dicom_status.value == status
    assert image.findings[0].status is image.dicom_status
    assert image.findings[0].slices == slices


@pytest.mark.parametrize("suffix", [".dcbs", ".dcba"])
@pytest.mark.parametrize("name", STORED)
def test_series_comes_back_from_one_file(name: str, suffix: str, tmp_path: Path) -> None:
    folder = series_folder(name)
    image = dicube.load_from_dicom_folder(folder)
    path = image.to_file(tmp_path / f"series{suffix}")

    loaded = dicube.load(path)
    assert loaded.dtype == image.dtype
    np.testing.assert_array_equal(loaded.raw_image, image.raw_image)
    np.testing.assert_array_equal(loaded.get_fdata(), image.get_fdata())
    assert loaded.dicom_status is image.dicom_status
    assert loaded.space == image.space
    assert dict(loaded.dicom_meta.items()) == dict(image.dicom_meta.items())

    files = loaded.to_dicom_folder(tmp_path / "export")
    assert len(files) + len(image.skipped_files) == len(list(folder.iterdir()))
    start = 0
    for file, frames in zip(files, frame_counts(files), strict=True):
        source = folder / file.name
        if is_uncompressed(source):
            assert filecmp.cmp(file, source, shallow=False), file.name
        else:
            assert_same_elements(source, file)
            assert_same_values(source, file, image.raw_image[start : start + frames])
        start += frames
    report = verify_file(path, against=folder)
    assert report.problems == ()
    assert report.identical_files + report.equal_files == len(files)


def frame_counts(files: list[Path]) -> list[int]:
    counts = []
    for file in files:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            text = str(read_quietly(file).get("NumberOfFrames") or "")
        counts.append(int(text) if text.isdigit() else 1)
    if counts == [1]:
        return [10**6]  # the one file has all frames, whatever its Number of Frames says
    return counts
