"""What a million series cost: docs/archive-planning.md, from what archive_table.py measured.

    python benchmarks/archive_table.py --growth --json archive.json
    python benchmarks/archive_table.py --kinds --json archive.json
    python benchmarks/archive_plan.py archive.json [--cores 32] [--machines 8] [--update-docs]

The formulas and assumptions are in the document.
"""

import argparse
import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from environments import ROOT
from readme_table import at_least_one, update_readme

_DOCUMENT: Final = ROOT / "docs" / "archive-planning.md"
_SERIES: Final = 1_000_000
_MIX: Final = {"CT": 0.35, "MR": 0.35, "CR": 0.30}  # shares of the series


@dataclass(frozen=True)
class Site:
    """Where it is to run."""

    cores: int  # of a machine, one worker each
    machines: int
    storage_mb_s: float  # that source and archive give a machine together
    part_mb: float  # of an upload in parts


@dataclass(frozen=True)
class Rates:
    """What one series takes.

    Attributes
    ----------
    cpu_s, main_s : float
        Processor time of all processes, and of the main one, which is there once.
    source_bytes, archive_bytes, ledger_bytes : float
    files : float
    requests : float
        To an object store with source and archive.
    """

    cpu_s: float = 0.0
    main_s: float = 0.0
    source_bytes: float = 0.0
    archive_bytes: float = 0.0
    ledger_bytes: float = 0.0
    files: float = 0.0
    requests: float = 0.0

    def __add__(self, other: "Rates") -> "Rates":
        return Rates(*(a + b for a, b in zip(_values(self), _values(other), strict=True)))

    def __mul__(self, share: float) -> "Rates":
        return Rates(*(share * value for value in _values(self)))


def main() -> None:
    parser = argparse.ArgumentParser(description="Plan the archiving of a million series.")
    parser.add_argument("measured", type=Path, help="JSON that archive_table.py wrote")
    parser.add_argument("--cores", type=at_least_one, default=32, help="of a machine")
    parser.add_argument("--machines", type=at_least_one, default=8, help="of the cluster")
    parser.add_argument("--storage-mb-s", type=float, default=1000, help="for each machine")
    parser.add_argument("--part-mb", type=float, default=50, help="of an upload in parts")
    parser.add_argument("--update-docs", action="store_true", help="put it into the document")
    options = parser.parse_args()
    measured = json.loads(options.measured.read_text())
    missing = {"growth", "kinds"} - set(measured)
    if missing:
        parser.error(f"{options.measured} has no {' and no '.join(sorted(missing))}: measure first")
    if len(measured["growth"]) < 2:
        parser.error("the growth was measured at one number of series: two are needed for a slope")
    site = Site(options.cores, options.machines, options.storage_mb_s, options.part_mb)
    text = plan(measured, site)
    print(text)
    if options.update_docs:
        update_readme(_DOCUMENT, "archive-plan", text)


def plan(measured: dict[str, Any], site: Site) -> str:
    """The tables of what was measured and of what a million series cost, as Markdown."""
    efficiency = {row["kind"]: _efficiency(measured["kinds"], row) for row in measured["kinds"]}
    rows = [row for row in measured["kinds"] if row["workers"] == 2]
    lines = [
        "| series of | format | source | archive | CPU of each | files | two workers beside one |",
        "| --- | --- | ---: | ---: | ---: | ---: | ---: |",
    ]
    for row in rows:
        rates = _rates(row, measured["growth"], site)
        lines.append(
            f"| {row['description']} | .{row['format']} | {rates.source_bytes / 1e6:.1f} MB "
            f"| {rates.archive_bytes / 1e6:.2f} MB | {rates.cpu_s:.2f} s | {rates.files:.0f} "
            f"| {2 * efficiency[row['kind']]:.2f}x |"
        )
    lines += [
        "",
        f"Measured {measured['kinds measured']}",
        "",
        f"| a million series | format | CPU hours | {site.cores} cores | {site.machines} x "
        f"{site.cores} cores | limit of the cluster | source | archive | ledger | requests |",
        "| --- | --- | ---: | ---: | ---: | --- | ---: | ---: | ---: | ---: |",
    ]
    for suffix in sorted({row["format"] for row in rows}, reverse=True):
        of = {
            row["kind"]: _rates(row, measured["growth"], site)
            for row in rows
            if row["format"] == suffix
        }
        mix = sum((of[kind] * share for kind, share in _MIX.items()), Rates())
        mean = sum(_MIX[kind] * efficiency[kind] for kind in _MIX)
        lines += [_line(kind, suffix, of[kind], efficiency[kind], site) for kind in of]
        name = ", ".join(f"{100 * share:.0f} % {kind}" for kind, share in _MIX.items())
        lines.append(_line(name, suffix, mix, mean, site))
    return "\n".join(lines)


def _values(rates: Rates) -> tuple[float, ...]:
    return tuple(vars(rates).values())


def _efficiency(rows: list[dict[str, Any]], row: dict[str, Any]) -> float:
    """What a second worker adds, beside one that does not share the machine: at most 1."""
    seconds = {
        r["workers"]: r["seconds"]
        for r in rows
        if r["kind"] == row["kind"] and r["format"] == "dcbs"
    }
    return min(1.0, seconds[1] / (2 * seconds[2]))


def _rates(row: dict[str, Any], growth: list[dict[str, Any]], site: Site) -> Rates:
    series, files = row["series"], row["files_of_each"]
    # The slope of many small series leaves out what a job takes once. A series counts as no
    # less than a small one, since it has the same rows of its own in the ledger.
    small = max(1.0, files / growth[0]["files_of_each"])
    archive_bytes = (row["length_bytes"] - row["ledger_bytes"]) / series
    return Rates(
        cpu_s=row["cpu_seconds"] / series,
        main_s=small * _slope(growth, "main_cpu_seconds"),
        source_bytes=row["source_bytes"] / series,
        archive_bytes=archive_bytes,
        ledger_bytes=small * _slope(growth, "ledger_bytes"),
        files=files,
        requests=_requests(files, archive_bytes, site),
    )


def _slope(growth: list[dict[str, Any]], name: str) -> float:
    """For each series, between the smallest and the largest number that was measured."""
    few, many = growth[0], growth[-1]
    return (many[name] - few[name]) / (many["series"] - few["series"])


def _requests(files: int, archive_bytes: float, site: Site) -> float:
    parts = math.ceil(archive_bytes / (1e6 * site.part_mb))
    listed = files / 1000
    read = 2 * files  # header, then all of it
    written = 1 if parts == 1 else parts + 2  # begun and completed
    return listed + read + written + parts  # read again


def _hours(rates: Rates, efficiency: float, site: Site, machines: int) -> tuple[float, str]:
    """Of a million series, and what sets the time."""
    moved_mb = (rates.source_bytes + 2 * rates.archive_bytes) / 1e6
    seconds = {
        "workers": rates.cpu_s / (machines * site.cores * efficiency),
        "main process": rates.main_s,
        "storage": moved_mb / (machines * site.storage_mb_s),
    }
    limit = max(seconds, key=lambda name: seconds[name])
    return _SERIES * seconds[limit] / 3600, limit


def _line(name: str, suffix: str, rates: Rates, efficiency: float, site: Site) -> str:
    one, _ = _hours(rates, efficiency, site, 1)
    cluster, limit = _hours(rates, efficiency, site, site.machines)
    all_of_them = rates * _SERIES
    return (
        f"| {name} | .{suffix} | {all_of_them.cpu_s / 3600:,.0f} | {one:,.1f} h | {cluster:,.1f} h "
        f"| {limit} | {all_of_them.source_bytes / 1e12:.1f} TB "
        f"| {all_of_them.archive_bytes / 1e12:.1f} TB | {all_of_them.ledger_bytes / 1e9:.1f} GB "
        f"| {all_of_them.requests / 1e6:,.0f} million |"
    )


if __name__ == "__main__":
    main()
