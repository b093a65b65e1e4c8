"""Series as hospitals have them, as many as asked for, made of those of the test data.

Slices of a real series are put on end, forwards and backwards in turn, until there are enough, and
cropped, so that they compress as real ones do. All series of a kind are the same but for their
UIDs.
"""

import itertools
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import pydicom
from bench_data import data_folder
from environments import ROOT
from pydicom.uid import ExplicitVRLittleEndian, generate_uid

sys.path.insert(0, str(ROOT))
from tests.archive.corpus import find_uids, shifted_uid, uid_shifts


@dataclass(frozen=True)
class Kind:
    """How many files of which size a series has, and where its pixels come from."""

    name: str
    description: str
    source: str
    files: int
    rows: int
    columns: int


CT: Final = Kind("CT", "CT, 300 x 512 x 512", "ct_uint16_thin", 300, 512, 512)
MR: Final = Kind("MR", "MR, 160 x 256 x 256", "mr_t1_3d", 160, 256, 256)
CR: Final = Kind("CR", "CR, 1 x 1760 x 1760", "cr_j2k_10bit", 1, 1760, 1760)
SMALL: Final = Kind("small", "20 x 128 x 128", "mr_t1_3d", 20, 128, 128)
KINDS: Final = (CT, MR, CR)


class SeriesMaker:
    """Writes series of one kind, each with UIDs of its own."""

    def __init__(self, kind: Kind) -> None:
        self._files = [(data, find_uids(data)) for data in _template(kind)]

    @property
    def length_bytes(self) -> int:
        """Of all files of one series."""
        return sum(len(data) for data, _ in self._files)

    def write(self, folder: Path, number: int) -> None:
        """Write the series of this number into a new folder."""
        folder.mkdir(parents=True)
        shifts = uid_shifts(number)
        for i, (data, places) in enumerate(self._files):
            changed = bytearray(data)
            for offset, uid in places:
                changed[offset : offset + len(uid)] = shifted_uid(uid, shifts)
            (folder / f"IM{i:04d}.dcm").write_bytes(changed)


def _template(kind: Kind) -> Iterator[bytes]:
    slices = [pydicom.dcmread(path) for path in sorted((data_folder() / kind.source).iterdir())]
    slices.sort(key=lambda data_set: float(data_set.get("InstanceNumber") or 0))
    for data_set in slices:
        if data_set.file_meta.TransferSyntaxUID.is_compressed:
            data_set.decompress()
        _crop(data_set, kind)
    there_and_back = itertools.cycle([*slices, *slices[-2:0:-1]])
    for number, data_set in enumerate(itertools.islice(there_and_back, kind.files)):
        yield _instance(data_set, kind, number)


def _crop(data_set: pydicom.Dataset, kind: Kind) -> None:
    """Keep the middle."""
    top, left = (data_set.Rows - kind.rows) // 2, (data_set.Columns - kind.columns) // 2
    pixels = data_set.pixel_array[top : top + kind.rows, left : left + kind.columns]
    data_set.Rows, data_set.Columns = kind.rows, kind.columns
    data_set.PixelData = pixels.tobytes()


def _instance(data_set: pydicom.Dataset, kind: Kind, number: int) -> bytes:
    def uid(what: object) -> str:
        return generate_uid(entropy_srcs=[kind.name, str(what)])

    data_set.StudyInstanceUID, data_set.SeriesInstanceUID = uid("study"), uid("series")
    data_set.FrameOfReferenceUID = uid("frame of reference")
    data_set.SOPInstanceUID = data_set.file_meta.MediaStorageSOPInstanceUID = uid(number)
    data_set.InstanceNumber = number + 1
    if "ImagePositionPatient" in data_set:
        across = np.array(data_set.ImageOrientationPatient, dtype=float)
        normal = np.cross(across[:3], across[3:])
        data_set.ImagePositionPatient = [f"{x:.6g}" for x in -150 * normal + number * normal]
    data_set.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    written = pydicom.filebase.DicomBytesIO()
    data_set.save_as(
        written, implicit_vr=False, little_endian=True, enforce_file_format=True, overwrite=True
    )
    return written.getvalue()
