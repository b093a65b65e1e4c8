"""An image as a Zarr group; an interrupted write is known as such, and goes on where it stopped."""

import itertools
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np

from dicube.core.companion import pack_companion
from dicube.core.contents import Array, CubeContents, values_digest
from dicube.core.image import DicomCubeImage
from dicube.exceptions import CodecError, DataConsistencyError
from dicube.interchange.acquisition import acquisition_of
from dicube.interchange.zarr.chunking import Access, Chunking
from dicube.interchange.zarr.group import (
    ATTRIBUTE,
    COMPANION,
    StoreLike,
    attribute_of,
    attribute_of_unfinished,
    attribute_when_complete,
    name_of,
    open_group,
    samples_before_space,
)
from dicube.interchange.zarr.library import zarr
from dicube.interchange.zarr.ome import VALUES, dimension_names, ome_attribute
from dicube.storage.pixel_utils import encoding_of

Codec = Literal["blosc", "htj2k"]

_ANOTHER: Final = "choose another name, or remove it first"


def write_zarr(
    image: DicomCubeImage,
    store: StoreLike,
    *,
    chunks: Access | Sequence[int] = "slices",
    shards: bool | Sequence[int] = True,
    codec: Codec = "blosc",
    embed: bool = True,
) -> None:
    """Write a Zarr group; see `DicomCubeImage.to_zarr`."""
    contents = image.contents()
    has_samples = image.ndim - len(image.axes) > 2
    values = samples_before_space(contents.values, image.axes)
    if not embed:
        contents.meta = contents.sources = None
    encoding_of(values.dtype)  # refuses, before anything is written, what no companion describes
    encoding = _encoding(codec, values.dtype)
    chunking = Chunking.of(values.shape, values.dtype.itemsize, chunks, shards)
    names = dimension_names(image.axes, has_samples=has_samples)
    try:
        digest = values_digest(contents.values)
        group = _begun(store, digest)
        with ThreadPoolExecutor(1) as meanwhile:
            companion = meanwhile.submit(_write_companion, group, contents, digest)
            _write_values(group, values, names, chunking, encoding, where=name_of(store))
            companion.result()
        attribute = attribute_when_complete(digest) | _described(image, contents)
        ome = ome_attribute(_title(store), image.axes, image.affine, has_samples=has_samples)
        group.update_attributes({ATTRIBUTE: attribute, **({} if ome is None else {"ome": ome})})
    except OSError as error:
        raise DataConsistencyError(
            f"cannot be written: {error.strerror or error}",
            where=name_of(store),
            hint="what is written stays; the same call goes on where this one stopped",
        ) from error


def _begun(store: StoreLike, digest: str) -> Any:
    """A new group, or one whose values are not complete yet.

    Raises
    ------
    DataConsistencyError
        Something else is there.
    """
    where = name_of(store)
    is_new = False
    if isinstance(store, (str, os.PathLike)) and "://" not in str(store):
        path = Path(store)
        if path.exists() and (not path.is_dir() or _is_foreign_folder(path)):
            raise DataConsistencyError("the target exists already", where=where, hint=_ANOTHER)
        is_new = not path.exists()
    group = None if is_new else open_group(store, mode="r+")
    if group is None:
        attributes = {ATTRIBUTE: attribute_of_unfinished(digest)}
        return zarr().create_group(store, zarr_format=3, attributes=attributes)
    attribute = attribute_of(group, where=where)
    if attribute["complete"]:
        raise DataConsistencyError("the target exists already", where=where, hint=_ANOTHER)
    if attribute["digest"] != digest:
        raise DataConsistencyError(
            "the target is an unfinished write of another image", where=where, hint=_ANOTHER
        )
    return group


def _is_foreign_folder(path: Path) -> bool:
    return any(path.iterdir()) and not (path / "zarr.json").is_file()


def _write_values(
    group: Any,
    values: Array,
    names: Sequence[str],
    chunking: Chunking,
    encoding: dict[str, Any],
    *,
    where: str,
) -> None:
    if VALUES not in group:
        array = group.create_array(
            VALUES,
            shape=values.shape,
            dtype=values.dtype,
            chunks=chunking.chunks,
            shards=chunking.shards,
            fill_value=0,
            dimension_names=names,
            **encoding,
        )
        array[...] = values
        return
    array = group[VALUES]
    found = (array.shape, array.dtype, array.chunks, array.shards)
    if found != (values.shape, values.dtype, *chunking):
        raise DataConsistencyError(
            "the target is an unfinished write with other chunks", where=where, hint=_ANOTHER
        )
    for region in _regions(values.shape, chunking.shards or chunking.chunks):
        if not _holds(array, region, values[region]):
            array[region] = values[region]


def _write_companion(group: Any, contents: CubeContents, digest: str) -> None:
    """Write everything but the values."""
    data = np.frombuffer(pack_companion(contents, digest), np.uint8)
    group.create_array(COMPANION, data=data, chunks=data.shape, compressors=None, overwrite=True)


def _encoding(codec: Codec, dtype: np.dtype[Any]) -> dict[str, Any]:
    codecs = zarr().codecs
    if codec == "blosc":
        blosc = codecs.BloscCodec(
            cname="zstd", clevel=1, shuffle="bitshuffle", typesize=dtype.itemsize
        )
        return {"compressors": [blosc]}
    if codec != "htj2k":
        raise DataConsistencyError(f"codec={codec!r} is unknown", hint='give "blosc" or "htj2k"')
    from dicube.interchange.zarr.htj2k import Htj2kCodec  # noqa: PLC0415  # imports zarr

    return {"serializer": Htj2kCodec(), "compressors": None}


def _regions(shape: tuple[int, ...], step: tuple[int, ...]) -> Iterator[tuple[slice, ...]]:
    """The parts of an array that are files of their own."""
    starts = (range(0, size, part) for size, part in zip(shape, step, strict=True))
    for corner in itertools.product(*starts):
        yield tuple(slice(start, start + part) for start, part in zip(corner, step, strict=True))


def _holds(array: Any, region: tuple[slice, ...], values: Array) -> bool:
    """Whether these values are there, bit for bit."""
    try:
        found = array[region]
    except (RuntimeError, ValueError, CodecError):  # what is there cannot be decoded
        return False
    return bool(found.tobytes() == values.tobytes())


def _described(image: DicomCubeImage, contents: CubeContents) -> dict[str, Any]:
    """For readers without DiCube: where the voxels lie, and how they were acquired."""
    affine = image.affine
    slope, intercept = contents.slope_and_intercept
    return {
        "affine": None if affine is None else affine.tolist(),
        "slope": np.asarray(slope).reshape(-1).tolist(),
        "intercept": np.asarray(intercept).reshape(-1).tolist(),
        "acquisition": acquisition_of(image),
    }


def _title(store: StoreLike) -> str:
    name = name_of(store).rstrip("/").rsplit("/", 1)[-1]
    return name.removesuffix(".zarr")
