"""The output of one pull: its names, its record, and how it gets into place."""

import json
import re
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, NamedTuple

from dicube.dicom.find_series import SeriesSearch
from dicube.exceptions import DataConsistencyError, InvalidCubeFileError
from dicube.pacs.client import PacsClient, Retrieved
from dicube.pacs.deidentifying import REPORT, SeriesDeidentifier
from dicube.pacs.inbox import JOURNAL, safe_name
from dicube.pacs.matches import SeriesMatch
from dicube.pacs.outputs import SUFFIXES, OutputFormat, Transform, rest_name, write_series
from dicube.storage.atomic import replacing

SCRATCH: Final = ".dicube-scratch"


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


class PullJob:
    """The folders and names of one pull, and its record."""

    def __init__(
        self,
        client: PacsClient,
        series: SeriesMatch,
        target_folder: Path,
        output_format: OutputFormat,
        scratch: Path | None,
        transform: Transform | None,
        clean: SeriesDeidentifier | None,
    ) -> None:
        self.client = client
        self.series = series
        named = str if clean is None else clean.uid
        self.folder = target_folder / safe_name(named(series.study_uid))
        self.scratch = (scratch or target_folder / SCRATCH) / safe_name(series.series_uid)
        self._is_own_scratch = scratch is None
        self._stem = safe_name(named(series.series_uid))
        self._format = output_format
        self._transform = transform if clean is None else clean
        self._clean = clean
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
            rf"|{re.escape(rest_name(self._stem, self._format))}|{re.escape(self._stem + REPORT)}"
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
                # Not where that is: its name is the UID of the source.
                findings.append(
                    f"{len(written.left)} instances cannot be transformed: they stay as they are in"
                    " the scratch folder"
                )
            names = list(written.names)
            if self._clean is not None:
                findings += self._clean.notices()
                names.append(self._stem + REPORT)
                self._clean.write_report(Path(aside) / names[-1])
            # What is there is ours: `check_target` looked. An interrupted pull verified it.
            there = {name: _length(self.folder / name) for name in names}
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
