"""The series that are measured: real ones from the data folder, or one that is made up.

The data folder is DICUBE_TEST_DATA, or `../shared/data` beside the checkout.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import UID, CTImageStorage, ExplicitVRLittleEndian

ROOT: Final = Path(__file__).resolve().parent.parent
PRIVATE_CT: Final = "ct_philips_private"
SERIES: Final = {
    "ct_uint16_thin": "CT, 512 x 512, thin slices",
    PRIVATE_CT: "CT, 512 x 512, private sequences",
    "mr_t1_3d": "MR, T1 3D",
    "mr_fmri_ge_4d": "MR, functional, many small files",
    "mr_dwi_philips_classic": "MR, diffusion",
}
GENERATED: Final = "generated_ct"
_GENERATED_UID: Final = "1.2.826.0.1.3680043.8.498.1"
_SLICES: Final = 24


@dataclass(frozen=True)
class Series:
    """A folder of DICOM files."""

    name: str
    description: str
    folder: Path

    @property
    def files(self) -> list[Path]:
        return sorted(path for path in self.folder.iterdir() if path.is_file())

    @property
    def nbytes(self) -> int:
        """Length of all files, bytes."""
        return sum(path.stat().st_size for path in self.files)


def data_folder() -> Path:
    """Where the real series are, if they are there at all."""
    return Path(os.environ.get("DICUBE_TEST_DATA", ROOT.parent / "shared" / "data"))


def find_series(scratch: Path, names: Sequence[str] = tuple(SERIES)) -> list[Series]:
    """The real series of these names; where there are none, one that is generated in `scratch`."""
    found = [
        Series(name, SERIES[name], data_folder() / name)
        for name in names
        if (data_folder() / name).is_dir()
    ]
    return found or [generate_series(scratch / "made_up" / GENERATED)]


def generate_series(folder: Path) -> Series:
    """Write a CT series of noisy ellipses, the same one every time."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, pixels in enumerate(generated_frames(_SLICES)):
        _write_slice(folder / f"{number:04d}.dcm", number, pixels)
    return Series(GENERATED, "made up: noisy ellipses, 512 x 512", folder)


def generated_frames(count: int, size: int = 512) -> npt.NDArray[np.uint16]:
    """(count, size, size) uint16, values as a CT with an intercept of -1024 has them."""
    random = np.random.default_rng(20240229)
    y, x = np.mgrid[-1 : 1 : size * 1j, -1 : 1 : size * 1j]
    frames = np.zeros((count, size, size), dtype=np.uint16)
    for number in range(count):
        width = 0.5 + 0.3 * number / count
        body = (x / 0.9) ** 2 + (y / width) ** 2 < 1
        organ = (x - 0.3) ** 2 + y**2 < 0.02 + 0.05 * number / count
        mean = np.where(body, 1040 + 60 * organ, 24)
        frames[number] = np.clip(mean + random.normal(0, 12, mean.shape), 0, 4095)
    return frames


def _write_slice(path: Path, number: int, pixels: npt.NDArray[np.uint16]) -> None:
    file_meta = FileMetaDataset()
    file_meta.MediaStorageSOPClassUID = CTImageStorage
    file_meta.MediaStorageSOPInstanceUID = UID(f"{_GENERATED_UID}.{number + 1}")
    file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    data_set = FileDataset(str(path), {}, file_meta=file_meta, preamble=bytes(128))
    data_set.SOPClassUID = CTImageStorage
    data_set.SOPInstanceUID = f"{_GENERATED_UID}.{number + 1}"
    data_set.StudyInstanceUID = f"{_GENERATED_UID}.2.0"
    data_set.SeriesInstanceUID = f"{_GENERATED_UID}.2.1"
    data_set.FrameOfReferenceUID = f"{_GENERATED_UID}.2.2"
    data_set.Modality, data_set.PatientName, data_set.PatientID = "CT", "Made^Up", "0"
    data_set.InstanceNumber = number + 1
    data_set.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    data_set.ImagePositionPatient = [-180, -180, 1.5 * number]
    data_set.PixelSpacing, data_set.SliceThickness = [0.7, 0.7], 1.5
    data_set.RescaleIntercept, data_set.RescaleSlope = -1024, 1
    data_set.Rows, data_set.Columns = pixels.shape
    data_set.SamplesPerPixel, data_set.PhotometricInterpretation = 1, "MONOCHROME2"
    data_set.BitsAllocated, data_set.BitsStored, data_set.HighBit = 16, 12, 11
    data_set.PixelRepresentation, data_set.PixelData = 0, pixels.tobytes()
    data_set.save_as(path, enforce_file_format=True)
