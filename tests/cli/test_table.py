"""`dicube table`: tables of a folder, templates and rules of a user, and what is refused."""

import csv
import json
import subprocess
import sys
from pathlib import Path

import pytest

from dicube import DicomCubeImage
from tests.cli.runs import PATIENT, misused, ok, refused, run

openpyxl = pytest.importorskip("openpyxl", reason="openpyxl is not installed (extra tables)")
pytest.importorskip("pandas", reason="pandas is not installed (extra tables)")


def test_a_folder_and_a_cube_become_one_workbook(folder: Path, cube: Path, tmp_path: Path) -> None:
    out = tmp_path / "a.xlsx"
    printed = ok("table", folder, cube, out)
    assert printed.splitlines() == [
        str(out), "8 instances, 2 series, 0 of them MR, 0 damaged files, 0 files that are no DICOM",
    ]  # fmt: skip
    sheet = openpyxl.load_workbook(out)["DICOM_Metadata"]
    names, *rows = sheet.iter_rows(values_only=True)
    assert len(rows) == 8
    assert {row[names.index("PatientName")] for row in rows} == {"Verysecret^Person"}


def test_templates_and_rules_of_a_user_are_taken(folder: Path, tmp_path: Path) -> None:
    template = json.loads(ok("table", "--print-template", "ct"))
    template["tags"] = ["Modality", "SeriesInstanceUID"]
    mine, rules = tmp_path / "mine.json", tmp_path / "rules.json"
    mine.write_text(json.dumps(template))
    rules.write_text(ok("table", "--print-mr-config"), encoding="utf-8")
    out = tmp_path / "a.csv"
    ok("table", folder, out, "--template", f"ct={mine}", "--mr-config", rules)
    lines = (tmp_path / "a.DICOM_Metadata.csv").read_text().splitlines()
    assert lines[0] == '"Series","Folder","File","Modality","SeriesInstanceUID"'
    assert len(lines) == 5


def test_damaged_files_are_always_said_and_others_if_asked(folder: Path, tmp_path: Path) -> None:
    whole = (sorted(folder.iterdir())[0]).read_bytes()
    (folder / "short.dcm").write_bytes(whole[:-9])
    (folder / "notes.txt").write_text("hello")
    result = run("table", folder, tmp_path / "a.parquet", "--left-out")
    assert result.exit_code == 0
    said = result.stderr.splitlines()
    assert [line.split(":")[0] for line in said] == [str(folder / "notes.txt"), "error"]
    assert "short.dcm" in said[1]
    assert "1 damaged file, 1 file that are no DICOM" in result.stdout
    assert not run("table", folder, tmp_path / "b.parquet").stderr.count("notes.txt")


def test_text_that_looks_like_a_formula_is_guarded_only_if_asked(
    small_image: DicomCubeImage, tmp_path: Path
) -> None:
    small_image.init_meta("CT", patient_name=PATIENT, patient_id="=1+1")
    small_image.to_dicom_folder(tmp_path / "series")

    def patients(out: str, *options: str) -> set[str]:
        ok("table", tmp_path / "series", tmp_path / f"{out}.csv", *options)
        with open(tmp_path / f"{out}.DICOM_Metadata.csv", newline="", encoding="utf-8") as file:
            return {row["PatientID"] for row in csv.DictReader(file)}

    assert patients("as_it_is") == {"=1+1"}
    assert patients("guarded", "--guard-formulas") == {"'=1+1"}


def test_what_is_there_is_replaced_only_if_asked(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "a.xlsx"
    out.write_text("mine")
    assert "exists already" in refused(4, "table", folder, out)
    assert out.read_text() == "mine"
    ok("table", folder, out, "--overwrite")


def test_wrong_input_is_refused(folder: Path, tmp_path: Path) -> None:
    assert "no such file or folder" in refused(3, "table", tmp_path / "no", tmp_path / "a.xlsx")
    broken = tmp_path / "broken.json"
    broken.write_text('{"tags": ["EchoTym"]}')
    line = refused(3, "table", folder, tmp_path / "a.xlsx", "--template", f"ct={broken}")
    assert "broken.json, tags[0]: 'EchoTym' is no tag" in line
    line = refused(3, "table", folder, tmp_path / "a.xlsx", "--mr-config", broken)
    assert "broken.json" in line
    assert "ours are" in refused(3, "table", "--print-template", "mri")


def test_wrong_usage_is_explained(folder: Path, tmp_path: Path) -> None:
    assert "name a source" in misused("table", folder)
    assert "it comes last" in misused("table", folder, tmp_path / "out")
    assert "NAME=FILE" in misused("table", folder, tmp_path / "a.xlsx", "--template", "mr")


def test_the_help_loads_no_optional_package() -> None:
    code = (
        "import sys; from typer.testing import CliRunner; from dicube.cli import app;"
        "r = CliRunner().invoke(app, ['table', '--help']); assert r.exit_code == 0;"
        "print([m for m in ('pandas', 'xlsxwriter', 'pyarrow', 'jsonschema') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
