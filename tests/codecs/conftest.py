"""Where the test data of this folder lies, and one test per vector of the two vector sets.

The data is not part of the repository: DICUBE_TEST_DATA names the folder of DICOM series, and the
vectors lie beside it. Tests that need what is not there are skipped.
"""

import json
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.encaps import generate_frames

_CHECKOUT = Path(__file__).resolve().parents[2]
_DATA = Path(os.environ.get("DICUBE_TEST_DATA", _CHECKOUT.parent / "shared" / "data"))

VECTOR_FOLDERS = {
    "jph_vector": _DATA.parent / "htj2k" / "vectors",
    "jxl_vector": _DATA.parent / "jxl" / "vectors",
}


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Give each test that asks for a vector one call per entry of the index of that set."""
    for fixture, folder in VECTOR_FOLDERS.items():
        if fixture in metafunc.fixturenames:
            metafunc.parametrize(fixture, _vectors(folder))


def _vectors(folder: Path) -> list:
    index = folder / "index.json"
    if not index.is_file():
        missing = pytest.mark.skip(reason="the test vectors are not there")
        return [pytest.param(None, marks=missing, id="missing")]
    entries = json.loads(index.read_text())["vectors"]
    return [
        pytest.param({**entry, "folder": folder}, id=entry.get("name") or entry["file"])
        for entry in entries
    ]


@pytest.fixture(scope="session")
def series() -> Callable[[str], list[Path]]:
    """A function from the name of a data folder to its files; it skips when there is none."""

    def files(name: str) -> list[Path]:
        folder = _DATA / name
        if not folder.is_dir():
            pytest.skip(f"test data {name} is not there")
        return sorted(path for path in folder.iterdir() if path.is_file())

    return files


@pytest.fixture(scope="session")
def dicom_frames(series) -> Callable[[str], tuple[pydicom.Dataset, list[bytes]]]:
    """A function from the name of a data folder to its first dataset and encapsulated frames."""

    def read(name: str) -> tuple[pydicom.Dataset, list[bytes]]:
        dataset = pydicom.dcmread(series(name)[0], force=True)
        count = int(dataset.get("NumberOfFrames", 1) or 1)
        return dataset, list(generate_frames(dataset.PixelData, number_of_frames=count))

    return read


@pytest.fixture(scope="session")
def slices(series) -> Callable[[str, int], np.ndarray]:
    """A function from the name of a data folder and a number to that many stored slices."""

    def read(name: str, count: int) -> np.ndarray:
        files = series(name)
        middle = (len(files) - count) // 2  # the first slices of a series are the emptiest
        chosen = files[middle : middle + count]
        return np.stack([pydicom.dcmread(path).pixel_array for path in chosen])

    return read
