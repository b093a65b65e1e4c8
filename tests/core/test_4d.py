"""Images of several volumes: read from folders, kept in files, exported again."""

import shutil

import numpy as np
import pytest

import dicube
from dicube import DicomCubeImage
from dicube.core.verify import verify_file
from dicube.exceptions import DataConsistencyError
from tests.dicom.made import write_slice
from tests.series import requires_data, series_folder

SHAPE = (5, 6)
FILLED = "Filled: the series has no image in this place"


def write_frame(folder, number, t, z, **values):
    """One slice of 5 x 6 pixels whose values say which it is."""
    pixels = np.full(SHAPE, 100 * t + z, np.uint16) + np.arange(6, dtype=np.uint16)
    elements = {
        "SOPInstanceUID": f"1.2.3.4.{number}",
        "InstanceNumber": number,
        "ImagePositionPatient": [1.0, 2.0, 2.5 * z],
        "ImageOrientationPatient": [1, 0, 0, 0, 1, 0],
        "PixelSpacing": [0.5, 0.25],
        "TemporalPositionIdentifier": t + 1,
        "RescaleSlope": t + 1,
        "RescaleIntercept": 0,
        "ImageType": ["ORIGINAL", "PRIMARY", "AXIAL"],
        **values,
    }
    write_slice(folder / f"{number:03d}.dcm", elements, pixels)


@pytest.fixture
def folder(tmp_path):
    """3 times x 4 slices, numbered slice by slice."""
    made = tmp_path / "series"
    made.mkdir()
    for number, (z, t) in enumerate((z, t) for z in range(4) for t in range(3)):
        write_frame(made, number, t, z)
    return made


def first_values(image):
    return image.raw_image[..., 0, 0].tolist()


EXPECTED = [[0, 1, 2, 3], [100, 101, 102, 103], [200, 201, 202, 203]]


def test_volumes_are_in_order(folder):
    image = DicomCubeImage.from_dicom_folder(folder)
    assert image.shape == (3, 4, *SHAPE)
    assert first_values(image) == EXPECTED
    assert (image.n_timepoints, image.space.shape) == (3, (4, *SHAPE))
    assert image.dicom_meta.get("TemporalPositionIdentifier")[:5] == [1, 1, 1, 1, 2]
    assert image.axes_rule.rule == "TemporalPositionIdentifier"
    np.testing.assert_array_equal(image.coords["t"], [1, 2, 3])
    # The last place was numbered last: a finding only about the rescale that differs.
    assert [finding.status.value for finding in image.findings] == ["non_uniform_rescale_factor"]


def test_rescale_goes_with_its_frame(folder):
    image = DicomCubeImage.from_dicom_folder(folder)
    assert image.get_fdata()[2, 3, 0, 0] == 203 * 3


def test_volumes_are_views(folder):
    image = DicomCubeImage.from_dicom_folder(folder)
    np.testing.assert_array_equal(image.volume(1), image.raw_image[1])
    np.testing.assert_array_equal(image.volume(-1), image.raw_image[2])
    np.testing.assert_array_equal(image.volume((2,)), image.raw_image[2])
    assert np.shares_memory(image.volume(1), image.raw_image)
    with pytest.raises(IndexError):
        image.volume(3)
    with pytest.raises(IndexError, match="2 indices for 1 axes"):
        image.volume((0, 0))


def test_volumes_of_other_images():
    stack = DicomCubeImage(np.arange(24).reshape(2, 3, 4).astype("i2"), dicube.PixelDataHeader())
    assert stack.n_timepoints == 1
    np.testing.assert_array_equal(stack.volume(0), stack.raw_image)
    axes = [dicube.Axis("t", 2), dicube.Axis("echo", 3), dicube.Axis("z", 1)]
    values = np.arange(24).reshape(2, 3, 1, 2, 2).astype("i2")
    image = DicomCubeImage(values, dicube.PixelDataHeader(), axes=axes)
    assert image.n_timepoints == 6
    np.testing.assert_array_equal(image.volume(4), values[1, 1])
    np.testing.assert_array_equal(image.volume((1, 1)), values[1, 1])


@pytest.mark.parametrize("suffix", ["dcbs", "dcba"])
def test_file_keeps_volumes_axes_and_sources(folder, tmp_path, suffix):
    image = DicomCubeImage.from_dicom_folder(folder)
    loaded = dicube.load(image.to_file(tmp_path / f"x.{suffix}"))
    np.testing.assert_array_equal(loaded.raw_image, image.raw_image)
    assert (loaded.axes, loaded.axes_rule) == (image.axes, image.axes_rule)
    assert loaded.space == image.space
    assert loaded.findings == image.findings
    for path in loaded.to_dicom_folder(tmp_path / "back"):
        assert path.read_bytes() == (folder / path.name).read_bytes()
    assert verify_file(tmp_path / f"x.{suffix}", against=folder).identical_files == 12


def test_lazy_cube_has_the_same_axes(folder, tmp_path):
    image = DicomCubeImage.from_dicom_folder(folder)
    with dicube.open(image.to_file(tmp_path / "x.dcbs")) as cube:
        assert cube.shape == image.shape
        np.testing.assert_array_equal(cube[1, 2], image.raw_image[1, 2])
        np.testing.assert_array_equal(cube.affine, image.affine)
        assert cube.space == image.space


def test_volumes_are_not_looked_for_on_request(folder):
    image = DicomCubeImage.from_dicom_folder(folder, as_3d=True)
    assert image.shape == (12, *SHAPE)
    assert [axis.name for axis in image.axes] == ["z"]
    assert image.raw_image[:4, 0, 0].tolist() == [0, 100, 200, 1]


class TestHoles:
    @pytest.fixture
    def holed(self, folder):
        """Without the slice 2 of time 1."""
        (folder / "007.dcm").unlink()
        return folder

    def test_all_frames_are_kept_and_reported(self, holed, tmp_path):
        image = DicomCubeImage.from_dicom_folder(holed)
        assert image.shape == (11, *SHAPE)
        assert "1 of 12 cells are empty: (1, 2)" in image.findings[-1].message
        assert image.findings[-1].slices == (1, 4, 9)
        loaded = dicube.load(image.to_file(tmp_path / "x.dcbs"))
        assert loaded.findings == image.findings
        assert verify_file(tmp_path / "x.dcbs", against=holed).identical_files == 11

    def test_empty_cells_are_filled(self, holed, tmp_path):
        image = DicomCubeImage.from_dicom_folder(holed, incomplete="pad")
        assert image.shape == (3, 4, *SHAPE)
        filled = image.raw_image[1, 2]
        assert (filled == 0).all()
        assert first_values(image)[0] == EXPECTED[0]
        meta = image.dicom_meta
        assert meta.get_values("ImagePositionPatient")[6] == [1.0, 2.0, 5.0]
        assert meta.get_values("DerivationDescription")[5:7] == [None, FILLED]
        assert meta.get_values("TemporalPositionIdentifier")[6] == 2
        assert meta.get_values("InstanceNumber")[6] == 12
        assert len(set(meta.get_values("SOPInstanceUID"))) == 12
        assert meta.get_values("PixelSpacing")[6] == [0.5, 0.25]
        assert image.space is not None
        done = dicube.convert(holed, tmp_path / "x.dcbs", incomplete="pad")
        np.testing.assert_array_equal(dicube.load(done.path).raw_image, image.raw_image)
        assert verify_file(done.path, against=holed).ok
        paths = image.to_dicom_folder(tmp_path / "back")
        assert len(paths) == 12
        again = DicomCubeImage.from_dicom_folder(tmp_path / "back")
        np.testing.assert_array_equal(again.raw_image, image.raw_image)

    def test_padding_value_fills_where_there_is_one(self, holed):
        for path in holed.iterdir():
            number = int(path.stem)
            write_frame(holed, number, number % 3, number // 3, PixelPaddingValue=7)
        image = DicomCubeImage.from_dicom_folder(holed, incomplete="pad")
        assert (image.raw_image[1, 2] == 7).all()

    def test_incomplete_volumes_are_left_out(self, holed, tmp_path):
        image = DicomCubeImage.from_dicom_folder(holed, incomplete="drop")
        assert first_values(image) == [EXPECTED[0], EXPECTED[2]]
        left_out = {file.path.name: file.reason for file in image.skipped_files}
        assert left_out == dict.fromkeys(
            ("001.dcm", "004.dcm", "010.dcm"), "left out with an incomplete volume"
        )
        assert image.coords["t"].tolist() == [1, 3]
        done = dicube.convert(holed, tmp_path / "x.dcbs", incomplete="drop")
        assert verify_file(done.path, against=holed).ok
        paths = dicube.load(done.path).to_dicom_folder(tmp_path / "back")
        assert all(path.read_bytes() == (holed / path.name).read_bytes() for path in paths)

    def test_file_of_another_folder_is_told_apart(self, holed, tmp_path):
        done = dicube.convert(holed, tmp_path / "x.dcbs", incomplete="drop", keep_sources=False)
        assert verify_file(done.path, against=holed).ok
        (holed / "000.dcm").unlink()
        assert not verify_file(done.path, against=holed).ok


class TestSets:
    @pytest.fixture
    def mixed(self, folder):
        """With two phase images beside the magnitude."""
        for number in (20, 21):
            kind = ["ORIGINAL", "PRIMARY", "P"]
            write_frame(folder, number, 0, number - 20, ImageType=kind, RescaleSlope=1)
        return folder

    def test_all_are_kept_as_frames_and_reported(self, mixed, tmp_path):
        image = DicomCubeImage.from_dicom_folder(mixed)
        assert image.shape == (14, *SHAPE)
        assert image.space is None
        assert "2 volume sets" in image.findings[-1].message
        assert image.findings[-1].slices == (12, 13)
        path = image.to_file(tmp_path / "x.dcbs")
        assert verify_file(path, against=mixed).identical_files == 14

    def test_one_is_picked(self, mixed, tmp_path):
        image = DicomCubeImage.from_dicom_folder(mixed, group=1)
        assert image.shape == (2, *SHAPE)
        assert len(image.skipped_files) == 12
        done = dicube.convert(mixed, tmp_path / "x.dcbs", group=0)
        assert dicube.load(done.path).shape == (3, 4, *SHAPE)
        assert verify_file(done.path, against=mixed).identical_files == 12
        with pytest.raises(DataConsistencyError, match="no group 2: the series holds 2"):
            DicomCubeImage.from_dicom_folder(mixed, group=2)

    def test_found_sets_are_read(self, mixed):
        first, second = dicube.find_series(mixed)
        assert DicomCubeImage.from_volume_set(first).shape == first.shape == (3, 4, *SHAPE)
        image = DicomCubeImage.from_volume_set(second)
        assert first_values(image) == [0, 1]
        assert second.kind == "phase"


def test_scattered_series_is_read_and_exported(folder, tmp_path):
    tree = tmp_path / "tree"
    for number, path in enumerate(sorted(folder.iterdir())):
        part = tree / str(number // 5)
        part.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, part)
    (found,) = dicube.find_series(tree)
    image = DicomCubeImage.from_volume_set(found)
    assert first_values(image) == EXPECTED
    loaded = dicube.load(image.to_file(tmp_path / "x.dcbs"))
    paths = loaded.to_dicom_folder(tmp_path / "back")
    names = {path.relative_to(tmp_path / "back").as_posix() for path in paths}
    assert names == {path.relative_to(tree).as_posix() for path in tree.rglob("*.dcm")}


@requires_data
class TestMultiFrame:
    """Objects whose frames are not in the order of the image, or not of one volume."""

    @pytest.mark.parametrize(
        ("name", "axes"),
        [
            ("enh_mr_philips_dti", [("diffusion", 4), ("z", 8)]),
            ("enh_mr_philips_b0", [("kind", 2), ("z", 32)]),
            ("enh_mr_siemens_xa10", [("t", 4), ("z", 6)]),
            ("rgb_enh_colfa", [("z", 39)]),
            ("xa_cine_jpeg", [("t", 96)]),
            ("enh_mr_nema_stacks", [("frame", 12)]),
            ("rtdose_uint32", [("z", 15)]),
        ],
    )
    @pytest.mark.parametrize("suffix", ["dcbs", "dcba"])
    def test_file_comes_back(self, tmp_path, name, axes, suffix):
        if suffix == "dcba" and name.startswith("rtdose"):
            pytest.skip("JPEG XL holds 16 bits")
        folder = series_folder(name)
        image = DicomCubeImage.from_dicom_folder(folder)
        assert [(axis.name, axis.size) for axis in image.axes] == axes
        done = dicube.convert(folder, tmp_path / f"x.{suffix}")
        loaded = dicube.load(done.path)
        np.testing.assert_array_equal(loaded.raw_image, image.raw_image)
        assert loaded.axes == image.axes
        checked = verify_file(done.path, against=folder)
        assert checked.ok
        if checked.equal_files:
            return
        for path in loaded.to_dicom_folder(tmp_path / "back"):
            assert path.read_bytes() == (folder / path.name).read_bytes()

    def test_frames_change_places(self, tmp_path):
        """The file has all volumes of a slice together, the image all slices of a volume."""
        image = DicomCubeImage.from_dicom_folder(series_folder("enh_mr_philips_dti"))
        order = image._contents.frame_order
        assert order is not None
        assert sorted(order) == list(range(32))
        assert order[0] != 0 or order[1] != 1
        positions = np.array(image.frame_meta.get("ImagePositionPatient")).reshape(4, 8, 3)
        assert (positions == positions[0]).all()
        np.testing.assert_allclose(positions[0, 0], image.affine[:3, 3], atol=1e-4)
        assert image.frame_meta.get("DiffusionBValue")[::8] == [0.0, 1300.0, 1300.0, 1300.0]

    def test_export_without_sources_restores_the_order(self, tmp_path):
        folder = series_folder("enh_mr_philips_dti")
        image = DicomCubeImage.from_dicom_folder(folder)
        image.to_file(tmp_path / "x.dcbs", keep_sources=False)
        dicube.load(tmp_path / "x.dcbs").to_dicom_folder(tmp_path / "back")
        again = DicomCubeImage.from_dicom_folder(tmp_path / "back")
        np.testing.assert_array_equal(again.raw_image, image.raw_image)
        assert verify_file(tmp_path / "x.dcbs", against=folder).ok

    def test_codestreams_are_copied_in_the_order_of_the_file(self, tmp_path):
        image = DicomCubeImage.from_dicom_folder(series_folder("enh_mr_philips_dti"))
        loaded = dicube.load(image.to_file(tmp_path / "x.dcbs"))
        loaded.to_dicom_folder(tmp_path / "back", transfer_syntax="htj2k")
        again = DicomCubeImage.from_dicom_folder(tmp_path / "back")
        np.testing.assert_array_equal(again.raw_image, image.raw_image)


@requires_data
def test_order_of_frames_is_forgotten_with_the_metadata_it_is_of():
    """Metadata of a multi-frame file are one slice; new ones have one for each frame."""
    image = DicomCubeImage.from_dicom_folder(series_folder("enh_mr_philips_dti"))
    image.init_meta("MR")
    assert image._contents.frame_order is None
    assert image.dicom_meta.slice_count == 32


@requires_data
def test_xarray_has_what_changes_along_an_axis(tmp_path):
    pytest.importorskip("xarray")
    image = DicomCubeImage.from_dicom_folder(series_folder("mr_dwi_philips_classic"))
    with dicube.open(image.to_file(tmp_path / "x.dcbs")) as cube:
        array = cube.to_xarray()
        assert array.coords["diffusion"].values.tolist() == [0, 1000, 1000]
        assert array.coords["direction"].values[0] == (0, 0, 0)
        assert cube.coords["direction"].shape == (3, 3)
