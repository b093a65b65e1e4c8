"""New series in each layout: values, geometry, order and references, by pydicom alone."""

import logging

import numpy as np
import pydicom
import pytest

import dicube
from dicube import Axis, DataConsistencyError, DicomCubeImage, MetaDataError, PixelDataHeader
from dicube.core.layouts import LAYOUTS
from dicube.dicom.sop_classes import ENHANCED_CT, ENHANCED_MR, PARAMETRIC_MAP
from dicube.exceptions import CodecError
from tests.dicom.multi_frame.conftest import AFFINE, made_series
from tests.series import requires_data, series_folder
from tests.validators import conformance_errors, requires_dciodvfy

NOISE = np.random.default_rng(4).normal(size=(3, 4, 10, 12))


def derived(image: DicomCubeImage, values: np.ndarray) -> DicomCubeImage:
    return DicomCubeImage.from_array(
        values, image, series_description="Made", derivation_description="made by a test"
    )


def frames_of(paths) -> list[tuple[pydicom.Dataset, int]]:
    """Every frame of every file, with its number in the file."""
    files = [pydicom.dcmread(path) for path in paths]
    return [(file, i) for file in files for i in range(int(file.get("NumberOfFrames", 1)))]


def output_values(file: pydicom.Dataset, number: int) -> np.ndarray:
    pixels = file.pixel_array if "NumberOfFrames" not in file else file.pixel_array.reshape(
        int(file.NumberOfFrames), file.Rows, file.Columns)[number]  # fmt: skip
    if "SharedFunctionalGroupsSequence" in file:
        file = file.SharedFunctionalGroupsSequence[0].PixelValueTransformationSequence[0]
    slope, intercept = file.get("RescaleSlope", 1), file.get("RescaleIntercept", 0)
    return pixels.astype(np.float64) * float(slope) + float(intercept)


def position(file: pydicom.Dataset, number: int) -> list[float]:
    if "PerFrameFunctionalGroupsSequence" in file:
        file = file.PerFrameFunctionalGroupsSequence[number].PlanePositionSequence[0]
    return [float(coordinate) for coordinate in file.ImagePositionPatient]


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("dtype", ["int16", "uint16", "uint8", "float32"])
def test_values_and_places_of_every_frame(series, folder, layout, dtype):
    values = series.raw_image.astype(dtype)
    paths = derived(series, values).to_dicom_folder(folder, layout=layout)
    found = frames_of(paths)
    assert len(found) == 12
    for i, (file, number) in enumerate(found):
        volume, z = divmod(i, 4)
        np.testing.assert_array_equal(output_values(file, number), values[volume, z])
        np.testing.assert_allclose(
            position(file, number), AFFINE[:3, 3] + z * AFFINE[:3, 0], atol=1e-6
        )


@pytest.mark.parametrize(
    ("layout", "names"),
    [
        ("classic", [f"volume_t{t:03d}_z{z:03d}.dcm" for t in range(3) for z in range(4)]),
        ("per_timepoint", ["volume_t000.dcm", "volume_t001.dcm", "volume_t002.dcm"]),
        ("single_file", ["volume.dcm"]),
    ],
)
def test_names_of_the_files(series, folder, layout, names):
    paths = series.to_dicom_folder(folder, layout=layout)
    assert [path.name for path in paths] == names
    assert sorted(path.name for path in folder.iterdir()) == names


@pytest.mark.parametrize("layout", LAYOUTS)
def test_one_new_series_of_the_same_study(series, folder, layout):
    files = [pydicom.dcmread(path) for path in series.to_dicom_folder(folder, layout=layout)]
    assert len({file.SeriesInstanceUID for file in files}) == 1
    assert len({file.SOPInstanceUID for file in files}) == len(files)
    meta = series.dicom_meta
    for file in files:
        assert file.SeriesInstanceUID != meta.get("SeriesInstanceUID")
        assert file.StudyInstanceUID == meta.get("StudyInstanceUID")
        assert file.FrameOfReferenceUID == meta.get("FrameOfReferenceUID")
        assert file.PatientName == "Test^Person"
        assert file.SeriesNumber == 1001
        assert file.ImageType[0] == "DERIVED"
        assert file.Manufacturer == "DiCube"
        assert file.ContributingEquipmentSequence[0].Manufacturer == "SIEMENS"
        assert file.PhotometricInterpretation == "MONOCHROME2"
        assert file.file_meta.MediaStorageSOPInstanceUID == file.SOPInstanceUID


@pytest.mark.parametrize("layout", LAYOUTS)
def test_frames_name_the_image_they_were_computed_from(series, folder, layout):
    uids = series.dicom_meta.get_values("SOPInstanceUID")
    image = derived(series, series.raw_image)
    image.dicom_meta.set_shared_item("SeriesDescription", "Made")
    for i, (file, number) in enumerate(frames_of(image.to_dicom_folder(folder, layout=layout))):
        item = file
        if layout != "classic":
            group = file.PerFrameFunctionalGroupsSequence[number]
            item = group.DerivationImageSequence[0]
            (study,) = file.SourceImageEvidenceSequence
            (evidence,) = study.ReferencedSeriesSequence
            assert evidence.SeriesInstanceUID == series.dicom_meta.get("SeriesInstanceUID")
            listed = [s.ReferencedSOPInstanceUID for s in evidence.ReferencedSOPSequence]
            assert uids[i] in listed
        assert item.DerivationDescription == "made by a test"
        assert item.SourceImageSequence[0].ReferencedSOPInstanceUID == uids[i]


def test_enhanced_files_are_indexed_by_stack_slice_and_volume(series, folder):
    paths = series.to_dicom_folder(folder, layout="per_timepoint")
    for volume, path in enumerate(paths):
        file = pydicom.dcmread(path)
        assert file.SOPClassUID == ENHANCED_MR
        assert file.InstanceNumber == file.TemporalPositionIdentifier == volume + 1
        assert file.NumberOfTemporalPositions == 3
        for z, group in enumerate(file.PerFrameFunctionalGroupsSequence):
            content = group.FrameContentSequence[0]
            assert content.DimensionIndexValues == [1, z + 1, volume + 1]
            assert content.TemporalPositionIndex == volume + 1
            assert content.FrameAcquisitionDateTime.startswith("2020010210150")
            offset = group.TemporalPositionSequence[0].TemporalPositionTimeOffset
            assert offset == volume * 1.5
            assert "PixelValueTransformationSequence" not in group


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("layout", ["per_timepoint", "single_file"])
def test_other_floats_become_parametric_maps(series, folder, layout, dtype):
    values = NOISE.astype(dtype)
    values[0, 0, 0, :3] = np.nan, np.inf, -0.0
    paths = derived(series, values).to_dicom_folder(folder, layout=layout)
    element = "FloatPixelData" if dtype == "float32" else "DoubleFloatPixelData"
    stored = b""
    for path in paths:
        file = pydicom.dcmread(path)
        assert file.SOPClassUID == PARAMETRIC_MAP
        stored += file[element].value
    assert stored == values.tobytes()


@pytest.mark.parametrize("layout", LAYOUTS)
def test_int16_precision_is_off_by_half_a_slope_and_logged(series, folder, layout, caplog):
    caplog.set_level(logging.INFO)
    image = derived(series, NOISE)
    paths = image.to_dicom_folder(folder, layout=layout, precision="int16")
    worst = max(
        np.abs(output_values(file, number) - NOISE[divmod(i, 4)]).max()
        for i, (file, number) in enumerate(frames_of(paths))
    )
    (record,) = [record for record in caplog.records if "largest error" in record.message]
    assert 0 < worst == record.args[-1] <= record.args[2] / 2


def test_floats_in_classic_files_need_a_precision(series, folder):
    with pytest.raises(DataConsistencyError, match="16-bit integers") as caught:
        derived(series, NOISE).to_dicom_folder(folder, layout="classic")
    assert "int16" in caught.value.hint
    assert not folder.exists()


@pytest.mark.parametrize("layout", LAYOUTS)
def test_rescale_of_the_image_is_kept(small_image, folder, layout):
    paths = small_image.to_dicom_folder(folder, layout=layout)
    for i, (file, number) in enumerate(frames_of(paths)):
        np.testing.assert_array_equal(output_values(file, number), small_image.get_fdata()[i])


@requires_data
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("name", ["mr_asl_slopes", "mr_phase_slope2", "ct_uint16_thin"])
def test_output_values_of_real_series_are_kept(folder, layout, name):
    image = dicube.load_from_dicom_folder(series_folder(name))
    if image.frame_rescale is not None and layout == "classic":
        return  # no 16-bit integers have all their values
    paths = image.to_dicom_folder(folder, layout=layout)
    expected = image.get_fdata("float64").reshape(-1, *image.shape[-2:])
    for i, (file, number) in enumerate(frames_of(paths)):
        if i % 7 == 0:
            np.testing.assert_array_equal(output_values(file, number), expected[i])


def test_computed_tomography_has_an_enhanced_class_of_its_own(small_image, folder):
    (path,) = small_image.to_dicom_folder(folder, layout="single_file")
    file = pydicom.dcmread(path)
    assert file.SOPClassUID == ENHANCED_CT
    (transformation,) = file.SharedFunctionalGroupsSequence[0].PixelValueTransformationSequence
    assert transformation.RescaleIntercept == -24


def test_image_that_is_not_edited_comes_back_byte_for_byte_without_layout(small_folder, tmp_path):
    image = dicube.load_from_dicom_folder(small_folder)
    for path in image.to_dicom_folder(tmp_path / "copy"):
        assert path.read_bytes() == (small_folder / path.name).read_bytes()


def test_layouts_go_through_cube_files(series, folder, tmp_path):
    path = series.to_file(tmp_path / "a.dcbs")
    dicube.load(path).to_dicom_folder(folder, layout="per_timepoint")
    assert len(list(folder.iterdir())) == 3


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("description", ["plain", "Größe 図"])
def test_texts_beyond_ascii_are_kept(series, folder, layout, description):
    series.dicom_meta.set_shared_item("SpecificCharacterSet", "ISO_IR 100")
    series.dicom_meta.set_shared_item("PatientName", "Müller^Jörg")
    image = DicomCubeImage.from_array(
        series.raw_image, series, series_description=description, derivation_description=description
    )
    for path in image.to_dicom_folder(folder, layout=layout):
        file = pydicom.dcmread(path)
        assert str(file.PatientName) == "Müller^Jörg"
        assert file.SeriesDescription == description
        if layout != "classic":
            group = file.PerFrameFunctionalGroupsSequence[0]
            file = group.DerivationImageSequence[0]
        assert file.DerivationDescription == description


def test_inverted_grey_values_stay_inverted(folder):
    image = DicomCubeImage(np.zeros((2, 5, 6), np.uint16), PixelDataHeader())
    image.init_meta("CR").set_shared_item("PhotometricInterpretation", "MONOCHROME1")
    (path, _) = image.to_dicom_folder(folder, layout="classic")
    assert pydicom.dcmread(path).PhotometricInterpretation == "MONOCHROME1"


class TestRefusals:
    def test_precision_without_a_layout(self, series, folder):
        with pytest.raises(DataConsistencyError, match="for a layout only"):
            series.to_dicom_folder(folder, precision="int16")

    @pytest.mark.parametrize("layout", LAYOUTS)
    def test_existing_files_stay(self, series, folder, layout):
        (first, *_) = series.to_dicom_folder(folder, layout=layout)
        before = first.read_bytes()
        with pytest.raises(DataConsistencyError, match="exist already"):
            series.to_dicom_folder(folder, layout=layout)
        assert first.read_bytes() == before
        series.to_dicom_folder(folder, layout=layout, overwrite=True)
        assert first.read_bytes() != before

    def test_unknown_names(self, series, folder):
        with pytest.raises(DataConsistencyError, match="layout 'enhanced' is unknown"):
            series.to_dicom_folder(folder, layout="enhanced")
        with pytest.raises(DataConsistencyError, match="precision 'float' is unknown"):
            series.to_dicom_folder(folder, layout="classic", precision="float")

    def test_colour(self, folder):
        image = DicomCubeImage(np.zeros((2, 5, 6, 3), np.uint8), PixelDataHeader())
        image.init_meta("OT")
        with pytest.raises(DataConsistencyError, match="colour"):
            image.to_dicom_folder(folder, layout="classic")

    def test_compressed_multi_frame_files(self, series, folder):
        with pytest.raises(CodecError, match="uncompressed"):
            series.to_dicom_folder(folder, layout="single_file", transfer_syntax="htj2k")
        series.to_dicom_folder(folder, layout="classic", transfer_syntax="htj2k")
        read = dicube.load_from_dicom_folder(folder)
        np.testing.assert_array_equal(read.raw_image.reshape(series.shape), series.raw_image)

    def test_modality_without_a_multi_frame_class(self, series, folder):
        series.dicom_meta.set_shared_item("Modality", "PT")
        with pytest.raises(MetaDataError, match="modality PT"):
            series.to_dicom_folder(folder, layout="per_timepoint")

    def test_slices_without_a_geometry(self, folder):
        image = DicomCubeImage(np.zeros((2, 5, 6), np.int16), PixelDataHeader())
        image.init_meta("MR")
        with pytest.raises(DataConsistencyError, match="no regular stack"):
            image.to_dicom_folder(folder, layout="per_timepoint")
        assert not folder.exists()

    def test_image_without_metadata(self, folder):
        image = DicomCubeImage(np.zeros((2, 5, 6), np.int16), PixelDataHeader())
        with pytest.raises(MetaDataError, match="no DICOM metadata"):
            image.to_dicom_folder(folder, layout="classic")


@requires_dciodvfy
@pytest.mark.parametrize("modality", ["MR", "CT"])
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("dtype", ["uint8", "int16", "float64"])
@pytest.mark.parametrize("with_times", [True, False])
def test_files_conform(folder, modality, layout, dtype, with_times):
    image = made_series(modality)
    if not with_times:
        image = DicomCubeImage.from_array(image.raw_image[:1], image)
    values = image.raw_image.astype(dtype)
    if dtype.startswith("float") and layout != "classic":
        values = values * np.pi + NOISE[: len(values)].astype(dtype)
    paths = derived(image, values).to_dicom_folder(folder, layout=layout)
    assert conformance_errors(paths[0]) == []
    assert conformance_errors(paths[-1]) == []


def test_echo_axis_has_positions_but_no_times(series, folder):
    axes = (Axis("echo", 3, "ms", (5.0, 10.0, 15.0)), Axis("z", 4, "mm"))
    image = DicomCubeImage(series.raw_image, series.pixel_header, series.dicom_meta, axes=axes)
    image.affine = AFFINE
    files = [pydicom.dcmread(p) for p in image.to_dicom_folder(folder, layout="classic")]
    assert [file.TemporalPositionIdentifier for file in files[::4]] == [1, 2, 3]
    assert all("AcquisitionTime" not in file for file in files)
