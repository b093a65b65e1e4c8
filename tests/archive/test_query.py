"""Questions to a ledger: what they give, what they must not reach, and while others write."""

import _thread
import json
import os
import re
import shlex
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import nullcontext
from pathlib import Path

import pytest
from typer.testing import CliRunner

from dicube.archive.file_lists import differences, duplicates, failures
from dicube.archive.ledger.opened import open_ledger
from dicube.archive.query import QueryError, count, query
from dicube.archive.row_export import write_answer
from dicube.archive.summary import summary
from dicube.cli import app
from dicube.exceptions import DataConsistencyError, MetaDataError
from tests.archive.ledgers import LedgerBuilder, small_ledger

DOCUMENT = (Path(__file__).resolve().parents[2] / "docs" / "ledger.md").read_text(encoding="utf-8")


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    return small_ledger(tmp_path / "archive.sqlite")


def paths(ledger: Path, expression: str, **options: object) -> list[object]:
    return [row["path"] for row in query(ledger, expression, **options)]  # type: ignore[arg-type]


class TestAnswers:
    def test_condition_chooses_rows(self, ledger):
        assert paths(ledger, "modality = 'CT' and rows = 512") == ["p/1.1.dcbs"]
        assert paths(ledger, "findings like '%gap%'") == ["p/1.2.dcbs"]
        assert paths(ledger, "content = 'files'") == ["other-files/000001.zip"]

    def test_no_condition_means_all_rows_also_those_without_output(self, ledger):
        rows = list(query(ledger))
        assert len(rows) == count(ledger) == 6
        (failed,) = [row for row in rows if row["state"] == "failed"]
        assert failed["path"] is None
        assert failed["error"] == "frame 7: Rows is 0"

    def test_columns_are_given_in_the_order_asked_for(self, ledger):
        (row,) = query(ledger, "rows = 256", columns=["ratio", "path"])
        assert list(row.items()) == [("ratio", 1.5), ("path", "p/1.2.dcbs")]

    def test_rows_are_sorted_and_limited(self, ledger):
        cubes = "content = 'cube'"
        assert paths(ledger, cubes, sort="modality desc, bytes desc, path") == [
            "p/2.1_1.dcbs", "p/2.1_2.dcbs", "p/1.2.dcbs", "p/1.1.dcbs",
        ]  # fmt: skip
        assert paths(ledger, cubes, sort="bytes desc", limit=1) == ["p/1.2.dcbs"]
        assert paths(ledger, cubes, limit=0) == []

    def test_condition_may_ask_about_all_rows(self, ledger):
        assert paths(ledger, "bytes > (select avg(bytes) from archive)") == ["p/1.2.dcbs"]
        twice = "series_uid in (select series_uid from archive group by 1 having count(*) > 1)"
        assert paths(ledger, twice, sort="path") == ["p/2.1_1.dcbs", "p/2.1_2.dcbs"]

    def test_text_may_hold_what_is_refused_outside_of_it(self, ledger):
        assert paths(ledger, "path = ';--/*?:)(\"' or path = 'p/1.1.dcbs'") == ["p/1.1.dcbs"]
        assert paths(ledger, "error like '%it''s%'") == []

    def test_ledger_is_closed_at_the_end_or_by_the_block(self, ledger):
        with query(ledger) as rows:
            assert next(iter(rows))["state"] == "done"
        with pytest.raises(sqlite3.ProgrammingError, match="closed"):
            rows._connection.execute("SELECT 1")
        with query(ledger) as rows:
            for row in (reading := iter(rows)):
                assert row["state"] == "done"
                break
        reading.close()  # what was not read is let go without a complaint
        rows = query(ledger)
        assert len(list(rows)) == 6
        with pytest.raises(sqlite3.ProgrammingError, match="closed"):
            rows._connection.execute("SELECT 1")


class TestHostileQuestions:
    @pytest.mark.parametrize(
        "expression",
        [
            "(select value from setting) is not null",
            "(select count(*) from file) > 0",
            "exists (select stem from series)",
            "exists (select name from sqlite_master)",
            "exists (select * from pragma_table_info('file'))",
            "exists (with archive as (select * from setting) select * from archive)",
            "(with recursive c(x) as (select 1 union all select x + 1 from c) select x from c)",
            "load_extension('evil')",
            "load_extension('evil', 'init')",
            "randomblob(9) is null",
            "last_insert_rowid() = 0",
            "sqlite_version() = ''",
        ],
    )
    def test_what_is_beyond_the_view_is_refused(self, ledger, expression):
        with pytest.raises(QueryError, match="may not be asked"):
            count(ledger, expression)

    @pytest.mark.parametrize(
        ("expression", "reason"),
        [
            ("1) union select value from setting --", "parentheses do not match"),
            ("1) or (1", "parentheses do not match"),
            ("((1)", "parentheses do not match"),
            ("1 -- comment", "comments"),
            ("1 /* comment", "comments"),
            ("1; drop table file", "no statements"),
            ("attach 'x' as y", "syntax error"),
            ("pragma journal_mode = delete", "syntax error"),
            ("delete from file", "syntax error"),
            ("1 limit 1", "syntax error"),
            ("1 union select 1", "syntax error"),
            ("'CT", "quote is opened"),
            ("modality = ?", "no parameters"),
            ("modality = :name", "no parameters"),
            ("path = '\0'", "no text"),
            ("path = '\ud800'", "no text"),
            ("(1, 2)", "row value"),
            ("readfile('/etc/passwd')", "no such function"),
            ("(" * 5000 + "1" + ")" * 5000, "overflow"),
            ("1" + " or 1" * 100_000, "too big|too large"),
            ("not" * 2 + " modality", "syntax error|no such column"),
        ],
    )
    def test_what_is_no_condition_is_refused(self, ledger, expression, reason):
        with pytest.raises(QueryError, match=reason):
            count(ledger, expression)

    def test_value_of_a_gigabyte_is_not_made(self, ledger):
        with pytest.raises(QueryError, match="too big"):
            count(ledger, "length(replace(replace(hex(printf('%.*c', 900000, 'x')),"
                          " '7', 'xxxxxxxx'), 'x', 'xxxxxxxx')) > 0")  # fmt: skip

    def test_unknown_column_names_those_there_are(self, ledger):
        for expression in ("rowss = 512", 'modality = "CT"', "modality = CT"):
            with pytest.raises(QueryError) as caught:
                query(ledger, expression)
            assert "modality, study_date" in str(caught.value)
            assert "single quotes" in str(caught.value)

    def test_unknown_columns_and_orders_are_refused(self, ledger):
        for options in (
            {"columns": ["path", "nothing"]},
            {"columns": ['path", (select value from setting) --']},
            {"sort": "nothing desc"},
            {"sort": "path; drop table file"},
            {"sort": "path upwards"},
            {"limit": -1},
        ):
            with pytest.raises(QueryError):
                query(ledger, **options)

    def test_ledger_stays_as_it_was(self, ledger):
        before = ledger.read_bytes()
        for expression in ("1; delete from file", "1) ; delete from file where (1"):
            with pytest.raises(QueryError):
                count(ledger, expression)
        assert ledger.read_bytes() == before

    def test_ctrl_c_ends_a_question_that_takes_for_ever(self, ledger):
        with LedgerBuilderOf(ledger) as connection:
            connection.executemany(
                "INSERT INTO series (content, series_uid, place_id, stem, state)"
                " VALUES ('images', ?, 0, ?, 'found')",
                [(f"9.{number}", f"s/{number}") for number in range(3000)],
            )
        endless = "(select count(*) from archive a, archive b, archive c, archive d) < 0"
        timer = threading.Timer(0.3, _thread.interrupt_main)
        timer.start()
        start = time.monotonic()
        with pytest.raises(KeyboardInterrupt):
            count(ledger, endless)
        assert time.monotonic() - start < 60
        timer.join()


class LedgerBuilderOf:
    """A connection that commits at the end of the block."""

    def __init__(self, ledger: Path) -> None:
        self.connection = open_ledger(ledger)

    def __enter__(self) -> sqlite3.Connection:
        self.connection.execute("BEGIN IMMEDIATE")
        return self.connection

    def __exit__(self, *_: object) -> None:
        self.connection.execute("COMMIT")
        self.connection.close()


def count_as_nobody(ledger: Path) -> str:
    """The rows of a ledger, asked by a user who is not root: root may write anywhere."""
    code = (
        "import os, sys; from pathlib import Path; from dicube.archive.query import count\n"
        "if os.geteuid() == 0: os.setresuid(65534, 65534, 65534)\n"
        "print(count(Path(sys.argv[1])))"
    )
    command = [sys.executable, "-c", code, str(ledger)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def test_reader_that_ends_early_and_ctrl_c_end_the_program_quietly(tmp_path: Path) -> None:
    ledger = small_ledger(tmp_path / "archive.sqlite")
    with LedgerBuilderOf(ledger) as connection:
        connection.executemany(
            "INSERT INTO series (content, series_uid, place_id, stem, state)"
            " VALUES ('images', ?, 0, ?, 'found')",
            [(f"9.{number}", f"s/{number}") for number in range(5000)],
        )
    program = [sys.executable, "-m", "dicube", "query", str(ledger)]
    with subprocess.Popen(
        [*program, "--format", "csv"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout.readline().startswith('"series_uid"')
        process.stdout.close()
        assert process.stderr.read() == ""
    endless = "(select count(*) from archive a, archive b, archive c, archive d) < 0"
    code = (
        "import signal, sys, threading, os; from dicube.cli import main\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"  # a shell may ignore it
        "threading.Timer(1, os.kill, (os.getpid(), signal.SIGINT)).start()\n"
        "sys.argv = ['dicube', *sys.argv[1:]]; main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, "query", str(ledger), endless, "--count"],
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "error: interrupted\n")


class TestOtherFiles:
    def test_no_ledger_is_said(self, tmp_path):
        with pytest.raises(MetaDataError, match="no such ledger"):
            query(tmp_path / "nothing.sqlite")
        (tmp_path / "text.sqlite").write_text("no database " * 100)
        with pytest.raises(DataConsistencyError, match="no ledger"):
            query(tmp_path / "text.sqlite")

    def test_ledger_in_a_folder_that_may_not_be_written_is_read(self):
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            ledger = small_ledger(folder / "archive.sqlite")
            ledger.chmod(0o644)  # its owner lets others read it
            folder.chmod(0o555)
            try:
                assert count_as_nobody(ledger) == "6"
                writer = LedgerBuilderOf(ledger) if os.geteuid() == 0 else nullcontext()
                with writer:  # now there is a log
                    assert count_as_nobody(ledger) == "6"
            finally:
                folder.chmod(0o755)

    def test_damaged_ledger_is_said(self, ledger):
        data = bytearray(ledger.read_bytes())
        for page in range(1, len(data) // 4096):  # the first one says that it is a ledger
            data[page * 4096 : page * 4096 + 64] = b"\xa5" * 64
        ledger.write_bytes(data)
        for ask in (count, summary, lambda path: list(duplicates(path))):
            with pytest.raises(DataConsistencyError, match="cannot be read"):
                ask(ledger)


class TestDocument:
    """The examples of docs/ledger.md."""

    def test_commands_run(self, ledger, monkeypatch):
        monkeypatch.chdir(ledger.parent)
        commands = re.findall(r"^dicube (query .*?)\s*(?:#.*)?$", DOCUMENT, re.MULTILINE)
        assert len(commands) >= 11
        for command in commands:
            result = CliRunner().invoke(app, shlex.split(command))
            assert result.exit_code == 0, f"{command}: {result.output}"

    def test_python_runs(self, ledger, monkeypatch, capsys):
        monkeypatch.chdir(ledger.parent)
        (example,) = [
            text
            for text in re.findall(r"^```python\n(.*?)^```", DOCUMENT, re.DOTALL | re.MULTILINE)
            if "dicube" in text
        ]  # fmt: skip
        exec(compile(example, "ledger.md", "exec"), {})
        assert capsys.readouterr().out == "p/1.2.dcbs 2000\np/1.1.dcbs 1000\n"

    def test_sql_runs(self, ledger):
        (example,) = re.findall(r"^```sql\n(.*?)^```", DOCUMENT, re.DOTALL | re.MULTILINE)
        connection = open_ledger(ledger)
        for statement in filter(str.strip, example.split(";\n")):
            connection.execute(statement).fetchall()
        connection.close()


class TestWhileItIsWritten:
    def test_answer_is_that_of_its_moment_and_stops_nobody(self, ledger):
        with query(ledger, "content = 'cube'") as rows:
            reading = iter(rows)
            next(reading)
            with LedgerBuilderOf(ledger) as writing:
                writing.execute("UPDATE output SET modality = 'XX'")
                writing.execute("DELETE FROM output WHERE path = 'p/2.1_2.dcbs'")
            assert [row["modality"] for row in reading] == ["CT", "MR", "MR"]
        assert count(ledger, "modality = 'XX'") == 4

    def test_open_transaction_of_another_is_not_waited_for_nor_seen(self, ledger):
        with LedgerBuilderOf(ledger) as writing:
            writing.execute("UPDATE output SET modality = 'XX'")
            assert count(ledger, "modality = 'XX'") == 0
            assert summary(ledger).series == {"done": 4, "failed": 1}


class TestFileLists:
    def test_duplicates_say_where_they_are_stored(self, ledger):
        (row,) = duplicates(ledger)
        assert row == {
            "file": "/data/in/copy.dcm", "bytes": 500, "same_as": "/data/in/1-0.dcm",
            "output": "p/1.1.dcbs", "position": 0,
        }  # fmt: skip

    def test_failures_are_those_of_files_of_series_and_of_places(self, ledger):
        found = {(row["file"], row["what"], row["reason"]) for row in failures(ledger)}
        assert found == {
            ("/data/in/short.dcm", "file", "ends after 120 bytes"),
            ("/data/in/short2.dcm", "file", "ends after 77 bytes"),
            ("/data/in/pet.dcm", "series", "frame 7: Rows is 0"),
            ("/data/bad.zip", "place", "encrypted"),
            ("/data/in/link.dcm", "left", "a link"),
        }

    def test_differences_are_instances_of_one_uid_with_other_bytes(self, ledger):
        found = [(row["sop_uid"], row["digest"], row["output"]) for row in differences(ledger)]
        assert found == [("2.1.0", "m1", "p/2.1_1.dcbs"), ("2.1.0", "m2", "p/2.1_2.dcbs")]

    def test_paths_of_roots_and_of_whole_containers_are_right(self, tmp_path):
        with LedgerBuilder(tmp_path / "a.sqlite") as builder:
            top = builder.place(builder.root("/"))
            builder.file(top, "a.dcm", "failed", reason="r")
            url = builder.root("https://host/data/", "other")
            builder.file(builder.place(url, "x/bad.zip"), "", "failed", reason="r")
        assert [row["file"] for row in failures(tmp_path / "a.sqlite")] == [
            "/a.dcm", "https://host/data/x/bad.zip",
        ]  # fmt: skip


class TestSummary:
    def test_counts_states_and_bytes(self, ledger):
        found = summary(ledger)
        assert found.series == {"done": 4, "failed": 1}
        assert found.files["stored"] == (9, 9000)
        assert [tuple(share) for share in found.shares] == [
            ("MR", 2, 6, 6000, 2000, 0), ("CT", 2, 6, 6000, 3000, 0), ("files", 1, 1, 10, 9, 0),
        ]  # fmt: skip
        assert found.total == ("all", 5, 13, 12010, 5009, 0)
        assert found.total.ratio == 2.398

    def test_empty_ledger_has_no_ratio(self, tmp_path):
        open_ledger(tmp_path / "a.sqlite", create=True).close()
        found = summary(tmp_path / "a.sqlite")
        assert found.total == ("all", 0, 0, 0, 0, 0)
        assert found.total.ratio is None


class TestExport:
    def test_json_holds_every_value(self, ledger, tmp_path):
        assert write_answer(query(ledger), tmp_path / "a.json") == 6
        assert json.loads((tmp_path / "a.json").read_text()) == list(query(ledger))
        assert write_answer(query(ledger, "0"), tmp_path / "b.json") == 0
        assert json.loads((tmp_path / "b.json").read_text()) == []

    def test_csv_guards_formulas_if_asked(self, ledger, tmp_path):
        for is_guarded, expected in ((False, '"=1+1"'), (True, '"\'=1+1"')):
            answer = query(ledger, "rows = 512", columns=["study_description", "rows", "error"])
            write_answer(answer, tmp_path / "a.csv", guard_formulas=is_guarded)
            lines = (tmp_path / "a.csv").read_text().splitlines()
            assert lines == ['"study_description","rows","error"', f"{expected},512,"]

    def test_parquet_has_types_and_row_groups(self, tmp_path, monkeypatch):
        parquet = pytest.importorskip("pyarrow.parquet", reason="pyarrow is not installed")
        monkeypatch.setattr("dicube.archive.row_export._GROUP_ROWS", 4)
        path = small_ledger(tmp_path / "a.sqlite")
        assert write_answer(query(path), tmp_path / "a.parquet") == 6
        assert parquet.ParquetFile(tmp_path / "a.parquet").num_row_groups == 2
        table = parquet.read_table(tmp_path / "a.parquet")
        assert table.to_pylist() == list(query(path))
        types = {field.name: str(field.type) for field in table.schema}
        assert (types["rows"], types["ratio"], types["series_uid"]) == ("int64", "double", "string")

    def test_text_in_a_column_of_numbers_is_no_parquet(self, ledger, tmp_path):
        pytest.importorskip("pyarrow", reason="pyarrow is not installed")
        with LedgerBuilderOf(ledger) as connection:
            connection.execute("UPDATE output SET series_number = 'seven' WHERE rows = 512")
        with pytest.raises(DataConsistencyError, match="holds text"):
            write_answer(query(ledger), tmp_path / "a.parquet")
        assert list(tmp_path.glob("*.parquet")) == []
        assert write_answer(query(ledger), tmp_path / "a.csv") == 6

    def test_other_suffix_is_refused(self, ledger, tmp_path):
        with pytest.raises(DataConsistencyError, match="are written as"):
            write_answer(query(ledger), tmp_path / "a.xlsx")
