"""Registered time series [x, y, z, t]: saved as DICOM and loaded without a changed bit."""

import json
import re
import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pydicom
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import dicube
from dicube import (
    DataConsistencyError,
    DicomCubeImage,
    MetaDataError,
    load_registered_dicom_series,
    load_registration_data,
    save_registered_as_dicom_series,
    save_registration_data,
)
from dicube.core.layouts import LAYOUTS
from dicube.dicom.sop_classes import ENHANCED_MR, PARAMETRIC_MAP
from tests.dicom.multi_frame.conftest import made_series
from tests.series import requires_data, series_folder
from tests.validators import conformance_errors, requires_dciodvfy

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "registered-series.md"
SPACING = (1.5, 1.25, 5.0)
INTEGERS = np.random.default_rng(1).integers(-100, 3000, (7, 6, 5, 4)).astype(np.int16)
NOISE = np.random.default_rng(2).normal(size=(7, 6, 5, 4))


def same_bits(first: np.ndarray, second: np.ndarray) -> bool:
    return (first.dtype, first.shape) == (second.dtype, second.shape) and (
        first.tobytes() == second.tobytes()
    )


def info_of(folder: str | Path) -> dict:
    return json.loads((Path(folder) / "series_info.json").read_text())


def snapshot(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


class TestRoundTrip:
    @pytest.mark.parametrize(
        "dtype", ["bool", "int8", "uint8", "int16", "uint16", "float16", "float32", "float64"]
    )
    @settings(max_examples=12, suppress_health_check=[HealthCheck.filter_too_much])
    @given(data=st.data())
    def test_array_and_spacing_come_back(self, tmp_path_factory, dtype, data):
        array = data.draw(hnp.arrays(dtype, hnp.array_shapes(min_dims=4, max_dims=4, max_side=4)))
        spacing = tuple(data.draw(st.floats(1e-3, 100)) for _ in range(3))
        folder = tmp_path_factory.mktemp("registered")
        loaded, distances = load_registered_dicom_series(
            save_registered_as_dicom_series(array, spacing, folder)
        )
        assert same_bits(loaded, array)
        assert distances == spacing

    @pytest.mark.parametrize("layout", LAYOUTS)
    @pytest.mark.parametrize(
        "array",
        [
            INTEGERS, INTEGERS.astype(np.uint16), INTEGERS.astype(np.int64), INTEGERS * 1000,
            INTEGERS.astype(np.float64), (INTEGERS * 0.1).astype(np.float32),
            INTEGERS.astype(">i2"), INTEGERS[:1, :1, :1, :1], INTEGERS[:, :, :1],
            INTEGERS[..., :1], INTEGERS[:1], np.asfortranarray(INTEGERS), INTEGERS[::-1, ::2],
        ],
    )  # fmt: skip
    def test_integers_times_a_slope_in_every_layout(self, tmp_path, array, layout):
        folder = save_registered_as_dicom_series(array, SPACING, tmp_path, layout=layout)
        loaded, spacing = load_registered_dicom_series(folder)
        assert same_bits(loaded, array)
        assert spacing == SPACING
        assert info_of(folder)["largest_error"] == 0

    @pytest.mark.parametrize("layout", ["per_timepoint", "single_file"])
    @pytest.mark.parametrize("dtype", ["float16", "float32", "float64", ">f4"])
    def test_any_floats_not_numbers_among_them(self, tmp_path, dtype, layout):
        array = NOISE.astype(dtype)
        array[0, 0, 0] = [np.nan, np.inf, -np.inf, -0.0]
        folder = save_registered_as_dicom_series(array, SPACING, tmp_path, layout=layout)
        assert same_bits(load_registered_dicom_series(folder)[0], array)

    @pytest.mark.parametrize("layout", LAYOUTS)
    def test_sixteen_bits_on_request_with_the_error_in_the_information(self, tmp_path, layout):
        folder = save_registered_as_dicom_series(
            NOISE, SPACING, tmp_path, precision="int16", layout=layout
        )
        loaded, _ = load_registered_dicom_series(folder)
        information = info_of(folder)
        assert loaded.dtype == np.float64
        error = np.abs(loaded - NOISE).max()
        assert 0 < error == information["largest_error"] <= information["slope"] / 2

    @pytest.mark.parametrize("layout", LAYOUTS)
    @pytest.mark.parametrize("array", [INTEGERS, INTEGERS * np.float32(0.5)])
    def test_dicom_files_alone_are_enough(self, tmp_path, array, layout):
        folder = save_registered_as_dicom_series(array, SPACING, tmp_path, layout=layout)
        (Path(folder) / "series_info.json").unlink()
        loaded, spacing = load_registered_dicom_series(folder)
        assert same_bits(loaded, array)
        assert spacing == SPACING


class TestFiles:
    def test_names_and_tags_are_those_of_the_document(self, tmp_path):
        folder = Path(save_registered_as_dicom_series(INTEGERS, SPACING, str(tmp_path)))
        assert folder == tmp_path / "registered_dicoms"
        names = [f"registered_t{t:03d}.dcm" for t in range(4)]
        assert sorted(p.name for p in folder.iterdir()) == [*names, "series_info.json"]
        for number, name in enumerate(names):
            file = pydicom.dcmread(folder / name)
            assert file.SOPClassUID == ENHANCED_MR
            assert file.SeriesDescription == "Registered T1 DCE"
            assert file.SeriesNumber == 1001
            assert file.InstanceNumber == file.TemporalPositionIdentifier == number + 1
            assert file.NumberOfTemporalPositions == 4
            assert file.Modality == "MR"
            shared = file.SharedFunctionalGroupsSequence[0]
            assert shared.PixelMeasuresSequence[0].PixelSpacing == [1.25, 1.5]
            assert shared.PixelMeasuresSequence[0].SliceThickness == 5
            orientation = shared.PlaneOrientationSequence[0].ImageOrientationPatient
            assert orientation == [1, 0, 0, 0, 1, 0]
            stored = file.pixel_array.reshape(5, 6, 7)
            np.testing.assert_array_equal(stored, INTEGERS[..., number].T)

    def test_information_beside_the_files(self, tmp_path):
        folder = save_registered_as_dicom_series(
            INTEGERS, SPACING, tmp_path, times_ms=[0, 1500, 3000, 4500.5]
        )
        information = info_of(folder)
        assert information["n_timepoints"] == 4
        assert information["spacing"] == list(SPACING)
        assert information["shape"] == [7, 6, 5, 4]
        assert information["time_indices"] == [0, 1, 2, 3]
        assert information["source_dicom"] is None
        assert information["dtype"] == "int16"
        assert information["times_ms"] == [0, 1500, 3000, 4500.5]
        assert information["created_at"]

    def test_floats_are_a_parametric_map_for_each_timepoint(self, tmp_path):
        folder = Path(save_registered_as_dicom_series(NOISE, SPACING, tmp_path))
        files = [pydicom.dcmread(path) for path in sorted(folder.glob("*.dcm"))]
        assert [file.SOPClassUID for file in files] == [PARAMETRIC_MAP] * 4

    @requires_dciodvfy
    @pytest.mark.parametrize("layout", LAYOUTS)
    @pytest.mark.parametrize("array", [INTEGERS, INTEGERS * np.float32(0.5), NOISE])
    @pytest.mark.parametrize("source", [None, "mr_phase_slope2"])
    def test_files_conform(self, tmp_path, array, layout, source):
        if source is not None and not series_folder(source).exists():
            pytest.skip("real series not found")
        folder = save_registered_as_dicom_series(
            array, SPACING, tmp_path, layout=layout, precision="int16" if layout == "classic" else
            "exact", source_dicom=source and series_folder(source), times_ms=[0, 1e3, 2e3, 3e3],
        )  # fmt: skip
        paths = sorted(Path(folder).glob("*.dcm"))
        assert conformance_errors(paths[0]) == []
        assert conformance_errors(paths[-1]) == []


class TestSource:
    @pytest.fixture
    def source(self, tmp_path):
        """Twelve files: three volumes of four slices."""
        made_series().to_dicom_folder(tmp_path / "source")
        return tmp_path / "source"

    def saved(self, source, tmp_path, shape=(12, 10, 4, 3), spacing=(1.5, 1.5, 5.0)):
        return Path(
            save_registered_as_dicom_series(
                np.zeros(shape, np.int16), spacing, tmp_path / "out", source_dicom=source
            )
        )

    @pytest.mark.parametrize("kind", ["folder", "file"])
    def test_patient_and_study_are_copied_and_the_series_is_new(self, source, tmp_path, kind):
        files = sorted(source.iterdir())
        given_source = source if kind == "folder" else files[0]
        folder = self.saved(given_source, tmp_path)
        before, after = (
            pydicom.dcmread(path) for path in (files[0], folder / "registered_t000.dcm")
        )
        for keyword in ("PatientName", "PatientID", "StudyInstanceUID", "FrameOfReferenceUID"):
            assert after[keyword].value == before[keyword].value
        assert after.SeriesInstanceUID != before.SeriesInstanceUID
        assert after.SeriesNumber == before.SeriesNumber + 1000
        assert info_of(folder)["source_dicom"] == str(given_source)
        shared = after.SharedFunctionalGroupsSequence[0]
        orientation = shared.PlaneOrientationSequence[0].ImageOrientationPatient
        np.testing.assert_allclose(orientation, before.ImageOrientationPatient, atol=1e-7)
        first = after.PerFrameFunctionalGroupsSequence[0].PlanePositionSequence[0]
        np.testing.assert_allclose(first.ImagePositionPatient, before.ImagePositionPatient)

    def test_each_frame_lies_where_its_source_lies_and_names_it(self, source, tmp_path):
        folder = self.saved(source, tmp_path)
        files = [pydicom.dcmread(path) for path in sorted(source.iterdir())]
        for volume in range(3):
            after = pydicom.dcmread(folder / f"registered_t{volume:03d}.dcm")
            for z, group in enumerate(after.PerFrameFunctionalGroupsSequence):
                before = files[volume * 4 + z]
                np.testing.assert_allclose(
                    group.PlanePositionSequence[0].ImagePositionPatient,
                    before.ImagePositionPatient,
                    atol=1e-5,
                )
                (reference,) = group.DerivationImageSequence[0].SourceImageSequence
                assert reference.ReferencedSOPInstanceUID == before.SOPInstanceUID

    def test_spacing_is_the_one_given(self, source, tmp_path):
        folder = self.saved(source, tmp_path, spacing=SPACING)
        (folder / "series_info.json").unlink()
        assert load_registered_dicom_series(folder)[1] == SPACING

    def test_another_number_of_slices_starts_at_the_first_one(self, source, tmp_path):
        folder = self.saved(source, tmp_path, shape=(5, 4, 7, 2))
        after = pydicom.dcmread(folder / "registered_t001.dcm")
        before = pydicom.dcmread(min(source.iterdir()))
        first = after.PerFrameFunctionalGroupsSequence[0].PlanePositionSequence[0]
        np.testing.assert_allclose(first.ImagePositionPatient, before.ImagePositionPatient)

    @requires_data
    @pytest.mark.parametrize("name", ["mr_fmri_ge_4d", "enh_mr_siemens_xa10", "mr_t1_sts"])
    def test_real_sources(self, tmp_path, name):
        folder = self.saved(series_folder(name), tmp_path)
        array, _ = load_registered_dicom_series(folder)
        assert array.shape == (12, 10, 4, 3)

    def test_series_of_an_image_in_a_layout_is_loaded_too(self, tmp_path):
        image = made_series()
        image.to_dicom_folder(tmp_path, layout="per_timepoint")
        array, _ = load_registered_dicom_series(tmp_path)
        np.testing.assert_array_equal(array, image.raw_image.T)

    def test_missing_source_is_an_error_before_anything_is_written(self, tmp_path):
        with pytest.raises(MetaDataError, match=r"none\.dcm: cannot be read"):
            self.saved(tmp_path / "none.dcm", tmp_path)
        (tmp_path / "text.dcm").write_text("no DICOM")
        with pytest.raises(MetaDataError, match=r"text\.dcm"):
            self.saved(tmp_path / "text.dcm", tmp_path)
        assert not (tmp_path / "out").exists()


class TestExistingSeries:
    def test_is_never_replaced_unasked(self, tmp_path):
        folder = Path(save_registered_as_dicom_series(INTEGERS, SPACING, tmp_path))
        before = snapshot(folder)
        for layout in LAYOUTS:
            with pytest.raises(DataConsistencyError, match="holds a series already") as caught:
                save_registered_as_dicom_series(INTEGERS, SPACING, tmp_path, layout=layout)
            assert "overwrite" in caught.value.hint
        assert snapshot(folder) == before

    def test_is_replaced_on_request_and_other_files_stay(self, tmp_path):
        folder = Path(save_registered_as_dicom_series(INTEGERS, SPACING, tmp_path))
        others = {"notes.txt": b"mine", "registered_t099.dcm": b"not of the series"}
        for name, data in others.items():
            (folder / name).write_bytes(data)
        shorter = INTEGERS[..., :2] + 1
        save_registered_as_dicom_series(shorter, SPACING, tmp_path, overwrite=True)
        assert snapshot(folder).keys() == {
            "registered_t000.dcm", "registered_t001.dcm", "series_info.json", *others
        }  # fmt: skip
        assert {name: (folder / name).read_bytes() for name in others} == others
        assert same_bits(load_registered_dicom_series(folder)[0], shorter)

    def test_survives_an_array_that_cannot_be_saved(self, tmp_path):
        folder = Path(save_registered_as_dicom_series(INTEGERS, SPACING, tmp_path))
        before = snapshot(folder)
        for array in (NOISE.astype(complex), np.array([[[[2**62 + 1, 3]]]])):
            with pytest.raises(DataConsistencyError):
                save_registered_as_dicom_series(array, SPACING, tmp_path, overwrite=True)
        with pytest.raises(DataConsistencyError):
            save_registered_as_dicom_series(
                NOISE, SPACING, tmp_path, layout="classic", overwrite=True
            )
        assert snapshot(folder) == before


@pytest.mark.parametrize(
    ("array", "spacing", "times"),
    [
        (INTEGERS[0], SPACING, None),
        (INTEGERS[:0], SPACING, None),
        (INTEGERS, (1.0, 2.0), None),
        (INTEGERS, (1.0, 0.0, 2.0), None),
        (INTEGERS, (1.0, float("nan"), 2.0), None),
        (INTEGERS, SPACING, [1.0, 2.0]),
        (INTEGERS, SPACING, [0.0, 1.0, 2.0, float("inf")]),
    ],
)
def test_what_makes_no_series_is_refused(tmp_path, array, spacing, times):
    with pytest.raises(DataConsistencyError):
        save_registered_as_dicom_series(array, spacing, tmp_path, times_ms=times)
    assert not list(tmp_path.iterdir())


class TestLoading:
    @pytest.fixture
    def folder(self, tmp_path):
        return Path(save_registered_as_dicom_series(INTEGERS, SPACING, tmp_path))

    @pytest.mark.parametrize("with_info", [True, False])
    def test_order_is_that_of_the_tags_and_not_of_the_names(self, folder, with_info):
        for old, new in ((0, "z"), (3, "a"), (1, "m")):
            (folder / f"registered_t{old:03d}.dcm").rename(folder / f"{new}.dcm")
        if not with_info:
            (folder / "series_info.json").unlink()
        assert same_bits(load_registered_dicom_series(folder)[0], INTEGERS)

    @pytest.mark.parametrize("with_info", [True, False])
    @pytest.mark.parametrize("missing", [0, 2, 3])
    def test_missing_timepoints_are_named(self, folder, missing, with_info):
        (folder / f"registered_t{missing:03d}.dcm").unlink()
        if not with_info:
            (folder / "series_info.json").unlink()
        with pytest.raises(DataConsistencyError, match=f"1 of 4 timepoints are missing: {missing}"):
            load_registered_dicom_series(folder)

    def test_file_that_is_there_twice_is_named(self, folder):
        shutil.copy(folder / "registered_t001.dcm", folder / "copy.dcm")
        with pytest.raises(DataConsistencyError, match=r"slice 1 of timepoint 1 is in .*dcm"):
            load_registered_dicom_series(folder)

    def test_missing_slice_of_classic_files_is_noticed(self, tmp_path):
        folder = Path(
            save_registered_as_dicom_series(INTEGERS, SPACING, tmp_path, layout="classic")
        )
        (folder / "registered_t002_z001.dcm").unlink()
        with pytest.raises(DataConsistencyError, match="fewer than 5 slices: 2"):
            load_registered_dicom_series(folder)

    def test_volumes_of_different_shape_are_named(self, folder, tmp_path):
        other = save_registered_as_dicom_series(INTEGERS[:5], SPACING, tmp_path / "other")
        file = pydicom.dcmread(Path(other) / "registered_t001.dcm")
        file.SeriesInstanceUID = info_of(folder)["series_instance_uid"]
        file.save_as(folder / "registered_t001.dcm")
        with pytest.raises(DataConsistencyError, match=r"registered_t001\.dcm"):
            load_registered_dicom_series(folder)

    def test_damaged_file_is_named(self, folder):
        path = folder / "registered_t002.dcm"
        path.write_bytes(path.read_bytes()[:-100])
        with pytest.raises((DataConsistencyError, MetaDataError), match=r"registered_t002\.dcm"):
            load_registered_dicom_series(folder)

    def test_file_without_a_timepoint_is_named(self, tmp_path):
        folder = Path(
            save_registered_as_dicom_series(INTEGERS, SPACING, tmp_path, layout="classic")
        )
        path = folder / "registered_t001_z003.dcm"
        file = pydicom.dcmread(path)
        del file.TemporalPositionIdentifier
        file.save_as(path)
        with pytest.raises(DataConsistencyError, match=r"t001_z003\.dcm: .*which timepoint"):
            load_registered_dicom_series(folder)

    @pytest.mark.parametrize(
        "change",
        [b"{", b"[]", {"shape": "x"}, {"dtype": "object"}, {"dtype": "nonsense"}, {"spacing": [1]},
         {"files": [1]}, {"shape": None}],
    )  # fmt: skip
    def test_damaged_information_is_an_error_that_names_it(self, folder, change):
        path = folder / "series_info.json"
        text = (
            change if isinstance(change, bytes) else json.dumps(info_of(folder) | change).encode()
        )
        path.write_bytes(text)
        with pytest.raises(DataConsistencyError, match=r"series_info\.json"):
            load_registered_dicom_series(folder)

    def test_information_of_another_shape_is_an_error(self, folder):
        path = folder / "series_info.json"
        path.write_text(json.dumps(info_of(folder) | {"shape": [6, 7, 5, 4]}))
        with pytest.raises(DataConsistencyError, match=r"series_info\.json says"):
            load_registered_dicom_series(folder)

    def test_no_folder_and_empty_folder(self, tmp_path):
        with pytest.raises(MetaDataError, match="no such folder"):
            load_registered_dicom_series(tmp_path / "none")
        with pytest.raises(MetaDataError, match="no DICOM image"):
            load_registered_dicom_series(tmp_path)

    def test_another_series_in_the_folder_does_not_matter(self, folder, small_image):
        small_image.to_dicom_folder(folder)
        assert same_bits(load_registered_dicom_series(folder)[0], INTEGERS)


@dataclass
class Metrics:
    timepoint: int
    mutual_info: float
    translation: tuple[float, float, float]
    registration_time: float


METRICS = [Metrics(t, 1.0 + t, (3.0 * t, 4.0 * t, 0.0), 0.5) for t in range(4)]


class TestRegistrationData:
    def test_series_and_metrics_come_back(self, tmp_path):
        save_registration_data(INTEGERS, METRICS, SPACING, tmp_path, None)
        array, spacing, metrics = load_registration_data(str(tmp_path))
        assert same_bits(array, INTEGERS)
        assert spacing == SPACING
        assert metrics[1] == {"timepoint": 1, "mutual_info": 2.0, "translation": [3.0, 4.0, 0.0],
                              "registration_time": 0.5}  # fmt: skip
        again = load_registration_data(tmp_path, Metrics)[2]
        assert [m.timepoint for m in again] == [0, 1, 2, 3]

    def test_metrics_file_has_the_members_it_always_had(self, tmp_path):
        source = tmp_path / "source"
        made_series().to_dicom_folder(source)
        save_registration_data(INTEGERS, METRICS, SPACING, tmp_path, source)
        document = json.loads((tmp_path / "registration_metrics.json").read_text())
        assert document["metadata"]["dicom_filename"] == "source"
        assert document["metadata"]["shape"] == [7, 6, 5, 4]
        assert document["metadata"]["spacing"] == list(SPACING)
        assert document["metadata"]["registered_data"] == "registered_dicoms"
        summary = document["summary"]
        assert summary["mean_mi"] == 3.0
        assert summary["mean_translation"] == 10.0
        assert summary["total_registration_time"] == 1.5
        assert summary["worst_translation_timepoint"] == 3
        assert summary["best_translation_timepoint"] == 1

    def test_metrics_as_dicts_with_numpy_numbers(self, tmp_path):
        rows = [{"timepoint": np.int64(t), "ncc": np.float32(0.5), "shift": np.arange(3)}
                for t in range(4)]  # fmt: skip
        save_registration_data(INTEGERS, rows, SPACING, tmp_path)
        assert load_registration_data(tmp_path)[2][2] == {
            "timepoint": 2, "ncc": 0.5, "shift": [0, 1, 2]
        }  # fmt: skip

    @pytest.mark.parametrize("metrics", [[], METRICS[:1]])
    def test_nothing_moved_has_an_empty_summary(self, tmp_path, metrics):
        save_registration_data(INTEGERS, metrics, SPACING, tmp_path)
        document = json.loads((tmp_path / "registration_metrics.json").read_text())
        assert set(document["summary"].values()) == {None}

    def old_results(self, folder: Path) -> None:
        np.savez_compressed(
            folder / "registered_4d_data.npz", registered_4d=NOISE, spacing=np.array(SPACING)
        )
        (folder / "registration_metrics.json").write_text(
            json.dumps({"metadata": {}, "metrics": [{"timepoint": 0}], "summary": {}})
        )

    def test_old_results_are_read(self, tmp_path):
        self.old_results(tmp_path)
        array, spacing, metrics = load_registration_data(tmp_path)
        assert same_bits(array, NOISE)
        assert spacing == SPACING
        assert metrics == [{"timepoint": 0}]

    def test_dicom_files_come_first_where_there_are_both(self, tmp_path):
        self.old_results(tmp_path)
        save_registered_as_dicom_series(INTEGERS, SPACING, tmp_path)
        assert same_bits(load_registration_data(tmp_path)[0], INTEGERS)

    def test_results_are_never_replaced_unasked(self, tmp_path):
        self.old_results(tmp_path)
        before = snapshot(tmp_path)
        with pytest.raises(DataConsistencyError, match=r"registration_metrics\.json"):
            save_registration_data(INTEGERS, METRICS, SPACING, tmp_path)
        assert snapshot(tmp_path) == before
        save_registration_data(INTEGERS, METRICS, SPACING, tmp_path, overwrite=True)
        assert len(load_registration_data(tmp_path)[2]) == 4

    def test_nothing_there(self, tmp_path):
        with pytest.raises(MetaDataError, match="no registered series"):
            load_registration_data(tmp_path)
        save_registered_as_dicom_series(INTEGERS, SPACING, tmp_path)
        with pytest.raises(MetaDataError, match=r"registration_metrics\.json"):
            load_registration_data(tmp_path)

    @pytest.mark.parametrize("data", [b"", b"PK\3\4damaged", b"\x93NUMPY"])
    def test_damaged_old_series(self, tmp_path, data):
        (tmp_path / "registered_4d_data.npz").write_bytes(data)
        with pytest.raises(DataConsistencyError, match=r"registered_4d_data\.npz"):
            load_registration_data(tmp_path)

    @pytest.mark.parametrize("text", ["{", "[]", "{}", '{"metrics": [1]}'])
    def test_damaged_metrics(self, tmp_path, text):
        self.old_results(tmp_path)
        (tmp_path / "registration_metrics.json").write_text(text)
        with pytest.raises(DataConsistencyError, match=r"registration_metrics\.json"):
            load_registration_data(tmp_path)

    def test_metrics_of_another_kind_are_refused(self, tmp_path):
        with pytest.raises(DataConsistencyError, match="dicts or dataclasses"):
            save_registration_data(INTEGERS, [1, 2], SPACING, tmp_path)
        assert not list(tmp_path.iterdir())


def test_series_goes_into_a_cube_file_and_back(tmp_path):
    folder = save_registered_as_dicom_series(INTEGERS, SPACING, tmp_path)
    path = dicube.load_from_dicom_folder(folder).to_file(tmp_path / "registered.dcbs")
    dicube.load(path).to_dicom_folder(tmp_path / "copy")
    assert same_bits(load_registered_dicom_series(tmp_path / "copy")[0], INTEGERS)


def test_messages_hold_nothing_of_the_patient(tmp_path, caplog):
    made_series().to_dicom_folder(tmp_path / "source", layout="classic")
    caplog.set_level("DEBUG")
    folder = Path(
        save_registered_as_dicom_series(
            INTEGERS, SPACING, tmp_path, source_dicom=tmp_path / "source"
        )
    )
    (folder / "registered_t001.dcm").unlink()
    with pytest.raises(DataConsistencyError) as caught:
        load_registered_dicom_series(folder)
    assert "Person" not in str(caught.value) + caplog.text


def test_examples_of_the_document_run(tmp_path, monkeypatch):
    series = made_series()
    volume = DicomCubeImage.from_array(series.raw_image[0], series)
    volume.to_dicom_folder(tmp_path / "t1_folder")
    monkeypatch.chdir(tmp_path)
    names = {
        "dicube": dicube, "my_filter": lambda values: values / 2, "registered_4d": INTEGERS,
        "spacing": SPACING, "times": [0, 1, 2, 3], "metrics": [vars(m) for m in METRICS],
    }  # fmt: skip
    blocks = re.findall(r"^```python\n(.*?)^```", DOCUMENT.read_text(), re.DOTALL | re.MULTILINE)
    exec(blocks[0], names)
    first, second = blocks[1].split("\n\n")
    exec(first, names)
    assert same_bits(names["registered_4d"], INTEGERS)
    shutil.rmtree(tmp_path / "results")
    exec(second, names)
    assert len(names["metrics"]) == 4
