"""Pulling one series: fetched, checked, converted, verified; never half written."""

from collections.abc import Callable
from pathlib import Path
from typing import Literal, NamedTuple

from dicube.core.image import DicomCubeImage
from dicube.pacs.client import Cancelled, PacsClient
from dicube.pacs.matches import SeriesMatch

OutputFormat = Literal["dcbs", "dcba", "dicom", "nifti", "npz"]
Stage = Literal["query", "receive", "convert", "done"]
Transform = Callable[[DicomCubeImage], DicomCubeImage]


class PullProgress(NamedTuple):
    """How far a pull is.

    Attributes
    ----------
    stage : "query", "receive", "convert" or "done"
    done, total : int, int or None
        Instances; None where the server has not said how many there are.
    bytes : int
        Received so far.
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
        Files that hold the series; folders where the format is "dicom".
    instances : int
        Of the series, all of them in `files`.
    bytes : int
        Received over the network this time.
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
    """Fetch a series and convert it."""
    raise NotImplementedError
