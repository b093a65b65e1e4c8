"""How often a series shows the same slice at another time."""

from collections import Counter
from collections.abc import Sequence
from typing import Final

from dicube.dicom.series.times import time_ms
from dicube.interchange.tables.cells import Cell, distinct_values
from dicube.interchange.tables.mr.facts import Row, SeriesFacts, number_of

# Images of one place that differ in one of these differ in more than time.
_OTHER_REASONS: Final = (
    "ImageOrientationPatient", "ImageType", "FrameType", "ComplexImageComponent", "GERawDataType",
    "EchoTime", "EffectiveEchoTime", "EchoNumbers", "InversionTime", "FlipAngle",
    "DiffusionBValue", "SiemensBValue", "PhilipsBValue", "GEBValue", "UnitedImagingBValue",
)  # fmt: skip
_MS: Final = 1000.0


def timepoints_of(facts: SeriesFacts) -> int | None:
    """Number of times; None where neither positions nor temporal positions tell."""
    said = max(
        (_distinct(facts, column) for column in facts.fields.get("temporalPosition", ())), default=0
    )
    if said > 1:
        return said
    rows = list({row.get("SOPInstanceUID") or id(row): row for row in facts.rows}.values())
    if len(rows) == 1:
        return 1 if _frames(rows[0]) <= max(1, _places(rows[0])) else None
    placed = [row for row in rows if row.get("ImagePositionPatient") is not None]
    if not placed:
        return None
    repeats = Counter(_place(row) for row in placed)
    return max(repeats.values())


def seconds_after_agent(facts: SeriesFacts) -> float | None:
    """From the start of the contrast bolus to the first image; None unless both are told."""
    bolus = _clock_times(facts.values("ContrastBolusStartTime"))
    images = _clock_times(facts.values("AcquisitionTime"))
    return None if not bolus or not images else (min(images) - min(bolus)) / _MS


def _clock_times(values: Sequence[Cell]) -> list[float]:
    times = [time_ms(value) for value in values if isinstance(value, str)]
    return [time for time in times if time == time]  # not NaN


def _distinct(facts: SeriesFacts, column: str) -> int:
    by_row = [distinct_values(row.get(column)) for row in facts.rows]
    if len(by_row) == 1:
        return by_row[0][1]
    return len({str(value) for values, _ in by_row for value in values})


def _place(row: Row) -> tuple[Cell, ...]:
    return tuple(row.get(column) for column in ("ImagePositionPatient", *_OTHER_REASONS))


def _frames(row: Row) -> float:
    """Number of frames; tables that were read from files may have it as a float or as text."""
    return number_of(row.get("NumberOfFrames")) or 1


def _places(row: Row) -> int:
    return distinct_values(row.get("ImagePositionPatient"))[1]
