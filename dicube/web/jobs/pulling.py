"""Pulling a series of a server into the library, as an item of a job."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any, Final, get_args

from dicube.dicom.deidentify import DeidentifyKey, DeidentifyOptions
from dicube.exceptions import DataConsistencyError, PacsError
from dicube.pacs import PacsServer, PullProgress, SeriesMatch, open_client, pull
from dicube.pacs.outputs import OutputFormat
from dicube.web.jobs.runner import Control, Outcome, Worker
from dicube.web.jobs.states import Item, NewItem

KIND: Final = "pull"
FORMATS: Final[tuple[str, ...]] = get_args(OutputFormat)
_SERIES_FIELDS: Final = frozenset(field.name for field in fields(SeriesMatch))


def pull_items(
    server: str,
    series: Iterable[SeriesMatch],
    output_format: OutputFormat,
    *,
    deidentify: bool = False,
) -> list[NewItem]:
    """One item for each series."""
    asked = {"server": server, "format": output_format, "deidentify": deidentify}
    return [NewItem(KIND, _label(each), {**asked, "series": asdict(each)}) for each in series]


def series_from(members: Mapping[str, Any]) -> SeriesMatch:
    """A series as the page or the database has it.

    Raises
    ------
    DataConsistencyError
        It has no UIDs, or a value is neither text nor a whole number.
    """
    known = {name: value for name, value in members.items() if name in _SERIES_FIELDS}
    if not all(value is None or isinstance(value, (str, int)) for value in known.values()):
        raise DataConsistencyError("a series is described by texts and numbers")
    for name in ("study_uid", "series_uid"):
        if not isinstance(known.get(name), str) or not known[name]:
            raise DataConsistencyError(f"a series has to have a {name}")
    return SeriesMatch(**known)


def pull_worker(servers: Mapping[str, PacsServer], library: Path, state: Path) -> Worker:
    """What pulls items into the library.

    `state` is a folder for what has arrived until it is complete, and for the key with which
    series of this library are de-identified.
    """

    def work(item: Item, control: Control) -> Outcome:
        server = servers.get(item.request["server"])
        if server is None:
            raise PacsError(
                "the server is no longer configured",
                where=item.request["server"],
                hint="add it to the configuration and retry",
            )

        def note(progress: PullProgress) -> None:
            control.note(progress.stage, progress.done, progress.total, progress.bytes)

        with open_client(server) as client:
            pulled = pull(
                client,
                series_from(item.request["series"]),
                library,
                output_format=item.request["format"],
                scratch=state / "pulls",
                deidentify=_options(state) if item.request.get("deidentify") else None,
                progress=note,
                cancelled=control.cancelled,
            )
        control.note("done", pulled.instances, pulled.instances, pulled.bytes)
        results = [str(path.resolve().relative_to(library.resolve())) for path in pulled.files]
        return Outcome(findings=pulled.findings, results=results)

    return work


def _options(state: Path) -> DeidentifyOptions:
    """One key a library, so that series of a patient stay linked."""
    return DeidentifyOptions(key=DeidentifyKey.kept_in(state / "deidentify.key"))


def _label(series: SeriesMatch) -> str:
    number = "" if series.series_number is None else f"{series.series_number} "
    kind = series.modality or ""
    return f"{kind} {number}{series.series_description or series.series_uid}".strip()
