"""The published dicube 0.3.0, which has the same import name and so an environment of its own."""

import os
from pathlib import Path

import pytest

_DEFAULT = Path(__file__).resolve().parents[1] / ".venv-published" / "bin" / "python"
PUBLISHED_PYTHON = os.environ.get("DICUBE_PUBLISHED_PYTHON", str(_DEFAULT))
requires_published = pytest.mark.skipif(
    not Path(PUBLISHED_PYTHON).exists(),
    reason="dicube 0.3.0 is not installed: `make test` does it, or set DICUBE_PUBLISHED_PYTHON",
)
