"""Registered time series [x, y, z, t], and what is measured of them."""

import json
from pathlib import Path

import numpy as np

SPACING = (1.5, 1.25, 5.0)
INTEGERS = np.random.default_rng(1).integers(-100, 3000, (7, 6, 5, 4)).astype(np.int16)
NOISE = np.random.default_rng(2).normal(size=(7, 6, 5, 4))


def same_bits(first: np.ndarray, second: np.ndarray) -> bool:
    return (first.dtype, first.shape) == (second.dtype, second.shape) and (
        first.tobytes() == second.tobytes()
    )


def info_of(folder: str | Path) -> dict:
    return json.loads((Path(folder) / "series_info.json").read_text())


def snapshot(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}
