"""Pulling one series: fetched, checked, converted, verified; never half written."""

import os
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final, Literal, NamedTuple

from dicube.dicom.deidentify import DeidentifyOptions
from dicube.dicom.find_series import SeriesSearch, find_series
from dicube.exceptions import DataConsistencyError, IncompleteSeriesError
from dicube.pacs.client import Cancelled, PacsClient, Retrieved
from dicube.pacs.deidentifying import SeriesDeidentifier
from dicube.pacs.matches import SeriesMatch
from dicube.pacs.outputs import OutputFormat, Transform
from dicube.pacs.pull_job import PulledSeries, PullJob
from dicube.pacs.retry import raise_if

Stage = Literal["query", "receive", "convert", "done"]
Inspect = Callable[[Sequence[Path]], None]
_BYTES_EVERY_S: Final = 0.25


class PullProgress(NamedTuple):
    """How far a pull is.

    Attributes
    ----------
    stage : "query", "receive", "convert" or "done"
    done, total : int, int or None
        Instances; None where the server has not said how many there are.
    bytes : int
        Of the instances that are here.
    """

    stage: Stage
    done: int
    total: int | None
    bytes: int


def pull(
    client: PacsClient,
    series: SeriesMatch,
    target_folder: Path,
    *,
    output_format: OutputFormat = "dcbs",
    scratch: Path | None = None,
    transform: Transform | None = None,
    deidentify: DeidentifyOptions | None = None,
    inspect: Inspect | None = None,
    progress: Callable[[PullProgress], None] | None = None,
    cancelled: Cancelled | None = None,
) -> PulledSeries:
    """Fetch a series and write it as ``target_folder/STUDY_UID/SERIES_UID.dcbs``.

    Names are made of UIDs: they are unique, identify nobody, and lead nowhere else. A series of
    several volume sets gives several files ``SERIES_UID_0.dcbs``...; instances that are no image,
    or do not fit the format, are kept as DICOM in ``SERIES_UID_dcbs_rest``. Nothing is overwritten.

    Parameters
    ----------
    client : PacsClient
    series : SeriesMatch
    target_folder : Path
        Made if need be.
    output_format : "dcbs", "dcba", "dicom", "nifti" or "npz"
    scratch : Path, optional
        Where instances are while they arrive; by default in the target folder. What an interrupted
        pull left there is not fetched again. It goes once the output is verified.
    transform : callable, optional
        Gets each image and gives the one to write. Instances that are no image cannot pass it, and
        stay in the scratch folder.
    deidentify : DeidentifyOptions, optional
        De-identify each image, before `transform`; needs a key. Outputs are named by the new UIDs,
        and ``SERIES_UID_deidentified.json`` says what was done.
    inspect : callable, optional
        Gets the DICOM files that arrived, while they are there; never for what was there already.
    progress : callable, optional
        Called from any thread.
    cancelled : callable, optional

    Returns
    -------
    PulledSeries

    Raises
    ------
    IncompleteSeriesError
        Fewer instances arrived than the server reported; what arrived is kept.
    PullCancelled
        `cancelled` said so; what arrived is kept.
    PacsError
        The server cannot be reached, refuses or breaks off.
    DataConsistencyError
        Another output is in the way, or `deidentify` has no key.
    """
    clean = None if deidentify is None else SeriesDeidentifier(deidentify, transform)
    job = PullJob(client, series, target_folder, output_format, scratch, transform, clean)
    report = progress or (lambda _: None)
    report(PullProgress("query", 0, series.instance_count, 0))
    record = job.record()
    wanted = {found.sop_instance_uid for found in client.find_instances(series)}
    expected = len(wanted) or series.instance_count
    if record is not None and job.is_done(record):
        if expected is not None and expected > record["received"]:
            raise DataConsistencyError(
                f"the series has {expected} instances now, it had {record['received']} when it was"
                " pulled",
                where=str(job.folder),
                hint="move the older output away, then pull again",
            )
        report(PullProgress("done", record["received"], record["received"], 0))
        return job.pulled(record, 0, ("already there, nothing was fetched",))
    job.check_target(record)
    retrieved, search = _received(job, wanted, report, cancelled)
    length = sum(path.stat().st_size for path in retrieved.files)
    raise_if(cancelled)
    report(PullProgress("convert", 0, len(retrieved.files), length))
    if inspect is not None:
        inspect(retrieved.files)
    record = job.write(retrieved, search)
    report(PullProgress("done", len(retrieved.files), len(retrieved.files), length))
    return job.pulled(record, retrieved.bytes, retrieved.findings)


def _received(
    job: PullJob,
    wanted: set[str],
    report: Callable[[PullProgress], None],
    cancelled: Cancelled | None,
) -> tuple[Retrieved, SeriesSearch]:
    """All instances in the scratch folder; those that arrived damaged are fetched once more."""
    counted, last = 0, 0.0

    def receiving(done: int, total: int) -> None:
        nonlocal counted, last
        if done == total or time.monotonic() - last > _BYTES_EVERY_S:
            counted, last = _bytes_in(job.scratch), time.monotonic()
        report(PullProgress("receive", done, total or None, counted))

    def retrieve() -> Retrieved:
        found = job.client.retrieve(
            job.series, job.scratch, wanted=wanted or None, progress=receiving, cancelled=cancelled
        )
        if not found.is_complete:
            there, said = len(found.files), found.expected
            raise IncompleteSeriesError(
                f"{there} of {said} instances arrived"
                if said is not None
                else "no instance arrived",
                where=job.client.server.where,
                hint="; ".join((*found.findings, "what arrived is kept: pull again to go on")),
            )
        return found

    retrieved = retrieve()
    search = find_series(job.scratch)
    damaged = [file.path for file in search.damaged]
    if damaged:
        for path in damaged:
            path.unlink()
        again = retrieve()
        received = retrieved.received + again.received
        length = retrieved.bytes + again.bytes
        retrieved = replace(again, received=received, bytes=length)
        search = find_series(job.scratch)
    return retrieved, search


def _bytes_in(folder: Path) -> int:
    with os.scandir(folder) as entries:
        return sum(entry.stat().st_size for entry in entries if entry.name.endswith(".dcm"))
