"""zarr 3: a store of one chunk for each slice, Blosc with zstd level 1 and bit shuffle."""

from pathlib import Path

import numcodecs.blosc
import numpy as np
import zarr
from zarr.codecs import BloscCodec, BytesCodec

from peers import Array, Values


class Peer:
    values: Values = "stored"

    def __init__(self, threads: int) -> None:
        zarr.config.set({"threading.max_workers": threads})
        # zarr runs chunks side by side and tells Blosc to use one thread inside each of them.
        numcodecs.blosc.set_nthreads(1)
        self._image: Array = np.empty((0, 0, 0))

    def versions(self) -> dict[str, str]:
        return {"zarr": zarr.__version__, "numcodecs": numcodecs.__version__}

    def adopt(self, image: Array) -> None:
        self._image = image

    def save(self, path: Path) -> None:
        blosc = BloscCodec(cname="zstd", clevel=1, shuffle="bitshuffle")
        zarr.create_array(
            store=path,
            data=self._image,
            chunks=(1, *self._image.shape[1:]),
            serializer=BytesCodec(),
            compressors=[blosc],
        )

    def load(self, path: Path) -> Array:
        return np.asarray(zarr.open_array(path, mode="r")[:])

    def one_slice(self, path: Path, number: int) -> Array:
        return np.asarray(zarr.open_array(path, mode="r")[number : number + 1])
