"""The commands and the program of docs/archive.md run as they are written."""

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from dicube.archive import Counters, query
from dicube.cli import app
from tests.dicom.made import write_slice

DOCUMENT = (Path(__file__).resolve().parents[2] / "docs" / "archive.md").read_text(encoding="utf-8")
_COMMAND = re.compile(
    r"^(?: {4}(?:[0-9*]+ )*|ExecStart=\S*/)?"
    r"dicube ((?:archive|query|restore|verify) .+?) *(?:#.*)?$",
    re.MULTILINE,
)
# With paths of other machines.
_ELSEWHERE = re.compile(r"://| /")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", DOCUMENT, re.DOTALL | re.MULTILINE)


@pytest.fixture
def incoming(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A tree with a series, a copy of it, a container and a file that is no DICOM."""
    folder = tmp_path / "incoming"
    (folder / "ct").mkdir(parents=True)
    for number in range(3):
        values = {
            "PatientID": "P1",
            "StudyInstanceUID": "1.2",
            "InstanceNumber": number + 1,
            "ImagePositionPatient": [0, 0, number],
            "ImageOrientationPatient": [1, 0, 0, 0, 1, 0],
            "PixelSpacing": [1, 1],
        }
        pixels = np.full((16, 16), number, np.int16)
        write_slice(folder / "ct" / f"{number}.dcm", values, pixels)
    shutil.copytree(folder / "ct", folder / "copy")
    shutil.make_archive(str(folder / "ct"), "zip", folder / "ct")
    (folder / "note.txt").write_text("no image")
    monkeypatch.chdir(tmp_path)
    return folder


def contents(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def unpacked(incoming: Path) -> dict[str, bytes]:
    """What is to come back: members of the container in a folder of its name."""
    wanted = contents(incoming)
    del wanted["ct.zip"]
    return wanted | {f"ct.zip/{n}.dcm": wanted[f"ct/{n}.dcm"] for n in range(3)}


def test_commands_run(incoming: Path) -> None:
    commands = [
        command
        for block in blocks("sh")
        for command in _COMMAND.findall(block)
        if not _ELSEWHERE.search(command)
    ]
    assert len(commands) >= 12
    for command in commands:
        done = subprocess.run(
            [sys.executable, "-m", "dicube", *shlex.split(command)],
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, f"{command}: {done.stderr}"
    for back in ("back", "elsewhere"):
        assert contents(Path(back, "incoming")) == unpacked(incoming)


def test_commands_are_understood() -> None:
    commands = _COMMAND.findall(DOCUMENT)
    assert len(commands) >= 18
    for command in commands:
        result = CliRunner().invoke(app, [*shlex.split(command), "--help"])
        assert result.exit_code == 0, f"{command}: {result.output}"


def test_program_runs(incoming: Path) -> None:
    (program,) = blocks("python")
    Path("program.py").write_text(program)
    done = subprocess.run(
        [sys.executable, "program.py"], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        "done: 4 files, 0 failed", "CT/1.2.3.dcbs 3", "2 intact", "10 identical",
    ]  # fmt: skip
    assert contents(Path("copy", "incoming")) == unpacked(incoming)
    with query(Path("cubes/archive.sqlite"), "content = 'files'", columns=["path"]) as rows:
        assert [row["path"] for row in rows] == ["other-files/000001.zip"]


def test_every_key_of_the_progress_is_explained() -> None:
    section = DOCUMENT.partition("\n## Progress\n")[2].partition("\n## ")[0]
    cells = " ".join(re.findall(r"^\| (`.*?) \|", section, re.MULTILINE))
    assert set(re.findall("`(.*?)`", cells)) == set(Counters().as_json())


def test_every_option_of_the_command_is_explained() -> None:
    text = CliRunner().invoke(app, ["archive", "--help"]).output
    options = set(re.findall(r"^  (--[a-z-]+)", text, re.MULTILINE))
    assert len(options) >= 13
    assert {option for option in options if option not in DOCUMENT} == set()
