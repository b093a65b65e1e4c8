"""Libraries, and clients of the page that runs on them."""

from pathlib import Path

import httpx
import numpy as np
import pytest

from dicube import Axis, DicomCubeImage, PixelDataHeader

pytest.importorskip("fastapi", reason='the web page needs the extra "web"')

from dicube.library.entry import entry_key
from tests.web.page_server import running


def made_image(shape=(6, 20, 24), dtype="int16", *, seed=3, name="Test^Person") -> DicomCubeImage:
    """An axial stack, 2 x 0.8 x 0.5 mm from the head down, with an intercept."""
    info = np.iinfo(dtype)
    values = np.random.default_rng(seed).integers(info.min, info.max, shape, dtype, endpoint=True)
    header = PixelDataHeader(RescaleSlope=2.0, RescaleIntercept=-1000.0, OriginalPixelDtype=dtype)
    image = DicomCubeImage(values, header)
    image.affine = np.array(
        [[0, 0, 0.5, -10], [0, 0.8, 0, 20], [-2, 0, 0, -30], [0, 0, 0, 1]], dtype=np.float64
    )
    image.init_meta("CT", name, "ID-1")
    return image


@pytest.fixture
def library(tmp_path: Path) -> Path:
    """See `made_library`."""
    return made_library(tmp_path / "library")


def made_library(folder: Path) -> Path:
    """Cubes with three and four axes, and one with colour."""
    folder.mkdir()
    made_image().to_file(folder / "ct.dcbs")
    made_image((3, 4, 10, 12), "uint16").to_file(folder / "times.dcbs")
    colour = np.random.default_rng(1).integers(0, 256, (2, 8, 9, 3), dtype=np.uint8)
    axes = (Axis("z", 2, "mm"),)
    DicomCubeImage(colour, PixelDataHeader(OriginalPixelDtype="uint8"), axes=axes).to_file(
        folder / "colour.dcbs"
    )
    return folder


@pytest.fixture
def address(library: Path):
    with running(library) as found:
        yield found


@pytest.fixture
def client(address: str):
    with httpx.Client(base_url=address, timeout=60) as found:
        yield found


@pytest.fixture(scope="session")
def shared_library(tmp_path_factory) -> Path:
    """As `library`, of the server that `shared_client` talks to."""
    return made_library(tmp_path_factory.mktemp("shared") / "library")


@pytest.fixture(scope="session")
def shared_address(shared_library: Path):
    """For requests that change nothing, or should not."""
    with running(shared_library) as found:
        yield found


@pytest.fixture(scope="session")
def shared_client(shared_address: str):
    with httpx.Client(base_url=shared_address, timeout=60) as found:
        yield found


@pytest.fixture(scope="session")
def key():
    return entry_key
