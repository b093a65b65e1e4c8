"""Zarr v3 groups through zarr-python: OME-Zarr where the standard goes, DICOM beside it.

A group holds the stored values as the array `0`, and the rest of the image as the array `companion`
(docs/interchange.md). Needs the extra "zarr".
"""

from dicube.core.exchange import Exchange, register_exchange
from dicube.interchange.zarr.reading import read_zarr
from dicube.interchange.zarr.writing import write_zarr

__all__ = ["read_zarr", "write_zarr"]

register_exchange("zarr", Exchange(read_zarr, write_zarr))
