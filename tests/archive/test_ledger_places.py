"""Places of the ledger, with several processes at work."""

from contextlib import ExitStack, closing

import pytest

from dicube.archive.layout import Layout
from dicube.archive.ledger.opened import open_ledger
from dicube.archive.ledger.places import Places, new_series
from dicube.archive.ledger.runs import Run
from dicube.archive.sources.listing import ListedPlace
from dicube.archive.work import FileFacts, ScannedPlace
from tests.archive.ledgers import LedgerBuilder

LAYOUT = Layout("{SeriesInstanceUID}")


@pytest.fixture
def two(tmp_path):
    """The places of one ledger as two living processes see them."""
    path = tmp_path / "archive.sqlite"
    with ExitStack() as opened:
        both = []
        for _ in range(2):
            connection = opened.enter_context(closing(open_ledger(path, create=True)))
            run = opened.enter_context(Run(connection, path, {}))
            both.append(Places(connection, run.run_id, LAYOUT))
        yield both


def listed(mark):
    return [ListedPlace("a", None, mark)]


class TestTwoProcesses:
    def test_place_that_changed_after_one_scanned_it_is_scanned_by_the_other(self, two):
        one, other = two
        root = one.root("/data")
        one.note(root, listed("old"))
        one.add([ScannedPlace(place.place_id) for place in one.take(1)])
        other.note(root, listed("new"))
        assert [place.path for place in other.take(1)] == ["a"]

    def test_change_while_a_place_is_scanned_is_seen_by_the_next_listing(self, two):
        one, other = two
        root = one.root("/data")
        one.note(root, listed("old"))
        (place,) = one.take(1)  # its files are looked at now
        other.note(root, listed("new"))
        assert other.take(1) == []
        one.add([ScannedPlace(place.place_id)])
        assert one.unscanned() == 0
        other.note(root, listed("new"))
        assert [place.path for place in other.take(1)] == ["a"]


def test_number_of_a_file_that_is_forgotten_is_not_given_again(tmp_path):
    """A worker may have it in hand, and must not report of another file."""
    with LedgerBuilder(tmp_path / "ledger") as ledger:
        run = ledger.run()
        place_id = ledger.place(ledger.root("/data"))
        places = Places(ledger.connection, run, LAYOUT)
        for modified_ns in (1, 2):
            facts = FileFacts("a.dcm", 10, modified_ns, "image", series_uid="1")
            places.add([ScannedPlace(place_id, [facts])])
        rows = ledger.connection.execute("SELECT id, modified_ns FROM file").fetchall()
        assert [tuple(row) for row in rows] == [(2, 2)]


def test_many_series_of_one_name_are_numbered_without_asking_for_each(tmp_path):
    with LedgerBuilder(tmp_path / "ledger") as ledger:
        asked = []
        ledger.connection.set_trace_callback(asked.append)
        for number in range(1, 601):
            new_series(ledger.connection, "images", f"1.{number}", 0, "CT/unknown")
        rows = ledger.connection.execute("SELECT stem FROM series ORDER BY id")
        stems = [row["stem"] for row in rows]
        assert stems == ["CT/unknown", *(f"CT/unknown~~{number}" for number in range(2, 601))]
        assert len(asked) < 600 * 25
