"""A derived series of volumes to write in every layout."""

from pathlib import Path

import numpy as np
import pytest

from dicube import Axis, DicomCubeImage, PixelDataHeader

AFFINE = np.array(  # oblique: rows and columns turned about x
    [[0, 0, 1.5, -20], [3.0, 1.2, 0, 30], [4.0, -0.9, 0, -40], [0, 0, 0, 1]], dtype=np.float64
)


def made_series(modality: str = "MR") -> DicomCubeImage:
    """(3, 4, 10, 12) int16 on an oblique grid, 1.5 s apart, with patient and scanner."""
    values = np.random.default_rng(3).integers(-50, 3000, (3, 4, 10, 12)).astype(np.int16)
    axes = (Axis("t", 3, "ms", (0.0, 1500.0, 3000.0)), Axis("z", 4, "mm"))
    image = DicomCubeImage(values, PixelDataHeader(OriginalPixelDtype="int16"), axes=axes)
    image.affine = AFFINE
    meta = image.init_meta(modality, patient_name="Test^Person", patient_id="T1")
    meta.set_shared_item("Manufacturer", "SIEMENS")
    meta.set_shared_item("AcquisitionDate", "20200102")
    meta.set_shared_item("AcquisitionTime", "101500")
    meta.set_shared_item("BodyPartExamined", "BRAIN")
    meta.set_shared_item("ImageType", ["ORIGINAL", "PRIMARY", "OTHER"])
    return image


@pytest.fixture
def series() -> DicomCubeImage:
    return made_series()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "out"
