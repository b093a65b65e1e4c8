"""A real Orthanc on loopback, started and stopped by the tests."""

import os
import shlex
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.series import DATA

_START = DATA.parent / "infra" / "start_orthanc.sh"


@contextmanager
def orthanc() -> Iterator[dict[str, str]]:
    """PACS_URL, PACS_DICOMWEB and the rest of what the script says, while the block runs."""
    if not os.access(_START, os.X_OK):
        pytest.skip("the script that starts Orthanc is not there: set DICUBE_TEST_DATA")
    started = subprocess.run([_START, "start"], stdout=subprocess.PIPE, text=True, check=False)
    if started.returncode == 77:
        pytest.skip("Orthanc is not installed: apt-get install orthanc orthanc-dicomweb gcc")
    started.check_returncode()
    settings = dict(word.split("=", 1) for word in shlex.split(started.stdout) if "=" in word)
    try:
        yield settings
    finally:
        subprocess.run([_START, "stop", settings["PACS_DIR"]], check=True)
