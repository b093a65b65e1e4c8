"""What a run of an archive did, and what the archive holds: as JSON, and as one page of HTML.

The page needs no network and runs no script. Neither holds anything of patients but the paths of
files.
"""

import json
import os
import re
import sqlite3
import sys
from bisect import bisect_right
from collections import Counter
from collections.abc import Mapping
from contextlib import closing
from datetime import datetime
from importlib.metadata import version
from itertools import groupby
from pathlib import Path
from typing import Any, Final

from dicube.archive.file_lists import DIFFERENCES, DUPLICATES, FAILURES
from dicube.archive.ledger.opened import read_ledger
from dicube.archive.query import translating
from dicube.archive.summary import summary_of
from dicube.exceptions import DataConsistencyError, MetaDataError
from dicube.extras import extra_module
from dicube.storage.atomic import replacing
from dicube.version import __version__

LISTED: Final = 1000  # files that a list of the report names; `dicube query` gives all
_KINDS: Final = 200  # of failures that are told apart
_TEMPLATES: Final = Path(__file__).parent / "templates"
_RATIOS: Final = (0, 1, 1.5, 2, 2.5, 3, 4, 5, 10)  # lower ends of bars
_SIZES: Final = (0, 10**5, 10**6, 10**7, 10**8, 10**9, 10**10)  # bytes
_LIBRARIES: Final = ("imagecodecs", "numpy", "pydicom", "zstandard")
_VARYING: Final = re.compile(r"'[^']*'|\"[^\"]*\"|[0-9][0-9.,]*")
_LOGIN: Final = re.compile(r"(?<=://)[^/@\s]+@")

Document = dict[str, Any]


def write_report(ledger: Path, run_id: int, json_path: Path, html_path: Path) -> None:
    """Write the report of a run; files that exist are replaced.

    docs/ledger.md describes the keys of the JSON file.

    Parameters
    ----------
    ledger : Path
    run_id : int
        Number of the run in the ledger.
    json_path, html_path : Path

    Raises
    ------
    MissingDependencyError
        Jinja2 is not installed; the JSON file is written all the same.
    MetaDataError
        There is no ledger at this path, or no such run in it.
    DataConsistencyError
        The ledger is damaged or of another version, or a file cannot be written.
    """
    document = report(ledger, run_id)
    _write(json_path, json.dumps(document, indent=1))
    jinja2 = extra_module("jinja2", extra="archive", purpose="the page of the report")
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    _write(html_path, environment.get_template("report.html").render(document))


def _write(path: Path, text: str) -> None:
    try:
        with replacing(path) as file:
            os.fchmod(file.fileno(), 0o600)  # paths may be made of Patient IDs
            file.write(text.encode())
    except OSError as error:
        raise DataConsistencyError(
            f"cannot be written: {error.strerror}", where=str(path)
        ) from error


def report(ledger: Path, run_id: int) -> Document:
    """What the report says, ready for JSON; all of it at one moment of the ledger."""
    with closing(read_ledger(ledger)) as connection, translating():
        connection.execute("BEGIN")
        run = connection.execute("SELECT * FROM run WHERE id = ?", (run_id,)).fetchone()
        if run is None:
            raise MetaDataError(f"there is no run {run_id}", where=str(ledger))
        counts = summary_of(connection).as_json()
        copies = counts["files"].get("duplicate", {"files": 0, "bytes": 0})
        return {
            "report_version": 1,
            "run": _run(connection, run),
            "sources": [
                {"url": _public(row["url"]), "label": row["label"]}
                for row in connection.execute("SELECT url, label FROM root ORDER BY id")
            ],
            "settings": {
                row["name"]: _public(row["value"])
                for row in connection.execute("SELECT name, value FROM setting ORDER BY name")
            },
            "totals": counts,
            "modalities": counts.pop("outputs"),
            **_histograms(connection),
            **_missing(connection),
            "kept": _kept(connection),
            "duplicates": {**copies, "listed": _listed(connection, DUPLICATES)},
            "differences": _differences(connection),
            "findings": _findings(connection),
            "checks": _checks(connection),
            "versions": _versions(),
        }


def _run(connection: sqlite3.Connection, run: sqlite3.Row) -> Document:
    """The run itself, and what came of it."""
    made = connection.execute(
        "SELECT COUNT(*) AS outputs, total(files) AS files, total(source_bytes) AS source_bytes,"
        " total(bytes) AS bytes FROM output WHERE run_id = ?",
        (run["id"],),
    ).fetchone()
    series, worked = connection.execute(
        "SELECT COUNT(*), total(seconds) FROM series WHERE run_id = ? AND state = 'done'",
        (run["id"],),
    ).fetchone()
    return {
        "id": run["id"],
        "started_at": run["started_at"],
        "ended_at": run["ended_at"],
        "outcome": run["outcome"],
        "seconds": _seconds_between(run["started_at"], run["ended_at"]),
        "worker_seconds": round(worked, 3),
        "series": series,
        **{name: int(made[name]) for name in made.keys()},  # noqa: SIM118  # a Row iterates values
        "version": run["version"],
        "options": _public(json.loads(run["options"])),
    }


def _seconds_between(start: str, end: str | None) -> float | None:
    if end is None:
        return None
    return (datetime.fromisoformat(end) - datetime.fromisoformat(start)).total_seconds()


def _histograms(connection: sqlite3.Connection) -> Document:
    """How many cubes have which ratio, and how long their sources are."""
    ratios: Counter[int] = Counter()
    sizes: Counter[int] = Counter()
    for source_bytes, length in connection.execute(
        "SELECT source_bytes, bytes FROM output WHERE content = 'cube' AND bytes > 0"
    ):
        ratios[bisect_right(_RATIOS, source_bytes / length)] += 1
        sizes[bisect_right(_SIZES, source_bytes)] += 1
    return {"ratios": _bars(_RATIOS, ratios), "sizes": _bars(_SIZES, sizes)}


def _bars(edges: tuple[float, ...], counts: Counter[int]) -> list[Document]:
    ends = (*edges[1:], None)
    return [
        {"from": start, "below": end, "cubes": counts[number]}
        for number, (start, end) in enumerate(zip(edges, ends, strict=True), 1)
    ]


def _missing(connection: sqlite3.Connection) -> Document:
    """What failed, and what was left because it is no file, by kind of reason."""
    failures: dict[str, Document] = {}
    left: dict[str, Document] = {}
    for file, what, length, reason in connection.execute(FAILURES):
        kinds = left if what == "left" else failures
        kind = kind_of(reason or "")
        if kind not in kinds and len(kinds) >= _KINDS:
            kind = "other reasons"
        found = kinds.setdefault(kind, {"kind": kind, "count": 0, "bytes": 0, "listed": []})
        found["count"] += 1
        found["bytes"] += length or 0
        if found["count"] <= LISTED:
            found["listed"].append({"file": _public(file), "what": what, "reason": reason})
    return {"failures": _ordered(failures), "left": _ordered(left)}


def _ordered(kinds: dict[str, Document]) -> Document:
    """The most frequent kind first."""
    ordered = sorted(kinds.values(), key=lambda found: (-found["count"], found["kind"]))
    return {"count": sum(found["count"] for found in ordered), "kinds": ordered}


def kind_of(sentence: str) -> str:
    """A sentence without the numbers and quoted names that differ from file to file."""
    return _VARYING.sub("\N{HORIZONTAL ELLIPSIS}", sentence) or "no reason given"


def _kept(connection: sqlite3.Connection) -> list[Document]:
    """Files that are kept as they are, by kind and reason."""
    rows = connection.execute(
        "SELECT file.kind, file.reason, COUNT(*) AS files, SUM(file.bytes) AS bytes"
        " FROM output JOIN file ON file.output_id = output.id"
        " WHERE output.content = 'files' AND file.state = 'stored' GROUP BY 1, 2"
    )
    counts: dict[tuple[str, str], list[int]] = {}
    for kind, reason, files, length in rows:
        # Of images the cube says why they did not fit, in its findings.
        found = counts.setdefault((kind, kind_of(reason) if reason else ""), [0, 0])
        found[0] += files
        found[1] += length
    ordered = sorted(counts.items(), key=lambda item: (-item[1][0], item[0]))
    return [
        {"kind": kind, "reason": reason, "files": files, "bytes": length}
        for (kind, reason), (files, length) in ordered
    ]


def _listed(connection: sqlite3.Connection, statement: str) -> list[Document]:
    rows = connection.execute(f"{statement} LIMIT {LISTED}")
    names = ("file", "bytes", "same_as", "output", "position")
    return [{name: _public(value) for name, value in zip(names, row, strict=True)} for row in rows]


def _differences(connection: sqlite3.Connection) -> Document:
    """Instances that are there with several contents; the UID itself is not told."""
    count, listed = 0, []
    for _, rows in groupby(connection.execute(DIFFERENCES), key=lambda row: row["sop_uid"]):
        count += 1
        files = [
            {"file": _public(file), "output": output, "position": position}
            for _, _, file, _, output, position in rows
        ]
        if count <= LISTED:
            listed.append(files)
    return {"count": count, "listed": listed}


def _findings(connection: sqlite3.Connection) -> list[Document]:
    """Findings by kind: what stands before the colon."""
    counts: Counter[str] = Counter()
    for (findings,) in connection.execute("SELECT findings FROM output WHERE findings != '[]'"):
        # An output counts once for each kind.
        counts.update({kind_of(sentence.partition(": ")[0]) for sentence in json.loads(findings)})
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return [{"kind": kind, "outputs": number} for kind, number in ordered]


def _checks(connection: sqlite3.Connection) -> Document:
    """How outputs were last found to be right, and those that were found to be wrong."""
    ways = connection.execute(
        "SELECT verified_by, COUNT(*) FROM output WHERE problem IS NULL GROUP BY 1 ORDER BY 1"
    )
    rows = connection.execute(
        "SELECT path, problem FROM output WHERE problem IS NOT NULL ORDER BY path LIMIT ?",
        (LISTED,),
    )
    listed = [dict(row) for row in rows]
    return {"verified_by": dict(map(tuple, ways)), "wrong": listed}


def _versions() -> Mapping[str, str]:
    """Of what writes the report; the run itself may have had others."""
    return {
        "dicube": __version__,
        "python": sys.version.split()[0],
        "sqlite": sqlite3.sqlite_version,
        **{name: version(name) for name in _LIBRARIES},
    }


def _public(value: Any) -> Any:
    """A value of JSON whose URLs have no user names and passwords."""
    if isinstance(value, dict):
        return {name: _public(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_public(each) for each in value]
    return _LOGIN.sub("", value) if isinstance(value, str) else value
