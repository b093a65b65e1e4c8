"""Rounds: every peer does an operation, then every peer the next one, and all of it again.

Each measured time comes with a check of what was done; see `_Check`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any, Final

from bench_data import Series
from environments import PEERS, PROJECT, PUBLISHED
from peers import OPERATIONS
from worker_client import WorkerClient, WorkerError


@dataclass(frozen=True)
class PeerSpec:
    """A row of the table: a module of `peers`, where it runs, and what its files are called."""

    label: str
    module: str
    environment: str
    suffix: str | None  # None: has no file of its own, works on the DICOM folder


OURS: Final = PeerSpec("DiCube .dcbs", "ours", PROJECT, ".dcbs")
PUBLISHED_DICUBE: Final = PeerSpec("dicube 0.3.0 .dcbs", "published", PUBLISHED, ".dcbs")
JUDGE: Final = PeerSpec("pydicom, DICOM folder", "pydicom_folder", PEERS, None)
PEER_SPECS: Final = (
    OURS,
    PeerSpec("DiCube .dcba", "ours", PROJECT, ".dcba"),
    PUBLISHED_DICUBE,
    JUDGE,
    PeerSpec("SimpleITK .mha, compressed", "simpleitk", PEERS, ".mha"),
    PeerSpec("nibabel .nii.gz", "nibabel_nifti", PEERS, ".nii.gz"),
    PeerSpec("zarr Blosc(zstd 1, bitshuffle)", "zarr_blosc", PEERS, ".zarr"),
    PeerSpec("blosc2 (zstd 1, bitshuffle)", "blosc2_array", PEERS, ".b2nd"),
)
_STORED: Final = "stored.npy"  # the image, for the tools that read no DICOM


@dataclass
class Cell:
    """One operation of one peer: seconds of each round, and what is wrong with the result."""

    seconds: list[float] = field(default_factory=list)
    fault: str = ""

    @property
    def median(self) -> float | None:
        """Seconds; None where nothing was measured or the result is wrong."""
        return median(self.seconds) if self.seconds and not self.fault else None


@dataclass
class Row:
    """One peer on one series."""

    cells: dict[str, Cell] = field(default_factory=dict)
    nbytes: int | None = None


@dataclass(frozen=True)
class _Check:
    """What is right for a series, as pydicom read it in its own process.

    Slices may come in another order, so frames and SOP Instance UIDs are compared as sets with
    repetition; but what a peer loads must be in the order in which it read the folder.
    """

    stored: list[int]
    output: list[int]
    uids: list[str]

    def fault(self, operation: str, reply: Mapping[str, Any], values: str, loaded: Any) -> str:
        """What is wrong with a reply, or nothing. `loaded` are the frames the peer knows."""
        expected = self.stored if values == "stored" else self.output
        if operation == "load_meta":
            return "" if sorted(reply["uids"]) == sorted(self.uids) else "other instances"
        if "crcs" not in reply:
            return ""
        if operation == "one_slice":
            return "" if set(reply["crcs"]) <= set(loaded or expected) else "another slice"
        if sorted(reply["crcs"]) != sorted(expected):
            return "other values"
        return "" if loaded is None or reply["crcs"] == loaded else "another order"


class _Contestant:
    """A peer at work on one series, in a folder of its own."""

    def __init__(self, spec: PeerSpec, client: WorkerClient, series: Series, scratch: Path) -> None:
        self.spec, self._client, self._series = spec, client, series
        client.ask("adopt", path=scratch / _STORED)
        hello = client.ask("hello")
        self.operations: list[str] = hello["operations"]
        self._values: str = hello["values"]
        folder = scratch / spec.label.replace(" ", "_").replace(",", "").replace(".", "")
        folder.mkdir(parents=True)
        self._exported = folder / "dicom"
        self._path = series.folder if spec.suffix is None else folder / f"image{spec.suffix}"
        self._known: list[int] | None = None
        self._slice = len(series.files) // 2
        self.row = Row()

    def do(self, operation: str, check: _Check, judge: WorkerClient, *, warm_up: bool) -> None:
        """Run one operation; of the warm-up round only the faults are kept."""
        cell = self.row.cells.setdefault(operation, Cell())
        if cell.fault.startswith("failed"):
            return
        try:
            reply = self._client.ask(operation, **self._arguments(operation))
            fault = check.fault(operation, reply, self._values, self._expected_frames(operation))
            if operation == "export" and warm_up:
                fault = self._export_fault(check, judge)
        except WorkerError as error:
            cell.fault = f"failed: {error}"
            return
        cell.fault = cell.fault or fault
        if operation in ("folder_to_image", "load"):
            self._known = reply["crcs"]
        if not warm_up:
            cell.seconds.append(reply["seconds"])
        if operation == "save" or self.spec.suffix is None:
            self.row.nbytes = _size(self._path)

    def _expected_frames(self, operation: str) -> list[int] | None:
        if operation == "folder_to_image" or self._known is None:
            return None
        if operation == "one_slice" and self.spec.suffix is not None:
            return [self._known[self._slice]]
        return None if operation == "one_slice" else self._known

    def _arguments(self, operation: str) -> dict[str, Any]:
        if operation == "folder_to_image":
            return {"folder": self._series.folder}
        if operation == "convert":
            return {"folder": self._series.folder, "path": self._path}
        if operation == "one_slice":
            return {"path": self._path, "number": self._slice}
        if operation == "export":
            return {"path": self._path, "folder": self._exported}
        return {"path": self._path}

    def _export_fault(self, check: _Check, judge: WorkerClient) -> str:
        """Read the exported files with pydicom: output values must be those of the source."""
        found = judge.ask("reference", folder=self._exported, path=self._path.with_suffix(".npy"))
        if sorted(found["output"]) != sorted(check.output):
            return "other values"
        return "" if sorted(found["uids"]) == sorted(check.uids) else "other instances"


def measure_series(
    series: Series, clients: Mapping[PeerSpec, WorkerClient], scratch: Path, rounds: int
) -> dict[PeerSpec, Row]:
    """Measure all peers on one series: a warm-up round, then `rounds` that count."""
    judge = clients[JUDGE]
    scratch.mkdir()
    reference = judge.ask("reference", folder=series.folder, path=scratch / _STORED)
    check = _Check(reference["stored"], reference["output"], reference["uids"])
    rows: dict[PeerSpec, Row] = {}
    contestants = []
    for spec, client in clients.items():
        try:
            contestants.append(_Contestant(spec, client, series, scratch))
            rows[spec] = contestants[-1].row
        except WorkerError as error:  # it ended in the series before
            rows[spec] = Row({"load": Cell(fault=f"failed: {error}")})
    for number in range(1 + rounds):
        _round(contestants, check, judge, warm_up=number == 0)
    return rows


def _round(
    contestants: Sequence[_Contestant], check: _Check, judge: WorkerClient, *, warm_up: bool
) -> None:
    for operation in OPERATIONS:
        for contestant in contestants:
            if operation in contestant.operations:
                contestant.do(operation, check, judge, warm_up=warm_up)


def _size(path: Path) -> int:
    files = path.rglob("*") if path.is_dir() else (path,)
    return sum(file.stat().st_size for file in files if file.is_file())
