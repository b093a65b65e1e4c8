"""Colours recommended for display: sRGB of 8 bits, in files as CIELab (PS3.3 C.10.7.1.1).

The white point is D65, that of sRGB, as highdicom and dcmqi have it: a colour then comes back as it
was chosen.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from dicube.exceptions import MetaDataError

Rgb = tuple[int, int, int]
Vector = npt.NDArray[np.float64]

# IEC 61966-2-1: linear sRGB to CIE XYZ, and the white of it.
_XYZ_OF_RGB: Final = np.array(
    [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]
)
_WHITE: Final = _XYZ_OF_RGB.sum(axis=1)
# CIE 15: where the cube root gives way to a line.
_BEND: Final = 6 / 29
# L* of 0 to 100, a* and b* of -128 to 127, each as 0 to 65535 (PS3.3 C.10.7.1.1).
_LOWEST: Final = np.array([0.0, -128.0, -128.0])
_RANGE: Final = np.array([100.0, 255.0, 255.0])
_LARGEST: Final = 65535


def cielab_of_rgb(rgb: Rgb) -> list[int]:
    """The value of Recommended Display CIELab Value (0062,000D)."""
    encoded = np.array(rgb) / 255
    linear = np.where(encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4)
    ratio = _XYZ_OF_RGB @ linear / _WHITE
    x, y, z = np.where(ratio > _BEND**3, np.cbrt(ratio), ratio / (3 * _BEND**2) + 4 / 29)
    lab = np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])
    scaled = np.rint((lab - _LOWEST) / _RANGE * _LARGEST)
    return [int(number) for number in np.clip(scaled, 0, _LARGEST)]


def rgb_of_cielab(value: Sequence[int]) -> Rgb:
    """The inverse of `cielab_of_rgb`; colours that sRGB lacks become the nearest along each axis.

    Raises
    ------
    MetaDataError
        There are not three numbers from 0 to 65535.
    """
    if len(value) != 3 or not all(0 <= int(number) <= _LARGEST for number in value):
        raise MetaDataError(f"the colour {value} is not three numbers from 0 to {_LARGEST}")
    lightness, a, b = np.array([int(number) for number in value]) / _LARGEST * _RANGE + _LOWEST
    y = (lightness + 16) / 116
    f = np.array([y + a / 500, y, y - b / 200])
    xyz = np.where(f > _BEND, f**3, 3 * _BEND**2 * (f - 4 / 29)) * _WHITE
    linear = np.clip(np.linalg.solve(_XYZ_OF_RGB, xyz), 0, 1)
    encoded = np.where(linear <= 0.0031308, linear * 12.92, 1.055 * linear ** (1 / 2.4) - 0.055)
    red, green, blue = (int(number) for number in np.rint(encoded * 255))
    return red, green, blue
