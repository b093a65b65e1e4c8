"""What real and torture series are made of, and what is said about them."""

import numpy as np
import pytest

from dicube import DicomCubeImage, find_series
from tests.series import requires_data, series_folder

# For each folder its volume sets: axes, the rule that told volumes apart, and statuses of findings.
EXPECTED = {
    "derived_4d_interleaved": [("t 3 z 5", "TemporalPositionIdentifier", [])],
    "ct_same_position": [("t 3 z 1", "AcquisitionNumber", [])],
    "mr_multiecho_mag": [("echo 2 z 12", "EchoTime", ["duplicate_instance_numbers"])],
    "mr_multiecho_hole": [
        ("frame 7", "EchoTime",
         ["gap_instance_number", "reversed_location", "inconsistent", "inconsistent"])
    ],
    "broken_gap": [("z 8", "", ["gap_instance_number", "gap_location", "inconsistent"])],
    "broken_mixed_series": [("z 4", "", []), ("z 4", "", ["non_uniform_rescale_factor"])],
    "broken_duplicate_file": [
        ("frame 7", "InstanceNumber",
         ["duplicate_instance_numbers", "dwelling_location", "gap_location", "inconsistent",
          "inconsistent"])
    ],
    "broken_mixed_shape": [
        ("z 6", "", ["gap_instance_number", "inconsistent"]),
        ("z 2", "", ["gap_instance_number"]),
    ],
    "broken_no_instance_number": [("z 8", "", ["missing_instance_number"])],
    "mr_orientation_mixed": [("z 2", "", []), ("z 2", "", [])],
    "mr_mosaic_siemens": [("t 3 z 1", "AcquisitionTime", ["inconsistent"])],
    "mr_b0map_ge": [("z 16", "", []), ("z 16", "", [])],
    "mr_asl_slopes": [("t 8 z 6", "TriggerTime", ["non_uniform_rescale_factor"])],
    "mr_dwi_philips_classic": [("diffusion 3 z 32", "DiffusionBValue", ["gap_instance_number"])],
    "mr_fmri_ge_4d": [("t 10 z 15", "InstanceNumber", [])],
    "mr_fmri_ge_trigger": [("t 16 z 8", "TemporalPositionIdentifier", [])],
    "enh_mr_philips_b0": [("kind 2 z 32", "ImageType", ["non_uniform_rescale_factor"])],
    "enh_mr_philips_dti": [("diffusion 4 z 8", "DiffusionBValue", [])],
    "enh_mr_siemens_xa10": [("t 4 z 6", "TemporalPositionIndex", [])],
    "enh_mr_nema_stacks": [
        ("frame 12", "", ["non_uniform_orientation", "missing_orientation"])
    ],
    "ct_ge_int16_tilt": [("z 10", "", ["gap_location", "inconsistent", "inconsistent"])],
    "pet_slopes": [("z 114", "", ["non_uniform_rescale_factor"])],
    "xa_cine_jpeg": [
        ("t 96", "", ["missing_instance_number", "missing_spacing", "missing_orientation",
                      "missing_location"])
    ],
}  # fmt: skip


def axes_text(axes):
    return " ".join(f"{axis.name} {axis.size}" for axis in axes)


@requires_data
@pytest.mark.parametrize("name", EXPECTED)
def test_series_is_what_it_is(name):
    found = [
        (axes_text(each.axes), each.rule, [f.status.value for f in each.findings])
        for each in find_series(series_folder(name))
    ]
    assert found == EXPECTED[name]


@requires_data
@pytest.mark.parametrize("name", EXPECTED)
def test_found_series_is_the_image_that_is_read(name):
    for found in find_series(series_folder(name)):
        image = DicomCubeImage.from_volume_set(found)
        assert image.shape == found.shape
        assert image.axes == found.axes
        assert tuple(image.findings) == found.findings
        assert (image.affine is None) == (found.affine is None)
        if image.affine is not None:
            np.testing.assert_allclose(image.affine, found.affine, atol=1e-9)


@requires_data
def test_coordinates_have_units():
    image = DicomCubeImage.from_dicom_folder(series_folder("mr_fmri_ge_trigger"))
    assert image.axes[0].unit == "ms"
    np.testing.assert_array_equal(np.diff(image.coords["t"]), 1500)
    image = DicomCubeImage.from_dicom_folder(series_folder("mr_multiecho_mag"))
    assert (image.axes[0].unit, image.coords["echo"].tolist()) == ("ms", [5.19, 7.65])
    image = DicomCubeImage.from_dicom_folder(series_folder("mr_dwi_philips_classic"))
    assert image.axes[0].unit == "s/mm2"
    assert image.coords["diffusion"].tolist() == [0, 1000, 1000]
    np.testing.assert_allclose(np.linalg.norm(image.coords["direction"][1:], axis=1), 1, atol=1e-5)
    image = DicomCubeImage.from_dicom_folder(series_folder("enh_mr_philips_b0"))
    assert image.coords["kind"].tolist() == ["magnitude", "FIELD_MAP"]
