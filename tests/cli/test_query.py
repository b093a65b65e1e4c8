"""`dicube query`: rows, lists and the summary on the terminal and in files, and what is refused."""

import json
from pathlib import Path

import pytest

from tests.archive.ledgers import small_ledger
from tests.cli.runs import misused, ok, refused


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    return small_ledger(tmp_path / "archive.sqlite")


def test_rows_are_a_table(ledger: Path) -> None:
    printed = ok("query", ledger, "rows = 512", "--columns", "path, rows,ratio")
    assert printed == "path        rows  ratio\np/1.1.dcbs   512      3\n1 row\n"
    assert ok("query", ledger, "rows = 1") == "0 rows\n"


def test_all_rows_with_the_usual_columns_are_the_default(ledger: Path) -> None:
    heading, *rows = ok("query", ledger).splitlines()
    assert heading.split() == [
        "path", "modality", "rows", "columns", "slices", "files", "source_bytes", "bytes", "ratio",
        "state",
    ]  # fmt: skip
    assert rows[-1] == "6 rows"


def test_json_and_csv_have_every_column(ledger: Path) -> None:
    (row,) = json.loads(ok("query", ledger, "rows = 512", "--format", "json"))
    assert row["patient_id"] == "Secret-1"
    assert len(row) == 37
    heading, line = ok("query", ledger, "rows = 512", "--format", "csv").splitlines()
    assert heading.count(",") == line.count(",") == 36


def test_count_sort_and_limit(ledger: Path) -> None:
    assert ok("query", ledger, "modality = 'MR'", "--count") == "2\n"
    options = ("--columns", "path", "--sort", "bytes desc", "--limit", 1)
    assert ok("query", ledger, *options).splitlines()[1] == "p/1.2.dcbs"


def test_rows_are_written_and_replaced_only_if_asked(ledger: Path, tmp_path: Path) -> None:
    out = tmp_path / "found.csv"
    assert ok("query", ledger, "rows = 512", "--output", out) == f"{out}: 1 row\n"
    before = out.read_text()
    assert "exists already" in refused(4, "query", ledger, "--output", out)
    assert out.read_text() == before
    ok("query", ledger, "--output", out, "--overwrite")
    assert out.read_text() != before


def test_summary_names_states_modalities_and_ratios(ledger: Path) -> None:
    lines = ok("query", ledger, "--summary").splitlines()
    assert lines[0] == "series  done: 4, failed: 1"
    assert lines[-1].split() == ["all", "5", "13", "12.0", "kB", "5.0", "kB", "2.40"]
    found = json.loads(ok("query", ledger, "--summary", "--format", "json"))
    assert found["total"]["ratio"] == 2.398


@pytest.mark.parametrize(
    ("option", "rows", "word"),
    [("--duplicates", 1, "copy.dcm"), ("--failures", 5, "frame 7"), ("--differences", 2, "2.1.0")],
)
def test_lists_are_printed_and_written(
    ledger: Path, tmp_path: Path, option: str, rows: int, word: str
) -> None:
    printed = ok("query", ledger, option)
    assert word in printed
    assert printed.endswith(f"{rows} row{'s' if rows > 1 else ''}\n")
    ok("query", ledger, option, "--output", tmp_path / "list.json")
    assert len(json.loads((tmp_path / "list.json").read_text())) == rows


def test_control_characters_reach_no_terminal(ledger: Path) -> None:
    import sqlite3

    connection = sqlite3.connect(ledger)
    connection.execute("UPDATE output SET path = 'p/\x1b[31m.dcbs' WHERE rows = 512")
    connection.commit()
    connection.close()
    assert "\\x1b[31m" in ok("query", ledger)


def test_wrong_questions_are_wrong_usage(ledger: Path) -> None:
    assert "columns are series_uid" in misused("query", ledger, "rowss = 512")
    assert "may not be asked" in misused("query", ledger, "(select 1 from file)")
    assert "is no order" in misused("query", ledger, "--sort", "bytes up")
    assert "there is no column" in misused("query", ledger, "--columns", "path,nothing")
    assert ".parquet" in misused("query", ledger, "--output", "a.xlsx")


@pytest.mark.parametrize(
    "options",
    [
        ("--summary", "--count"), ("--failures", "--duplicates"), ("rows = 1", "--summary"),
        ("rows = 1", "--failures"), ("--differences", "--limit", "3"),
        ("--count", "--sort", "path"),
        ("--summary", "--output", "a.csv"), ("--summary", "--format", "csv"),
    ],
)  # fmt: skip
def test_options_that_would_do_nothing_are_refused(ledger: Path, options: tuple[str, ...]) -> None:
    misused("query", ledger, *options)


def test_no_ledger_is_an_error_of_the_input(tmp_path: Path) -> None:
    assert "no such ledger" in refused(3, "query", tmp_path / "nothing.sqlite")
