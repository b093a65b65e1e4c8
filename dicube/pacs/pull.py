"""Pulling one series: fetched, checked, converted, verified; never half written."""

import json
import os
import re
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple

from dicube.dicom.find_series import SeriesSearch, find_series
from dicube.exceptions import DataConsistencyError, IncompleteSeriesError, InvalidCubeFileError
from dicube.pacs.client import Cancelled, PacsClient, Retrieved
from dicube.pacs.inbox import JOURNAL, safe_name
from dicube.pacs.matches import SeriesMatch
from dicube.pacs.outputs import SUFFIXES, OutputFormat, Transform, rest_name, write_series
from dicube.pacs.retry import raise_if
from dicube.storage.atomic import replacing

Stage = Literal["query", "receive", "convert", "done"]
SCRATCH: Final = ".dicube-scratch"
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


class PulledSeries(NamedTuple):
    """What a pull left in the target folder.

    Attributes
    ----------
    files : tuple of Path
        Files that hold the series; folders of DICOM files, too.
    instances : int
        Of the series, all of them in `files`.
    bytes : int
        Received over the network this time; 0 where the output was there already.
    findings : tuple of str
        What is odd about the series or the server; no patient data.
    """

    files: tuple[Path, ...]
    instances: int
    bytes: int
    findings: tuple[str, ...]


def pull(
    client: PacsClient,
    series: SeriesMatch,
    target_folder: Path,
    *,
    output_format: OutputFormat = "dcbs",
    scratch: Path | None = None,
    transform: Transform | None = None,
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
        Another output is in the way.
    """
    job = _Job(client, series, target_folder, output_format, scratch, transform)
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
    record = job.write(retrieved, search)
    report(PullProgress("done", len(retrieved.files), len(retrieved.files), length))
    return job.pulled(record, retrieved.bytes, retrieved.findings)


def _received(
    job: "_Job",
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


class _Job:
    """The folders and names of one pull, and its record."""

    def __init__(
        self,
        client: PacsClient,
        series: SeriesMatch,
        target_folder: Path,
        output_format: OutputFormat,
        scratch: Path | None,
        transform: Transform | None,
    ) -> None:
        self.client = client
        self.series = series
        self.folder = target_folder / safe_name(series.study_uid)
        self.scratch = (scratch or target_folder / SCRATCH) / safe_name(series.series_uid)
        self._is_own_scratch = scratch is None
        self._stem = safe_name(series.series_uid)
        self._format = output_format
        self._transform = transform
        # Hidden: what was written, so that the next pull knows its own files.
        self._record_path = self.folder / f".{self._stem}.{output_format}.json"

    def record(self) -> dict[str, Any] | None:
        """What an earlier pull noted.

        Raises
        ------
        InvalidCubeFileError
            The record is damaged.
        """
        try:
            record = json.loads(self._record_path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            raise InvalidCubeFileError(
                "the record of an earlier pull cannot be read",
                where=str(self._record_path),
                hint="remove it, and the output beside it, and pull again",
            ) from error
        found: dict[str, Any] = record
        return found

    def is_done(self, record: dict[str, Any]) -> bool:
        """Whether all files of a record are there."""
        return all(
            _length(self.folder / name) == length for name, length in record["files"].items()
        )

    def pulled(
        self, record: dict[str, Any], length: int, findings: tuple[str, ...]
    ) -> PulledSeries:
        """What a record says."""
        files = tuple(self.folder / name for name in record["files"])
        return PulledSeries(files, record["received"], length, (*record["findings"], *findings))

    def check_target(self, record: dict[str, Any] | None) -> None:
        """Refuse files that no record of ours knows.

        Raises
        ------
        DataConsistencyError
            There are some.
        """
        known = {} if record is None else record["files"]
        ours = re.compile(
            rf"{re.escape(self._stem)}(_\d+)?{re.escape(SUFFIXES[self._format])}"
            rf"|{re.escape(rest_name(self._stem, self._format))}"
        )
        for path in self.folder.iterdir() if self.folder.is_dir() else ():
            if not ours.fullmatch(path.name) or known.get(path.name) == _length(path):
                continue
            raise DataConsistencyError(
                "the target exists already",
                where=str(path),
                hint="move it away, or pull into another folder",
            )

    def write(self, retrieved: Retrieved, search: SeriesSearch) -> dict[str, Any]:
        """Convert in a folder aside, move the output into place, and clear the scratch folder."""
        self.folder.mkdir(parents=True, exist_ok=True)
        in_sets = {path for found in search for path in found.files}
        others = [path for path in retrieved.files if path not in in_sets]
        if len(in_sets) + len(others) != len(retrieved.files):
            raise DataConsistencyError(
                "the scratch folder holds files that are not of the series",
                where=str(self.scratch),
                hint="look at them, and move them away",
            )
        with tempfile.TemporaryDirectory(dir=self.folder, prefix=".", suffix=".part") as aside:
            written = write_series(
                search, others, Path(aside), self._stem, self._format, self._transform
            )
            findings = list(written.findings)
            if written.left:
                findings.append(
                    f"{len(written.left)} instances cannot be transformed: they stay in"
                    f" {self.scratch}"
                )
            # What is there is ours: `check_target` looked. An interrupted pull verified it.
            there = {name: _length(self.folder / name) for name in written.names}
            record: dict[str, Any] = {
                "received": len(retrieved.files),
                "files": {
                    name: _length(Path(aside) / name) if length is None else length
                    for name, length in there.items()
                },
                "findings": findings,
            }
            # First the record, so that the next pull knows what a crash leaves.
            with replacing(self._record_path) as file:
                file.write(json.dumps(record).encode())
            for name in [name for name, length in there.items() if length is None]:
                (Path(aside) / name).replace(self.folder / name)
        self._clear_scratch(retrieved, set(written.left))
        return record

    def _clear_scratch(self, retrieved: Retrieved, left: set[Path]) -> None:
        for path in set(retrieved.files) - left:
            path.unlink()
        if left:
            return
        (self.scratch / JOURNAL).unlink(missing_ok=True)
        with suppress(OSError):  # not empty: somebody put something there
            self.scratch.rmdir()
            if self._is_own_scratch:
                self.scratch.parent.rmdir()


def _length(path: Path) -> int | None:
    """Bytes of a file, or of the files in a folder; None where there is neither."""
    if path.is_dir():
        return sum(each.stat().st_size for each in path.iterdir())
    return path.stat().st_size if path.is_file() else None


def _bytes_in(folder: Path) -> int:
    with os.scandir(folder) as entries:
        return sum(entry.stat().st_size for entry in entries if entry.name.endswith(".dcm"))
