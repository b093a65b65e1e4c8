"""Images that need no test data."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings

from dicube import DicomCubeImage, PixelDataHeader

# Machines are shared: how long an example takes says nothing about the code.
settings.register_profile("dicube", deadline=None)
settings.load_profile("dicube")


@pytest.fixture
def small_image() -> DicomCubeImage:
    """(4, 12, 10) int16 with CT metadata, a geometry and an intercept; no source files."""
    values = np.random.default_rng(7).integers(-1000, 3000, (4, 12, 10)).astype(np.int16)
    header = PixelDataHeader(
        RescaleIntercept=-24.0, OriginalPixelDtype="int16", WindowCenter=40.0, WindowWidth=400.0
    )
    image = DicomCubeImage(values, header)
    # Columns: the steps along z, y and x in patient coordinates, then the origin; mm.
    image.affine = np.array(
        [[0, 0, 0.5, -10], [0, 0.75, 0, 20], [2.5, 0, 0, -30], [0, 0, 0, 1]], dtype=np.float64
    )
    image.init_meta("CT")
    return image


@pytest.fixture
def small_folder(small_image: DicomCubeImage, tmp_path: Path) -> Path:
    """`small_image` as DICOM files; read it to get an image that has source files."""
    folder = tmp_path / "small_series"
    small_image.to_dicom_folder(folder)
    return folder
