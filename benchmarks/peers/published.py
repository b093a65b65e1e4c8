"""The published dicube 0.3.0, in an environment of its own because the import name is the same.

It keeps output values (slope and intercept applied) where ours keeps stored ones, and reads no
single frame: `load` is its only way to pixels.
"""

import sys
import warnings
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

import dicube
from peers import Array, Values, as_frames


class Peer:
    values: Values = "output"

    def __init__(self, threads: int) -> None:
        # A path that leads to the checkout would compare it with itself.
        if not Path(dicube.__file__).is_relative_to(sys.prefix):
            raise RuntimeError(f"{dicube.__file__} is not the published package")
        dicube.set_num_threads(threads)
        warnings.simplefilter("ignore")  # it warns about every series it can give no geometry
        self._image: Any = None

    def versions(self) -> dict[str, str]:
        return {name: version(name) for name in ("dicube", "pydicom")}

    def folder_to_image(self, folder: Path) -> Array:
        self._image = dicube.load_from_dicom_folder(str(folder))
        return _output_values(self._image)

    def convert(self, folder: Path, path: Path) -> None:
        dicube.save(dicube.load_from_dicom_folder(str(folder)), str(path))

    def save(self, path: Path) -> None:
        dicube.save(self._image, str(path))

    def load(self, path: Path) -> Array:
        return _output_values(dicube.load(str(path)))

    def load_meta(self, path: Path) -> Any:
        return dicube.load_meta(str(path))

    def sop_instance_uids(self, meta: Any) -> list[str]:
        return [str(uid) for uid in meta.get_values(dicube.CommonTags.SOPInstanceUID)]

    def export(self, path: Path, folder: Path) -> None:
        dicube.save_to_dicom_folder(dicube.load(str(path)), str(folder))


def _output_values(image: Any) -> Array:
    """Its raw image; slope and intercept only where it kept some, since that copies the volume."""
    header = image.pixel_header
    frames = as_frames(image.raw_image)
    if header.RescaleSlope == 1 and header.RescaleIntercept == 0:
        return frames
    slope, intercept = float(header.RescaleSlope), float(header.RescaleIntercept)
    return frames.astype(np.float64) * slope + intercept
