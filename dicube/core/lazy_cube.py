"""An image that stays in its file: frames are decoded when they are asked for."""

import math
import os
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from spacetransformer import Space

from dicube.closing import Closing
from dicube.core.axes import axis_coordinates, volume_shape
from dicube.core.contents import Array
from dicube.core.cube_file import describe, image_member
from dicube.core.frame_cache import FrameCache
from dicube.core.frame_reader import FrameReader, Rectangle
from dicube.core.lazy_arrays import dask_array, data_array
from dicube.core.lazy_index import LazyIndex
from dicube.core.pixel_header import PixelDataHeader
from dicube.core.rescale import apply_rescale
from dicube.core.segmentation import Segmentation
from dicube.dicom.dicom_meta import DicomMeta
from dicube.dicom.findings import DicomStatus
from dicube.dicom.geometry import RAS_FROM_LPS, space_of
from dicube.dicom.series.axis import Axis
from dicube.exceptions import CodecError, DataConsistencyError, InvalidCubeFileError
from dicube.storage.dcb_file import DcbFile

PathLike = str | os.PathLike[str]

CACHE_BYTES: Final = 64 << 20
_CHUNK_BYTES: Final = 16 << 20


class LazyCube(Closing):
    """Stored values of a cube file as an array that decodes what is indexed.

    Indexing is that of numpy: integers, slices and `...`; lists of numbers along the leading axes.
    Only the frames that are needed are read. From .dcbs files a small part of rows and columns is
    decoded on its own; from others whole frames are, and kept as long as there is room.

    Safe to share between threads, to fork, and to pickle: the copy opens the file again. Use as a
    context manager, or call `close`.

    Parameters
    ----------
    path : path or URL
        A .dcbs, .dcba or .dcbr file. URLs are opened by fsspec, such as https:// and s3:// (extra
        "remote"); only the ranges that are needed are fetched.
    cache_bytes : int
        How much of decoded frames is kept.
    num_threads : int, optional
        For decoding; give 1 where processes work side by side, such as those of a data loader.

    Raises
    ------
    InvalidCubeFileError
        No cube file, or a damaged one.

    Examples
    --------
    >>> import dicube, numpy as np, tempfile
    >>> values = np.arange(2 * 64 * 64, dtype=np.uint16).reshape(2, 64, 64)
    >>> path = tempfile.mkdtemp() + "/x.dcbs"
    >>> _ = dicube.DicomCubeImage(values, dicube.PixelDataHeader()).to_file(path)
    >>> with dicube.open(path) as cube:
    ...     cube.shape, int(cube[1, 3, 5]), cube[:, 8:16, ::2].shape, cube.at_level(2).shape
    ((2, 64, 64), 4293, (2, 8, 32), (2, 16, 16))
    """

    def __init__(
        self,
        path: PathLike,
        *,
        cache_bytes: int = CACHE_BYTES,
        num_threads: int | None = None,
    ) -> None:
        self._open(path, 0, cache_bytes, num_threads)

    def _open(self, path: PathLike, level: int, cache_bytes: int, num_threads: int | None) -> None:
        file = DcbFile(path)
        try:
            self._adopt(file, level, cache_bytes, num_threads)
        except BaseException:
            file.close()
            raise

    def _adopt(self, file: DcbFile, level: int, cache_bytes: int, num_threads: int | None) -> None:
        self._file = file
        self._about = describe(file, is_kept_open=True)
        self._reader = FrameReader(file, image_member(file))
        self._level = level
        self._cache = FrameCache(cache_bytes)
        self._num_threads = num_threads

    # ---- what it is -----------------------------------------------------------------------------

    @property
    def name(self) -> str:
        """The path or URL of the file."""
        return self._file.name

    @property
    def level(self) -> int:
        """0 for full resolution; rows and columns are 2**level times fewer."""
        return self._level

    @property
    def shape(self) -> tuple[int, ...]:
        """Leading axes, rows, columns, and samples for colour."""
        full, leading = self._about.shape, len(self._about.axes)
        step = 1 << self._level
        grid = tuple(-(-size // step) for size in full[leading : leading + 2])
        return (*full[:leading], *grid, *full[leading + 2 :])

    @property
    def ndim(self) -> int:
        """Number of dimensions."""
        return len(self._about.shape)

    @property
    def dtype(self) -> np.dtype[Any]:
        """Of the stored values."""
        return self._about.dtype

    @property
    def size(self) -> int:
        """Number of values."""
        return math.prod(self.shape)

    @property
    def nbytes(self) -> int:
        """Bytes that all values would take in memory."""
        return self.size * self.dtype.itemsize

    @property
    def chunks(self) -> tuple[int, ...]:
        """Shape of what is best read at a time: whole frames, some along the innermost axis."""
        leading = len(self._about.axes)
        frame = self.shape[leading:]
        if not leading:
            return frame
        fitting = max(1, _CHUNK_BYTES // (math.prod(frame) * self.dtype.itemsize))
        return (*(1,) * (leading - 1), min(fitting, self.shape[leading - 1]), *frame)

    @property
    def axes(self) -> tuple[Axis, ...]:
        """The dimensions before rows and columns."""
        return self._about.axes

    @property
    def coords(self) -> dict[str, Array]:
        """Coordinates along the leading axes by name; see `DicomCubeImage.coords`."""
        return axis_coordinates(self.axes)

    @property
    def pixel_header(self) -> PixelDataHeader:
        """Rescale, dtypes and display window."""
        return self._about.header

    @property
    def dicom_meta(self) -> DicomMeta | None:
        """The metadata, unpacked the first time they are asked for; None where there are none."""
        return None if self._about.meta is None else self._about.meta.value

    @property
    def dicom_status(self) -> DicomStatus:
        """The most important finding, or CONSISTENT."""
        return self._about.status

    @property
    def affine(self) -> npt.NDArray[np.float64] | None:
        """(4, 4) float64: from voxel index (z, y, x, 1) to patient coordinates (LPS), mm.

        A sample of a lower resolution lies where the first of those lies that it stands for.
        """
        if self._about.affine is None:
            return None
        step = float(1 << self._level)
        return self._about.affine @ np.diag([1.0, step, step, 1.0])

    @property
    def affine_ras(self) -> npt.NDArray[np.float64] | None:
        """(4, 4) float64: as `affine`, but to RAS coordinates."""
        affine = self.affine
        return None if affine is None else RAS_FROM_LPS @ affine

    @property
    def space(self) -> Space | None:
        """Geometry in (z, y, x) order; None where the slices are no regular, right-angled stack."""
        if self._level == 0:
            return self._about.space
        affine = self.affine if self._about.space is not None else None
        return None if affine is None else space_of(affine, volume_shape(self.shape, self.axes))

    @property
    def segmentations(self) -> tuple[Segmentation, ...]:
        """Segmentations on the grid of a volume of full resolution, read when they are asked for.

        Each mask is unpacked on its own, when it is wanted.

        Raises
        ------
        InvalidCubeFileError
            They are damaged.
        """
        packed = self._about.segmentations
        return () if packed is None else tuple(packed.value)

    def __len__(self) -> int:
        return self.shape[0]

    def __repr__(self) -> str:
        level = f", level={self._level}" if self._level else ""
        name = self.name.rpartition("/")[2]
        return f"LazyCube({name}, shape={self.shape}, dtype={self.dtype}{level})"

    # ---- reading --------------------------------------------------------------------------------

    def __getitem__(self, key: Any) -> Array:
        """Stored values of a part, as a new array.

        Raises
        ------
        IndexError
            The index does not fit the shape.
        InvalidCubeFileError, CodecError
            A frame is damaged.
        """
        index = LazyIndex.of(key, self.shape, leading=len(self.axes))
        frames = self._frames(index.frames.reshape(-1).tolist(), index.rectangle)
        block = frames.reshape(*index.frames.shape, *frames.shape[1:])
        part: Array = block[index.inside]
        return part

    def get_fdata(self, key: Any = ..., dtype: npt.DTypeLike = "float32") -> Array:
        """Output values of a part: stored value x slope + intercept of its frame.

        Parameters
        ----------
        key
            What `cube[key]` takes.
        dtype : float16, float32 or float64

        Raises
        ------
        DataConsistencyError
            `dtype` is not a floating point type.
        IndexError, InvalidCubeFileError, CodecError
            As for indexing.
        """
        rescale = self._about.rescale
        if rescale is None:
            header = self._about.header
            return apply_rescale(self[key], header.RescaleSlope, header.RescaleIntercept, dtype)
        index = LazyIndex.of(key, self.shape, leading=len(self.axes))
        values = self[key]
        shape = (*index.frames.shape, *(1,) * (values.ndim - index.frames.ndim))
        numbers = index.frames.reshape(shape)
        return apply_rescale(values, rescale.slopes[numbers], rescale.intercepts[numbers], dtype)

    def at_level(self, level: int) -> "LazyCube":
        """The image with 2**level times fewer rows and columns, decoded from less of the file.

        Its samples are those of the low-pass band of the wavelet (T.800 annex F). Slices stay as
        they are. The file is opened again.

        Raises
        ------
        DataConsistencyError
            The level is negative.
        CodecError
            The file has no lower resolutions, or not so many.
        """
        if level < 0:
            raise DataConsistencyError(f"level is {level}, it has to be at least 0")
        if level and not self._reader.has_levels:
            raise CodecError(
                "the frames have no lower resolutions",
                where=self.name,
                hint="those of .dcbs files of integers have them",
            )
        if level:
            self._reader.part([0], level, (0, 0, 1, 1), 1)
        cube = LazyCube.__new__(LazyCube)
        cube._open(self.name, level, self._cache.most_bytes, self._num_threads)
        return cube

    def __array__(self, dtype: npt.DTypeLike | None = None, copy: bool | None = None) -> Array:
        """All stored values.

        Raises
        ------
        ValueError
            `copy` is False: decoding makes new memory.
        """
        if copy is False:
            raise ValueError("the values of a file cannot be had without a copy")
        return self[...].astype(self.dtype if dtype is None else dtype, copy=False)

    def _frames(self, numbers: list[int], rectangle: Rectangle) -> Array:
        """(n, rows, columns[, samples]) of the rectangle of these frames."""
        row, column, rows, columns = rectangle
        area = slice(row, row + rows), slice(column, column + columns)
        frame_shape = self.shape[len(self.axes) :]
        found: dict[int, Array] = {}
        for number in numbers:
            kept = self._cache.get(number)
            if kept is not None:
                found[number] = kept[area]
        missing = sorted(set(numbers) - found.keys())
        if missing:
            if self._reader.has_levels and 2 * rows * columns < math.prod(frame_shape[:2]):
                decoded = self._reader.part(missing, self._level, rectangle, self._num_threads)
            else:
                decoded = self._whole(missing)[:, *area]
            if missing == numbers:
                return decoded
            found.update(zip(missing, decoded, strict=True))
        out = np.empty((len(numbers), rows, columns, *frame_shape[2:]), self.dtype)
        for place, number in zip(out, numbers, strict=True):
            place[...] = found[number]
        return out

    def _whole(self, numbers: list[int]) -> Array:
        if self._level:
            frames = self._reader.part(numbers, self._level, None, self._num_threads)
        else:
            frames = self._reader.whole(numbers, self._num_threads)
        # What would not fit at once is read in passing, and would only push out the rest.
        if frames.nbytes <= self._cache.most_bytes:
            for number, frame in zip(numbers, frames, strict=True):
                self._cache.put(number, frame.copy())  # a view would keep all of them
        return frames

    # ---- other libraries ------------------------------------------------------------------------

    def to_dask(self) -> Any:
        """A dask array of `chunks`, which decodes when it is computed; needs the extra "lazy".

        Raises
        ------
        MissingDependencyError
            dask is not installed.
        """
        return dask_array(self)

    def to_xarray(self) -> Any:
        """A DataArray with a coordinate for each axis; needs the extra "lazy".

        Values are a dask array. Dimensions are named as `axes`, then "y", "x" and "sample". Along
        z, y and x coordinates are distances in mm from the first voxel; attributes hold the affine,
        slope and intercept.

        Raises
        ------
        MissingDependencyError
            dask or xarray is not installed.
        """
        return data_array(self)

    # ---- lifetime -------------------------------------------------------------------------------

    def close(self) -> None:
        """Give the file back to the system; further reads raise InvalidCubeFileError."""
        self._file.close()

    def __getstate__(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "level": self._level,
            "cache_bytes": self._cache.most_bytes,
            "num_threads": self._num_threads,
            "identity": self._file.identity,
        }

    def __setstate__(self, state: dict[str, Any]) -> None:
        self._open(state["name"], state["level"], state["cache_bytes"], state["num_threads"])
        if self._file.identity != state["identity"]:
            self.close()
            raise InvalidCubeFileError(
                "the file is not the one that was open when the cube was pickled",
                where=state["name"],
                hint="open it again with dicube.open",
            )
