"""Workbooks, CSV and Parquet: every cell comes back, nothing is cut, and no text is a formula."""

import csv
from pathlib import Path
from typing import Any

import pytest

from dicube.exceptions import DataConsistencyError
from dicube.interchange.tables import MetadataTables, writing
from dicube.interchange.tables.data_frame import data_frame

pd = pytest.importorskip("pandas", reason="pandas is not installed (extra tables)")
openpyxl = pytest.importorskip("openpyxl", reason="openpyxl is not installed (extra tables)")
parquet = pytest.importorskip("pyarrow.parquet", reason="pyarrow is not installed (extra tables)")

TEXTS = [
    "=1+1", "+1", "-1", "@SUM(A1)", "http://example.org", "000123", "1e5", "TRUE", "2020-01-01",
    " leading and trailing ",
    "two\nlines", "back\\slash", 'quo"te', "com,ma", "轴位T1加权", "Ä^Ö=ü",
    "_x0041_", "tab\there", "bell\x07", "carriage\rreturn", "x" * 32767, "😀",
]  # fmt: skip
NUMBERS = [0.1 + 0.2, 29.769628200000003, 1e-300, -0.0, 5e-324, 1.7976931348623157e308, 1 / 3, 2.0]
INTEGERS = [0, -1, 2**53, 2**53 + 1, 2**63 - 1]


def tables(**columns: list[Any]) -> MetadataTables:
    length = max(map(len, columns.values()))
    padded = {name: cells + [None] * (length - len(cells)) for name, cells in columns.items()}
    records = [dict(zip(padded, row, strict=True)) for row in zip(*padded.values(), strict=True)]
    frame = data_frame(records, list(padded))
    return MetadataTables(frame, frame.head(1), None)


@pytest.fixture
def many() -> MetadataTables:
    return tables(text=TEXTS, number=NUMBERS, integer=INTEGERS, mixed=["a", 1, 2.5, None])


def read_workbook(path: Path, sheet: str = "DICOM_Metadata") -> list[tuple[Any, ...]]:
    workbook = openpyxl.load_workbook(path)
    rows = list(workbook[sheet].iter_rows())
    assert all(cell.data_type != "f" for row in rows for cell in row)
    assert not any(cell.hyperlink for row in rows for cell in row)
    return [tuple(cell.value for cell in row) for row in rows]


def with_controls(text: str) -> str:
    """Control characters, which XML has not, as spreadsheets read them (ECMA-376-1 22.9.2.19)."""
    return text.replace("_x0007_", "\x07").replace("_x000D_", "\r")


def test_a_workbook_gives_every_cell_back(many: MetadataTables, tmp_path: Path) -> None:
    (path,) = many.write(tmp_path / "a.xlsx")
    names, *rows = read_workbook(path)
    assert names == ("text", "number", "integer", "mixed")
    columns = list(zip(*rows, strict=True))
    assert list(map(with_controls, columns[0])) == TEXTS
    assert [type(cell) for cell in columns[1][: len(NUMBERS)]].count(str) == 0
    assert list(map(float, columns[1][: len(NUMBERS)])) == NUMBERS
    # A workbook has 64-bit floats: an integer that is none stays text.
    assert list(columns[2][: len(INTEGERS)]) == [0, -1, 2**53, str(2**53 + 1), str(2**63 - 1)]
    assert columns[3][:4] == ("a", 1, 2.5, None)
    assert set(columns[1][len(NUMBERS) :]) == {None}


def test_csv_gives_every_cell_back_and_tells_text_from_numbers(
    many: MetadataTables, tmp_path: Path
) -> None:
    paths = many.write(tmp_path / "a.csv")
    assert [path.name for path in paths] == ["a.DICOM_Metadata.csv", "a.Series_Summary.csv"]
    with open(paths[0], newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["text"] for row in rows] == TEXTS
    assert [float(row["number"]) for row in rows[: len(NUMBERS)]] == NUMBERS
    assert [int(row["integer"]) for row in rows[: len(INTEGERS)]] == INTEGERS
    first = paths[0].read_text(encoding="utf-8").splitlines()[1]
    assert first == '"=1+1",0.30000000000000004,0,"a"'
    frame = pd.read_csv(paths[0], dtype={"text": str}, keep_default_na=False)
    assert frame.text.iloc[5] == "000123"


def test_csv_can_be_guarded_for_spreadsheets(many: MetadataTables, tmp_path: Path) -> None:
    path, _ = many.write(tmp_path / "a.csv", guard_formulas=True)
    with open(path, newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["text"] for row in rows[:6]] == [
        "'=1+1", "'+1", "'-1", "'@SUM(A1)", "http://example.org", "000123",
    ]  # fmt: skip
    assert rows[1]["integer"] == "-1"


def test_parquet_keeps_types_and_values(many: MetadataTables, tmp_path: Path) -> None:
    path, _ = many.write(tmp_path / "a.parquet")
    table = parquet.read_table(path)
    assert list(map(str, table.schema.types)) == ["string", "double", "int64", "string"]
    columns = table.to_pydict()
    assert columns["text"] == TEXTS
    assert columns["number"][: len(NUMBERS)] == NUMBERS
    assert columns["integer"][: len(INTEGERS)] == INTEGERS
    assert columns["mixed"][:4] == ["a", "1", "2.5", None]


def test_a_text_too_long_for_a_cell_is_refused_and_named(tmp_path: Path) -> None:
    found = tables(Short=["a", "b"], CSA=["", "x" * 32768])
    with pytest.raises(DataConsistencyError, match="CSA in row 2 of DICOM_Metadata has 32768 char"):
        found.write(tmp_path / "a.xlsx")
    assert list(tmp_path.iterdir()) == []
    assert len(found.write(tmp_path / "a.csv")) == 2


def test_too_many_columns_are_refused(tmp_path: Path) -> None:
    frame = pd.DataFrame([range(16385)])
    found = MetadataTables(frame, frame, None)
    with pytest.raises(DataConsistencyError, match="16385 columns"):
        found.write(tmp_path / "a.xlsx")
    assert list(tmp_path.iterdir()) == []


def test_a_table_longer_than_a_sheet_goes_on_in_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writing, "MAX_ROWS", 4)
    (path,) = tables(number=list(range(7))).write(tmp_path / "a.xlsx")
    workbook = openpyxl.load_workbook(path)
    assert workbook.sheetnames[:3] == ["DICOM_Metadata", "DICOM_Metadata_2", "DICOM_Metadata_3"]
    found = [
        [row[0] for row in workbook[name].iter_rows(values_only=True)]
        for name in workbook.sheetnames[:3]
    ]
    assert found == [["number", 0, 1, 2], ["number", 3, 4, 5], ["number", 6]]


def test_the_limits_are_those_of_excel() -> None:
    assert (writing.MAX_ROWS, writing.MAX_COLUMNS, writing.MAX_CHARACTERS) == (
        2**20,
        2**14,
        2**15 - 1,
    )


@pytest.mark.parametrize("suffix", [".xlsx", ".csv", ".parquet"])
def test_files_that_are_there_are_replaced_only_if_asked(
    many: MetadataTables, suffix: str, tmp_path: Path
) -> None:
    first = many.write(tmp_path / f"a{suffix}")
    before = [path.read_bytes() for path in first]
    with pytest.raises(DataConsistencyError, match="exists already"):
        many.write(tmp_path / f"a{suffix}")
    assert [path.read_bytes() for path in first] == before
    assert many.write(tmp_path / f"a{suffix}", overwrite=True) == first
    assert sorted(tmp_path.iterdir()) == sorted(first)


def test_nothing_is_left_where_the_folder_is_missing(many: MetadataTables, tmp_path: Path) -> None:
    for suffix in (".xlsx", ".csv", ".parquet"):
        with pytest.raises(DataConsistencyError, match="cannot be written"):
            many.write(tmp_path / "missing" / f"a{suffix}")
    with pytest.raises(DataConsistencyError, match=r"\.xlsx, \.csv, \.parquet"):
        many.write(tmp_path / "a.xls")
    assert list(tmp_path.iterdir()) == []
