"""The frames that codecs are measured on: of real series where they are there, else made up."""

from collections.abc import Callable
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from bench_data import data_folder, generated_frames

import dicube

Frames = npt.NDArray[Any]


def _stored(series: str, count: int) -> Frames:
    """Frames from the middle of a series: its first slices are the emptiest."""
    values = dicube.load_from_dicom_folder(data_folder() / series).raw_image
    frames = values.reshape(-1, *values.shape[-2:])
    middle = len(frames) // 2 - count // 2
    return np.ascontiguousarray(frames[middle : middle + count])


def _windowed() -> Frames:
    """A CT as a window of 400 HU shows it."""
    values = _stored("ct_uint16_thin", 8).astype(np.int32) - 1024
    return np.clip((values + 160) * 255 // 400, 0, 255).astype(np.uint8)


def _colour() -> Frames:
    """One real picture, rolled a little from frame to frame."""
    picture = dicube.load_from_dicom_folder(data_folder() / "rgb_examples_rgb_color").raw_image
    picture = picture.reshape(picture.shape[-3:])
    return np.stack([np.roll(picture, 5 * number, axis=(0, 1)) for number in range(8)])


_REAL: Final[dict[str, Callable[[], Frames]]] = {
    "CT 512x512": lambda: _stored("ct_uint16_thin", 8),
    "MR 384x274": lambda: _stored("mr_t1_3d", 16),
    "fMRI 64x64": lambda: _stored("mr_fmri_ge_4d", 150),
    "8 bit 512x512": _windowed,
    "RGB 240x320": _colour,
}
_MADE_UP: Final[dict[str, Callable[[], Frames]]] = {
    "CT 512x512": lambda: generated_frames(8),
    "MR 384x274": lambda: generated_frames(16, 384)[:, :, :274].astype(np.int16),
    "fMRI 64x64": lambda: generated_frames(150, 64).astype(np.int16),
    "8 bit 512x512": lambda: (generated_frames(8) >> 4).astype(np.uint8),
    "RGB 240x320": lambda: np.repeat(
        (generated_frames(8, 320)[:, :240, :, np.newaxis] >> 4).astype(np.uint8), 3, axis=3
    ),
}
NAMES: Final = tuple(_REAL)


def codec_volume(name: str) -> tuple[str, Frames]:
    """What the volume is called in the results, and its frames, (n, rows, columns[, samples])."""
    if data_folder().is_dir():
        return name, _REAL[name]()
    return f"{name} made up", _MADE_UP[name]()
