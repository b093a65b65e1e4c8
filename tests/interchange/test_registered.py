"""Registered time series [x, y, z, t]: saved as DICOM and loaded without a changed bit."""

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
    load_registered_dicom_series,
    save_registered_as_dicom_series,
)
from dicube.core.layouts import LAYOUTS
from dicube.dicom.sop_classes import ENHANCED_MR, PARAMETRIC_MAP
from tests.dicom.multi_frame.conftest import made_series
from tests.interchange.made import INTEGERS, NOISE, SPACING, info_of, same_bits, snapshot
from tests.series import series_folder
from tests.validators import conformance_errors, requires_dciodvfy


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

    @pytest.mark.parametrize("ends", [(0.0, 1.0), (-1.0, 1.0), (0.5, 0.9)])
    def test_floats_whose_window_would_be_infinite(self, tmp_path, ends):
        array = np.array(ends).reshape(1, 1, 2, 1) * np.finfo(np.float64).max
        folder = save_registered_as_dicom_series(array, SPACING, tmp_path)
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
