"""Optional packages: imported where they are used, because they are extras and slow to import."""

import importlib
from typing import Any

from dicube.exceptions import MissingDependencyError


def extra_module(name: str, *, extra: str, purpose: str) -> Any:
    """A module of an optional package.

    Parameters
    ----------
    name : str
        Such as "dask.array".
    extra : str
        The extra of dicube that installs it.
    purpose : str
        What needs it, for the message: "previews", for example.

    Raises
    ------
    MissingDependencyError
        It is not installed.
    """
    package = name.partition(".")[0]
    try:
        importlib.import_module(package)
        return importlib.import_module(name)
    except ImportError as error:
        raise MissingDependencyError(
            f"{purpose} needs {package}", hint=f"pip install 'dicube[{extra}]'"
        ) from error
