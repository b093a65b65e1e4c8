"""A folder of DICOM files straight into a cube file, with a bounded number of frames in memory.

Reading, encoding and writing overlap: while threads encode a piece of the series and write what is
done, another one reads the next piece.
"""

import math
import os
from pathlib import Path
from typing import Final, NamedTuple

from dicube.codecs.parallel import one_ahead, thread_count
from dicube.core.contents import Array, packed_sources
from dicube.core.cube_file import finish_cube
from dicube.core.dicom_folder import describe_series
from dicube.core.frame_writing import EncodeOptions, write_pieces
from dicube.dicom.dicom_io import DicomSeries, SeriesOptions, read_series
from dicube.dicom.findings import Finding
from dicube.dicom.folder_scan import OnDamaged, Progress, SkippedFile
from dicube.dicom.judgement import image_findings
from dicube.dicom.series.arrangement import Incomplete
from dicube.dicom.slice_order import SortMethod
from dicube.dicom.source_files import SourceFile
from dicube.dicom.volume import VolumePlan
from dicube.exceptions import DataConsistencyError, InvalidCubeFileError
from dicube.storage.formats import DCBR, FileFormat, format_of_name
from dicube.storage.pixel_utils import encoding_of
from dicube.storage.writer import writing

PathLike = str | os.PathLike[str]

_PIECE_BYTES: Final = 24 << 20  # three of them are there at a time


class Conversion(NamedTuple):
    """What was converted.

    Attributes
    ----------
    path : Path
        The file.
    frames : int
    source_bytes : int
        Of the DICOM files that became the file.
    findings : list of Finding
        What is odd about the series, most important first.
    skipped : list of SkippedFile
        Files of the folder that are no part of it.
    """

    path: Path
    frames: int
    source_bytes: int
    findings: list[Finding]
    skipped: list[SkippedFile]


def convert(
    folder: PathLike,
    path: PathLike,
    *,
    file_format: str | None = None,
    sort_method: SortMethod = SortMethod.INSTANCE_NUMBER_ASC,
    series_uid: str | None = None,
    group: int | None = None,
    on_damaged: OnDamaged = "raise",
    incomplete: Incomplete = "keep",
    as_3d: bool = False,
    keep_sources: bool = True,
    check: bool = True,
    num_threads: int | None = None,
    effort: str | None = None,
    progress: Progress | None = None,
) -> Conversion:
    """Convert a folder of DICOM files into a cube file, however long the series.

    As `DicomCubeImage.from_dicom_folder(folder).to_file(path)`, without the image: some tens of
    megabytes of pixels are held at a time, or one file if that has more; all of them where frames
    of multi-frame files change places, or are filled. A .dcba file may be a little larger than that
    of an image, because each piece has a model of its own.

    Parameters
    ----------
    folder, path : path
    file_format : "dcbs" or "dcba", optional
        By default what the suffix of the path says. A .dcbr file needs an image and a region.
    sort_method : SortMethod
    series_uid : str, optional
    group : int, optional
    on_damaged : "raise" or "skip"
    incomplete : "keep", "pad" or "drop"
    as_3d : bool
    keep_sources : bool
    check : bool
    num_threads : int, optional
    effort : "fast", "default" or "max", optional
    progress : callable, optional
        As for `from_dicom_folder` and `to_file`.

    Returns
    -------
    Conversion

    Raises
    ------
    MetaDataError, DataConsistencyError, CodecError
        As for `from_dicom_folder`.
    InvalidCubeFileError
        The format is unknown, or the file cannot be written.
    """
    _check_format(path, file_format)  # before anything is read
    options = SeriesOptions(sort_method, series_uid, group, on_damaged, incomplete, as_3d)
    return convert_series(
        read_series(folder, options, progress=progress),
        path,
        file_format=file_format,
        keep_sources=keep_sources,
        check=check,
        num_threads=num_threads,
        effort=effort,
        progress=progress,
    )


def convert_series(
    series: DicomSeries,
    path: PathLike,
    *,
    file_format: str | None = None,
    keep_sources: bool = True,
    check: bool = True,
    num_threads: int | None = None,
    effort: str | None = None,
    progress: Progress | None = None,
) -> Conversion:
    """Convert a series whose files were taken apart already; else as `convert`.

    Raises
    ------
    DataConsistencyError, CodecError, InvalidCubeFileError
        As for `convert`.
    """
    target = Path(path)
    chosen = _check_format(path, file_format)
    plan = VolumePlan.of(series)
    contents = describe_series(plan)
    encoding = encoding_of(plan.dtype)
    files: list[SourceFile] = []
    in_order = series.frame_order is None
    # Frames that change their places have to be there together.
    pieces = plan.pieces(_PIECE_BYTES) if in_order else [range(len(plan.layouts))]

    def read(run: range) -> Array:
        volume = plan.read(run, num_threads=num_threads, progress=progress)
        files.extend(volume.source_files)
        return plan.arranged(volume.values) if not in_order else volume.values

    try:
        with writing(target, chosen) as writer:
            written = write_pieces(
                writer,
                chosen.codec_name,
                # One thread is one thread: a second one would take the processor of somebody else.
                map(read, pieces) if thread_count(num_threads) == 1 else one_ahead(read, pieces),
                encoding,
                plan.bits,
                EncodeOptions(check, num_threads, effort),
            )
            if keep_sources and plan.is_whole:
                contents.sources = packed_sources(value=files)
                contents.digest = written.digest
            finish_cube(writer, contents, encoding, written)
    except OSError as error:
        raise InvalidCubeFileError(
            f"cannot be written: {error.strerror}", where=str(path)
        ) from error
    assert contents.meta is not None
    meta = contents.meta.value
    return Conversion(
        path=target,
        frames=math.prod(axis.size for axis in contents.axes),
        source_bytes=sum(instance.length for instance in series.instances),
        findings=image_findings(meta, contents.axes, contents.frame_order),
        skipped=series.skipped,
    )


def _check_format(path: PathLike, file_format: str | None) -> FileFormat:
    """The format asked for, which must be one that takes no image."""
    chosen = format_of_name(file_format or Path(path).suffix, where=str(path))
    if chosen == DCBR:
        raise DataConsistencyError(
            "a .dcbr file needs a region of interest",
            where=str(path),
            hint="read the folder with DicomCubeImage.from_dicom_folder, then to_file(roi=...)",
        )
    return chosen
