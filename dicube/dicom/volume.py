"""The stored values of a whole series in one array, and the record of its source files."""

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Self

import numpy as np
import numpy.typing as npt

from dicube.codecs.parallel import map_frames, thread_count
from dicube.dicom import native_scan
from dicube.dicom.dicom_io import DicomSeries
from dicube.dicom.folder_scan import Progress
from dicube.dicom.instance import Instance
from dicube.dicom.pixel_data import (
    InstancePixels,
    is_compressed,
    layouts_of,
    pixels_in_place,
    read_pixels,
)
from dicube.dicom.pixel_layout import PixelLayout
from dicube.dicom.source_files import SourceFile, file_digest
from dicube.dicom.straightened_meta import padding_value
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


@dataclass(frozen=True)
class VolumePlan:
    """Where the stored values of a series go, known before any is read.

    Instances of different integer dtypes go into the smallest dtype that holds all of them.

    Attributes
    ----------
    series : DicomSeries
    layouts : list of PixelLayout
        Of each instance.
    dtype : numpy dtype
    """

    series: DicomSeries
    layouts: list[PixelLayout]
    dtype: np.dtype[Any]

    @classmethod
    def of(cls, series: DicomSeries) -> Self:
        """Plan a series.

        Raises
        ------
        DataConsistencyError
            The instances have different shapes, mix integers and floats, or lack pixels.
        """
        layouts = layouts_of(series.instances, series.meta)
        _check_one_shape(series, layouts)
        return cls(series, layouts, _common_dtype(series, layouts))

    @property
    def frames_of(self) -> list[int]:
        """Number of frames of each instance."""
        return [layout.frames for layout in self.layouts]

    @property
    def shape(self) -> tuple[int, ...]:
        """(frames, rows, columns[, samples]) of all instances together."""
        return (sum(self.frames_of), *self.layouts[0].frame_shape)

    @property
    def is_whole(self) -> bool:
        """Whether every frame of the image comes from a file."""
        return min(self.series.arrangement.order) >= 0

    @property
    def arranged_shape(self) -> tuple[int, ...]:
        """Shape of the image: its axes, rows, columns[, samples]."""
        sizes = (axis.size for axis in self.series.arrangement.axes)
        return (*sizes, *self.layouts[0].frame_shape)

    def arranged(self, values: Array) -> Array:
        """The frames of all instances in the order of the image.

        Frames that no instance has get Pixel Padding Value where the series has one that fits the
        dtype, else the smallest of the stored values.
        """
        order = self.series.frame_order
        if order is None:
            return values
        frames = np.empty((len(order), *values.shape[1:]), values.dtype)
        np.take(values, np.maximum(order, 0), axis=0, out=frames)
        if (order < 0).any():
            frames[order < 0] = self._filling(values)
        return frames

    def _filling(self, values: Array) -> Any:
        padding = padding_value(self.series.meta)
        fits = padding is not None and np.can_cast(np.min_scalar_type(padding), values.dtype)
        return padding if fits else values.min()

    @property
    def bits(self) -> int:
        """Bits that hold every stored value, with its sign."""
        if not self.is_whole or any(layout.dtype != self.dtype for layout in self.layouts):
            return self.dtype.itemsize * 8
        return max(layout.bits_stored for layout in self.layouts)

    def pieces(self, most_bytes: int) -> list[range]:
        """Runs of instances whose values take no more memory than this, or one instance each."""
        frame_bytes = math.prod(self.shape[1:]) * self.dtype.itemsize
        return runs_within(self.frames_of, frame_bytes, most_bytes)

    def read(
        self,
        run: range,
        *,
        num_threads: int | None = None,
        progress: Progress | None = None,
    ) -> SeriesVolume:
        """Read the pixels of a run of instances.

        Raises
        ------
        DataConsistencyError
            A file has fewer pixels than it says.
        CodecError
            Compressed pixels cannot be decoded.
        """
        instances = self.series.instances[run.start : run.stop]
        layouts = self.layouts[run.start : run.stop]
        starts = [0, *itertools.accumulate(layout.frames for layout in layouts)]
        values = np.empty((starts[-1], *self.shape[1:]), self.dtype)
        names = self.series.names[run.start : run.stop]
        in_place = _read_in_place(instances, layouts, values, thread_count(num_threads))

        def read(number: int) -> SourceFile:
            instance, layout = instances[number], layouts[number]
            frames = values[starts[number] : starts[number + 1]]
            if number in in_place:
                pixels = pixels_in_place(instance, layout, frames)
            else:
                pixels = read_pixels(instance, layout, frames)
            if progress is not None:
                progress("reading pixels", run.start + number + 1, len(self.layouts))
            return _source_file(instance, names[number], layout, pixels)

        # Decoding profits from threads; for digests alone they cost more than they save.
        compressed = any(is_compressed(instance) for instance in instances)
        files = map_frames(read, len(layouts), num_threads if compressed else 1)
        return SeriesVolume(values, files)


def runs_within(frames_of: Sequence[int], frame_bytes: int, most_bytes: int) -> list[range]:
    """Runs of instances whose frames take no more bytes together, or one instance each."""
    runs, first, length = [], 0, 0
    for number, frames in enumerate(frames_of):
        if number > first and length + frames * frame_bytes > most_bytes:
            runs.append(range(first, number))
            first, length = number, 0
        length += frames * frame_bytes
    return [*runs, range(first, len(frames_of))]


def read_volume(
    series: DicomSeries, *, num_threads: int | None = None, progress: Progress | None = None
) -> SeriesVolume:
    """Read the pixels of all instances into one array; errors are those of `VolumePlan`."""
    plan = VolumePlan.of(series)
    return plan.read(range(len(plan.layouts)), num_threads=num_threads, progress=progress)


def _read_in_place(
    instances: Sequence[Instance], layouts: Sequence[PixelLayout], values: Array, threads: int
) -> frozenset[int]:
    """Read native pixels straight into the volume, as far as they are its stored values.

    Returns the numbers of the instances whose values are in place.
    """
    layout = layouts[0]
    alike = all(each is layout or each == layout for each in layouts)
    if not alike or not layout.is_stored_values or layout.dtype != values.dtype:
        return frozenset()
    for instance in instances:
        assert instance.pixels is not None
        if is_compressed(instance) or instance.pixels.length < layout.native_length:
            return frozenset()
    others = native_scan.read_pixels(
        instances, values, unused_bits=layout.unused_bits, threads=threads
    )
    return frozenset(range(len(instances))).difference(others)


def _source_file(
    instance: Instance, name: str, layout: PixelLayout, pixels: InstancePixels
) -> SourceFile:
    assert instance.pixels is not None
    exact = not is_compressed(instance)
    if exact:
        digest = file_digest(instance.head, pixels.native, pixels.excess, instance.tail)
    else:
        digest = file_digest(instance.path.read_bytes())
    return SourceFile(
        name=name,
        head=instance.head,
        tail=pixels.excess + instance.tail,
        data_set_start=instance.data_set_start,
        pixel_start=instance.pixels.start,
        syntax=instance.syntax,
        padding=len(pixels.excess),
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
            hint="pick those of one shape with group= (--group); `dicube scan` lists the groups",
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
