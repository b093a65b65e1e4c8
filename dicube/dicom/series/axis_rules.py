"""What may tell the volumes of a series apart: candidates for axes, found in the metadata.

A rule reads one column: a number (or several) for each frame. Rules are about standard elements
first; those of the manufacturers stand in where an object predates the standard element.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from dicube.dicom.series.diffusion import b_values, gradient_directions
from dicube.dicom.series.frame_table import FrameTable
from dicube.dicom.series.times import clock_ms, date_clock_ms

Float64Array = npt.NDArray[np.float64]
Column = Callable[[FrameTable], Float64Array]


@dataclass(frozen=True)
class AxisRule:
    """One way to tell volumes apart.

    Attributes
    ----------
    name : str
        Keyword of the element, under which a grid records the rule.
    axis : str
        Name of the axis: "t", "echo", "diffusion"...
    unit : str
    column : callable
        (frames, n) float64 from a table; NaN where a frame has no value.
    keeps_order : bool
        Along the axis volumes stay in the order of the series; otherwise values ascend.
    is_clock : bool
        Values may differ from slice to slice of one volume; then their order at each position
        counts.
    is_moment : bool
        Values are moments of a day; as coordinates they count from the first volume.
    """

    name: str
    axis: str
    unit: str
    column: Column
    keeps_order: bool = False
    is_clock: bool = False
    is_moment: bool = False


def _of(*keywords: str) -> Column:
    """The first of these elements that any frame has."""

    def column(table: FrameTable) -> Float64Array:
        for keyword in keywords:
            numbers = table.numbers(keyword, 1)
            if not np.isnan(numbers).all():
                return numbers
        return np.full((len(table), 1), np.nan)

    return column


def _diffusion(table: FrameTable) -> Float64Array:
    """b-value and direction; without a gradient there is no direction."""
    b = b_values(table)
    directions = gradient_directions(table)
    directions[~(b > 0)] = 0
    return np.column_stack([b, np.nan_to_num(directions)])


def _kind(table: FrameTable) -> Float64Array:
    """A number for each kind of image, in the order in which kinds appear."""
    numbers: dict[Any, int] = {}
    found = [numbers.setdefault(kind, len(numbers)) for kind in table.kinds]
    return np.array(found, dtype=np.float64).reshape(-1, 1)


def _sequence(table: FrameTable) -> Float64Array:
    return table.sequence.astype(np.float64).reshape(-1, 1)


def _clock(name: str, column: Column) -> AxisRule:
    return AxisRule(name, "t", "ms", column, is_clock=True)


def _moment(name: str, column: Column) -> AxisRule:
    return AxisRule(name, "t", "ms", column, is_clock=True, is_moment=True)


# Elements that mean one thing. They may form a grid with each other, and with a time.
MEANINGS: Final = (
    AxisRule("ImageType", "kind", "", _kind, keeps_order=True),
    AxisRule("EchoTime", "echo", "ms", _of("EffectiveEchoTime", "EchoTime")),
    AxisRule("EchoNumbers", "echo", "", _of("EchoNumbers")),
    AxisRule("DiffusionBValue", "diffusion", "s/mm2", _diffusion, keeps_order=True),
    AxisRule("InversionTime", "inversion", "ms", _of("InversionTimes", "InversionTime")),
    AxisRule("FlipAngle", "flip", "deg", _of("FlipAngle")),
    AxisRule(
        "NominalPercentageOfCardiacPhase", "phase", "%", _of("NominalPercentageOfCardiacPhase")
    ),
    AxisRule("ReferencedSegmentNumber", "segment", "", _of("ReferencedSegmentNumber")),
)

# Elements that mean time, the surest first.
TIMES: Final = (
    AxisRule("TemporalPositionIndex", "t", "", _of("TemporalPositionIndex")),
    AxisRule("TemporalPositionIdentifier", "t", "", _of("TemporalPositionIdentifier")),
    _clock("FrameReferenceTime", _of("FrameReferenceTime")),
    _clock("TriggerTime", _of("NominalCardiacTriggerDelayTime", "TriggerTime")),
    _moment("FrameAcquisitionDateTime", date_clock_ms("FrameAcquisitionDateTime")),
    _moment("AcquisitionDateTime", date_clock_ms("AcquisitionDateTime")),
    _moment("AcquisitionTime", clock_ms("AcquisitionDate", "AcquisitionTime")),
    AxisRule("AcquisitionNumber", "t", "", _of("AcquisitionNumber")),
    _moment("ContentTime", clock_ms("ContentDate", "ContentTime")),
    AxisRule("ImageIndex", "t", "", _of("ImageIndex"), is_clock=True),
)

# The last resort: at each position the order in which the images are numbered.
INSTANCE_ORDER: Final = AxisRule("InstanceNumber", "t", "", _sequence, is_clock=True)
