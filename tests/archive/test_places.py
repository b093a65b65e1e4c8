"""Which places are scanned together."""

from pathlib import Path

import pytest

from dicube.archive.layout import DEFAULT_LAYOUT, Layout
from dicube.archive.ledger.places import Places
from dicube.archive.sources.listed import ListedFile, ListedPlace
from tests.archive.ledgers import LedgerBuilder


@pytest.fixture
def places(tmp_path: Path) -> Places:
    """Of a run that is under way, with none yet."""
    ledger = LedgerBuilder(tmp_path / "ledger.sqlite")
    return Places(ledger.connection, ledger.run(), Layout(DEFAULT_LAYOUT))


def note(places: Places, **files: int | None) -> None:
    """Folders with so many files; a zip file where nobody knows how many."""
    listed = [
        ListedPlace(name, "zip", name)
        if count is None
        else ListedPlace(name, None, name, (ListedFile("x", 1, 0),) * count)
        for name, count in files.items()
    ]
    places.note(places.root("/data"), listed)


def taken(places: Places, most_files: int) -> list[str]:
    return [place.path for place in places.take(most_files)]


def test_places_with_few_files_go_together(places):
    note(places, a=1, b=3, c=0, d=2)
    assert taken(places, 5) == ["a", "b", "c"]
    assert taken(places, 5) == ["d"]
    assert taken(places, 5) == []


def test_place_with_many_files_goes_alone(places):
    note(places, a=100, b=1, c=100)
    assert [taken(places, 10) for _ in range(3)] == [["a"], ["b"], ["c"]]


def test_few_containers_go_together_as_nobody_knows_what_they_hold(places):
    note(places, a=None, b=None, c=None)
    assert taken(places, 130) == ["a", "b"]
    assert taken(places, 130) == ["c"]


def test_files_that_are_left_are_counted(places):
    note(places, a=1, b=3, c=None)
    assert (places.unscanned(), places.unscanned_files()) == (3, 1 + 3 + 64)
