"""From a folder to the instances of one series, in order.

A series may hold several volume sets: images that no one array, affine or meaning of values fits.
One can be picked; without that they are all kept, one after the other, as frames.
"""

import logging
import os
from collections.abc import Container, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from dicube.dicom.dicom_meta import DicomMeta
from dicube.dicom.dicom_tags import CommonTags
from dicube.dicom.folder_scan import (
    FolderScan,
    OnDamaged,
    Progress,
    SkippedFile,
    by_series,
    scan_folder,
)
from dicube.dicom.instance import Instance
from dicube.dicom.pixel_data import layout_of
from dicube.dicom.series.arrangement import Arrangement, Incomplete, arrange, in_series_order
from dicube.dicom.series.frame_meta import frame_counts
from dicube.dicom.series.frame_table import FrameTable
from dicube.dicom.series.grouping import group_instances
from dicube.dicom.slice_order import SortMethod
from dicube.exceptions import DataConsistencyError, MetaDataError

logger = logging.getLogger(__name__)

_LISTED: Final = 5  # files named in one message; the rest is counted


class SeriesOptions(NamedTuple):
    """Which images of a folder to take, and how to arrange them.

    Attributes
    ----------
    sort_method : SortMethod
        Order of the slices.
    series_uid : str or None
        Series Instance UID; needed where the folder holds several series.
    group : int or None
        Number of one volume set of the series, as `dicube.find_series` counts them; None for all.
    on_damaged : "raise" or "skip"
        What to do about DICOM files that cannot be read.
    incomplete : "keep", "pad" or "drop"
        What to do about a grid of volumes in which frames are missing: keep all frames as they
        come, fill the empty cells, or leave incomplete volumes out.
    as_3d : bool
        Do not look for volumes: all frames one after the other.
    """

    sort_method: SortMethod = SortMethod.INSTANCE_NUMBER_ASC
    series_uid: str | None = None
    group: int | None = None
    on_damaged: OnDamaged = "raise"
    incomplete: Incomplete = "keep"
    as_3d: bool = False


DEFAULT_OPTIONS: Final = SeriesOptions()


@dataclass(frozen=True)
class DicomSeries:
    """The images of one series, in order, with their merged metadata.

    Attributes
    ----------
    folder : Path
        That all files are in or below.
    instances : list of Instance
        In the order in which an image needs them first.
    meta : DicomMeta
        One slice for each instance, in the same order.
    skipped : list of SkippedFile
    arrangement : Arrangement
        Its frames are those of `table`.
    table : FrameTable
        The frames of `instances`, one instance after the other.
    """

    folder: Path
    instances: list[Instance]
    meta: DicomMeta
    skipped: list[SkippedFile]
    arrangement: Arrangement
    table: FrameTable

    @property
    def names(self) -> list[str]:
        """Paths of the files relative to the folder."""
        return [i.path.relative_to(self.folder).as_posix() for i in self.instances]

    @property
    def frame_order(self) -> npt.NDArray[np.intp] | None:
        """For each frame of the image its number among those of the instances, -1 for none.

        None where they come one after the other.
        """
        order = np.array(self.arrangement.order, dtype=np.intp)
        return None if np.array_equal(order, np.arange(len(order))) else order


def read_series(
    folder: str | os.PathLike[str],
    options: SeriesOptions = DEFAULT_OPTIONS,
    *,
    progress: Progress | None = None,
) -> DicomSeries:
    """The one series of images in a folder, or what the options pick.

    Raises
    ------
    MetaDataError
        There is no folder, or no image in it; DICOM files are damaged and `on_damaged` is "raise".
    DataConsistencyError
        The folder holds several series and `series_uid` does not pick one; the message lists them.
        There is no such group. No volume is complete and incomplete ones are to be dropped.
    """
    scan = scan_folder(folder, progress=progress)
    skipped = list(scan.skipped)
    if scan.damaged and options.on_damaged == "raise":
        raise MetaDataError(
            f"{len(scan.damaged)} damaged file(s): {_listing(scan, scan.damaged)}",
            where=str(folder),
            hint='copy them again, or leave them out with on_damaged="skip" (--skip-damaged)',
        )
    skipped += scan.damaged
    chosen, others = _choose(scan, options.series_uid)
    skipped += [SkippedFile(i.path, "an image of another series") for i in others]
    series = series_of(scan.folder, chosen, options, skipped)
    for path, reason in series.skipped:
        logger.warning("skipped %s: %s", path, reason)
    return series


def series_of(
    folder: Path,
    instances: Sequence[Instance],
    options: SeriesOptions = DEFAULT_OPTIONS,
    skipped: Sequence[SkippedFile] = (),
) -> DicomSeries:
    """Images of one series arranged as the options say.

    Raises
    ------
    DataConsistencyError
        As for `read_series`.
    """
    meta = DicomMeta.from_instances(instances)
    table = _table(instances, meta)
    groups = group_instances(table)
    if options.group is None:
        return _arranged(folder, instances, meta, table, len(groups), options, skipped)
    if not 0 <= options.group < len(groups):
        raise DataConsistencyError(
            f"there is no group {options.group}: the series holds {len(groups)}",
            where=str(folder),
            hint="`dicube scan` lists them",
        )
    chosen = groups[options.group]
    reason = "an image of another volume set of the series"
    others = sorted(set(range(len(instances))) - set(chosen))
    left_out = [*skipped, *(SkippedFile(instances[i].path, reason) for i in others)]
    return _group(folder, [instances[i] for i in chosen], options, left_out)


def volume_sets_of(folder: Path, instances: Sequence[Instance]) -> list[DicomSeries]:
    """The volume sets that images of one series form, each arranged."""
    meta = DicomMeta.from_instances(instances)
    table = _table(instances, meta)
    groups = group_instances(table)
    if len(groups) == 1:
        return [_arranged(folder, instances, meta, table, 1, DEFAULT_OPTIONS, ())]
    return [_group(folder, [instances[i] for i in group], DEFAULT_OPTIONS, ()) for group in groups]


def sets_with(series: DicomSeries, wanted: Container[int]) -> DicomSeries:
    """The volume sets of a series that hold any of these instances, all their frames as slices."""
    if not wanted:
        return series
    groups = group_instances(_table(series.instances, series.meta))
    numbers = sorted(i for group in groups for i in group if any(j in wanted for j in group))
    if len(numbers) == len(series.instances):
        return series
    return series_of(
        series.folder, [series.instances[i] for i in numbers], SeriesOptions(as_3d=True)
    )


def _table(instances: Sequence[Instance], meta: DicomMeta) -> FrameTable:
    """The frames of instances; pixels tell how many, where Number of Frames is no number."""
    counts = frame_counts(meta)
    for number, value in enumerate(meta.get_values(CommonTags.NumberOfFrames)):
        if value not in (None, []) and not isinstance(value, int):
            counts[number] = layout_of(instances[number]).frames
    return FrameTable.of(meta, counts)


def _group(
    folder: Path,
    instances: Sequence[Instance],
    options: SeriesOptions,
    skipped: Sequence[SkippedFile],
) -> DicomSeries:
    meta = DicomMeta.from_instances(instances)
    return _arranged(folder, instances, meta, _table(instances, meta), 1, options, skipped)


def _arranged(
    folder: Path,
    instances: Sequence[Instance],
    meta: DicomMeta,
    table: FrameTable,
    groups: int,
    options: SeriesOptions,
    skipped: Sequence[SkippedFile],
) -> DicomSeries:
    frames = np.arange(len(table))
    if groups == 1 and not options.as_3d:
        arrangement = arrange(
            table, frames, sort_method=options.sort_method, incomplete=options.incomplete
        )
    else:
        arrangement = in_series_order(table, frames, options.sort_method)
        if options.as_3d:
            arrangement = arrangement.as_stack()
    return _in_order(folder, instances, meta, table, arrangement, list(skipped))


def _in_order(
    folder: Path,
    instances: Sequence[Instance],
    meta: DicomMeta,
    table: FrameTable,
    arrangement: Arrangement,
    skipped: list[SkippedFile],
) -> DicomSeries:
    """The instances in the order in which the frames need them, frames numbered anew."""
    order = np.array(arrangement.order, dtype=np.intp)
    if np.array_equal(order, np.arange(len(table))):
        return DicomSeries(folder, list(instances), meta, skipped, arrangement, table)
    needed = table.instances[order[order >= 0]]
    first = np.unique(needed, return_index=True)[1]
    numbers = needed[np.sort(first)].tolist()
    reason = "left out with an incomplete volume"
    unused = sorted(set(table.instances[list(arrangement.left_out)].tolist()))
    skipped += [SkippedFile(instances[i].path, reason) for i in unused]
    starts = np.concatenate(([0], np.cumsum(table.counts)))
    frames = np.concatenate([np.arange(starts[i], starts[i + 1]) for i in numbers])
    if np.setdiff1d(frames, order).size or ((order < 0).any() and max(table.counts) > 1):
        raise DataConsistencyError(
            "frames of a multi-frame object cannot be filled or left out one by one",
            where=str(folder),
            hint="keep them as they are, and take the parts you need from the image",
        )
    renumbered = np.full(len(table), -1, np.intp)
    renumbered[frames] = np.arange(len(frames))
    order = np.where(order < 0, -1, renumbered[order])
    in_order = numbers == list(range(len(instances)))
    return DicomSeries(
        folder=folder,
        instances=[instances[i] for i in numbers],
        meta=meta if in_order else meta.taken(numbers),
        skipped=skipped,
        arrangement=arrangement.renumbered(tuple(order.tolist())),
        table=table if in_order else table.taken(numbers),
    )


def read_dicom_dir(
    folder: str | os.PathLike[str],
    sort_method: SortMethod = SortMethod.INSTANCE_NUMBER_ASC,
    *,
    series_uid: str | None = None,
    on_damaged: OnDamaged = "raise",
) -> DicomMeta:
    """The merged metadata of the series in a folder; pixels are not read.

    Parameters
    ----------
    folder : path
    sort_method : SortMethod
    series_uid : str, optional
    on_damaged : "raise" or "skip"
        As for `DicomCubeImage.from_dicom_folder`; slices are in the order of its frames.

    Raises
    ------
    MetaDataError, DataConsistencyError
        As there.
    """
    options = SeriesOptions(sort_method, series_uid, on_damaged=on_damaged)
    return read_series(folder, options).meta


def _choose(scan: FolderScan, series_uid: str | None) -> tuple[list[Instance], list[Instance]]:
    """The images of the series wanted, and all others."""
    found = by_series(scan.images)
    if series_uid is not None:
        if series_uid not in found:
            raise DataConsistencyError(
                f"no images of series {series_uid}; the folder holds {_series_list(found)}",
                where=str(scan.folder),
            )
        chosen = found.pop(series_uid)
        return chosen, [i for instances in found.values() for i in instances]
    if not found:
        looked_at = scan.skipped + scan.damaged
        listed = _listing(scan, looked_at) if looked_at else "the folder is empty"
        raise MetaDataError(
            f"no DICOM image found; {listed}",
            where=str(scan.folder),
            hint="give the folder that holds the image files of one series",
        )
    if len(found) > 1:
        raise DataConsistencyError(
            f"the folder holds {len(found)} series: {_series_list(found)}",
            where=str(scan.folder),
            hint="pick one with series_uid= (--series-uid)",
        )
    return next(iter(found.values())), []


def _series_list(found: dict[str, list[Instance]]) -> str:
    return ", ".join(
        f"{uid or '(no Series Instance UID)'} ({len(instances)} files)"
        for uid, instances in found.items()
    )


def _listing(scan: FolderScan, files: Sequence[SkippedFile]) -> str:
    named = [f"{path.relative_to(scan.folder)}: {reason}" for path, reason in files[:_LISTED]]
    if len(files) > _LISTED:
        named.append(f"and {len(files) - _LISTED} more")
    return "; ".join(named)
