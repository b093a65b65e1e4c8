"""NumPy archives for training: output values as float32, every series the same way up.

`data` is what loaders read; `affine`, `meta` and `companion` say where it lies, how it was
acquired, and what the stored values were, so that the image comes back.
"""

import json
import logging
import os
import zipfile
import zlib
from pathlib import Path
from typing import Final

import numpy as np

from dicube.core.axes import as_volumes, leading_axes, volume_shape
from dicube.core.companion import Companion, pack_companion
from dicube.core.contents import Array, CubeContents, values_digest
from dicube.core.exchange import Exchange, register_exchange
from dicube.core.grid_turn import Affine, GridTurn
from dicube.core.image import DicomCubeImage
from dicube.core.pixel_header import PixelDataHeader
from dicube.core.rescale import apply_rescale, undo_rescale
from dicube.exceptions import DataConsistencyError
from dicube.interchange.acquisition import acquisition_of
from dicube.interchange.orientation import supine_affine
from dicube.storage.atomic import replacing

PathLike = str | os.PathLike[str]

_LOG: Final = logging.getLogger(__name__)
_DATA: Final = "data"
_AFFINE: Final = "affine"
_META: Final = "meta"
_COMPANION: Final = "companion"
_STORED: Final = "stored"
_EXACT: Final = 1e-3  # of a voxel: both grids are one, but for rounding
_LEVEL: Final = 1  # of zlib: 6, that of numpy, takes six times as long and saves a tenth


def write_npz(image: DicomCubeImage, path: PathLike, *, embed: bool = False) -> None:
    """Write a NumPy archive; see `DicomCubeImage.to_npz`."""
    contents = image.contents()
    if not embed:
        contents.meta = contents.sources = None
    output = image.get_fdata("float32")
    entries = {_DATA: _turned(contents, as_volumes(output, contents.axes))}
    affine = _supine(contents)
    if affine is not None:
        entries[_AFFINE] = affine
    entries[_META] = np.array(json.dumps(acquisition_of(image)).encode())
    companion = pack_companion(contents, values_digest(contents.values))
    entries[_COMPANION] = np.frombuffer(companion, np.uint8)
    if not _is_same(_undone(contents, output), contents.values):
        entries[_STORED] = contents.values
    try:
        _write(entries, Path(path))
    except OSError as error:
        raise DataConsistencyError(
            f"cannot be written: {error.strerror}", where=str(path)
        ) from error


def read_npz(path: PathLike) -> DicomCubeImage:
    """Read a NumPy archive with an array `data`; see `DicomCubeImage.from_npz`."""
    entries = _read(path)
    data = entries.get(_DATA)
    if data is None or not 3 <= data.ndim <= 5 or not data.size or data.dtype.kind not in "iuf":
        raise DataConsistencyError(
            "the archive has no array `data` of (z, y, x) or (t, z, y, x)", where=str(path)
        )
    if _COMPANION in entries:
        companion = Companion(entries[_COMPANION].tobytes(), where=str(path))
        stored = _stored(companion.described, data, entries.get(_STORED))
        if stored is not None and companion.matches(stored):
            return DicomCubeImage.from_contents(companion.contents(stored))
        _LOG.warning(
            "%s: `data` was changed since the archive was written; metadata and stored values are"
            " left out",
            path,
        )
    return _foreign(data, entries.get(_AFFINE), where=str(path))


def _supine(contents: CubeContents) -> Affine | None:
    affine = contents.voxel_affine
    if affine is None or not np.linalg.det(affine[:3, :3]):
        return None
    return supine_affine(affine, volume_shape(contents.values.shape, contents.axes))


def _turned(contents: CubeContents, output: Array, *, back: bool = False) -> Array:
    """([t,] z, y, x[, sample]) the way up that the place in the patient says, or back; a view."""
    affine, supine = contents.voxel_affine, _supine(contents)
    if affine is None or supine is None:
        return output
    has_samples = contents.values.ndim - len(contents.axes) > 2
    volumes = np.moveaxis(output, -1, 0) if has_samples else output
    own, other = (supine, affine) if back else (affine, supine)
    turn = GridTurn.between(own, other, volumes.shape[-3:], _EXACT)
    assert turn is not None
    turned = turn.array(volumes)
    return np.moveaxis(turned, 0, -1) if has_samples else turned


def _stored(described: CubeContents, data: Array, stored: Array | None) -> Array | None:
    """The stored values that belong to `data`; None where it is of another shape."""
    if data.shape != _turned(described, as_volumes(described.values, described.axes)).shape:
        return None
    output = _turned(described, data, back=True).reshape(described.values.shape)
    if stored is None:
        stored = _undone(described, output)
    # `data` still has to be what they give: stored integers are the same for other values nearby.
    expected = apply_rescale(stored, *described.slope_and_intercept, "float32")
    return stored if np.array_equal(expected, output, equal_nan=True) else None


def _undone(contents: CubeContents, output: Array) -> Array:
    if contents.values.dtype == output.dtype and contents.slope_and_intercept == (1.0, 0.0):
        return output
    return undo_rescale(output, *contents.slope_and_intercept, contents.values.dtype)


def _is_same(first: Array, second: Array) -> bool:
    """Bit for bit."""
    return first.dtype == second.dtype and np.array_equal(
        np.ascontiguousarray(first).view(np.uint8), np.ascontiguousarray(second).view(np.uint8)
    )


def _foreign(data: Array, affine: Array | None, *, where: str) -> DicomCubeImage:
    """The array alone, and a place if there is an affine."""
    if affine is not None and (affine.shape != (4, 4) or affine.dtype.kind not in "iuf"):
        raise DataConsistencyError("`affine` is not 4 x 4 numbers", where=where)
    values = data.astype(data.dtype.newbyteorder("="), copy=False)
    header = PixelDataHeader(OriginalPixelDtype=values.dtype.name, PixelDtype=values.dtype.name)
    image = DicomCubeImage(values, header, axes=leading_axes(data.shape[: min(data.ndim - 2, 2)]))
    if affine is not None:
        image.affine = affine.astype(np.float64)
    return image


def _write(entries: dict[str, Array], path: Path) -> None:
    with (
        replacing(path) as file,
        zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=_LEVEL) as archive,
    ):
        for name, array in entries.items():
            with archive.open(f"{name}.npy", "w", force_zip64=True) as entry:
                np.lib.format.write_array(entry, np.ascontiguousarray(array), allow_pickle=False)


def _read(path: PathLike) -> dict[str, Array]:
    try:
        with open(path, "rb") as file:
            archive = np.load(file, allow_pickle=False)
            if isinstance(archive, np.ndarray):
                raise ValueError("one array, no archive")
            return {name: archive[name] for name in archive.files}
    except (OSError, ValueError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise DataConsistencyError(
            "cannot be read as a NumPy archive", where=str(path), hint="check that it is whole"
        ) from error


register_exchange("npz", Exchange(read_npz, write_npz))
