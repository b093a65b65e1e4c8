"""Volume sets, volumes and mosaics on the command line."""

import json
import shutil

import numpy as np
import pytest

import dicube
from tests.cli.runs import misused, ok, refused, run
from tests.dicom.made import write_slice
from tests.series import requires_data, series_folder


@pytest.fixture
def moving(tmp_path):
    """3 times x 2 slices, the last slice of the last time missing, and one phase image."""
    folder = tmp_path / "moving"
    folder.mkdir()
    for number in range(6):
        t, z = divmod(number, 2)
        values = {
            "SOPInstanceUID": f"1.2.{number + 1}",
            "InstanceNumber": number + 1,
            "ImagePositionPatient": [0, 0, z],
            "ImageOrientationPatient": [1, 0, 0, 0, 1, 0],
            "PixelSpacing": [1, 1],
            "TriggerTime": 40.0 * t,
            "ImageType": ["ORIGINAL", "PRIMARY", "P" if number == 5 else "M"],
        }
        write_slice(folder / f"{number}.dcm", values, np.full((3, 4), number, np.uint16))
    return folder


def test_scan_lists_the_groups_of_a_series(moving):
    table = run("scan", moving)
    assert [line.split()[6:9] for line in table.stdout.splitlines()[1:]] == [
        ["frame", "0", "magnitude"], ["z", "1", "phase"]
    ]  # fmt: skip
    assert "1 series, 2 volume sets" in table.stderr
    rows = [
        json.loads(line) for line in run("scan", moving, "--format", "json").stdout.splitlines()
    ]
    assert [(row["group"], row["groups"], row["kind"]) for row in rows] == [
        (0, 2, "magnitude"), (1, 2, "phase")
    ]  # fmt: skip
    assert rows[0]["axes_rule"] == "TriggerTime"
    assert rows[0]["axes"] == ["frame"]
    assert rows[1]["names"] == ["5.dcm"]


def test_group_is_picked_and_verified(moving, tmp_path):
    target = tmp_path / "x.dcbs"
    text = ok("convert", moving, target, "--group", 1)
    assert "verified (1 file identical byte for byte)" in text
    assert "another volume set" in text
    assert dicube.load(target).shape == (1, 3, 4)
    assert "no group 2" in refused(4, "convert", moving, target, "--group", 2, "--overwrite")


@pytest.mark.parametrize(
    ("choice", "shape", "said"),
    [
        ("keep", (5, 3, 4), "5 files identical"),
        ("pad", (3, 2, 3, 4), "verified"),
        ("drop", (2, 2, 3, 4), "4 files identical"),
    ],
)
def test_incomplete_volumes_are_handled_as_asked(moving, tmp_path, choice, shape, said):
    target = tmp_path / "x.dcbs"
    text = ok("convert", moving, target, "--group", 0, "--incomplete", choice)
    assert said in text
    assert dicube.load(target).shape == shape


def test_info_says_what_told_volumes_apart(moving, tmp_path):
    ok("convert", moving, tmp_path / "x.dcbs", "--group", 0, "--incomplete", "drop")
    text = ok("info", tmp_path / "x.dcbs")
    assert "t 2, z 2, rows 3, columns 4" in text
    assert "TriggerTime" in text
    facts = json.loads(ok("info", tmp_path / "x.dcbs", "--json"))
    assert facts["axes"][0]["Coordinates"] == [0.0, 40.0]
    assert facts["axes_rule"] == "TriggerTime"


def test_all_frames_in_one_row_on_request(moving, tmp_path):
    ok("convert", moving, tmp_path / "x.dcbs", "--as-3d")
    image = dicube.load(tmp_path / "x.dcbs")
    assert image.shape == (6, 3, 4)
    assert [axis.name for axis in image.axes] == ["z"]


@requires_data
def test_mosaic_is_unpacked_on_request(tmp_path):
    folder = tmp_path / "mosaic"
    shutil.copytree(series_folder("mr_mosaic_siemens_nih"), folder)
    assert "verified" in ok("convert", folder, tmp_path / "x.dcbs", "--mosaic", "unpack")
    assert dicube.load(tmp_path / "x.dcbs").shape == (2, 5, 72, 72)
    assert "mosaic of 5 slices" in run("fix", folder).output


@pytest.mark.parametrize(
    "option",
    [["--group", 0], ["--incomplete", "pad"], ["--as-3d"], ["--mosaic", "unpack"]],
    ids=str,
)
def test_options_of_folders_are_refused_elsewhere(moving, tmp_path, option):
    ok("convert", moving, tmp_path / "x.dcbs")
    assert "only for a DICOM folder" in misused(
        "convert", tmp_path / "x.dcbs", tmp_path / "y.dcba", *option
    )


@requires_data
def test_meta_shows_frames_on_request():
    folder = series_folder("enh_mr_siemens_xa10")
    assert "<absent>" in ok("meta", folder, "ImagePositionPatient")
    lines = ok("meta", folder, "ImagePositionPatient", "--frames").splitlines()
    assert len(lines) == 25
    assert "-5.40356" in lines[1]
