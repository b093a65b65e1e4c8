"""Other people's readers of DICOM, dcm2niix and SimpleITK, in an environment of their own."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

_DEFAULT = Path(__file__).resolve().parents[1] / ".venv-readers" / "bin"
PEERS = Path(os.environ.get("DICUBE_PEERS_BIN", str(_DEFAULT)))
_HOW = "`make test` installs it, or set DICUBE_PEERS_BIN to the folder of its programs"


def imports(*names: str) -> bool:
    """Whether the environment has these packages; its installation may have failed."""
    python = PEERS / "python"
    if not python.exists():
        return False
    done = subprocess.run(
        [str(python), "-c", f"import {', '.join(names)}"], capture_output=True, check=False
    )
    return done.returncode == 0


requires_dcm2niix = pytest.mark.skipif(
    not (PEERS / "dcm2niix").exists() or not imports("nibabel"),
    reason=f"dcm2niix is not installed: {_HOW}",
)
requires_simpleitk = pytest.mark.skipif(
    not imports("SimpleITK"), reason=f"SimpleITK is not installed: {_HOW}"
)

_CONVERT = """
import glob, json, sys
import nibabel, numpy
seen = []
for number, path in enumerate(sorted(glob.glob(sys.argv[1] + "/*.nii"))):
    image = nibabel.load(path)
    numpy.save(f"{sys.argv[1]}/{number}.npy", numpy.asarray(image.dataobj, dtype=numpy.float64))
    seen.append({"affine": image.affine.tolist(), "step": float(image.header.get_zooms()[-1])})
print(json.dumps(seen))
"""
_READ_SERIES = """
import json, sys
import numpy, SimpleITK
reader = SimpleITK.ImageSeriesReader()
reader.SetFileNames(reader.GetGDCMSeriesFileNames(sys.argv[1]))
image = reader.Execute()
numpy.save(sys.argv[2], SimpleITK.GetArrayFromImage(image))
print(json.dumps({"spacing": image.GetSpacing(), "origin": image.GetOrigin(),
                  "direction": image.GetDirection()}))
"""


def converted(folder: Path, out: Path) -> list[tuple[np.ndarray, dict[str, Any]]]:
    """What dcm2niix makes of a folder: arrays (x, y, z[, t]) with affine (RAS) and last step."""
    out.mkdir()
    options = ["-b", "n", "-z", "n", "-f", "%3r", "-o", str(out), str(folder)]
    done = subprocess.run(
        [str(PEERS / "dcm2niix"), *options],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    seen = json.loads(_run(_CONVERT, out))
    return [(np.load(out / f"{number}.npy"), member) for number, member in enumerate(seen)]


def series_of_simpleitk(folder: Path, scratch: Path) -> tuple[np.ndarray, dict[str, Any]]:
    """What SimpleITK's series reader makes of a folder: array and geometry."""
    target = scratch / "simpleitk.npy"
    seen = json.loads(_run(_READ_SERIES, folder, target))
    return np.load(target), seen


def _run(script: str, *arguments: Path) -> str:
    done = subprocess.run(
        [str(PEERS / "python"), "-I", "-c", script, *map(str, arguments)],
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()[-1]
