"""Series that are taken, and what is noted of them."""

import pytest

from dicube.archive.ledger.series_queue import SeriesQueue
from dicube.archive.work import Output, SeriesResult
from tests.archive.ledgers import LedgerBuilder

STEP = 1000  # of SQLite's machine


@pytest.fixture
def ledger(tmp_path):
    with LedgerBuilder(tmp_path / "ledger") as opened:
        opened.run()
        opened.place(opened.root("/data"))
        yield opened


@pytest.fixture
def queue(ledger):
    return SeriesQueue(ledger.connection, 1)


def steps_of(ledger, action):
    """How much SQLite has to do for something: thousands of its instructions."""
    count = 0

    def step():
        nonlocal count
        count += 1
        return 0

    ledger.connection.set_progress_handler(step, STEP)
    action()
    ledger.connection.set_progress_handler(None, 0)
    return count


def cube(*file_ids):
    return Output("p/1.dcbs", "cube", 5, "00", 10, [(number, "aa") for number in file_ids])


def states(ledger):
    question = "SELECT name, state FROM file ORDER BY id"
    return {row["name"]: row["state"] for row in ledger.connection.execute(question)}


class TestTwoProcesses:
    def test_file_that_was_replaced_while_it_was_stored_is_not_stored(self, ledger, queue):
        series = ledger.series("1", "found")
        old = ledger.file(1, "a", "found", series_id=series, sop_uid="1.1")
        (work,) = queue.take(1, 1, 1)
        ledger.connection.execute("DELETE FROM file WHERE id = ?", (old,))
        ledger.file(1, "a", "found", series_id=series, sop_uid="1.1", modified_ns=2)
        queue.store([SeriesResult(work.series_id, [cube(old)])])
        assert states(ledger) == {"a": "found"}
        assert [len(work.files) for work in queue.take(1, 1, 1)] == [1]

    def test_copy_of_a_file_that_is_not_stored_is_no_duplicate(self, ledger, queue):
        series = ledger.series("1", "found")
        first = ledger.file(1, "a", "found", series_id=series, sop_uid="1.1")
        copy = ledger.file(1, "b", "found", series_id=series, sop_uid="1.1")
        (work,) = queue.take(1, 1, 1)
        ledger.connection.execute("DELETE FROM file WHERE id = ?", (first,))
        queue.store([SeriesResult(work.series_id, [cube(first)], [(copy, first, "aa")])])
        assert states(ledger) == {"b": "found"}
        assert len(queue.take(1, 1, 1)) == 1


class TestKeptFiles:
    def test_content_that_an_older_version_of_a_file_has_is_not_stored_again(self, ledger, queue):
        series = ledger.series("", content="files", place_id=-1)
        output = ledger.output(series, 1, "other-files/000001.zip", content="files")
        about = {"kind": "other", "digest": "aa", "bytes": 1}
        ledger.file(1, "a", "superseded", series_id=series, output_id=output, position=0, **about)
        ledger.file(1, "a", "found", modified_ns=2, **about)
        queue.plan_kept_files()
        assert queue.take(1, 1, 1) == []
        row = ledger.connection.execute("SELECT stored_as FROM file WHERE id = 2").fetchone()
        assert row["stored_as"] == 1

    def test_many_files_of_one_content_are_no_more_work_each(self, ledger, queue):
        def plan_and_store(count):
            for number in range(count):
                ledger.file(1, f"{count}-{number}", "found", kind="other", digest=f"{count}")
            queue.plan_kept_files()
            ledger.connection.execute(
                "UPDATE file SET state = 'stored', output_id = 1 WHERE series_id IS NOT NULL"
            )
            queue.note_kept_duplicates()

        few = steps_of(ledger, lambda: plan_and_store(200))
        many = steps_of(ledger, lambda: plan_and_store(2000))
        assert set(states(ledger).values()) == {"stored", "duplicate"}
        assert many < 20 * few


def test_taking_series_does_not_look_at_all_that_wait(ledger, queue):
    for number in range(3000):
        series = ledger.series(f"1.{number}", "found")
        ledger.file(1, f"{number}", "found", series_id=series)
    taken = []
    assert steps_of(ledger, lambda: taken.extend(queue.take(4, 1 << 20, 1 << 20))) < 5
    assert [work.series_id for work in taken] == [1, 2, 3, 4]
