"""Images computed from others: on the same grid, of the same patient, a series of their own."""

from pathlib import Path

import numpy as np
import pydicom
import pytest

import dicube
from dicube import Axis, DataConsistencyError, DicomCubeImage, MetaDataError, PixelDataHeader
from tests.series import requires_data, series_folder
from tests.validators import conformance_errors, requires_dciodvfy


@pytest.fixture
def source(small_folder: Path) -> DicomCubeImage:
    return dicube.load_from_dicom_folder(small_folder)


@pytest.fixture
def source_4d(small_image: DicomCubeImage) -> DicomCubeImage:
    """Three volumes of four slices, 1.5 s apart, with an Echo Time for each."""
    values = np.arange(3 * 4 * 12 * 10, dtype=np.int16).reshape(3, 4, 12, 10)
    axes = (Axis("t", 3, "s", (0.0, 1.5, 3.0)), Axis("z", 4, "mm"))
    image = DicomCubeImage(values, PixelDataHeader(OriginalPixelDtype="int16"), axes=axes)
    image.affine = small_image.affine
    meta = image.init_meta("MR", patient_name="A^B")
    meta.set_nonshared_item("EchoTime", [echo for echo in (5.0, 10.0, 15.0) for _ in range(4)])
    meta.set_nonshared_item("ImagingFrequency", [float(i) for i in range(12)])
    meta.set_shared_item("AcquisitionDate", "20200131")
    meta.set_shared_item("AcquisitionTime", "235959.5")
    return image


def written(image: DicomCubeImage, folder: Path, **options) -> list[pydicom.Dataset]:
    return [pydicom.dcmread(path) for path in image.to_dicom_folder(folder, **options)]


def test_patient_and_geometry_stay_and_the_series_is_new(source, tmp_path):
    image = DicomCubeImage.from_array(
        source.raw_image * 2, source, series_description="Doubled", derivation_description="x 2"
    )
    before, after = source.dicom_meta, image.dicom_meta
    for keyword in ("PatientName", "PatientID", "StudyInstanceUID", "FrameOfReferenceUID",
                    "ImagePositionPatient", "PixelSpacing"):  # fmt: skip
        assert after.get(keyword) == before.get(keyword), keyword
    for keyword in ("SeriesInstanceUID", "SOPInstanceUID"):
        assert not set(after.get_values(keyword)) & set(before.get_values(keyword))
    assert len(set(after.get_values("SOPInstanceUID"))) == 4
    assert after.get("SeriesNumber") == before.get("SeriesNumber") + 1000
    assert after.get("SeriesDescription") == "Doubled"
    assert after.get("DerivationDescription") == "x 2"
    assert after.get_values("ImageType")[0] == ["DERIVED", "SECONDARY", "AXIAL"]
    np.testing.assert_array_equal(image.affine, source.affine)
    np.testing.assert_array_equal(image.get_fdata(), source.raw_image * 2.0)
    assert image.pixel_header.WindowCenter is None
    assert "WindowCenter" in before
    assert "WindowCenter" not in after


def test_each_image_names_the_one_it_was_computed_from(source, tmp_path):
    image = DicomCubeImage.from_array(source.raw_image, source)
    uids = source.dicom_meta.get_values("SOPInstanceUID")
    for number, data_set in enumerate(written(image, tmp_path / "out")):
        (item,) = data_set.SourceImageSequence
        assert item.ReferencedSOPInstanceUID == uids[number]
        assert item.PurposeOfReferenceCodeSequence[0].CodeValue == "121322"
        (series,) = data_set.ReferencedSeriesSequence
        assert series.SeriesInstanceUID == source.dicom_meta.get("SeriesInstanceUID")
        assert series.ReferencedInstanceSequence[0].ReferencedSOPInstanceUID == uids[number]


def test_the_source_is_not_changed(source):
    text, digest = source.dicom_meta.to_json(), source.raw_image.tobytes()
    image = DicomCubeImage.from_array(source.raw_image, source)
    image.dicom_meta.set_shared_item("PatientName", "Other^Name")
    image.space = None
    assert source.dicom_meta.to_json() == text
    assert source.raw_image.tobytes() == digest
    assert not source.is_edited
    assert source.space is not None


def test_scanner_contributes_and_dicube_is_the_maker(source, tmp_path):
    source.dicom_meta.set_shared_item("Manufacturer", "Scanners Ltd")
    source.dicom_meta.set_shared_item("StationName", None)
    (data_set, *_) = written(DicomCubeImage.from_array(source.raw_image, source), tmp_path / "out")
    assert data_set.Manufacturer == "DiCube"
    (scanner,) = data_set.ContributingEquipmentSequence
    assert scanner.Manufacturer == "Scanners Ltd"
    assert scanner.PurposeOfReferenceCodeSequence[0].CodeValue == "109101"
    assert "StationName" not in scanner


def test_empty_sequences_codes_and_private_elements_stay_behind(source):
    meta = source.dicom_meta
    no_code = {"00080100": {"vr": "SH", "shared": True}, "00080104": {"vr": "LO", "shared": True}}
    empty_code = {"vr": "SQ", "shared": None, "Value": [no_code]}
    entries = dict(meta.items()) | {
        "00081032": empty_code,
        "00101002": {"vr": "SQ", "shared": None, "Value": []},
        "00091001": {"vr": "LO", "shared": True, "Value": ["private"]},
        "00180060": {"vr": "DS", "shared": True, "Value": [120.0]},
    }
    source.dicom_meta = dicube.DicomMeta(entries, slice_count=4)
    after = DicomCubeImage.from_array(source.raw_image, source).dicom_meta
    for key in ("00081032", "00101002", "00091001"):
        assert key not in after
    assert after.get("KVP") == 120.0


class TestFourDimensions:
    def test_axes_times_and_numbers_of_a_series_of_volumes(self, source_4d, tmp_path):
        image = DicomCubeImage.from_array(source_4d.raw_image, source_4d)
        assert image.axes == source_4d.axes
        files = written(image, tmp_path / "out")
        assert [f.InstanceNumber for f in files] == list(range(1, 13))
        assert [f.TemporalPositionIdentifier for f in files] == [1] * 4 + [2] * 4 + [3] * 4
        assert {f.NumberOfTemporalPositions for f in files} == {3}
        assert [f.AcquisitionTime for f in files[::4]] == [
            "235959.500000", "000001.000000", "000002.500000",
        ]  # fmt: skip
        assert [f.AcquisitionDate for f in files[::4]] == ["20200131", "20200201", "20200201"]
        assert [f.ImagePositionPatient for f in files[4:8]] == [
            f.ImagePositionPatient for f in files[:4]
        ]

    def test_what_holds_for_a_volume_stays_and_what_differs_by_slice_does_not(self, source_4d):
        meta = DicomCubeImage.from_array(source_4d.raw_image, source_4d).dicom_meta
        assert meta.get_values("EchoTime") == [5.0] * 4 + [10.0] * 4 + [15.0] * 4
        assert "ImagingFrequency" not in meta

    def test_one_volume_takes_after_the_first(self, source_4d):
        image = DicomCubeImage.from_array(source_4d.raw_image[2], source_4d)
        assert image.shape == (4, 12, 10)
        assert image.axes == (Axis("z", 4, "mm"),)
        references = image.dicom_meta.get_values("SourceImageSequence")
        uids = [items[0]["00081155"]["Value"][0] for items in references]
        assert uids == source_4d.dicom_meta.get_values("SOPInstanceUID")[:4]
        assert image.dicom_meta.get("EchoTime") == 5.0
        assert "NumberOfTemporalPositions" not in image.dicom_meta

    def test_volumes_from_one_volume_all_take_after_it(self, source):
        image = DicomCubeImage.from_array(np.stack([source.raw_image] * 5), source)
        assert image.axes[0] == Axis("t", 5)
        uids = image.dicom_meta.get_values("SourceImageSequence")
        first = [items[0]["00081155"]["Value"][0] for items in uids]
        assert first == source.dicom_meta.get_values("SOPInstanceUID") * 5

    def test_another_number_of_volumes_has_no_times(self, source_4d):
        image = DicomCubeImage.from_array(source_4d.raw_image[:2], source_4d)
        assert image.axes[0] == Axis("t", 2)
        assert "AcquisitionTime" not in image.dicom_meta


class TestPixels:
    @pytest.mark.parametrize("dtype", ["bool", "uint8", "int8", "int16", "uint16"])
    def test_integers_of_up_to_16_bits_come_back_as_words(self, source, tmp_path, dtype):
        values = (np.arange(480).reshape(4, 12, 10) % 100).astype(dtype)
        files = written(DicomCubeImage.from_array(values, source), tmp_path / "out")
        for data_set, expected in zip(files, values, strict=True):
            np.testing.assert_array_equal(data_set.pixel_array, expected)
            assert data_set.BitsAllocated == 16
            assert (data_set.RescaleSlope, data_set.RescaleIntercept) == (1, 0)

    @pytest.mark.parametrize("dtype", ["float32", "float64", "int32", "uint64"])
    def test_what_the_class_cannot_hold_is_refused_with_a_way_out(self, source, tmp_path, dtype):
        values = np.abs(source.raw_image)
        image = DicomCubeImage.from_array(values.astype(dtype), source)
        with pytest.raises(DataConsistencyError, match=f"{dtype} pixels") as caught:
            image.to_dicom_folder(tmp_path / "out")
        assert "layout='classic'" in caught.value.hint
        assert not (tmp_path / "out").exists()
        files = written(image, tmp_path / "out", layout="classic")
        np.testing.assert_array_equal(files[1].pixel_array, values[1])

    def test_bytes_can_be_compressed(self, source, tmp_path):
        values = np.random.default_rng(1).integers(0, 255, source.shape).astype(np.uint8)
        image = DicomCubeImage.from_array(values, source)
        image.to_dicom_folder(tmp_path / "out", transfer_syntax="htj2k")
        np.testing.assert_array_equal(
            dicube.load_from_dicom_folder(tmp_path / "out").raw_image, values
        )

    def test_derived_image_goes_through_a_cube_file(self, source, tmp_path):
        image = DicomCubeImage.from_array(source.raw_image, source)
        again = dicube.load(image.to_file(tmp_path / "a.dcbs"))
        assert again.dicom_meta.to_json() == image.dicom_meta.to_json()


@pytest.mark.parametrize(
    "shape", [(4, 12, 11), (3, 12, 10), (12, 10), (2, 5, 12, 10), (1, 1, 4, 12, 10), (0, 4, 12, 10)]
)
def test_array_off_the_grid_is_refused(source, shape):
    with pytest.raises(DataConsistencyError, match=r"volume of the reference \(4, 12, 10\)"):
        DicomCubeImage.from_array(np.zeros(shape, np.int16), source)


def test_reference_in_colour_is_refused():
    like = DicomCubeImage(np.zeros((4, 5, 6, 3), np.uint8), PixelDataHeader())
    with pytest.raises(DataConsistencyError, match="colour"):
        DicomCubeImage.from_array(np.zeros((4, 5, 6), np.uint8), like)


def test_description_that_is_too_long_is_refused(source):
    with pytest.raises(MetaDataError, match="65 characters"):
        DicomCubeImage.from_array(source.raw_image, source, series_description="x" * 65)


def test_description_beyond_ascii_is_written_as_utf_8(source, tmp_path):
    source.dicom_meta.set_shared_item("SpecificCharacterSet", "ISO_IR 100")
    image = DicomCubeImage.from_array(source.raw_image, source, series_description="Größe 4D 図")
    (first, *_) = written(image, tmp_path / "out")
    assert first.SeriesDescription == "Größe 4D 図"


def test_image_without_metadata_gives_a_geometry_only(small_image):
    like = DicomCubeImage(small_image.raw_image, PixelDataHeader())
    like.affine = small_image.affine
    image = DicomCubeImage.from_array(small_image.raw_image, like)
    assert image.dicom_meta is None
    np.testing.assert_array_equal(image.affine, like.affine)


def test_derivation_that_was_never_written_passes_its_sources_on(source, tmp_path):
    uids = source.dicom_meta.get_values("SOPInstanceUID")
    once = DicomCubeImage.from_array(source.raw_image, source, series_description="Once")
    twice = DicomCubeImage.from_array(once.raw_image, once)
    for image, number in ((once, 1001), (twice, 1001)):
        files = written(image, tmp_path / str(id(image)), layout="classic")
        assert [f.SourceImageSequence[0].ReferencedSOPInstanceUID for f in files] == uids
        assert files[0].SeriesNumber == number
        assert files[0].SeriesDescription == "Once"
    once.to_dicom_folder(tmp_path / "once")
    read = dicube.load_from_dicom_folder(tmp_path / "once")
    (first, *_) = written(DicomCubeImage.from_array(read.raw_image, read), tmp_path / "next")
    own = read.dicom_meta.get_values("SOPInstanceUID")[0]
    assert [s.ReferencedSOPInstanceUID for s in first.SourceImageSequence] == [own]
    assert first.SeriesNumber == 2001


@requires_data
@requires_dciodvfy
@pytest.mark.parametrize(
    "name", ["ct_uint16_thin", "ct_philips_private", "mr_phase_slope2", "mr_multiecho_mag",
             "mr_asl_slopes", "mr_fmri_ge_4d", "enh_mr_siemens_xa10", "enh_mr_nema_stacks",
             "mr_mosaic_siemens", "mr_b0map_ge"],
)  # fmt: skip
def test_derived_files_conform(tmp_path, name):
    like = dicube.load_from_dicom_folder(series_folder(name))
    image = DicomCubeImage.from_array(like.raw_image, like, series_description="Derived")
    files = image.to_dicom_folder(tmp_path)
    assert conformance_errors(files[0]) == []
    assert conformance_errors(files[-1]) == []


@pytest.mark.parametrize("layout", [None, "classic"])
def test_gantry_tilt_is_kept(small_image, tmp_path, layout):
    affine = small_image.affine
    affine[:3, 0] = (0.0, 0.8, 2.3)
    like = DicomCubeImage(small_image.raw_image, PixelDataHeader())
    like.affine = affine
    like.init_meta("CT")
    image = DicomCubeImage.from_array(like.raw_image, like)
    image.to_dicom_folder(tmp_path / "out", layout=layout)
    read = dicube.load_from_dicom_folder(tmp_path / "out")
    assert read.space is None
    np.testing.assert_allclose(read.affine, affine, atol=1e-6)


@requires_data
def test_frames_of_a_multi_frame_file_are_named_by_number():
    like = dicube.load_from_dicom_folder(series_folder("enh_mr_siemens_xa10"))
    meta = DicomCubeImage.from_array(like.raw_image, like).dicom_meta
    assert meta.slice_count == like.n_timepoints * like.axes[-1].size == 24
    numbers = [items[0]["00081160"]["Value"][0] for items in meta.get_values("SourceImageSequence")]
    assert numbers == [1, 2, 3, 4, 5, 6] * 4
