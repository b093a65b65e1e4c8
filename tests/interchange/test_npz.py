"""NumPy archives: the same way up whatever the series, and back without a changed bit."""

import json
import logging

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

from dicube import Axis, DicomCubeImage, PixelDataHeader
from dicube.exceptions import DataConsistencyError, InvalidCubeFileError
from dicube.interchange.orientation import supine_affine
from tests.core.made import image_of
from tests.interchange.placed import placed_images

# Directions in which z, y and x run: to L, P and H are the positive patient axes.
TO = {"L": (1, 0, 0), "R": (-1, 0, 0), "P": (0, 1, 0), "A": (0, -1, 0), "H": (0, 0, 1),
      "F": (0, 0, -1)}  # fmt: skip


def affine_to(directions: str, spacing=(3.0, 2.0, 1.5)) -> np.ndarray:
    affine = np.eye(4)
    for axis, letter in enumerate(directions):
        affine[:3, axis] = np.array(TO[letter]) * spacing[axis]
    affine[:3, 3] = [10, -20, 30]
    return affine


@pytest.mark.parametrize(
    ("directions", "taken"),
    [
        ("FPL", np.s_[:, :, :]),  # as it should be
        ("HPL", np.s_[::-1, :, :]),  # an axial series from foot to head
        ("FAR", np.s_[:, ::-1, ::-1]),  # the patient lay prone
    ],
)
def test_axial_series_are_turned_the_usual_way_up(directions, taken, tmp_path):
    image = image_of(np.arange(24, dtype=np.int16).reshape(2, 3, 4))
    image.affine = affine_to(directions)
    image.to_npz(tmp_path / "x.npz")
    with np.load(tmp_path / "x.npz") as archive:
        np.testing.assert_array_equal(archive["data"], image.raw_image[taken])


@pytest.mark.parametrize("directions", ["LFP", "RFP", "AFL", "PFL", "LHP", "AHR", "HRA"])
def test_every_voxel_keeps_its_place(directions, tmp_path):
    image = image_of(np.arange(24, dtype=np.int16).reshape(2, 3, 4))
    image.affine = affine_to(directions)
    image.to_npz(tmp_path / "x.npz")
    with np.load(tmp_path / "x.npz") as archive:
        data, affine = archive["data"], archive["affine"]
    steps = affine[:3, :3]
    assert steps[2, 0] < 0 < steps[1, 1]  # to the feet, to the back
    assert steps[0, 2] > 0  # to the left
    for index in np.ndindex(data.shape):
        place = np.linalg.solve(image.affine, affine @ [*index, 1])
        assert data[index] == image.raw_image[tuple(np.rint(place[:3]).astype(int))]


def test_oblique_volumes_take_the_nearest_axes():
    angle = np.radians(40)
    turn = np.array(
        [[1, 0, 0], [0, np.cos(angle), -np.sin(angle)], [0, np.sin(angle), np.cos(angle)]]
    )
    affine = np.eye(4)
    affine[:3, :3] = turn @ affine_to("HPL")[:3, :3]
    turned = supine_affine(affine, (5, 6, 7))
    np.testing.assert_array_equal(turned[:3, :3], affine[:3, :3] * [-1, 1, 1])
    np.testing.assert_allclose(turned @ [4, 0, 0, 1], affine @ [0, 0, 0, 1])


def test_old_readers_find_float32_alone(small_image, tmp_path):
    small_image.to_npz(tmp_path / "x.npz")
    data = np.load(tmp_path / "x.npz")["data"]
    assert (data.dtype, data.ndim) == (np.float32, 3)
    assert float(data.max()) == float(small_image.get_fdata().max())


def test_meta_is_json_without_the_patient(small_image, tmp_path):
    small_image.dicom_meta.set_shared_item("PatientName", "Somebody^Known")
    small_image.to_npz(tmp_path / "x.npz")
    with np.load(tmp_path / "x.npz") as archive:
        meta = json.loads(archive["meta"].item())
        everything = b"".join(archive[name].tobytes() for name in archive.files)
    assert meta["Modality"] == "CT"
    assert b"Somebody" not in everything
    assert DicomCubeImage.from_npz(tmp_path / "x.npz").dicom_meta is None


def test_embedded_series_comes_back_as_its_files(small_folder, tmp_path):
    DicomCubeImage.from_dicom_folder(small_folder).to_npz(tmp_path / "x.npz", embed=True)
    found = DicomCubeImage.from_npz(tmp_path / "x.npz")
    for file in found.to_dicom_folder(tmp_path / "copy"):
        assert file.read_bytes() == (small_folder / file.name).read_bytes()


@pytest.mark.parametrize("shape", [(2, 4, 5, 3), (3, 2, 4, 5, 3)])
def test_colour_keeps_its_samples_last(shape, tmp_path):
    values = np.random.default_rng(1).integers(0, 256, shape).astype(np.uint8)
    image = DicomCubeImage(values, PixelDataHeader(OriginalPixelDtype="uint8"))
    image.affine = affine_to("HAL")
    image.to_npz(tmp_path / "x.npz")
    with np.load(tmp_path / "x.npz") as archive:
        np.testing.assert_array_equal(archive["data"], values[..., ::-1, ::-1, :, :])
    np.testing.assert_array_equal(DicomCubeImage.from_npz(tmp_path / "x.npz").raw_image, values)


def test_axes_of_volumes_become_one_and_come_back(tmp_path):
    axes = [Axis("t", 2), Axis("echo", 3, "ms", (1.0, 2.0, 3.0)), Axis("z", 2, "mm")]
    values = np.arange(2 * 3 * 2 * 4 * 5).reshape(2, 3, 2, 4, 5).astype(np.int16)
    DicomCubeImage(values, PixelDataHeader(), axes=axes).to_npz(tmp_path / "x.npz")
    assert np.load(tmp_path / "x.npz")["data"].shape == (6, 2, 4, 5)
    found = DicomCubeImage.from_npz(tmp_path / "x.npz")
    assert found.axes == tuple(axes)
    np.testing.assert_array_equal(found.raw_image, values)


def test_an_affine_without_a_volume_turns_nothing(tmp_path):
    image = image_of(np.arange(24, dtype=np.int16).reshape(2, 3, 4))
    image.affine = affine_to("HPL") * [0, 1, 1, 1]
    image.to_npz(tmp_path / "x.npz")
    with np.load(tmp_path / "x.npz") as archive:
        assert "affine" not in archive
        np.testing.assert_array_equal(archive["data"], image.raw_image)
    np.testing.assert_array_equal(
        DicomCubeImage.from_npz(tmp_path / "x.npz").raw_image, image.raw_image
    )


def test_archives_of_others_are_read(tmp_path):
    data = np.arange(24, dtype=np.float32).reshape(2, 3, 4)
    np.savez_compressed(tmp_path / "x.npz", data=data)
    image = DicomCubeImage.from_npz(tmp_path / "x.npz")
    assert image.affine is None
    np.testing.assert_array_equal(image.raw_image, data)
    np.savez(tmp_path / "y.npz", data=data, affine=affine_to("FPL"))
    image = DicomCubeImage.from_npz(tmp_path / "y.npz")
    np.testing.assert_array_equal(image.affine, affine_to("FPL"))


@pytest.mark.parametrize("dtype", ["int16", "int32"])  # int32 has `stored` as well
def test_changed_data_are_not_taken_for_the_series(dtype, small_image, tmp_path, caplog):
    image = image_of(np.arange(24, dtype=dtype).reshape(2, 3, 4) * 89_478_485 if dtype == "int32"
                     else np.arange(24, dtype=dtype).reshape(2, 3, 4))  # fmt: skip
    image.to_npz(tmp_path / "x.npz")
    with np.load(tmp_path / "x.npz") as archive:
        entries = dict(archive)
    assert ("stored" in entries) == (dtype == "int32")
    entries["data"] = entries["data"] * 2 + 1
    np.savez(tmp_path / "x.npz", **entries)
    with caplog.at_level(logging.WARNING):
        found = DicomCubeImage.from_npz(tmp_path / "x.npz")
    assert "was changed since the archive was written" in caplog.text
    np.testing.assert_array_equal(found.raw_image, entries["data"])


@pytest.mark.parametrize("change", [0.25, -0.4])
def test_changes_of_less_than_a_step_are_not_rounded_away(change, small_image, tmp_path, caplog):
    small_image.to_npz(tmp_path / "x.npz")
    with np.load(tmp_path / "x.npz") as archive:
        entries = dict(archive)
    assert "stored" not in entries
    entries["data"][1, 2, 3] += change
    np.savez(tmp_path / "x.npz", **entries)
    with caplog.at_level(logging.WARNING):
        found = DicomCubeImage.from_npz(tmp_path / "x.npz")
    assert "was changed since the archive was written" in caplog.text
    np.testing.assert_array_equal(found.raw_image, entries["data"])


def test_data_of_a_wider_dtype_are_still_those_of_the_series(small_image, tmp_path):
    small_image.pixel_header.RescaleSlope = 0.1
    small_image.to_npz(tmp_path / "x.npz")
    with np.load(tmp_path / "x.npz") as archive:
        entries = dict(archive)
    np.savez(tmp_path / "x.npz", **{**entries, "data": entries["data"].astype(np.float64)})
    found = DicomCubeImage.from_npz(tmp_path / "x.npz")
    np.testing.assert_array_equal(found.raw_image, small_image.raw_image)


@pytest.mark.parametrize(
    "entries",
    [{}, {"other": np.zeros(3)}, {"data": np.zeros((2, 2))}, {"data": np.zeros((0, 2, 2))},
     {"data": np.zeros((2, 2, 2), "U3")}, {"data": np.zeros((2, 2, 2)), "affine": np.eye(3)}],
)  # fmt: skip
def test_what_is_no_volume_is_refused(entries, tmp_path):
    np.savez(tmp_path / "x.npz", **entries)
    with pytest.raises(DataConsistencyError, match=r"x\.npz"):
        DicomCubeImage.from_npz(tmp_path / "x.npz")


def test_pickles_are_never_opened(tmp_path):
    np.savez(tmp_path / "x.npz", data=np.array([{"a": 1}], dtype=object))
    with pytest.raises(DataConsistencyError, match="cannot be read"):
        DicomCubeImage.from_npz(tmp_path / "x.npz")


def test_an_array_alone_is_no_archive(tmp_path):
    np.save(tmp_path / "x.npy", np.zeros((2, 2, 2)))
    with pytest.raises(DataConsistencyError, match="cannot be read"):
        DicomCubeImage.from_npz(tmp_path / "x.npy")


def test_damage_is_an_error(small_image, tmp_path):
    path = tmp_path / "x.npz"
    small_image.to_npz(path)
    data = bytearray(path.read_bytes())
    for cut in (0, 10, len(data) // 2, len(data) - 10):
        path.write_bytes(data[:cut])
        with pytest.raises(DataConsistencyError, match="cannot be read"):
            DicomCubeImage.from_npz(path)
    with pytest.raises(DataConsistencyError, match="cannot be read"):
        DicomCubeImage.from_npz(tmp_path / "missing.npz")


def test_damaged_companion_is_an_error(small_image, tmp_path):
    small_image.to_npz(tmp_path / "x.npz")
    with np.load(tmp_path / "x.npz") as archive:
        entries = dict(archive)
    entries["companion"][200] ^= 1
    np.savez(tmp_path / "x.npz", **entries)
    with pytest.raises(InvalidCubeFileError):
        DicomCubeImage.from_npz(tmp_path / "x.npz")


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(image=placed_images())
def test_any_image_goes_round_unchanged(image, tmp_path):
    image.to_npz(tmp_path / "x.npz")
    found = DicomCubeImage.from_npz(tmp_path / "x.npz")
    assert (found.shape, found.dtype, found.axes) == (image.shape, image.dtype, image.axes)
    assert found.raw_image.tobytes() == image.raw_image.tobytes()
    np.testing.assert_array_equal(found.affine, image.affine)
