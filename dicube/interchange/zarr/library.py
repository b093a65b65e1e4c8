"""zarr-python: slow to import, and an extra."""

from typing import Any

from dicube.exceptions import MissingDependencyError


def zarr() -> Any:
    """The module.

    Raises
    ------
    MissingDependencyError
        It is not installed.
    """
    try:
        import zarr as module  # noqa: PLC0415
    except ImportError as error:
        raise MissingDependencyError(
            "Zarr needs zarr-python 3", hint="pip install 'dicube[zarr]'"
        ) from error
    return module
