"""The stored values of a whole series in one array, and the record of its source files."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from dicube.codecs.parallel import map_frames
from dicube.dicom.dicom_io import DicomSeries, Progress
from dicube.dicom.instance import Instance
from dicube.dicom.pixel_data import InstancePixels, is_compressed, layout_of, read_pixels
from dicube.dicom.pixel_layout import PixelLayout
from dicube.dicom.source_files import SourceFile, file_digest
from dicube.exceptions import DataConsistencyError

Array = npt.NDArray[Any]


class SeriesVolume(NamedTuple):
    """Stored values of a series.

    Attributes
    ----------
    values : (frames, rows, columns[, samples]) array
        Frames in the order of the files; a file may hold several.
    source_files : list of SourceFile
    """

    values: Array
    source_files: list[SourceFile]


def read_volume(
    series: DicomSeries, *, num_threads: int | None = None, progress: Progress | None = None
) -> SeriesVolume:
    """Read the pixels of all instances into one array.

    Instances of different integer dtypes go into the smallest dtype that holds all of them.

    Raises
    ------
    DataConsistencyError
        The instances have different shapes, mix integers and floats, or lack pixels.
    CodecError
        Compressed pixels cannot be decoded.
    """
    layouts = [layout_of(instance) for instance in series.instances]
    _check_one_shape(series, layouts)
    dtype = _common_dtype(series, layouts)
    starts = np.concatenate([[0], np.cumsum([layout.frames for layout in layouts])]).tolist()
    values = np.empty((starts[-1], *layouts[0].frame_shape), dtype=dtype)
    names = series.names

    def read(number: int) -> SourceFile:
        instance, layout = series.instances[number], layouts[number]
        pixels = read_pixels(instance, layout)
        values[starts[number] : starts[number + 1]] = pixels.values
        if progress is not None:
            progress("reading pixels", number + 1, len(layouts))
        return _source_file(instance, names[number], layout, pixels)

    # Decoding profits from threads; reading uncompressed files from a cache does not.
    compressed = any(is_compressed(instance) for instance in series.instances)
    files = map_frames(read, len(layouts), num_threads if compressed else 1)
    return SeriesVolume(values, list(files))


def _source_file(
    instance: Instance, name: str, layout: PixelLayout, pixels: InstancePixels
) -> SourceFile:
    assert instance.pixels is not None
    excess = pixels.native[layout.native_length :]
    exact = not is_compressed(instance)
    if exact:
        digest = file_digest(instance.head, pixels.native, instance.tail)
    else:
        digest = file_digest(instance.path.read_bytes())
    return SourceFile(
        name=name,
        head=instance.head,
        tail=excess + instance.tail,
        data_set_start=instance.data_set_start,
        pixel_start=instance.pixels.start,
        syntax=instance.syntax,
        padding=len(excess),
        layout=layout,
        residual=pixels.residual,
        transfer_syntax=instance.transfer_syntax,
        exact=exact,
        digest=digest,
    )


def _check_one_shape(series: DicomSeries, layouts: Sequence[PixelLayout]) -> None:
    shapes: dict[tuple[int, ...], list[str]] = {}
    for name, layout in zip(series.names, layouts, strict=True):
        shapes.setdefault(layout.frame_shape, []).append(name)
    if len(shapes) > 1:
        listed = "; ".join(
            f"{shape}: {names[0]} and {len(names) - 1} more"
            if len(names) > 1
            else f"{shape}: {names[0]}"
            for shape, names in shapes.items()
        )
        raise DataConsistencyError(
            f"the images of the series have different shapes: {listed}",
            where=str(series.folder),
            hint="put images of each shape into a folder of their own",
        )


def _common_dtype(series: DicomSeries, layouts: Sequence[PixelLayout]) -> np.dtype[Any]:
    dtypes = {layout.dtype for layout in layouts}
    if len({dtype.kind == "f" for dtype in dtypes}) > 1 or (
        {np.dtype("u8")} < dtypes and any(dtype.kind == "i" for dtype in dtypes)
    ):
        raise DataConsistencyError(
            "the images of the series mix dtypes that no integer dtype holds together: "
            + ", ".join(sorted(str(dtype) for dtype in dtypes)),
            where=str(series.folder),
            hint="put them into folders of their own",
        )
    return np.result_type(*dtypes)
