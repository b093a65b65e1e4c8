"""Whether an element matches what a search asks for (PS3.4 C.2.2.2)."""

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, Final

Element = dict[str, Any]

_RANGES: Final = frozenset(("DA", "TM", "DT"))
_NUMBERS: Final = frozenset(("DS", "FD", "FL", "IS", "SL", "SS", "SV", "UL", "US", "UV"))
_LISTS: Final = frozenset(("UI",))
# A "-" in a date-time may also be the sign of its offset from UTC, which has four digits.
_WITH_OFFSET: Final = re.compile(r"\d{4,}(?:\.\d+)?-(?:0\d|1[0-4])[0-5]\d")
_DATE_TIME_RANGE: Final = re.compile(r"(\d{4,}(?:\.\d+)?(?:[+-]\d{4})?)?-(\d{4,}\S*)?")


def matches(element: Element | None, wanted: str, vr: str) -> bool:
    """Whether any value of an element matches; an empty wish matches everything.

    Parameters
    ----------
    element : dict or None
        In the DICOM JSON model; None where the data set lacks it.
    wanted : str
        As it stands in the query: one value, several UIDs with commas, a range of dates or times,
        or text with "*" and "?". Names match without regard to case, as PS3.4 C.2.2.2.1 allows.
    vr : str
        Of the element in the dictionary.
    """
    if wanted == "":
        return True
    values = [] if element is None else element.get("Value") or []
    if vr in _LISTS:
        return bool(set(re.split(r"[,\\]", wanted)) & {str(value) for value in values})
    if vr in _RANGES:
        bounds = _bounds(wanted, vr)
        return any(_in_range(_digits(str(v)), bounds) for v in values if v is not None)
    if vr in _NUMBERS:
        number = _number(wanted)
        return number is not None and any(_number(value) == number for value in values)
    return _matches_text(values, wanted, vr)


def _matches_text(values: Sequence[Any], wanted: str, vr: str) -> bool:
    pattern = _pattern(wanted, vr == "PN")
    if not values:  # of no value only "*" is true
        return not wanted.strip("*")
    for value in values:
        texts = value.values() if isinstance(value, dict) else [value]
        if any(pattern.fullmatch(str(text).strip()) for text in texts if text is not None):
            return True
    return False


@lru_cache(maxsize=256)
def _pattern(wanted: str, ignores_case: bool) -> re.Pattern[str]:
    # Runs of "*" are one "*": each would be tried at every place, inside of every other.
    parts = re.split(r"(\*+|\?)", wanted.strip())
    expression = "".join(
        ".*" if part.startswith("*") else "." if part == "?" else re.escape(part) for part in parts
    )
    return re.compile(expression, re.DOTALL | (re.IGNORECASE if ignores_case else 0))


def _bounds(wanted: str, vr: str) -> tuple[str, str]:
    """First and last of a range, "" where it is open; a single value is both."""
    if vr == "DT":
        match = None if _WITH_OFFSET.fullmatch(wanted) else _DATE_TIME_RANGE.fullmatch(wanted)
        return (match.group(1) or "", match.group(2) or "") if match else (wanted, wanted)
    first, dash, last = _digits(wanted).partition("-")
    return (first, last) if dash else (first, first)


def _in_range(value: str, bounds: tuple[str, str]) -> bool:
    """Dates and times compare as text; what is less precise stands for all that it holds."""
    first, last = bounds
    return value.ljust(len(first), "0") >= first and (not last or value[: len(last)] <= last)


def _digits(text: str) -> str:
    """Without what old dates and times have between their numbers (PS3.5 6.2, notes on DA, TM)."""
    date = re.sub(r"(\d{4})\.(\d\d)\.(\d\d)", r"\1\2\3", text.strip())
    return date.replace(":", "")


def _number(value: Any) -> float | None:
    try:
        return float(value)
    except (TypeError, ValueError):
        return None
