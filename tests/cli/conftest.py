"""A series of a patient whose name must not turn up in messages, as folder and as file."""

from pathlib import Path

import pytest

from dicube import DicomCubeImage
from tests.cli.runs import PATIENT


@pytest.fixture
def folder(small_image: DicomCubeImage, tmp_path: Path) -> Path:
    """A series of a patient whose name must not turn up in messages."""
    small_image.init_meta("CT", patient_name=PATIENT, patient_id="verysecret-1")
    small_image.to_dicom_folder(tmp_path / "series")
    return tmp_path / "series"


@pytest.fixture
def cube(folder: Path, tmp_path: Path) -> Path:
    return DicomCubeImage.from_dicom_folder(folder).to_file(tmp_path / "series.dcbs")
