"""A library of made and real series, served to DICOMwebClient."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pydicom
import pytest
from dicomweb_client import DICOMwebClient

import dicube
from dicube.library import CubeLibrary
from dicube.web.dicomweb import dicomweb_app
from dicube.web.security import SecuritySettings
from tests.library.made import SERIES, write_cube
from tests.series import DATA, series_folder
from tests.web.servers import HTTP, running

# Small ones of every kind; where several differ in nothing that is served, one of them.
REAL = (
    "broken_mixed_dtype", "broken_mixed_transfer_syntax", "charset_chrH31", "charset_chrGreek",
    "ct_ge_int16_tilt", "derived_4d_interleaved", "derived_metadata_torture",
    "dx_8bit_mono1", "enh_emri_small", "enh_mr_philips_b0", "enh_mr_siemens_xa10",
    "modality_lut", "mr_12bit_signed", "mr_asl_slopes", "mr_j2k_series",
    "mr_siemens_csa", "odd_MR_small_bigendian", "odd_image_dfl", "palette_us", "paramap_float32",
    "pet_slopes", "rgb_enh_colfa", "rgb_color_pl",
    "rgb_SC_ybr_full_422_uncompressed", "rtdose_uint32_be", "seg_24x38x3", "sm_tiles",
    "rgb_examples_ybr_color", "enh_emri_small_RLE",
)  # fmt: skip
NAMES = (*(made.name for made in SERIES), *(REAL if DATA.is_dir() else ()))


@dataclass(frozen=True)
class Served:
    """A library with the DICOM files that it was made of."""

    folder: Path
    sources: dict[str, dict[str, Path]]  # by name of the series and SOP Instance UID
    library: CubeLibrary
    address: str

    @property
    def url(self) -> str:
        return f"{self.address}/dicomweb"

    def client(self) -> DICOMwebClient:
        return DICOMwebClient(self.url)

    def uids(self, name: str) -> tuple[str, str]:
        """Study and Series Instance UID of a series."""
        entry = next(e for e in self.library.entries if Path(e.relative_path).stem == name)
        return entry.study_uid, entry.series_uid


def _sources(folder: Path) -> dict[str, Path]:
    found = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            found[str(pydicom.dcmread(path, stop_before_pixels=True).SOPInstanceUID)] = path
    return found


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("library")
    sources = {}
    for made in SERIES:
        write_cube(made, folder)
        sources[made.name] = _sources(folder / ".source" / made.name)
    for name in REAL if DATA.is_dir() else ():
        path = folder / "real" / f"{name}.dcbs"
        path.parent.mkdir(exist_ok=True)
        dicube.load_from_dicom_folder(series_folder(name)).to_file(path)
        sources[name] = _sources(series_folder(name))
    library = CubeLibrary(folder)
    settings = SecuritySettings("127.0.0.1", 0)
    with running(dicomweb_app(library, settings), settings) as address:
        yield Served(folder, sources, library, address)


@pytest.fixture(scope="session", autouse=True)
def _closed_client() -> Iterator[None]:
    yield
    HTTP.close()


@pytest.fixture(params=NAMES)
def name(request: pytest.FixtureRequest) -> str:
    """The name of each series of the library in turn."""
    return str(request.param)
