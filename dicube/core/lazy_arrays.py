"""Lazy cubes as arrays of dask and xarray."""

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from dicube.core.pixel_header import PixelDataHeader
from dicube.dicom.series.axis import Axis
from dicube.extras import extra_module


class CubeView(Protocol):
    """What is needed of a lazy cube."""

    @property
    def shape(self) -> tuple[int, ...]: ...
    @property
    def chunks(self) -> tuple[int, ...]: ...
    @property
    def axes(self) -> tuple[Axis, ...]: ...
    @property
    def affine(self) -> npt.NDArray[np.float64] | None: ...
    @property
    def pixel_header(self) -> PixelDataHeader: ...


def dask_array(cube: CubeView) -> Any:
    """See `LazyCube.to_dask`."""
    dask = extra_module("dask.array", extra="lazy", purpose="to_dask")
    # The cube is safe to share between threads, and has locks of its own.
    return dask.from_array(cube, chunks=cube.chunks, lock=False, asarray=False, name=False)


def data_array(cube: CubeView) -> Any:
    """See `LazyCube.to_xarray`."""
    xarray = extra_module("xarray", extra="lazy", purpose="to_xarray")
    dimensions = [*(axis.name for axis in cube.axes), "y", "x"]
    dimensions += ["sample"] * (len(cube.shape) - len(dimensions))
    attributes: dict[str, Any] = {
        "rescale_slope": cube.pixel_header.RescaleSlope,
        "rescale_intercept": cube.pixel_header.RescaleIntercept,
    }
    if cube.affine is not None:
        attributes["affine"] = cube.affine
    return xarray.DataArray(
        dask_array(cube), dims=dimensions, coords=_coordinates(cube), attrs=attributes
    )


def _coordinates(cube: CubeView) -> dict[str, Any]:
    """By dimension: what an axis says, or the distance from the first voxel."""
    coordinates: dict[str, Any] = {
        axis.name: (axis.name, list(axis.coordinates), {"units": axis.unit})
        for axis in cube.axes
        if axis.coordinates is not None
    }
    for axis in cube.axes:
        for each in axis.along:
            if each.name not in coordinates:
                coordinates[each.name] = (axis.name, _cells(each.values), {"units": each.unit})
    if cube.affine is not None and cube.axes and cube.axes[-1].name != "t":
        spacing = np.linalg.norm(cube.affine[:3, :3], axis=0)
        grid = cube.shape[len(cube.axes) - 1 :][:3]
        for name, size, step in zip(("z", "y", "x"), grid, spacing, strict=True):
            coordinates[name] = (name, np.arange(size) * step, {"units": "mm"})
    return coordinates


def _cells(values: Sequence[Any]) -> npt.NDArray[Any]:
    """One cell for each index; vectors stay together: the array has no dimension for them."""
    if not isinstance(values[0], tuple):
        return np.array(values)
    cells = np.empty(len(values), dtype=object)
    cells[:] = values
    return cells
