"""Pulling all series of accession numbers, patients or studies; the workflow of older clients."""

import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from pathlib import Path
from threading import Event
from typing import NamedTuple

from dicube.closing import Closing
from dicube.dicom.deidentify import DeidentifyOptions
from dicube.exceptions import DicomCubeError, PacsError, PullCancelled
from dicube.pacs.client import Cancelled, PacsClient, open_client
from dicube.pacs.matches import SeriesMatch
from dicube.pacs.outputs import OutputFormat, Transform
from dicube.pacs.pull import Inspect, PullProgress, pull
from dicube.pacs.pull_job import PulledSeries
from dicube.pacs.pulled_tables import PulledTables
from dicube.pacs.query import Query
from dicube.pacs.server import PacsServer
from dicube.pacs.settings import load_servers


class SeriesOutcome(NamedTuple):
    """What became of one series: either `pulled` or `error` is not None."""

    series: SeriesMatch
    pulled: PulledSeries | None
    error: DicomCubeError | OSError | None


def pull_all(
    client: PacsClient,
    series: Iterable[SeriesMatch],
    target_folder: Path,
    *,
    output_format: OutputFormat = "dcbs",
    scratch: Path | None = None,
    transform: Transform | None = None,
    deidentify: DeidentifyOptions | None = None,
    inspect: Inspect | None = None,
    jobs: int = 1,
    progress: Callable[[SeriesMatch, PullProgress], None] | None = None,
    cancelled: Cancelled | None = None,
) -> Iterator[SeriesOutcome]:
    """Pull series, some at a time; one that fails does not stop the others.

    Parameters
    ----------
    client : PacsClient
    series : iterable of SeriesMatch
    target_folder, output_format, scratch, transform, deidentify, inspect, cancelled
        As for `pull`.
    jobs : int
        How many series at a time; the server sees no more associations than it may.
    progress : callable, optional
        Called with the series and how far it is, from any thread.

    Yields
    ------
    SeriesOutcome
        As they are done. After `cancelled` said so no other is begun.
    """
    stopped = Event()

    def is_cancelled() -> bool:
        return stopped.is_set() or (cancelled is not None and cancelled())

    def one(match: SeriesMatch) -> SeriesOutcome:
        report = None if progress is None else lambda state: progress(match, state)
        try:
            pulled = pull(
                client,
                match,
                target_folder,
                output_format=output_format,
                scratch=scratch,
                transform=transform,
                deidentify=deidentify,
                inspect=inspect,
                progress=report,
                cancelled=is_cancelled,
            )
        except (DicomCubeError, OSError) as error:
            return SeriesOutcome(match, None, error)
        return SeriesOutcome(match, pulled, None)

    left = iter(series)
    with ThreadPoolExecutor(jobs, thread_name_prefix="dicube pull") as pool:
        running: set[Future[SeriesOutcome]] = set()
        try:
            while True:
                while len(running) < jobs and (match := next(left, None)) is not None:
                    running.add(pool.submit(one, match))
                if not running:
                    return
                done, running = wait(running, return_when=FIRST_COMPLETED)
                for future in done:
                    outcome = future.result()
                    yield outcome
                    if isinstance(outcome.error, PullCancelled):
                        left = iter(())
        finally:
            stopped.set()  # whoever still runs would keep an interrupted program waiting


class DICOMDownloadClient(Closing):
    """Pulls studies by accession number and writes them; a context manager.

    Parameters
    ----------
    server : PacsServer, optional
        By default the first one of `load_servers`: that of ``.env``, if there is one.

    Raises
    ------
    PacsError
        No server is given, and none is configured.
    """

    def __init__(self, server: PacsServer | None = None) -> None:
        if server is None:
            server = next(iter(load_servers().values()), None)
        if server is None:
            raise PacsError(
                "no server is configured",
                where=".env",
                hint="set PACS_IP, PACS_PORT, CALLING_AET and CALLED_AET, or write pacs.toml",
            )
        self._client = open_client(server)

    def process_complete_workflow(
        self,
        accession_number: str,
        base_output_dir: str | os.PathLike[str],
        output_format: OutputFormat = "nifti",
        *,
        transform: Transform | None = None,
        deidentify: DeidentifyOptions | None = None,
        table: str | os.PathLike[str] | None = None,
        jobs: int = 1,
        progress: Callable[[SeriesMatch, PullProgress], None] | None = None,
    ) -> list[PulledSeries]:
        """Find, fetch and convert all series of an accession number; as `dicube pacs pull`.

        Parameters
        ----------
        accession_number : str
        base_output_dir : path
        output_format : "nifti", "npz", "dcbs", "dcba" or "dicom"
        transform : callable, optional
            Gets each image and gives the one to write.
        deidentify : DeidentifyOptions, optional
            As for `pull`.
        table : path, optional
            Write the metadata tables of all series, too: .xlsx, .csv or .parquet, which must not
            exist. Needs the extra "tables".
        jobs : int
        progress : callable, optional

        Returns
        -------
        list of PulledSeries

        Raises
        ------
        PacsError
            Nothing matches, or series failed: the others are written all the same, and the next
            call goes on with what is missing.
        DataConsistencyError
            The table exists, or cannot be made of series of this format.
        """
        tables = None
        if table is not None:
            is_clean = deidentify is not None
            tables = PulledTables(table, output_format, is_deidentified=is_clean)
        found = self._client.find_series(Query(accession_number=accession_number))
        where = self._client.server.where
        if not found:
            raise PacsError("no series has this accession number", where=where)
        outcomes = list(
            pull_all(
                self._client,
                found,
                Path(base_output_dir),
                output_format=output_format,
                transform=transform,
                deidentify=deidentify,
                inspect=None if tables is None else tables.inspect,
                jobs=jobs,
                progress=progress,
            )
        )
        errors = [outcome.error for outcome in outcomes if outcome.error is not None]
        if errors:
            raise PacsError(
                f"{len(errors)} of {len(outcomes)} series failed; the first: {errors[0]}",
                where=where,
                hint="call again: what is done stays, and the rest goes on",
            ) from errors[0]
        pulled = [outcome.pulled for outcome in outcomes if outcome.pulled is not None]
        if tables is not None:
            tables.write(pulled)
        return pulled

    def close(self) -> None:
        """Close the connection to the server."""
        self._client.close()
