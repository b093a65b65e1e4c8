"""An archive with its ledger."""

from pathlib import Path

import pytest

from dicube import DicomCubeImage
from tests.archive.samples import Sample, sample_archive


@pytest.fixture
def sample(small_image: DicomCubeImage, tmp_path: Path) -> Sample:
    return sample_archive(small_image, tmp_path / "work")
