"""Dates and times of frames as numbers (PS3.5 6.2: DA, TM and DT)."""

import re
from collections.abc import Callable
from datetime import date, timedelta
from functools import lru_cache
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from dicube.dicom.series.frame_table import FrameTable

Float64Array = npt.NDArray[np.float64]

_CLOCK: Final = re.compile(r"(\d\d)(?:(\d\d)(?:(\d\d)(\.\d{1,6})?)?)?")
_DATE: Final = re.compile(r"(\d{4})(\d\d)(\d\d)")
_OFFSET: Final = re.compile(r"([+-])(\d\d)(\d\d)$")
_NO_NUMBER: Final = float("nan")


def clock_ms(date_keyword: str, time_keyword: str) -> Callable[[FrameTable], Float64Array]:
    """Column of a date and a time in two elements: ms since some midnight; see `time_ms`."""

    def column(table: FrameTable) -> Float64Array:
        if table.frames.is_missing(time_keyword):
            return np.full((len(table), 1), np.nan)
        dates = table.frames.get_values(date_keyword)
        times = table.frames.get_values(time_keyword)
        return _rows(
            [day_ms(_text(d)) + time_ms(_text(t)) for d, t in zip(dates, times, strict=True)]
        )

    return column


def date_clock_ms(keyword: str) -> Callable[[FrameTable], Float64Array]:
    """Column of a DT element: ms since some midnight, UTC where the offset is given."""

    def column(table: FrameTable) -> Float64Array:
        if table.frames.is_missing(keyword):
            return np.full((len(table), 1), np.nan)
        return _rows([moment_ms(_text(value)) for value in table.frames.get_values(keyword)])

    return column


@lru_cache(maxsize=4096)
def moment_ms(value: str) -> float:
    """A DT as ms; NaN where it has no hour."""
    text = value.strip()
    return day_ms(text[:8]) + time_ms(text[8:]) - _offset_ms(text) if len(text) > 8 else _NO_NUMBER


@lru_cache(maxsize=4096)
def day_ms(value: str) -> float:
    """A DA as ms; 0 where there is none, because a time alone still tells an order."""
    match = _DATE.match(value)
    if match is None:
        return 0.0
    try:
        days = date(*map(int, match.groups())) - date(1900, 1, 1)
    except ValueError:
        return 0.0
    return days / timedelta(milliseconds=1)


@lru_cache(maxsize=4096)
def time_ms(value: str) -> float:
    """A TM as ms since midnight; NaN where it is none. Old files write it with colons."""
    text = value.strip().replace(":", "")
    match = _CLOCK.match(text)
    if match is None:
        return _NO_NUMBER
    hours, minutes, seconds, fraction = match.groups(default="0")
    whole = (int(hours) * 60 + int(minutes)) * 60 + int(seconds)
    return whole * 1000.0 + round(float(fraction) * 1e6) / 1e3


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _offset_ms(text: str) -> float:
    match = _OFFSET.search(text)
    if match is None:
        return 0.0
    minutes = int(match[2]) * 60 + int(match[3])
    return (minutes if match[1] == "+" else -minutes) * 60_000.0


def _rows(numbers: list[float]) -> Float64Array:
    return np.array(numbers, dtype=np.float64).reshape(-1, 1)
