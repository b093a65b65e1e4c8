"""pydicom as a reference."""

import logging
import warnings
from collections.abc import Iterator

import pytest


@pytest.fixture
def quiet_pydicom() -> Iterator[None]:
    """pydicom warns of each flaw of a file and logs it; here the flaws are the point."""
    logger = logging.getLogger("pydicom")
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
    logger.setLevel(level)
