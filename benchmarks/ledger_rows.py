"""A ledger of a million series: how long it takes to go on with a job, and to answer questions.

    python benchmarks/ledger_rows.py [--series 1000000] [--rounds 3] [--update-readme]

The ledger is made up: each series has a cube and three files, UIDs and paths are as long as those
of scanners, half of the series are still to be stored. Times are medians of calls in this
process with the file in the cache of the system; the first call of each does not count.
"""

import argparse
import hashlib
import sqlite3
import tempfile
import time
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from statistics import median

from readme_table import at_least_one, show_table, table_parser

from dicube.archive.ledger.opened import open_ledger
from dicube.archive.ledger.runs import Run
from dicube.archive.ledger.schema import FACTS
from dicube.archive.ledger.series_queue import SeriesQueue
from dicube.archive.query import count, query
from dicube.archive.row_export import write_answer
from dicube.archive.summary import summary
from dicube.archive.work import Output, SeriesResult, SeriesWork

_FILES = 3  # of each series
_SERIES_OF_A_STUDY, _STUDIES_OF_A_PATIENT = 5, 2
_OPEN_EACH = 2  # one series in so many is still to be stored
_TAKEN = 64
_BATCH = 20_000
_TIME = "2024-05-01T10:00:00+00:00"
_UID = "1.2.840.113619.2.55.3.2831868886.467.{:010}.{:04}"
_KINDS = (("CT", 512, "CHEST", 120), ("MR", 256, "BRAIN", 40), ("CT", 512, "ABDOMEN", 400),
          ("PT", 168, "WHOLEBODY", 300), ("MR", 384, "KNEE", 30))  # fmt: skip
_CONDITIONS = (
    "Made up: each series has three files, every other one is stored as a cube, the rest waits."
    " Medians of {} calls, with the ledger in the cache of the system; each opens it anew."
)


def main() -> None:
    parser = table_parser("Measure a large ledger.", rounds=3)
    parser.add_argument("--series", type=at_least_one, default=1_000_000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        table = _measured(Path(scratch), options)
    show_table("ledger", table, options)


def _measured(scratch: Path, options: argparse.Namespace) -> str:
    ledger = scratch / "archive.sqlite"
    start = time.perf_counter()
    fill(ledger, options.series)
    print(f"filled in {time.perf_counter() - start:.0f} s", flush=True)
    length = ledger.stat().st_size
    lines = [
        f"| a ledger of {options.series:,} series, {_FILES * options.series:,} files:"
        f" {length / 1e9:.2f} GB, {length / options.series / _FILES:.0f} bytes a file | time |",
        "| --- | ---: |",
    ]
    for name, call in _calls(ledger, options.series).items():
        seconds = [_seconds(call) for _ in range(1 + options.rounds)]
        lines.append(f"| {name} | {_time_text(median(seconds[1:]))} |")
        print(lines[-1], flush=True)
    lines += ["", _CONDITIONS.format(options.rounds)]
    return "\n".join(lines)


def _calls(ledger: Path, series: int) -> dict[str, Callable[[], object]]:
    """What is measured; each call leaves the ledger as it was, but for the claims."""
    ct = "modality = 'CT' and rows = 512"
    uid, patient = _UID.format(series // 2, 2), f"P{series // 20:07}"
    parquet = ledger.with_name("archive.parquet")
    return {
        "open it": lambda: open_ledger(ledger).close(),
        "start a run, which frees what dead ones had and looks at failures again": lambda: _run(
            ledger, lambda queue: None
        ),
        "put files that are no images together, and count what is left": lambda: _run(
            ledger, _plan
        ),
        "take the next 64 series with their files": lambda: _run(ledger, _take),
        "take 64 series and note them as stored": lambda: _run(ledger, _store),
        f"`{ct}`, count": lambda: count(ledger, ct),
        f"`{ct}`, first 100 rows": lambda: list(query(ledger, ct, limit=100)),
        "one series by its UID": lambda: list(query(ledger, f"series_uid = '{uid}'")),
        "one patient": lambda: list(query(ledger, f"patient_id = '{patient}'")),
        "`ratio < 1.5`, count": lambda: count(ledger, "ratio < 1.5"),
        "summary": lambda: summary(ledger),
        "all rows and columns as Parquet": lambda: write_answer(query(ledger), parquet),
    }


def _run(ledger: Path, work: Callable[[SeriesQueue], object]) -> None:
    """A run that does nothing else; what it commits is on the disk."""
    connection = open_ledger(ledger)
    try:
        with Run(connection, ledger, {}) as run:
            work(SeriesQueue(connection, run.run_id))
            run.end("interrupted")
    finally:
        connection.close()


def _plan(queue: SeriesQueue) -> None:
    queue.plan_kept_files()
    queue.left()


def _take(queue: SeriesQueue) -> list[SeriesWork]:
    return queue.take(_TAKEN, 1 << 50, 1 << 50)


def _store(queue: SeriesQueue) -> None:
    results = []
    for work in _take(queue):
        row = _output(work.series_id)
        files = [(ref.file_id, _digest(ref.file_id)) for ref in work.files]
        facts = {name: row.get(name) for name in FACTS}
        output = Output(
            row["path"], "cube", row["bytes"], row["digest"], row["source_bytes"], files, facts
        )
        results.append(SeriesResult(work.series_id, [output]))
    queue.store(results)


def _seconds(call: Callable[[], object]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def _time_text(seconds: float) -> str:
    return f"{seconds:.1f} s" if seconds >= 1 else f"{1e3 * seconds:.1f} ms"


# ---- the ledger ---------------------------------------------------------------------------------


def fill(ledger: Path, series: int) -> None:
    """Make a ledger of so many series; the first of each thousand are found, the others done."""
    connection = open_ledger(ledger, create=True)
    # Made up and removed: it need not outlive a power cut.
    connection.execute("PRAGMA synchronous = OFF")
    connection.execute(
        "INSERT INTO run (id, started_at, version, options) VALUES (1, ?, '1.0', '{}')", (_TIME,)
    )
    connection.execute("INSERT INTO root (id, url, label) VALUES (1, '/data/incoming', 'data')")
    numbers = iter(range(1, series + 1))
    while batch := list(islice(numbers, _BATCH)):
        connection.execute("BEGIN")
        _insert(connection, "place", map(_place, batch))
        _insert(connection, "series", map(_series, batch))
        _insert(connection, "output", (_output(number) for number in batch if not _is_open(number)))
        _insert(connection, "file", (file for number in batch for file in _files(number)))
        connection.execute("COMMIT")
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()


def _insert(
    connection: sqlite3.Connection,
    table: str,
    rows: Iterator[dict[str, object]] | list[dict[str, object]],
) -> None:
    rows = iter(rows)
    first = next(rows, None)
    if first is None:
        return
    names, marks = ", ".join(first), ", ".join("?" * len(first))
    statement = f"INSERT INTO {table} ({names}) VALUES ({marks})"
    connection.execute(statement, tuple(first.values()))
    connection.executemany(statement, (tuple(row.values()) for row in rows))


def _is_open(number: int) -> bool:
    return number % _OPEN_EACH == 1


def _digest(number: int) -> str:
    return hashlib.blake2b(str(number).encode(), digest_size=16).hexdigest()


def _place(number: int) -> dict[str, object]:
    path = f"2024/{number // 5000:05}/{number // 10:07}/series_{number:08}"
    return {
        "id": number,
        "root_id": 1,
        "path": path,
        "fingerprint": _digest(number),
        "state": "scanned",
    }


def _series(number: int) -> dict[str, object]:
    return {
        "id": number, "content": "images", "series_uid": _UID.format(number, 2), "place_id": 0,
        "stem": _stem(number), "state": "found" if _is_open(number) else "done", "run_id": 1,
        "seconds": 0.4,
    }  # fmt: skip


def _stem(number: int) -> str:
    study = number // _SERIES_OF_A_STUDY
    patient = f"P{study // _STUDIES_OF_A_PATIENT:07}"
    return f"{patient}/{_UID.format(study, 1)}/{_UID.format(number, 2)}"


def _output(number: int) -> dict[str, object]:
    modality, rows, part, slices = _KINDS[number % len(_KINDS)]
    patient, study_uid, _ = _stem(number).split("/")
    source = slices * (2 * rows * rows + 2000)
    return {
        "id": number, "series_id": number, "run_id": 1, "path": f"{_stem(number)}.dcbs",
        "content": "cube", "bytes": source * 100 // (130 + number * 7919 % 300),
        "digest": _digest(number), "source_bytes": source, "files": _FILES, "findings": "[]",
        "made_at": _TIME, "verified_at": _TIME, "verified_by": "source", "study_uid": study_uid,
        "patient_id": patient, "modality": modality, "study_date": f"2024{1 + number % 12:02}15",
        "study_description": f"{part} routine", "series_number": number % 30,
        "series_description": f"{part} axial {number % 7}", "body_part": part,
        "manufacturer": "GE MEDICAL SYSTEMS", "model": "Discovery", "kind": "volume",
        "frames": slices, "rows": rows, "columns": rows, "samples": 1, "slices": slices,
        "volumes": 1, "dtype": "int16", "bits_stored": 16, "pixel_spacing_mm": 0.703125,
        "slice_spacing_mm": 1.25, "transfer_syntax": "1.2.840.10008.1.2.1",
        "status": "consistent",
    }  # fmt: skip


def _files(number: int) -> Iterator[dict[str, object]]:
    is_open = _is_open(number)
    for position in range(_FILES):
        file_id = _FILES * (number - 1) + position + 1
        yield {
            "id": file_id, "place_id": number, "name": f"IM-0001-{position + 1:04}.dcm",
            "bytes": 526_288, "modified_ns": 1_714_557_600_000_000_000, "kind": "image",
            "state": "found" if is_open else "stored",
            "sop_uid": _UID.format(number, 100 + position), "series_id": number,
            "digest": None if is_open else _digest(file_id),
            "output_id": None if is_open else number, "position": None if is_open else position,
        }  # fmt: skip


if __name__ == "__main__":
    main()
