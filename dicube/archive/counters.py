"""How far a job is: what a terminal shows and a log records."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

Phase = Literal["listing", "scanning", "storing", "removing", "done"]


@dataclass
class Counters:
    """What this run did so far; lengths in bytes.

    Attributes
    ----------
    phase : str
    places, places_found : int
        Folders and containers scanned, and how many there are to scan.
    series, series_found : int
        Stored, and how many there were to store; files that are kept as they are count as series
        of up to a thousand.
    files, frames : int
        Stored.
    duplicates : int
        Files that are stored already.
    kept : int
        Files that are stored as they are.
    failed : int
        Series that could not be stored, and files that could not be read.
    bytes_in, bytes_found, bytes_out : int
        Of source files that were stored, of those that were to be, of the files of the archive.
    """

    phase: Phase = "listing"
    places: int = 0
    places_found: int = 0
    series: int = 0
    series_found: int = 0
    files: int = 0
    frames: int = 0
    duplicates: int = 0
    kept: int = 0
    failed: int = 0
    bytes_in: int = 0
    bytes_found: int = 0
    bytes_out: int = 0
    started: float = field(default_factory=time.monotonic)
    storing_since: float | None = None

    @property
    def seconds(self) -> float:
        """Since the run began."""
        return time.monotonic() - self.started

    @property
    def ratio(self) -> float | None:
        """Source bytes for each byte of the archive."""
        return self.bytes_in / self.bytes_out if self.bytes_out else None

    @property
    def bytes_per_second(self) -> float | None:
        """Of source files, since storing began."""
        if self.storing_since is None or not self.bytes_in:
            return None
        return self.bytes_in / max(time.monotonic() - self.storing_since, 1e-9)

    @property
    def seconds_left(self) -> float | None:
        """At the rate so far; None while there is none."""
        rate = self.bytes_per_second
        if rate is None:
            return None
        return max(self.bytes_found - self.bytes_in, 0) / rate

    def as_json(self) -> dict[str, str | int | float | None]:
        """The numbers, rounded, for a log."""
        counts = {
            name: getattr(self, name)
            for name in self.__dataclass_fields__
            if name not in ("started", "storing_since")
        }
        derived = {
            "seconds": round(self.seconds, 1),
            "ratio": _rounded(self.ratio, 3),
            "bytes_per_second": _rounded(self.bytes_per_second, 0),
            "seconds_left": _rounded(self.seconds_left, 0),
        }
        return counts | derived


Watch = Callable[[Counters], None]


def _rounded(value: float | None, digits: int) -> float | None:
    return None if value is None else round(value, digits)
