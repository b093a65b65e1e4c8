"""A client of DICOM servers: finds, pulls and sends series over DIMSE and DICOMweb.

>>> from dicube.pacs import PacsServer, Query, open_client
>>> server = PacsServer("archive", "10.0.0.5", 104, "ARCHIVE")
>>> with open_client(server) as client:  # doctest: +SKIP
...     found = client.find_series(Query(accession_number="A1234"))
"""

from dicube.exceptions import (
    IncompleteSeriesError,
    PacsError,
    PullCancelled,
    ServerUnavailableError,
)
from dicube.pacs.client import PacsClient, Retrieved, Stored, StoreFailure, open_client
from dicube.pacs.diagnosis import Check, diagnose
from dicube.pacs.lists import ListedKeys, read_list
from dicube.pacs.matches import InstanceMatch, PatientMatch, SeriesMatch, StudyMatch
from dicube.pacs.pull import PullProgress, pull
from dicube.pacs.pull_job import PulledSeries
from dicube.pacs.query import Query
from dicube.pacs.server import PacsServer
from dicube.pacs.settings import load_servers
from dicube.pacs.workflow import DICOMDownloadClient, SeriesOutcome, pull_all

__all__ = [
    "Check",
    "DICOMDownloadClient",
    "IncompleteSeriesError",
    "InstanceMatch",
    "ListedKeys",
    "PacsClient",
    "PacsError",
    "PacsServer",
    "PatientMatch",
    "PullCancelled",
    "PullProgress",
    "PulledSeries",
    "Query",
    "Retrieved",
    "SeriesMatch",
    "SeriesOutcome",
    "ServerUnavailableError",
    "StoreFailure",
    "Stored",
    "StudyMatch",
    "diagnose",
    "load_servers",
    "open_client",
    "pull",
    "pull_all",
    "read_list",
]
