"""`dicube scan`."""

import json
import sys

import numpy as np
import pyarrow.parquet
import pytest

from tests.cli.runs import misused, refused, run
from tests.dicom.made import write_slice


@pytest.fixture
def tree(tmp_path):
    root = tmp_path / "tree"
    (root / "one").mkdir(parents=True)
    for number in range(3):
        values = {"InstanceNumber": number, "PatientName": "Verysecret"}
        write_slice(root / "one" / f"{number}.dcm", values, np.zeros((6, 4), np.uint16))
    (root / "notes.txt").write_text("no DICOM")
    return root


def printed(*arguments) -> tuple[list[str], str]:
    """Lines on stdout, and stderr, of a command that has to succeed."""
    result = run("scan", *arguments)
    assert result.exit_code == 0, result.output
    assert "Verysecret" not in result.output
    return result.stdout.splitlines(), result.stderr


def test_table_has_a_line_for_each_series(tree):
    lines, said = printed(tree)
    assert len(lines) == 2
    assert lines[0].split()[:3] == ["modality", "shape", "axes"]
    for word in ("CT", "3 x 6 x 4", "3 files", "1.2.3", str(tree / "one")):
        assert word in lines[1]
    assert said == "1 series, 1 volume set, 0 damaged files, 1 file without an image\n"


def test_json_has_one_object_a_line(tree):
    lines, _ = printed(tree, "--format", "json")
    (row,) = map(json.loads, lines)
    assert row["shape"] == [3, 6, 4]
    assert row["status"] == row["findings"][0]["status"]
    assert row["folder"] == str(tree / "one")


def test_files_that_are_left_out_are_listed_on_request(tree):
    _, said = printed(tree, "--left-out")
    assert f"{tree / 'notes.txt'}: no DICOM file" in said


@pytest.mark.parametrize("name", ["x.jsonl", "x.parquet"])
def test_file_has_the_same_rows(tree, tmp_path, name):
    lines, _ = printed(tree, "--format", "json")
    nothing, _ = printed(tree, "--out", tmp_path / name)
    assert nothing == []
    if name.endswith("parquet"):
        rows = pyarrow.parquet.read_table(tmp_path / name).to_pylist()
    else:
        rows = [json.loads(line) for line in (tmp_path / name).read_text().splitlines()]
    assert rows == [json.loads(line) for line in lines]
    assert "--overwrite" in refused(4, "scan", tree, "--out", tmp_path / name)
    printed(tree, "--out", tmp_path / name, "--overwrite")


def test_other_suffixes_are_wrong_usage(tree, tmp_path):
    assert ".parquet" in misused("scan", tree, "--out", tmp_path / "x.csv")


def test_missing_folder_is_refused(tmp_path):
    assert "no such folder" in refused(3, "scan", tmp_path / "nothing")


def test_missing_extra_is_named(tree, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    assert "dicube[tables]" in refused(6, "scan", tree, "--out", tmp_path / "x.parquet")
