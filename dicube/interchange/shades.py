"""Values as eight-bit shades for people to look at; the middle of previews and rendered frames."""

from typing import Any, Final

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
Bytes = npt.NDArray[np.uint8]
Window = tuple[float, float]  # centre and width, in output values

_PERCENTILES: Final = (0.5, 99.5)  # a few hot pixels must not darken all others
# PS3.3 C.7.6.3.1.2, YBR_FULL: what Y, Cb - half and Cr - half give to R, G and B.
_RGB_FROM_YBR: Final = np.array([[1.0, 1.0, 1.0], [0.0, -0.344136, 1.772], [1.402, -0.714136, 0.0]])


def window_limits(window: Window) -> tuple[float, float]:
    """The output values that become black and white.

    LINEAR_EXACT (PS3.3 C.11.2.1.3.2); LINEAR is half a value away, which nobody sees.
    """
    centre, width = window
    return centre - width / 2, centre + width / 2


def value_limits(values: Array) -> tuple[float, float]:
    """The same without a window: nearly the range of the values that are finite."""
    finite = values[np.isfinite(values)]
    if not finite.size:
        return 0.0, 1.0
    low, high = (float(limit) for limit in np.percentile(finite, _PERCENTILES))
    # A nearly empty frame, such as a mask, has all its percentiles in the background.
    return (low, high) if high > low else (float(finite.min()), float(finite.max()))


def shades(values: Array, low: float, high: float) -> Bytes:
    """0 at `low`, 255 at `high`; what is no number becomes 0."""
    span = high - low if high > low else 1.0
    scaled = np.nan_to_num((values - low) / span * 255, nan=0.0, posinf=255.0, neginf=0.0)
    return scaled.clip(0, 255).round().astype(np.uint8)


def colour_shades(values: Array, *, highest: float, is_ybr: bool) -> Bytes:
    """RGB or YBR_FULL samples, the last axis, as RGB.

    `highest` is the value of a full sample: 2 to the power of Bits Stored, less 1.
    """
    colours = values[..., :3].astype(np.float64)
    if is_ybr:
        half = (highest + 1) / 2
        colours = (colours - (0, half, half)) @ _RGB_FROM_YBR
    return shades(colours, 0.0, highest)
