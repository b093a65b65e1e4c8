"""Dates moved into the past by whole days; times of day stay, so that intervals stay too."""

import re
from datetime import date, timedelta
from typing import Final

_DATE: Final = re.compile(r"(\d{4})(\d\d)(\d\d)")
_OLD_DATE: Final = re.compile(r"(\d{4})\.(\d\d)\.(\d\d)")  # of ACR-NEMA, PS3.5 6.2
_RANGE: Final = re.compile(r"(\d{8})?-(\d{8})?")
_MOMENT: Final = re.compile(r"(\d{8})(\d{2,6}(?:\.\d{1,6})?(?:[+-]\d{4})?|[+-]\d{4})?")


def moved_date(text: str, days: int) -> str | None:
    """A DA, or a range of two, moved back; None where it is no whole date.

    >>> moved_date("20200301", 1), moved_date("20200110-", 10), moved_date("2020", 1)
    ('20200229', '20191231-', None)
    """
    text = text.strip(" \0")
    whole = _RANGE.fullmatch(text)
    if whole is None or text == "-":
        return _moved(text, days)
    ends = [None if end is None else _moved(end, days) for end in whole.groups()]
    if any(new is None and old for new, old in zip(ends, whole.groups(), strict=True)):
        return None
    return "-".join(end or "" for end in ends)


def moved_moment(text: str, days: int) -> str | None:
    """A DT moved back; None where its date is not whole, for nobody knows how far to move that.

    >>> moved_moment("20200301235959.5+0100", 1)
    '20200229235959.5+0100'
    """
    match = _MOMENT.fullmatch(text.strip(" \0"))
    moved = None if match is None else _moved(match[1], days)
    return None if match is None or moved is None else moved + (match[2] or "")


def _moved(text: str, days: int) -> str | None:
    match = _DATE.fullmatch(text) or _OLD_DATE.fullmatch(text)
    if match is None:
        return None
    try:
        moved = date(*map(int, match.groups())) - timedelta(days)
    except (ValueError, OverflowError):
        return None
    return f"{moved.year:04d}{moved.month:02d}{moved.day:02d}"
