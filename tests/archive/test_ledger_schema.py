"""The ledger as it is described, and that no question about few rows reads all of them."""

import re
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from dicube.archive.file_lists import DIFFERENCES, DUPLICATES, FAILURES
from dicube.archive.ledger.opened import open_ledger
from dicube.archive.ledger.schema import FACTS, TABLES
from dicube.archive.query import view_columns

DOCUMENT = (Path(__file__).resolve().parents[2] / "docs" / "ledger.md").read_text(encoding="utf-8")
SMALL = {"setting", "run", "root"}  # tables that may be read as a whole


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    open_ledger(tmp_path / "a.sqlite", create=True).close()
    opened = open_ledger(tmp_path / "a.sqlite")  # as the next process finds it
    yield opened
    opened.close()


def tables(connection: sqlite3.Connection) -> list[str]:
    rows = connection.execute(
        "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
    )
    return [name for (name,) in rows]


def plan(connection: sqlite3.Connection, statement: str) -> list[str]:
    values = ["1"] * statement.count("?")
    rows = connection.execute(f"EXPLAIN QUERY PLAN {statement}", values)
    return [row[3] for row in rows]


class TestDocument:
    def test_names_every_column_of_the_view(self, connection):
        section = DOCUMENT.split("## The view")[1].split("## Tables")[0]
        assert set(view_columns(connection)) == set(
            re.findall(r"`(\w+)`", "".join(re.findall(r"^\|([^|]*)\|", section, re.MULTILINE)))
        )

    def test_names_every_table_and_column(self, connection):
        section = DOCUMENT.split("## Tables")[1].split("| states of")[0]
        lines = {
            match[1]: set(re.findall(r"`(\w+)`", match[0]))
            for match in re.finditer(r"^\| `(\w+)` \|.*$", section, re.MULTILINE)
        }
        assert sorted(lines) == sorted(tables(connection))
        for table, named in lines.items():
            columns = {row["name"] for row in connection.execute(f"PRAGMA table_info({table})")}
            described = set(FACTS) if table == "output" else set()
            assert columns <= named | described, table

    def test_names_every_state_that_the_schema_speaks_of(self):
        for table, comment in re.findall(
            r"CREATE TABLE (\w+) \((?:(?!CREATE).)*?\bstate TEXT NOT NULL,\s+-- (.*?)\n",
            TABLES, re.DOTALL,
        ):  # fmt: skip
            (line,) = re.findall(rf"^\| `{table}` \| `.*$", DOCUMENT.split("| states of")[1], re.M)
            for state in re.findall(r"\w+", re.sub(r"\(.*?\)", "", comment)):
                assert f"`{state}`" in line

    def test_facts_are_columns_of_outputs_and_of_the_view(self, connection):
        columns = {row["name"] for row in connection.execute("PRAGMA table_info(output)")}
        assert set(FACTS) <= columns & set(view_columns(connection))


class TestPlans:
    """What SQLite would do in a ledger of many rows."""

    @pytest.mark.parametrize(
        ("statement", "index"),
        [
            ("SELECT id FROM place WHERE state = 'listed'", "place_state"),
            ("SELECT id FROM place WHERE state IN ('listed', 'failed')", "place_state"),
            ("SELECT id FROM place WHERE root_id = ? AND path = ?", "sqlite_autoindex_place_1"),
            ("SELECT id FROM series WHERE state = 'found' LIMIT 64", "series_state"),
            ("SELECT id FROM series WHERE state IN ('found', 'taken')", "series_state"),
            ("SELECT id FROM series WHERE state = ? AND run_id = ?", "series_state"),
            ("UPDATE series SET state = 'found' WHERE state = 'failed'", "series_state"),
            ("SELECT id FROM series WHERE series_uid = ? AND state = 'done'", "sqlite_autoindex"),
            ("SELECT id FROM file WHERE state = 'found'", "file_state"),
            ("UPDATE file SET state = 'found' WHERE state = 'failed'", "file_state"),
            ("SELECT id FROM file WHERE state IN ('found', 'failed')", "file_state"),
            ("SELECT id FROM file WHERE series_id = ? AND state = 'found'", "file_series"),
            ("SELECT id FROM file WHERE sop_uid = ? AND state = 'stored'", "file_sop_uid"),
            ("SELECT id FROM file WHERE output_id = ? ORDER BY position", "file_output"),
            ("SELECT id FROM file WHERE place_id = ? AND state != 'superseded'", "file_name"),
            (
                "SELECT id FROM file WHERE place_id = ? AND name = ? AND state != 'superseded'",
                "file_name",
            ),
            ("SELECT id FROM file WHERE digest = ? AND kind != 'image' AND state = 'stored'",
             "file_kept"),
            ("SELECT id FROM file WHERE digest = ? AND bytes = ? AND kind != 'image'"
             " AND state = 'found'", "file_kept"),
            ("SELECT id FROM output WHERE series_id = ?", "output_series"),
            ("SELECT id FROM output WHERE path = ?", "sqlite_autoindex_output_1"),
            ("SELECT id FROM output WHERE verified_at < ?", "output_verified"),
        ],
    )  # fmt: skip
    def test_going_on_with_a_job_uses_indexes(self, connection, statement, index):
        (step,) = plan(connection, statement)
        assert step.startswith("SEARCH")
        assert index in step

    @pytest.mark.parametrize(
        ("condition", "index"),
        [
            ("series_uid = '1.2'", "sqlite_autoindex_series_2"),
            ("patient_id = 'P1'", "output_patient"),
            ("patient_id = 'P1' and modality = 'CT' and state = 'done'", "output_patient"),
            ("series_uid = '1.2' and modality = 'CT' and state = 'done'", "series_2"),
            ("modality = 'CT' and rows = 512", "output_modality"),
            ("state = 'failed'", "series_state"),
            ("path = 'a.dcbs'", "sqlite_autoindex_output_1"),
        ],
    )
    def test_questions_that_choose_few_rows_use_indexes(self, connection, condition, index):
        steps = plan(connection, f"SELECT * FROM archive WHERE {condition}")
        assert all(step.startswith("SEARCH") for step in steps), steps
        assert index in steps[0]

    @pytest.mark.parametrize("statement", [DUPLICATES, FAILURES, DIFFERENCES])
    def test_lists_do_not_read_whole_tables(self, connection, statement):
        scanned = {
            step.split()[1] for step in plan(connection, statement) if step.startswith("SCAN")
        }
        assert scanned <= SMALL

    def test_files_of_failed_series_are_found_by_their_series(self, connection):
        assert any("file_series (series_id=?)" in step for step in plan(connection, FAILURES))

    def test_differences_look_at_every_uid_in_an_index_alone(self, connection):
        steps = [step for step in plan(connection, DIFFERENCES) if " file " in step]
        assert all("file_sop_uid" in step for step in steps)
        assert [step for step in steps if ">" in step] == [
            "SEARCH file USING COVERING INDEX file_sop_uid (sop_uid>?)"
        ]

    def test_counts_by_state_come_from_indexes_alone(self, connection):
        for table, what in (("file", "SUM(bytes)"), ("series", "COUNT(*)"), ("place", "COUNT(*)")):
            (step,) = plan(connection, f"SELECT state, {what} FROM {table} GROUP BY state")
            assert "COVERING INDEX" in step
