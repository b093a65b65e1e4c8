"""Blosc2: an array file of one chunk for each slice, zstd level 1 and bit shuffle."""

from pathlib import Path

import blosc2
import numpy as np

from peers import Array, Values


class Peer:
    values: Values = "stored"

    def __init__(self, threads: int) -> None:
        self._threads = threads
        blosc2.set_nthreads(threads)
        self._image: Array = np.empty((0, 0, 0))

    def versions(self) -> dict[str, str]:
        return {"blosc2": blosc2.__version__}

    def adopt(self, image: Array) -> None:
        self._image = image

    def save(self, path: Path) -> None:
        parameters = blosc2.CParams(
            codec=blosc2.Codec.ZSTD,
            clevel=1,
            filters=[blosc2.Filter.BITSHUFFLE],
            nthreads=self._threads,
        )
        blosc2.asarray(
            self._image,
            urlpath=str(path),
            mode="w",
            chunks=(1, *self._image.shape[1:]),
            cparams=parameters,
        )

    def load(self, path: Path) -> Array:
        return np.asarray(self._open(path)[:])

    def one_slice(self, path: Path, number: int) -> Array:
        return np.asarray(self._open(path)[number : number + 1])

    def _open(self, path: Path) -> blosc2.NDArray:
        return blosc2.open(str(path), mode="r", dparams=blosc2.DParams(nthreads=self._threads))
