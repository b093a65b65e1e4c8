"""pydicom reading a folder of DICOM files: the format that everything else replaces.

There is no file to save or load: a "path" here is the folder itself. It is also the judge: the
frames of all others have to be the frames that pydicom reads.
"""

from pathlib import Path

import numpy as np
import pydicom

from peers import Array, Values

_SOP_INSTANCE_UID = 0x00080018


class Peer:
    values: Values = "stored"

    def __init__(self, threads: int) -> None:
        del threads  # it has none
        self._data_sets: list[pydicom.FileDataset] = []

    def versions(self) -> dict[str, str]:
        return {"pydicom": pydicom.__version__, "numpy": np.__version__}

    def folder_to_image(self, folder: Path) -> Array:
        self._data_sets = [pydicom.dcmread(path) for path in sorted(folder.iterdir())]
        self._data_sets.sort(key=lambda data_set: int(data_set.InstanceNumber))
        return np.stack([data_set.pixel_array for data_set in self._data_sets])

    def load_meta(self, path: Path) -> list[pydicom.FileDataset]:
        return [pydicom.dcmread(file, stop_before_pixels=True) for file in sorted(path.iterdir())]

    def sop_instance_uids(self, meta: list[pydicom.FileDataset]) -> list[str]:
        return [str(data_set[_SOP_INSTANCE_UID].value) for data_set in meta]

    def one_slice(self, path: Path, number: int) -> Array:
        """Slice of that place among the names; nothing else is known before files are opened."""
        frame: Array = pydicom.dcmread(sorted(path.iterdir())[number]).pixel_array[None]
        return frame

    def output_values(self) -> Array:
        """Stored value x slope + intercept of each frame read last, float64."""
        return np.stack(
            [
                data_set.pixel_array.astype(np.float64) * float(data_set.get("RescaleSlope", 1))
                + float(data_set.get("RescaleIntercept", 0))
                for data_set in self._data_sets
            ]
        )
