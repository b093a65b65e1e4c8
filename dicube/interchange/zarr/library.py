"""zarr-python, an extra."""

from typing import Any

from dicube.extras import extra_module


def zarr() -> Any:
    """The module.

    Raises
    ------
    MissingDependencyError
        It is not installed.
    """
    return extra_module("zarr", extra="zarr", purpose="Zarr")
