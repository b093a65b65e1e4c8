"""dciodvfy, the conformance checker of dicom3tools, where it is installed."""

import shutil
import subprocess
from pathlib import Path

import pytest

DCIODVFY = shutil.which("dciodvfy")
requires_dciodvfy = pytest.mark.skipif(
    DCIODVFY is None, reason="dciodvfy is not installed (Debian: apt-get install dicom3tools)"
)


def conformance_errors(path: Path) -> list[str]:
    """What dciodvfy calls an error in a file."""
    assert DCIODVFY is not None
    done = subprocess.run(
        [DCIODVFY, "-new", str(path)], capture_output=True, text=True, timeout=60, check=False
    )
    lines = (done.stdout + done.stderr).splitlines()
    return [line for line in lines if line.startswith("Error")]
