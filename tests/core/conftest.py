"""Cube files."""

from pathlib import Path

import numpy as np
import pytest

from dicube import DicomCubeImage
from tests.core.made import FORMATS, image_of


@pytest.fixture(params=FORMATS)
def cube(request, small_folder, tmp_path) -> Path:
    """A file with everything in it: metadata, space, source files, checksums."""
    path = tmp_path / f"series.{request.param}"
    DicomCubeImage.from_dicom_folder(small_folder).to_file(path)
    return path


@pytest.fixture
def tiny(tmp_path) -> Path:
    """The smallest file there is."""
    path = tmp_path / "tiny.dcbs"
    image_of(np.arange(8, dtype=np.uint8).reshape(2, 2, 2)).to_file(path)
    return path
