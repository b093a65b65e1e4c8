"""Other file formats by name: declared here, implemented in the layer above.

`DicomCubeImage.from_nifti` is a public name of the image class, but the code that knows NIfTI lives
in `dicube.interchange`, which builds on this layer. It registers itself when `dicube` is imported.
"""

import os
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from dicube.exceptions import MissingDependencyError

if TYPE_CHECKING:
    from dicube.core.image import DicomCubeImage

PathLike = str | os.PathLike[str]


class Exchange(NamedTuple):
    """How one format is read and written; what else can be said is up to the format."""

    read: Callable[..., "DicomCubeImage"]  # (path, ...)
    write: Callable[..., None]  # (image, path, ...)


_exchanges: dict[str, Exchange] = {}


def register_exchange(name: str, exchange: Exchange) -> None:
    """Make a format known under a name such as "nifti"."""
    _exchanges[name] = exchange


def exchange_of(name: str) -> Exchange:
    """The format of this name.

    Raises
    ------
    MissingDependencyError
        Nothing is registered under this name.
    """
    try:
        return _exchanges[name]
    except KeyError:
        raise MissingDependencyError(
            f"no reader and writer for {name} is loaded",
            hint="import dicube, not dicube.core alone",
        ) from None
