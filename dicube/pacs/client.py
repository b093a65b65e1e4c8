"""PacsClient: one interface to servers, whether they speak DIMSE or DICOMweb."""

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Protocol, Self

from dicube.extras import extra_module
from dicube.pacs.matches import InstanceMatch, PatientMatch, SeriesMatch, StudyMatch
from dicube.pacs.query import Query
from dicube.pacs.server import PacsServer

Progress = Callable[[int, int], None]  # how many are done, of how many
Cancelled = Callable[[], bool]


@dataclass(frozen=True)
class Retrieved:
    """What a retrieval brought.

    Attributes
    ----------
    files : tuple of Path
        All files of the series in the folder, those from earlier retrievals included.
    expected : int, optional
        How many instances the server says there are; None where it cannot say.
    received : int
        How many arrived this time.
    bytes : int
        Of those that arrived this time.
    missing : tuple of str
        SOP Instance UIDs that were wanted and are not there.
    findings : tuple of str
        What was odd: instances of other series, repeated or damaged ones; no patient data.
    """

    files: tuple[Path, ...]
    expected: int | None
    received: int
    bytes: int
    missing: tuple[str, ...] = ()
    findings: tuple[str, ...] = ()

    @property
    def is_complete(self) -> bool:
        """Whether everything is there that the server reported."""
        enough = self.expected is None or len(self.files) >= self.expected
        return bool(self.files) and not self.missing and enough


class StoreFailure(NamedTuple):
    """A file that the server did not take, and why."""

    path: Path
    reason: str


@dataclass(frozen=True)
class Stored:
    """What was sent to a server.

    Attributes
    ----------
    stored : int
        How many instances the server took.
    bytes : int
    failed : tuple of StoreFailure
    """

    stored: int
    bytes: int
    failed: tuple[StoreFailure, ...] = ()


class PacsClient(Protocol):
    """What can be asked of a server; a context manager. Errors are `PacsError`."""

    server: PacsServer

    def echo(self) -> None:
        """Ask for a sign of life: C-ECHO, or the smallest QIDO-RS search.

        Raises
        ------
        PacsError
            The server cannot be reached or refuses; the message says how to go on.
        """

    def find_patients(self, query: Query) -> list[PatientMatch]:
        """Look for patients."""

    def find_studies(self, query: Query) -> list[StudyMatch]:
        """Look for studies."""

    def find_series(self, query: Query) -> list[SeriesMatch]:
        """Look for series; keys of patients and studies narrow them down, too."""

    def find_instances(self, series: SeriesMatch) -> list[InstanceMatch]:
        """List the instances of a series, each once: what has to arrive."""

    def retrieve(
        self,
        series: SeriesMatch,
        folder: Path,
        *,
        wanted: Collection[str] | None = None,
        progress: Progress | None = None,
        cancelled: Cancelled | None = None,
    ) -> Retrieved:
        """Fetch the instances of a series that are not yet in a folder.

        Parameters
        ----------
        series : SeriesMatch
        folder : Path
            Made if need be. Each instance is a file named after its SOP Instance UID, as the server
            sent it; it appears whole or not at all.
        wanted : collection of str, optional
            SOP Instance UIDs; by default all of `find_instances`.
        progress : callable, optional
            Called with (instances there, instances wanted), from any thread.
        cancelled : callable, optional
            Asked between instances; the association is released when it says True.

        Raises
        ------
        PullCancelled
            `cancelled` said so.
        PacsError
            The server refuses or breaks off, after all retries. Fewer instances than promised are
            no error here: see `Retrieved.missing`.
        """

    def store(self, files: Iterable[Path], *, progress: Progress | None = None) -> Stored:
        """Send DICOM files as they are; what the server refuses is listed, not raised."""

    def close(self) -> None:
        """Release what is open; the client cannot be used afterwards."""

    def __enter__(self) -> Self:
        """Return the client."""

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the client."""


def open_client(server: PacsServer) -> PacsClient:
    """Make a client of a server; the first request connects.

    Parameters
    ----------
    server : PacsServer

    Returns
    -------
    PacsClient
        Over DICOMweb where `server.uses_web`, else over DIMSE.

    Raises
    ------
    MissingDependencyError
        The packages of the extra "pacs" are not installed.
    """
    if server.uses_web:
        extra_module("requests", extra="pacs", purpose="a DICOMweb client")
        web = extra_module("dicube.pacs.web_client", extra="pacs", purpose="a DICOMweb client")
        client: PacsClient = web.DicomWebClient(server)
        return client
    extra_module("pynetdicom", extra="pacs", purpose="a client of DICOM servers")
    dimse = extra_module("dicube.pacs.dimse_client", extra="pacs", purpose="a DIMSE client")
    other: PacsClient = dimse.DimseClient(server)
    return other
