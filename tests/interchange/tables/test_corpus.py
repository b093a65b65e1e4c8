"""Every cell of every series of the test data, in the workbook too, as pydicom reads it."""

import warnings
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pydicom
import pytest

from dicube.interchange.tables import MetadataTables, metadata_tables, templates
from tests.interchange.tables import oracle
from tests.series import ALL_FOLDERS, DATA, requires_data

openpyxl = pytest.importorskip("openpyxl", reason="openpyxl is not installed (extra tables)")
pytest.importorskip("pandas", reason="pandas is not installed (extra tables)")

pytestmark = requires_data

# Files that are no DICOM for us, or cut short.
LEFT_OUT = {
    "README.md": "no DICOM file",
    ".hidden": "no DICOM file",
    "empty.dcm": "a DICOM preamble and nothing else",
    "meta.json": "no DICOM file",
    "preamble_only.dcm": "a DICOM preamble and nothing else",
    "random.dcm": "no DICOM file",
    "readme.txt": "no DICOM file",
    "view.png": "no DICOM file",
    "no_meta.dcm": "no DICOM file",
}
DAMAGED = {
    "broken_truncated_header/IM002.dcm",
    "broken_truncated_pixels/IM004.dcm",
    "odd_MR_truncated/MR_truncated.dcm",
    "odd_emri_small_jpeg_2k_lossless_too_short/emri_small_jpeg_2k_lossless_too_short.dcm",
}
COLUMNS = {
    modality: template
    for template in templates().values()
    for modality in template.modalities or [""]
}


@pytest.fixture(scope="module")
def tables() -> MetadataTables:
    return metadata_tables(DATA)


@pytest.fixture(scope="module")
def sheets(tables: MetadataTables, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Rows of the workbook by sheet, as dictionaries."""
    (path,) = tables.write(tmp_path_factory.mktemp("corpus") / "corpus.xlsx")
    workbook = openpyxl.load_workbook(path, read_only=True)
    found = {}
    for sheet in workbook:
        names, *rows = sheet.iter_rows(values_only=True)
        found[sheet.title] = [dict(zip(names, row, strict=True)) for row in rows]
    workbook.close()
    return found


@pytest.fixture
def tolerant() -> Iterator[None]:
    """pydicom that reads odd files, too."""
    settings = pydicom.config.settings
    before = settings.reading_validation_mode
    settings.reading_validation_mode = pydicom.config.IGNORE
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
    settings.reading_validation_mode = before


def test_every_file_has_a_row_or_a_reason(tables: MetadataTables) -> None:
    names = zip(tables.instances.Folder, tables.instances.File, strict=True)
    rows = {str(Path(folder, name)) for folder, name in names}
    left_out = {str(path) for path, _ in (*tables.left_out, *tables.damaged)}
    files = {str(path) for path in DATA.rglob("*") if path.is_file()}
    assert rows | left_out == files
    assert not rows & left_out
    assert {path.name: reason for path, reason in tables.left_out} == LEFT_OUT
    assert {path.relative_to(DATA).as_posix() for path, _ in tables.damaged} == DAMAGED


@pytest.mark.parametrize("name", ALL_FOLDERS)
@pytest.mark.usefixtures("tolerant")
def test_cells_of_instances_are_those_of_pydicom(name: str, sheets: dict[str, Any]) -> None:
    rows = [r for r in sheets["DICOM_Metadata"] if Path(r["Folder"]).is_relative_to(DATA / name)]
    assert rows or name in ("odd_no_meta", "odd_MR_truncated") or "too_short" in name
    for row in rows:
        for column, expected in expected_cells(path_of(row), row["Modality"])[1].items():
            assert same(row[column], expected), (row["File"], column)


@pytest.mark.usefixtures("tolerant")
def test_cells_of_series_are_those_of_their_files(sheets: dict[str, Any]) -> None:
    by_series: dict[int, list[dict[str, Any]]] = {}
    for row in sheets["DICOM_Metadata"]:
        by_series.setdefault(row["Series"], []).append(row)
    assert [row["Series"] for row in sheets["Series_Summary"]] == list(by_series)
    for summary in sheets["Series_Summary"]:
        rows = by_series[summary["Series"]]
        assert summary["Instances"] == len(rows)
        files = [expected_cells(path_of(row), row["Modality"]) for row in rows]
        assert len({cells.get("SeriesInstanceUID") for _, cells in files}) == 1
        if len(files) > 1 and any(is_multi_frame for is_multi_frame, _ in files):
            continue  # then frames of all files are listed together
        for name, column in columns_of(row["Modality"] for row in rows).items():
            if not column.in_summary:
                continue
            expected = oracle.joined([cells.get(name) for _, cells in files])
            assert same(summary[name], expected), (summary["Folder"], name)
    assert "SOPInstanceUID" not in summary


def path_of(row: dict[str, Any]) -> Path:
    return Path(row["Folder"], row["File"])


@cache
def expected_cells(path: Path, modality: str) -> tuple[bool, dict[str, oracle.Cell]]:
    """Whether a file has frames of its own, and its cells by column."""
    header = oracle.read_header(path)
    cells = {name: oracle.cell(header, c) for name, c in columns_of([modality]).items()}
    return "PerFrameFunctionalGroupsSequence" in header, cells


def columns_of(modalities: Iterable[str]) -> dict[str, Any]:
    return {c.name: c for m in modalities for c in COLUMNS.get(m, COLUMNS[""]).columns}


def same(found: Any, expected: Any) -> bool:
    """Numbers are the same number and no text; a workbook has one kind of number."""
    if isinstance(expected, (int, float)) and not isinstance(found, str):
        return found is not None and float(found) == float(expected)
    return type(found) is type(expected) and found == expected
