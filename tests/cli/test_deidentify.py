"""`dicube deidentify`: files, keys, reports and what it refuses."""

import json
from pathlib import Path

import pytest

import dicube
from dicube import DicomCubeImage
from tests.cli.runs import PATIENT, misused, ok, refused
from tests.leaks import readable_bytes


@pytest.mark.parametrize("source", ["folder", "cube"])
def test_a_clean_cube_file_and_what_was_done(
    source: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    out, report = tmp_path / "clean.dcbs", tmp_path / "report.json"
    printed = ok(
        "deidentify", request.getfixturevalue(source), out,
        "--key-file", tmp_path / "key", "--report", report,
    )  # fmt: skip
    assert "Basic Application Confidentiality Profile" in printed
    assert "look at the pixels" in printed
    assert "nobody looked at them" in printed
    data = readable_bytes(out) + report.read_bytes() + printed.encode()
    assert b"Verysecret" not in data
    assert b"verysecret" not in data
    rows = {row["keyword"]: row for row in json.loads(report.read_text())["rows"]}
    assert rows["SOPInstanceUID"]["action"] == "mapped"
    assert rows["SOPInstanceUID"]["values"] == 4


def test_a_folder_of_dicom_files(cube: Path, tmp_path: Path) -> None:
    ok("deidentify", cube, tmp_path / "clean", "--patient-id", "S-1", "--patient-name", "Doe^Jane")
    files = sorted((tmp_path / "clean").iterdir())
    assert [path.name for path in files] == [f"{number:05d}.dcm" for number in range(1, 5)]
    assert not any(b"erysecret" in path.read_bytes() for path in files)
    meta = DicomCubeImage.from_dicom_folder(tmp_path / "clean").dicom_meta
    assert meta is not None
    assert meta.get("PatientID") == "S-1"
    assert meta.get("PatientName") == {"Alphabetic": "Doe^Jane"}


@pytest.mark.parametrize("suffix", ["nii.gz", "npz", "zarr", "dcba"])
def test_other_formats(cube: Path, tmp_path: Path, suffix: str) -> None:
    ok("deidentify", cube, tmp_path / f"clean.{suffix}")
    files = (
        tmp_path.glob(f"clean.{suffix}/**/*")
        if suffix == "zarr"
        else [tmp_path / f"clean.{suffix}"]
    )
    assert not any(b"erysecret" in path.read_bytes() for path in files if path.is_file())


def test_one_key_links_series_and_another_does_not(cube: Path, tmp_path: Path) -> None:
    studies = []
    for number, key in enumerate(("a", "a", "b")):
        out = tmp_path / f"{number}.dcbs"
        ok("deidentify", cube, out, "--key-file", tmp_path / key)
        meta = dicube.load_meta(out)
        studies.append((meta.get("StudyInstanceUID"), meta.get("PatientID")))
    assert studies[0] == studies[1]
    assert studies[0] != studies[2]


def test_options_keep_what_they_name(folder: Path, tmp_path: Path) -> None:
    source = DicomCubeImage.from_dicom_folder(folder).dicom_meta
    printed = ok("deidentify", folder, tmp_path / "c.dcbs", "--retain", "uids", "--retain", "dates")
    assert "Retain UIDs Option" in printed
    clean = dicube.load_meta(tmp_path / "c.dcbs")
    for tag in ("StudyInstanceUID", "SOPInstanceUID", "StudyDate"):
        assert clean.get(tag) == source.get(tag)


def test_a_list_of_private_elements_turns_the_option_on(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "list.txt").write_text("0019,xx0C SIEMENS MR HEADER\n")
    printed = ok("deidentify", folder, tmp_path / "c.dcbs", "--keep-private", tmp_path / "list.txt")
    assert "Retain Safe Private Option" in printed


def test_sources_and_existing_files_stay_as_they_are(
    folder: Path, cube: Path, tmp_path: Path
) -> None:
    before = cube.read_bytes()
    assert "is the source" in refused(4, "deidentify", cube, cube, "--overwrite")
    assert "is the source" in refused(4, "deidentify", folder, folder, "--overwrite")
    assert "exists already" in refused(4, "deidentify", folder, cube)
    assert cube.read_bytes() == before
    report = tmp_path / "report.json"
    report.write_text("mine")
    out = tmp_path / "clean.dcbs"
    assert "exists already" in refused(4, "deidentify", cube, out, "--report", report)
    assert (report.read_text(), out.exists()) == ("mine", False)


def test_mistakes_are_named_and_make_no_key(cube: Path, tmp_path: Path) -> None:
    key, out = tmp_path / "key", tmp_path / "clean.dcbs"
    assert "region" in misused("deidentify", cube, tmp_path / "clean.dcbr")
    assert "kept or moved" in refused(
        4, "deidentify", cube, out, "--retain", "dates", "--retain", "modified-dates",
        "--key-file", key,
    )  # fmt: skip
    assert "patient ID" in refused(
        3, "deidentify", cube, out, "--patient-id", "é", "--key-file", key
    )
    assert "no such file" in refused(3, "deidentify", tmp_path / "none", out, "--key-file", key)
    inside = tmp_path / "folder" / "key"
    assert "apart" in misused("deidentify", cube, inside.parent, "--key-file", inside)
    (tmp_path / "bad").write_text(PATIENT)
    assert "no key" in refused(3, "deidentify", cube, out, "--key-file", tmp_path / "bad")
    assert not key.exists()
    assert not out.exists()
