"""The demo script, run as a newcomer runs it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.series import DATA, requires_data

CHECKOUT = Path(__file__).resolve().parents[1]


def run_demo(output: Path, data: Path) -> str:
    environment = {**os.environ, "PYTHONPATH": str(CHECKOUT), "DICUBE_TEST_DATA": str(data)}
    done = subprocess.run(
        [sys.executable, str(CHECKOUT / "examples" / "demo.py"), str(output)],
        capture_output=True,
        text=True,
        env=environment,
        timeout=200,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def check_run(run: Path, text: str, files: int) -> None:
    for name in ("dcbs", "dcba"):
        assert f"export-{name}: {files} of {files} files are identical, byte for byte" in text
        assert (run / f"series.{name}").is_file()
        assert len(list((run / f"export-{name}").iterdir())) == files
    assert "dicube info" in text


def test_without_test_data_a_series_is_made_and_each_run_has_its_folder(tmp_path):
    pytest.importorskip("nibabel", reason="the demo makes its series from a volume of nibabel")
    for number in ("run-001", "run-002"):
        check_run(tmp_path / number, run_demo(tmp_path, tmp_path / "none"), 24)
    assert (tmp_path / "run-001" / "preview.png").is_file()


@requires_data
def test_with_test_data_a_real_series_is_used(tmp_path):
    text = run_demo(tmp_path, DATA)
    assert "ct_philips_private" in text
    check_run(tmp_path / "run-001", text, 40)
