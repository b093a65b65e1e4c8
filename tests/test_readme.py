"""The README's examples run as they are written."""

import json
import re
import shlex
import signal
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from dicube import DicomCubeImage, PixelDataHeader
from dicube.cli import app
from tests.dicom.made import write_slice
from tests.interchange.seg.conftest import METAINFO

README = Path(__file__).resolve().parents[1] / "README.md"


@pytest.fixture
def ct_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A CT series called `ct_folder` in the working directory, as the examples assume."""
    folder = tmp_path / "ct_folder"
    folder.mkdir()
    for number in range(3):
        values = {
            "PatientName": "Test^Case",
            "InstanceNumber": number + 1,
            "EchoTime": 1,
            "ImagePositionPatient": [0, 0, number],
            "ImageOrientationPatient": [1, 0, 0, 0, 1, 0],
            "PixelSpacing": [1, 1],
        }
        write_slice(folder / f"{number}.dcm", values, np.full((256, 256), number, np.int16))
    monkeypatch.chdir(tmp_path)
    Path("metainfo.json").write_text(json.dumps(METAINFO))
    image = DicomCubeImage.from_dicom_folder(folder)
    labels = DicomCubeImage((image.raw_image > 0).astype(np.uint8), PixelDataHeader())
    labels.affine = image.affine
    labels.to_nifti("labels.nii.gz")
    return folder


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", README.read_text(), re.DOTALL | re.MULTILINE)


def test_python_example_runs(ct_folder: Path) -> None:
    names: dict[str, object] = {}
    for example in blocks("python"):
        exec(compile(example, "README.md", "exec"), names)
    copies = sorted(path.read_bytes() for path in Path("copy").iterdir())
    assert copies == sorted(path.read_bytes() for path in ct_folder.iterdir())


@pytest.mark.parametrize("number", range(3))
def test_examples_about_volume_sets_run(ct_folder: Path, number: int) -> None:
    text = (README.parent / "docs" / "series.md").read_text()
    examples = re.findall(r"^```python\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    assert len(examples) == 3
    exec(compile(examples[number], "series.md", "exec"), {})


def commands_of(example: str) -> list[str]:
    return [line.split("#")[0] for line in example.splitlines() if line.startswith("dicube ")]


def test_commands_of_servers_are_understood() -> None:
    _, example = blocks("sh")
    commands = commands_of(example)
    assert len(commands) >= 3
    for command in commands:
        result = CliRunner().invoke(app, [*shlex.split(command)[1:], "--help"])
        assert result.exit_code == 0, f"{command}: {result.output}"


@pytest.fixture
def own_sigterm() -> Iterator[None]:
    """`dicube archive` takes SIGTERM for Ctrl-C, and this process goes on after it."""
    before = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, before)


@pytest.mark.usefixtures("own_sigterm")
def test_commands_run(ct_folder: Path) -> None:
    example, _ = blocks("sh")
    commands = commands_of(example)
    assert len(commands) >= 6
    for command in commands:
        result = CliRunner().invoke(app, shlex.split(command)[1:])
        assert result.exit_code == 0, f"{command}: {result.output}"
    assert Path("sheet.png").stat().st_size > 100
    for path in ct_folder.iterdir():
        assert Path("back", "ct_folder", path.name).read_bytes() == path.read_bytes()
