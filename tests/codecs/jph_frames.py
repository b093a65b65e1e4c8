"""Random frames and encoder options for the tests of HTJ2K."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from hypothesis import strategies as st

DTYPES = ("uint8", "int8", "uint16", "int16", "uint32", "int32")
BLOCK_SIZES = [
    (1 << rows, 1 << columns)
    for rows in range(2, 11)
    for columns in range(2, 11)
    if rows + columns <= 12
]
PROGRESSIONS = ("LRCP", "RLCP", "RPCL", "PCRL", "CPRL")
# All code-blocks, and sizes beside and beyond one.
_SIDES = st.one_of(st.integers(1, 12), st.integers(1, 150))


@dataclass(frozen=True)
class Case:
    """Frames and the options that encode them."""

    frames: np.ndarray
    options: dict[str, Any] = field(default_factory=dict)

    @property
    def bits(self) -> int:
        """Of a sample, as the header declares it."""
        return self.options["bit_depth"]


@st.composite
def cases(draw, dtypes=DTYPES, max_bits: int = 32, max_frames: int = 2) -> Case:
    """Frames of every dtype, depth and size with every option: noise, extremes, slopes, flat."""
    dtype = np.dtype(draw(st.sampled_from(dtypes)))
    samples = draw(st.sampled_from([1, 1, 3, 4]))
    shape = (draw(st.integers(1, max_frames)), draw(_SIDES), draw(_SIDES))
    shape += () if samples == 1 else (samples,)
    bits = draw(st.integers(1, min(8 * dtype.itemsize, max_bits)))
    options = {
        "levels": draw(st.sampled_from([0, 1, 2, 3, 5, 6, 9, 32])),
        "block_size": draw(st.sampled_from(BLOCK_SIZES)),
        "progression": draw(st.sampled_from(PROGRESSIONS)),
        "tlm": draw(st.booleans()),
        "colour_transform": samples > 1 and draw(st.booleans()),
        "bit_depth": bits,
    }
    seed = draw(st.integers(0, 2**32 - 1))
    content = draw(st.sampled_from(["noise", "extremes", "few bits", "slopes", "flat"]))
    return Case(_frames(shape, dtype, bits, content, seed), options)


def _frames(
    shape: tuple[int, ...], dtype: np.dtype, bits: int, content: str, seed: int
) -> np.ndarray:
    low = -(1 << (bits - 1)) if dtype.kind == "i" else 0
    high = low + (1 << bits) - 1
    random = np.random.default_rng(seed)
    if content == "noise":
        values = random.integers(low, high, shape, np.int64, endpoint=True)
    elif content == "extremes":
        values = random.choice(np.array([low, high]), shape)
    elif content == "few bits":
        values = random.integers(max(low, -9), min(high, 17), shape, endpoint=True)
    elif content == "slopes":
        y, x = np.indices(shape[1:3])
        slope = (low + high) // 2 + (y * random.integers(-9, 9) + x * random.integers(-9, 9))
        noise = random.integers(-2, 3, shape)
        values = noise + slope.reshape(slope.shape + (1,) * (len(shape) - 3))
    else:
        values = np.full(shape, random.choice(np.array([low, high, 0, (low + high) // 2])))
    return np.clip(values, low, high).astype(dtype)
