"""b-value and gradient direction of each frame, standard or of the manufacturer.

Sources: PS3.3 C.8.13.5.9; the private elements are those that the conformance statements of the
manufacturers name. Directions of GE are given in the plane of the image, those of the others in
patient coordinates; they are taken as they are, because only equality counts for an axis.
"""

from typing import Final

import numpy as np
import numpy.typing as npt

from dicube.dicom.series.frame_table import FrameTable
from dicube.dicom.series.private_elements import number_of, private_tag, private_values

Float64Array = npt.NDArray[np.float64]

_B_VALUES: Final = (
    ("SIEMENS MR HEADER", 0x0019, 0x0C),
    ("Philips Imaging DD 001", 0x2001, 0x03),
    ("GEMS_PARM_01", 0x0043, 0x39),
    ("Image Private Header", 0x0065, 0x09),  # United Imaging
)
_DIRECTIONS: Final = (
    ("SIEMENS MR HEADER", 0x0019, (0x0E,)),
    ("Philips MR Imaging DD 005", 0x2005, (0xB0, 0xB1, 0xB2)),
    ("Philips MR Imaging DD 001", 0x2005, (0xB0, 0xB1, 0xB2)),
    ("GEMS_ACQU_01", 0x0019, (0xBB, 0xBC, 0xBD)),
    ("Image Private Header", 0x0065, (0x37,)),
)
_GE_OFFSET: Final = 1e9  # GE adds it once or several times where the b-value is one of several


def b_values(table: FrameTable) -> Float64Array:
    """(frames,) b-value in s/mm2; NaN where a frame has none."""
    standard = table.numbers("DiffusionBValue", 1)[:, 0]
    if not np.isnan(standard).all():
        return standard
    for creator, group, element in _B_VALUES:
        if private_tag(table.frames, creator, group, element) is None:
            continue
        values = [number_of(v) for v in private_values(table.frames, creator, group, element)]
        if any(value is not None for value in values):
            return np.array([np.nan if v is None else v % _GE_OFFSET for v in values])
    return standard


def gradient_directions(table: FrameTable) -> Float64Array:
    """(frames, 3) unit vectors; NaN where a frame has none, as those without diffusion have."""
    standard = table.numbers("DiffusionGradientOrientation", 3)
    if not np.isnan(standard).all():
        return standard
    for creator, group, elements in _DIRECTIONS:
        if private_tag(table.frames, creator, group, elements[0]) is None:
            continue
        columns = [private_values(table.frames, creator, group, e) for e in elements]
        rows = [_vector(cells) for cells in zip(*columns, strict=True)]
        if any(row is not None for row in rows):
            return np.array([[np.nan] * 3 if row is None else row for row in rows])
    return standard


def _vector(cells: tuple[object, ...]) -> list[float] | None:
    """Three numbers, from one element with three values or from three with one."""
    listed = cells[0] if len(cells) == 1 else list(cells)
    if not isinstance(listed, list) or len(listed) != 3:
        return None
    numbers = [number_of(cell) for cell in listed]
    return None if None in numbers else [float(n) for n in numbers if n is not None]
