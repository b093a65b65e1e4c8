"""The virtual environments of the peers, made when they are first needed.

The published dicube has one of its own, because its import name is ours. Both lie beside `.venv`
and are made anew when the requirements below change.
"""

import subprocess
import sys
import venv
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent

PROJECT: Final = "project"  # the interpreter that runs this, whose dicube is the one measured
PUBLISHED: Final = ".venv-published"
PEERS: Final = ".venv-peers"
PYDICOM_SEG: Final = ".venv-peers-seg"  # it needs a pydicom before 3
_REQUIREMENTS: Final = {
    PUBLISHED: ("dicube==0.3.0",),
    PEERS: ("SimpleITK", "blosc2", "nibabel", "numpy", "pydicom", "zarr>=3"),
    PYDICOM_SEG: ("pydicom-seg", "pydicom<3"),
}
_STAMP: Final = "installed.txt"  # written last, so that a half-made environment is made again


class EnvironmentUnavailableError(Exception):
    """An environment cannot be made; the message is what the installer said."""


def interpreter_of(environment: str) -> Path:
    """The Python of an environment, which is made if need be.

    Raises
    ------
    EnvironmentUnavailableError
        It cannot be made, for example without a network.
    """
    if environment == PROJECT:
        return Path(sys.executable)
    folder = ROOT / environment
    requirements = "\n".join(_REQUIREMENTS[environment])
    stamp = folder / _STAMP
    if not stamp.is_file() or stamp.read_text() != requirements:
        if folder.is_symlink():  # making it anew would empty what another checkout works with
            raise EnvironmentUnavailableError(f"{folder} is a link: remove it to get one made here")
        print(f"making {environment} with {', '.join(_REQUIREMENTS[environment])}", flush=True)
        venv.create(folder, with_pip=True, clear=True)
        _install(_python_in(folder), _REQUIREMENTS[environment])
        stamp.write_text(requirements)
    return _python_in(folder)


def _python_in(folder: Path) -> Path:
    return folder / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")


def _install(python: Path, requirements: tuple[str, ...]) -> None:
    command = [str(python), "-m", "pip", "install", "--quiet", *requirements]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        last = done.stderr.strip().splitlines()[-1:] or ["no message"]
        raise EnvironmentUnavailableError(last[0])
