"""A Zarr group of ours as the image that it was."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from dicube.core.companion import Companion
from dicube.core.contents import Array
from dicube.core.image import DicomCubeImage
from dicube.exceptions import CodecError, DataConsistencyError
from dicube.interchange.zarr.group import (
    COMPANION,
    StoreLike,
    attribute_of,
    name_of,
    open_group,
    samples_last,
)
from dicube.interchange.zarr.ome import VALUES


def read_zarr(store: StoreLike) -> DicomCubeImage:
    """Read a Zarr group; see `DicomCubeImage.from_zarr`."""
    where = name_of(store)
    group = open_group(store, mode="r")
    if group is None:
        raise DataConsistencyError("there is no Zarr group", where=where, hint="check the path")
    attribute = attribute_of(group, where=where)
    if not attribute["complete"]:
        raise DataConsistencyError(
            "the write of this group was interrupted",
            where=where,
            hint="write the image again to the same place: it goes on where it stopped",
        )
    with ThreadPoolExecutor(1) as meanwhile:
        packed = meanwhile.submit(_array, group, COMPANION, where=where)
        values = _array(group, VALUES, where=where)
        companion = Companion(packed.result().tobytes(), where=where)
    values = np.ascontiguousarray(samples_last(values, companion.described.axes))
    if not companion.matches(values):
        raise DataConsistencyError(
            "the values are not those that were written: they were edited, or are damaged",
            where=where,
            hint="restore it from a copy; or open the array with zarr, and make a derived image of"
            " it: DicomCubeImage.from_array",
        )
    return DicomCubeImage.from_contents(companion.contents(values))


def _array(group: Any, name: str, *, where: str) -> Array:
    try:
        array: Array = group[name][...]
    except (KeyError, ValueError, TypeError, RuntimeError, OSError, CodecError) as error:
        raise DataConsistencyError(
            f"the array {name} is missing or damaged", where=where, hint="restore it from a copy"
        ) from error
    return array
