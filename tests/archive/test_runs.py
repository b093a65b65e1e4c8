"""What runs take over from those before them, and from those that died beside them."""

from contextlib import closing

import pytest

from dicube.archive.layout import Layout
from dicube.archive.ledger.opened import open_ledger
from dicube.archive.ledger.places import Places
from dicube.archive.ledger.runs import Run
from dicube.archive.ledger.series_queue import SeriesQueue
from dicube.archive.sources.listing import ListedPlace
from dicube.archive.work import Failure, FileFacts, ScannedPlace, SeriesResult

LAYOUT = Layout("{SeriesInstanceUID}")
IMAGE = FileFacts("a.dcm", 10, 1, "image", sop_uid="1.2", series_uid="1")


@pytest.fixture
def ledger(tmp_path):
    return tmp_path / "archive.sqlite"


def scanned(connection, run, facts=(IMAGE,), failures=()):
    """The numbers of a place that was listed and scanned."""
    places = Places(connection, run.run_id, LAYOUT)
    places.note(places.root("/data"), [ListedPlace("", None, "as it was")])
    (place,) = places.take(1)
    places.add([ScannedPlace(place.place_id, list(facts), list(failures))])
    return place.place_id


class TestNextRun:
    def test_file_that_failed_when_it_was_stored_is_looked_at_again(self, ledger):
        with closing(open_ledger(ledger, create=True)) as connection:
            with Run(connection, ledger, {}) as run:
                place_id = scanned(connection, run)
                queue = SeriesQueue(connection, run.run_id)
                (work,) = queue.take(1, 1, 1)
                failed = [(work.files[0].file_id, "cannot be read: Input/output error")]
                queue.store([SeriesResult(work.series_id, failures=failed)])
                assert queue.failed() == 1
                run.end("failures")
            with Run(connection, ledger, {}) as run:
                places = Places(connection, run.run_id, LAYOUT)
                assert [place.place_id for place in places.take(9)] == [place_id]
                places.add([ScannedPlace(place_id, [IMAGE])])
                queue = SeriesQueue(connection, run.run_id)
                (work,) = queue.take(9, 9, 9)
                assert [ref.name for ref in work.files] == ["a.dcm"]

    def test_files_that_could_not_be_scanned_are_no_files_of_nothing(self, ledger):
        failures = [Failure("a", "Permission denied"), Failure("b", "Permission denied")]
        with closing(open_ledger(ledger, create=True)) as connection:
            with Run(connection, ledger, {}) as run:
                place_id = scanned(connection, run, (), failures)
                run.end("failures")
            with Run(connection, ledger, {}) as run:
                queue = SeriesQueue(connection, run.run_id)
                queue.plan_kept_files()
                assert queue.take(9, 9, 9) == []
                assert queue.failed() == 2
                (place,) = Places(connection, run.run_id, LAYOUT).take(9)
                assert place.place_id == place_id
