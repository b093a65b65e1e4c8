"""What a group of ours looks like, and opening one that is there."""

import os
from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from dicube.core.contents import Array
from dicube.dicom.series.axis import Axis
from dicube.exceptions import DataConsistencyError
from dicube.interchange.zarr.library import zarr
from dicube.interchange.zarr.ome import axes_before_space

ATTRIBUTE: Final = "dicube"
COMPANION: Final = "companion"
_FORMAT: Final = 1

StoreLike = Any  # path, URL, or a store of zarr-python


def name_of(store: StoreLike) -> str:
    """The path or URL, for messages."""
    return str(store)


def open_group(store: StoreLike, *, mode: str) -> Any | None:
    """The group that is there; None where there is nothing.

    Raises
    ------
    DataConsistencyError
        Something else is there.
    """
    module = zarr()
    if isinstance(store, (str, os.PathLike)):
        store = os.fspath(store)
    try:
        return module.open_group(store, mode=mode, zarr_format=3)
    except FileNotFoundError:
        return None
    except (ValueError, TypeError, KeyError, OSError) as error:
        raise DataConsistencyError(
            "cannot be opened as a Zarr group", where=name_of(store), hint="check the path"
        ) from error


def attribute_of_unfinished(digest: str) -> dict[str, Any]:
    """Of a group whose values, of this digest, are still to come."""
    return {"format": _FORMAT, "complete": False, "digest": digest}


def attribute_when_complete(digest: str) -> dict[str, Any]:
    """Of a group whose values have this digest."""
    return {"format": _FORMAT, "complete": True, "digest": digest}


def attribute_of(group: Any, *, where: str) -> dict[str, Any]:
    """What we noted about a group.

    Raises
    ------
    DataConsistencyError
        The group is not of this package, or of a later version of it.
    """
    found = group.attrs.get(ATTRIBUTE)
    if not isinstance(found, dict):
        raise DataConsistencyError(
            "the Zarr group was not written by DiCube",
            where=where,
            hint="open it with zarr, and make an image of the array: DicomCubeImage(array, header)",
        )
    if found.get("format") != _FORMAT:
        raise DataConsistencyError(
            f"the Zarr group is of format {found.get('format')}, this version reads {_FORMAT}",
            where=where,
            hint="upgrade dicube",
        )
    return found


def samples_before_space(values: Array, axes: Sequence[Axis]) -> Array:
    """From the order of images, colour last, to that of OME-Zarr; a view."""
    has_samples = values.ndim - len(axes) > 2
    return np.moveaxis(values, -1, _place_of_samples(axes)) if has_samples else values


def samples_last(values: Array, axes: Sequence[Axis]) -> Array:
    """The inverse of `samples_before_space`; a view."""
    has_samples = values.ndim - len(axes) > 2
    return np.moveaxis(values, _place_of_samples(axes), -1) if has_samples else values


def _place_of_samples(axes: Sequence[Axis]) -> int:
    return len(axes_before_space(axes))
