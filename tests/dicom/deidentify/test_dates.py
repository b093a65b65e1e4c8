"""Dates moved back by whole days."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dicube.dicom.deidentify.dates import moved_date, moved_moment

DATES = st.dates(date(1900, 1, 1))


@given(day=DATES, days=st.integers(1, 3650))
def test_dates_move_by_the_days_and_intervals_stay(day: date, days: int) -> None:
    text = day.strftime("%Y%m%d").zfill(8)
    expected = (day - timedelta(days)).strftime("%Y%m%d").zfill(8)
    assert moved_date(text, days) == expected
    assert moved_moment(f"{text}101112.345678-0330", days) == f"{expected}101112.345678-0330"
    assert moved_date(f"{text}-{text}", days) == f"{expected}-{expected}"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("20000301", "20000229"), ("19990301 ", "19990228"), ("2000.03.01", "20000229"),
        ("-20000301", "-20000229"), ("20000301-", "20000229-"),
    ],
)  # fmt: skip
def test_forms_of_dates(text: str, expected: str) -> None:
    assert moved_date(text, 1) == expected


@pytest.mark.parametrize(
    "text",
    ["", "-", "2000", "200003", "20001301", "20000230", "00010101", "20000301-x", "x", "1-2"],
)
def test_what_is_no_whole_date_is_not_moved(text: str) -> None:
    assert moved_date(text, 3) is None
    assert moved_moment(text, 3) is None
