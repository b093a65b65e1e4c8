"""Registered series with their metrics, results of the older tool, and the document."""

import json
import re
import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

import dicube
from dicube import (
    DataConsistencyError,
    DicomCubeImage,
    MetaDataError,
    load_registration_data,
    save_registered_as_dicom_series,
    save_registration_data,
)
from tests.dicom.multi_frame.conftest import made_series
from tests.interchange.made import INTEGERS, NOISE, SPACING, same_bits, snapshot

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "registered-series.md"


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
