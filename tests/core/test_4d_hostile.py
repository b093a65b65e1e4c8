"""Odd and hostile series: a clear answer or a clear error, and nothing lost on the way."""

import os
import time

import numpy as np
import pydicom
import pytest

import dicube
from dicube import Axis, DicomCubeImage, PixelDataHeader
from dicube.core.verify import verify_file
from dicube.exceptions import DataConsistencyError, MetaDataError
from tests.core.test_4d import SHAPE, write_frame
from tests.dicom.made import write_slice
from tests.dicom.series.made_frames import arranged, slice_of, table_of
from tests.dicom.series.test_mosaic import mosaic_slice
from tests.series import requires_data, series_folder


@pytest.fixture
def folder(tmp_path):
    """2 times x 3 slices."""
    made = tmp_path / "series"
    made.mkdir()
    for number in range(6):
        write_frame(made, number, number // 3, number % 3)
    return made


@pytest.mark.parametrize("claimed", ["200000000", "0", "-3", "7"])
def test_number_of_frames_is_checked_before_anything_is_made_of_it(tmp_path, claimed):
    write_slice(tmp_path / "a.dcm", {"NumberOfFrames": claimed}, np.zeros(SHAPE, np.uint16))
    start = time.monotonic()
    search = dicube.find_series(tmp_path)
    assert time.monotonic() - start < 20
    assert len(search) == 0
    assert "Number of Frames" in search.damaged[0].reason
    with pytest.raises(MetaDataError, match="Number of Frames"):
        DicomCubeImage.from_dicom_folder(tmp_path)


def test_metadata_of_a_file_that_claim_other_frames_are_not_believed():
    image = DicomCubeImage(np.zeros((2, 3, 4), np.uint8), PixelDataHeader())
    image.init_meta("MR")
    image.dicom_meta.set_shared_item("NumberOfFrames", 100_000_000)
    assert image.frame_meta.slice_count == 2
    assert isinstance(image.findings, list)


class TestAssigning:
    def test_another_number_of_frames_needs_a_rescale_for_each(self, folder):
        image = DicomCubeImage.from_dicom_folder(folder)
        with pytest.raises(DataConsistencyError, match="a rescale for each of 6 frames"):
            image.raw_image = image.raw_image[:1]

    def test_cropped_volume_has_no_space(self, folder, tmp_path):
        image = DicomCubeImage.from_dicom_folder(folder)
        image.raw_image = image.raw_image[:, :, 1:]
        assert image.space is None
        assert image.affine is None
        assert dicube.load(image.to_file(tmp_path / "x.dcbs")).shape == (2, 3, 4, 6)

    @pytest.mark.parametrize("shape", [(0, 3, *SHAPE), (3,)])
    def test_what_is_no_image_is_refused(self, folder, shape):
        image = DicomCubeImage.from_dicom_folder(folder)
        with pytest.raises(DataConsistencyError):
            image.raw_image = np.zeros(shape, np.uint16)

    @requires_data
    def test_order_of_frames_stays_with_sources_whose_metadata_were_not_read(self, tmp_path):
        source = series_folder("enh_mr_philips_dti")
        path = DicomCubeImage.from_dicom_folder(source).to_file(tmp_path / "x.dcbs")
        image = DicomCubeImage.from_file(path, skip_meta=True)
        image.raw_image = image.raw_image.copy()
        for file in image.to_dicom_folder(tmp_path / "back"):
            assert file.read_bytes() == (source / file.name).read_bytes()


def test_metadata_taken_from_edited_ones_stay_edited(folder):
    meta = DicomCubeImage.from_dicom_folder(folder).dicom_meta
    meta.set_shared_item("PatientName", "Anon")
    assert meta.taken([0, 1]).scopes == []


class TestPlaces:
    def test_many_images_in_two_places_of_a_plane_are_two_places(self):
        slices = [
            slice_of(0, n, ImagePositionPatient=[5.0 * (n % 2), 0, 0], TriggerTime=float(n // 2))
            for n in range(600)
        ]  # fmt: skip
        assert [axis.size for axis in arranged(slices).axes] == [300, 2]

    def test_very_thin_slices_are_slices(self):
        found = arranged(slice_of(0.009 * n, n) for n in range(50))
        assert [(axis.name, axis.size) for axis in found.axes] == [("z", 50)]

    def test_repeated_positions_may_differ_in_their_last_digits(self):
        found = arranged(slice_of(2.0 * (n % 3) + 1e-4 * (n // 3), n) for n in range(9))
        assert [(axis.name, axis.size) for axis in found.axes] == [("t", 3), ("z", 3)]

    def test_one_place_that_repeats_alone_makes_no_volumes(self):
        slices = [slice_of(float(z), z) for z in range(200)]
        slices += [slice_of(7.0, 200 + n) for n in range(200)]
        assert [axis.name for axis in arranged(slices).axes] == ["frame"]
        with pytest.raises(DataConsistencyError, match="makes no volumes"):
            arranged(slices, incomplete="pad")

    def test_slice_far_away_is_no_end_of_a_gap(self):
        slices = [slice_of(z, n) for n, z in enumerate([0.0, 1.0, 2.0, 3.0, 1e8])]
        assert -1 not in arranged(slices, incomplete="pad").order

    def test_distinct_orientations_take_no_time(self):
        angles = np.linspace(0, 3, 3000)
        slices = [
            slice_of(0, n, ImageOrientationPatient=[c, s, 0, -s, c, 0])
            for n, (c, s) in enumerate(zip(np.cos(angles), np.sin(angles), strict=True))
        ]  # fmt: skip
        start = time.monotonic()
        from dicube.dicom.series.grouping import group_instances

        assert len(group_instances(table_of(slices))) > 100
        assert time.monotonic() - start < 30


class TestVerify:
    @pytest.mark.parametrize("keep", [True, False])
    def test_folder_of_other_files_is_told_apart(self, folder, tmp_path, keep):
        path = tmp_path / "x.dcbs"
        dicube.convert(folder, path, keep_sources=keep)
        for file in folder.iterdir():
            data_set = pydicom.dcmread(file)
            data_set.SOPInstanceUID += ".9"
            data_set.save_as(folder / f"other{file.name}")
            file.unlink()
        assert verify_file(path, against=folder).problems

    @pytest.mark.parametrize("uid", ["1.2.3", None])
    def test_images_without_uids_of_their_own_are_compared(self, folder, tmp_path, uid):
        for file in folder.iterdir():
            data_set = pydicom.dcmread(file)
            if uid is None:
                del data_set.SOPInstanceUID
            else:
                data_set.SOPInstanceUID = uid
            data_set.save_as(file)
        done = dicube.convert(folder, tmp_path / "x.dcbs", keep_sources=False)
        assert verify_file(done.path, against=folder).ok


class TestNames:
    def test_hidden_files_keep_their_names(self, folder, tmp_path, monkeypatch):
        (folder / "000.dcm").rename(folder / ".000.dcm")
        monkeypatch.chdir(folder)
        image = DicomCubeImage.from_dicom_folder(".")
        names = {path.name for path in image.to_dicom_folder(tmp_path / "back")}
        assert names == {path.name for path in folder.iterdir()}

    def test_pipe_is_no_file(self, folder):
        os.mkfifo(folder / "pipe")
        search = dicube.find_series(folder)
        assert [file.reason for file in search.not_images] == ["no regular file"]

    def test_one_bad_file_does_not_take_its_series_along(self, folder):
        broken = b"\x00\x52\x29\x92SQ\0\0\x10\0\0\0" + b"no item at all  "  # shared groups
        path = folder / "005.dcm"
        path.write_bytes(path.read_bytes().replace(b"\xe0\x7f\x10\0", broken + b"\xe0\x7f\x10\0"))
        search = dicube.find_series(folder)
        assert [file.path.name for file in search.damaged] == ["005.dcm"]
        assert [len(found.files) for found in search] == [5]

    def test_name_that_is_no_utf8_is_refused(self, folder, tmp_path):
        (folder / "000.dcm").rename(os.fsdecode(os.fsencode(folder) + b"/\xff.dcm"))
        with pytest.raises(DataConsistencyError, match="UTF-8"):
            dicube.convert(folder, tmp_path / "x.dcbs")
        assert not (tmp_path / "x.dcbs").exists()


def test_photometric_interpretations_are_kept_apart(folder):
    write_frame(folder, 9, 0, 0, PhotometricInterpretation="MONOCHROME1")
    assert [len(found.files) for found in dicube.find_series(folder)] == [6, 1]


def test_component_of_two_values_is_survived(folder):
    write_frame(folder, 9, 0, 0, ComplexImageComponent=["PHASE", "MAGNITUDE"])
    assert [found.kind for found in dicube.find_series(folder)] == ["", "phase"]


def test_mosaics_in_several_places_keep_their_positions(tmp_path):
    for number, z in enumerate([10.0, 13.0, 16.0]):
        data_set = mosaic_slice(ImagePositionPatient=[-12.0, -4.0, z])
        extra = {"InstanceNumber": number, "SOPInstanceUID": f"1.2.{number + 1}"}
        for keyword, value in extra.items():
            setattr(data_set, keyword, value)
        values = {element.keyword: element.value for element in data_set if element.keyword}
        write_slice(tmp_path / f"{number}.dcm", values, np.zeros((12, 18), np.uint16))
        whole = pydicom.dcmread(tmp_path / f"{number}.dcm")
        whole.update({tag: data_set[tag] for tag in data_set.keys() if tag.is_private})  # noqa: SIM118
        whole.save_as(tmp_path / f"{number}.dcm")
    image = DicomCubeImage.from_dicom_folder(tmp_path, mosaic="unpack")
    assert [(axis.name, axis.size) for axis in image.axes] == [("frame", 3), ("z", 5)]
    positions = np.array(image.dicom_meta.get("ImagePositionPatient"))[::5, 2]
    np.testing.assert_array_equal(positions, [10, 13, 16])
    assert image.affine is None
    assert any("6 mm away from the first" in finding.message for finding in image.findings)


def test_findings_count_frames_in_the_order_of_the_image(tmp_path):
    image = DicomCubeImage(
        np.zeros((2, 2, 3, 4), np.uint8), PixelDataHeader(), axes=[Axis("t", 2), Axis("z", 2)]
    )
    image.init_meta("MR")
    image.dicom_meta.set_nonshared_item("RescaleSlope", [1, 1, 1, 2])
    (finding,) = [f for f in image.findings if f.status.value == "non_uniform_rescale_factor"]
    assert finding.slices == (3,)


def test_backslash_is_a_letter_of_a_name(folder, tmp_path):
    """Files copied from a disc may be called IM\\0001."""
    (folder / "000.dcm").rename(folder / "IM\\0001")
    image = DicomCubeImage.from_dicom_folder(folder)
    names = {path.name for path in image.to_dicom_folder(tmp_path / "back")}
    assert "IM\\0001" in names
