"""Shapes of chunks and shards: what is read together lies together."""

import math
from collections.abc import Sequence
from typing import Final, Literal, NamedTuple

from dicube.exceptions import DataConsistencyError

Access = Literal["slices", "training"]

_CUBE: Final = 32  # voxels along the edge of a chunk for random patches
_SHARD_BYTES: Final = 32 << 20


class Chunking(NamedTuple):
    """How an array is parted.

    Attributes
    ----------
    chunks : tuple of int
        What is compressed, and can be read, on its own.
    shards : tuple of int or None
        Whole chunks that share a file; None for a file for each chunk.
    """

    chunks: tuple[int, ...]
    shards: tuple[int, ...] | None

    @classmethod
    def of(
        cls,
        shape: tuple[int, ...],
        itemsize: int,
        chunks: Access | Sequence[int],
        shards: Sequence[int] | bool,
    ) -> "Chunking":
        """The shapes for an array ([...,] z, y, x).

        Parameters
        ----------
        shape : tuple of int
        itemsize : int
            Bytes of a value.
        chunks : "slices", "training", or sequence of int
            A chunk for each slice; cubes of 32 voxels for random patches; or this shape.
        shards : bool or sequence of int
            Chunks of up to 32 MiB to a file, or not, or this shape.

        Raises
        ------
        DataConsistencyError
            A shape does not fit the array, or shards do not hold whole chunks.
        """
        if chunks == "slices":
            wanted: tuple[int, ...] = (*(1 for _ in shape[:-2]), *shape[-2:])
        elif chunks == "training":
            wanted = (*(1 for _ in shape[:-3]), *(min(_CUBE, size) for size in shape[-3:]))
        else:
            wanted = _checked(shape, chunks, "chunks")
        if shards is False:
            return cls(wanted, None)
        if shards is True:
            return cls(wanted, _shards(shape, wanted, itemsize))
        together = _checked(shape, shards, "shards")
        if any(shard % chunk for shard, chunk in zip(together, wanted, strict=True)):
            raise DataConsistencyError(f"shards of {together} do not hold whole chunks of {wanted}")
        return cls(wanted, together)


def _checked(shape: tuple[int, ...], sizes: Sequence[int] | str, name: str) -> tuple[int, ...]:
    if isinstance(sizes, str):
        raise DataConsistencyError(
            f"{name}={sizes!r} is unknown", hint='give "slices", "training" or a shape'
        )
    if len(sizes) != len(shape) or any(size < 1 for size in sizes):
        raise DataConsistencyError(
            f"{name} of {tuple(sizes)} do not fit an array of {shape}",
            hint=f"give {len(shape)} sizes of at least 1",
        )
    return tuple(sizes)


def _shards(shape: tuple[int, ...], chunks: tuple[int, ...], itemsize: int) -> tuple[int, ...]:
    """Chunks side by side until a shard is large enough: along x first, then y, z and volumes."""
    counts = [1] * len(shape)
    room = _SHARD_BYTES // (math.prod(chunks) * itemsize)
    for axis in reversed(range(len(shape))):
        counts[axis] = max(1, min(math.ceil(shape[axis] / chunks[axis]), room))
        room //= counts[axis]
    return tuple(count * chunk for count, chunk in zip(counts, chunks, strict=True))
