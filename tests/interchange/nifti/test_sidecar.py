"""The JSON of BIDS, .bval and .bvec: right units, the axes of FSL, nothing of the patient."""

import json
import logging

import numpy as np
import pytest

from dicube import Axis, DicomCubeImage, PixelDataHeader
from dicube.dicom.series.axis import Coordinate
from tests.series import requires_data, series_folder

pytest.importorskip("nibabel", reason="nibabel is not installed (extra nifti)")
DIRECTIONS = ((0.0, 0.0, 0.0), (1.0, 0.0, 0.0), (0.0, 0.6, 0.8))


def written(image: DicomCubeImage, folder) -> dict:
    image.to_nifti(folder / "x.nii.gz", sidecar=True)
    return json.loads((folder / "x.json").read_text())


def diffusion_image(affine: np.ndarray, *outer: Axis) -> DicomCubeImage:
    direction = Coordinate("direction", "", DIRECTIONS)
    axis = Axis("diffusion", 3, "s/mm2", (0.0, 1000.0, 2000.5), (direction,))
    shape = (*(each.size for each in outer), 3, 2, 4, 5)
    axes = [*outer, axis, Axis("z", 2, "mm")]
    image = DicomCubeImage(np.zeros(shape, np.int16), PixelDataHeader(), axes=axes)
    image.affine = affine
    return image


AXIAL = np.array([[0, 0, 2, 0], [0, 2, 0, 0], [3, 0, 0, 0], [0, 0, 0, 1]], dtype=float)
SAGITTAL = np.array([[3, 0, 0, 0], [0, 0, 2, 0], [0, -2, 0, 0], [0, 0, 0, 1]], dtype=float)


@pytest.mark.parametrize(
    ("affine", "expected"),
    [
        # Columns to L, rows to P, slices to H: (x, y, z) indices are right-handed in RAS.
        (AXIAL, [[0, 0, 0], [-1, 0, 0], [0, 0.6, 0.8]]),
        # Slices the other way round: left-handed, so nothing is negated.
        (AXIAL * [-1, 1, 1, 1], [[0, 0, 0], [1, 0, 0], [0, 0.6, -0.8]]),
        # Columns to P, rows to F, slices to L.
        (SAGITTAL, [[0, 0, 0], [0, 0, 1], [0.6, -0.8, 0]]),
    ],
    ids=["axial", "axial downwards", "sagittal"],
)
def test_gradients_follow_the_axes_of_the_array(affine, expected, tmp_path):
    image = diffusion_image(affine)
    linear = affine[:3, [2, 1, 0]] / np.linalg.norm(affine[:3, [2, 1, 0]], axis=0)
    along = np.array(DIRECTIONS) @ linear
    if np.linalg.det(np.diag([-1, -1, 1]) @ linear) > 0:
        along[:, 0] *= -1
    np.testing.assert_allclose(along, expected, atol=1e-12)  # the table above, from the definition
    written(image, tmp_path)
    np.testing.assert_allclose(np.loadtxt(tmp_path / "x.bvec").T, expected, atol=1e-7)
    assert (tmp_path / "x.bval").read_text() == "0 1000 2000.5\n"


def test_gradients_repeat_with_other_axes(tmp_path):
    written(diffusion_image(AXIAL, Axis("echo", 2)), tmp_path)
    assert (tmp_path / "x.bval").read_text() == "0 1000 2000.5 0 1000 2000.5\n"
    assert np.loadtxt(tmp_path / "x.bvec").shape == (3, 6)


def test_directions_of_ge_are_not_guessed(tmp_path, caplog):
    image = diffusion_image(AXIAL)
    image.init_meta("MR")
    image.dicom_meta.set_shared_item("Manufacturer", "GE MEDICAL SYSTEMS")
    with caplog.at_level(logging.WARNING):
        written(image, tmp_path)
    assert "no .bvec" in caplog.text
    assert (tmp_path / "x.bval").exists()
    assert not (tmp_path / "x.bvec").exists()


def test_other_images_have_no_gradients(small_image, tmp_path):
    written(small_image, tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["x.json", "x.nii.gz"]


@requires_data
def test_members_are_those_of_bids_in_its_units(tmp_path):
    image = DicomCubeImage.from_dicom_folder(series_folder("mr_fmri_ge_4d"))
    members = written(image, tmp_path)
    expected = {
        "Modality": "MR", "MagneticFieldStrength": 3, "EchoTime": 0.03, "RepetitionTime": 5,
        "FlipAngle": 60, "SliceThickness": 3, "SpacingBetweenSlices": 5, "PhaseEncodingAxis": "j",
        "ManufacturersModelName": "DISCOVERY MR750", "PixelBandwidth": 7812.5,
    }  # fmt: skip
    assert {name: members[name] for name in expected} == pytest.approx(expected)
    assert members["VolumeAxes"][0]["Name"] == "t"
    assert members["VolumeAxes"][0]["Size"] == 10


@requires_data
def test_what_frames_differ_in_is_on_the_axis(tmp_path):
    image = DicomCubeImage.from_dicom_folder(series_folder("mr_multiecho_mag"))
    members = written(image, tmp_path)
    assert "EchoTime" not in members
    (axis,) = members["VolumeAxes"]
    assert axis["Name"] == "echo"
    assert axis["Coordinates"] == list(image.axes[0].coordinates)


@requires_data
@pytest.mark.parametrize("name", ["ct_philips_private", "pet_slopes", "mr_siemens_csa"])
def test_no_identifying_element_is_there(name, tmp_path):
    image = DicomCubeImage.from_dicom_folder(series_folder(name))
    text = json.dumps(written(image, tmp_path))
    for keyword in ("PatientName", "PatientID", "PatientBirthDate", "AccessionNumber", "StudyDate",
                    "StudyInstanceUID", "SeriesInstanceUID", "StudyID"):  # fmt: skip
        assert keyword not in text
    # Descriptions are as somebody typed them, and may repeat what stands elsewhere.
    for keyword in ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID", "StudyDate"):
        for value in set(map(str, image.dicom_meta.get_values(keyword))) - {"None", ""}:
            assert value not in text, keyword
