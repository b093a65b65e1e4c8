"""What was measured as a table on the terminal, as Markdown, as JSON, and against requirements."""

import json
from dataclasses import dataclass
from statistics import median
from typing import Any, Final

from bench_data import PRIVATE_CT, Series
from measure import OURS, PUBLISHED_DICUBE, Cell, PeerSpec, Row
from peers import OPERATIONS
from rich.console import Console
from rich.table import Table

_HEADINGS: Final = {
    "folder_to_image": "folder → image",
    "convert": "folder → file",
    "save": "save",
    "load": "load",
    "load_meta": "metadata only",
    "one_slice": "one slice",
    "export": "export to DICOM",
}
# Requirements of the project: how many times faster than the published release.
_INGEST_FACTORS: Final = {"ct_uint16_thin": 12.0, PRIVATE_CT: 20.0, "mr_fmri_ge_4d": 10.0}
_INGEST_FACTOR: Final = 3.0  # of other series
_OTHER_FACTORS: Final = {"convert": 5.0, "load": 1.0, "export": 4.0}


@dataclass(frozen=True)
class Report:
    """Everything one run found out."""

    facts: dict[str, str]  # processor, threads, versions
    series: list[Series]
    rows: dict[str, dict[PeerSpec, Row]]  # by name of the series
    notes: list[str]

    def lines(self) -> list[str]:
        """Conditions and faults, as plain sentences."""
        conditions = [f"{name}: {value}." for name, value in self.facts.items()]
        return [*conditions, *self.notes, *self._faults()]

    def _faults(self) -> list[str]:
        return [
            f"{name}, {spec.label}, {_HEADINGS[operation]}: {cell.fault}."
            for name, rows in self.rows.items()
            for spec, row in rows.items()
            for operation, cell in row.cells.items()
            if cell.fault
        ]

    def requirements(self) -> list[str]:
        """The requirements of the project and what this run says about them."""
        lines = []
        for name, rows in self.rows.items():
            wanted = _INGEST_FACTORS.get(name, _INGEST_FACTOR)
            for operation, factor in {"folder_to_image": wanted, **_OTHER_FACTORS}.items():
                lines.append(_requirement(name, rows, operation, factor))
        return lines

    def body(self, series: Series) -> list[list[str]]:
        """The cells of one series as text, a list for each peer."""
        rows = self.rows[series.name]
        ours = rows.get(OURS, Row())
        return [
            [
                spec.label,
                *(_time(row.cells.get(o), ours.cells.get(o)) for o in OPERATIONS),
                _size(row.nbytes, series.nbytes),
            ]
            for spec, row in rows.items()
        ]


def _requirement(name: str, rows: dict[PeerSpec, Row], operation: str, factor: float) -> str:
    what = f"{name}, {_HEADINGS[operation]}, dicube 0.3.0 / DiCube"
    compared = (rows.get(PUBLISHED_DICUBE, Row()), rows.get(OURS, Row()))
    cells = [row.cells.get(operation, Cell()) for row in compared]
    if not all(cell.seconds for cell in cells):
        return f"{what}: not measured"
    # Also where the published release is wrong: the requirement is about its time.
    theirs, ours = (median(cell.seconds) for cell in cells)
    # Two times of one round were taken side by side. Where the rounds disagree about the verdict,
    # the machine was too busy for one.
    by_round = [a / b for a, b in zip(cells[0].seconds, cells[1].seconds, strict=False)]
    verdict = "met" if theirs >= factor * ours and not cells[1].fault else "NOT met"
    if min(by_round) < factor <= max(by_round):
        verdict += ", but rounds disagree"
    wrong = " (with faults, see above)" if any(cell.fault for cell in cells) else ""
    return (
        f"{what}: {theirs / ours:.2f}x (rounds {min(by_round):.2f} to {max(by_round):.2f}),"
        f" required at least {factor:g}x: {verdict}{wrong}"
    )


def _time(cell: Cell | None, ours: Cell | None) -> str:
    """Milliseconds and ratio; a dash for what a tool cannot do, and no speed for what is wrong."""
    if cell is None:
        return "-"
    if cell.fault:
        return "failed" if cell.fault.startswith("failed") else "wrong"
    if cell.median is None:
        return "-"
    milliseconds = 1e3 * cell.median
    text = f"{milliseconds:.0f} ms" if milliseconds >= 9.95 else f"{milliseconds:.2g} ms"
    base = None if ours is None else ours.median
    return text if base is None else f"{text} {cell.median / base:.2f}x"


def _size(nbytes: int | None, folder: int) -> str:
    return "-" if nbytes is None else f"{nbytes / 1e6:.2f} MB {nbytes / folder:.2f}"


def _title(series: Series, mark: str = "") -> str:
    about = f"{len(series.files)} files, {series.nbytes / 1e6:.1f} MB"
    return f"{mark}{series.name}{mark}; {series.description}; {about}"


def print_table(report: Report, console: Console) -> None:
    """One table, a section for each series."""
    table = Table(title="median time, and ratio to DiCube .dcbs; size, and ratio to the folder")
    for heading in ("", *_HEADINGS.values(), "size"):
        table.add_column(heading, justify="right" if heading else "left")
    for series in report.series:
        table.add_row(_title(series).replace("; ", "\n"))
        for cells in report.body(series):
            table.add_row(*cells)
        table.add_section()
    console.print(table)
    for line in (*report.lines(), *report.requirements()):
        console.print(line, highlight=False, soft_wrap=True)


def to_markdown(report: Report) -> str:
    """The same as Markdown; a row with a name and nothing else opens the section of a series."""
    headings = ["", *_HEADINGS.values(), "size"]
    rows = [headings, ["---", *["---:"] * (len(headings) - 1)]]
    for series in report.series:
        rows.append([_title(series, "**"), *[""] * (len(headings) - 1)])
        rows += report.body(series)
    parts = [
        "\n".join(f"| {' | '.join(row)} |" for row in rows),
        "Times are medians, with their ratio to DiCube .dcbs in the same run: 2.00x took twice as"
        " long. Sizes come with their ratio to the DICOM folder. A dash: the tool has no such"
        " operation. How it was measured: [benchmarks](benchmarks/README.md).",
        "\n".join(f"- {line}" for line in report.lines()),
    ]
    return "\n\n".join(parts)


def to_json(report: Report) -> str:
    """Everything, with the seconds of every round."""

    def cell_json(cell: Cell) -> dict[str, Any]:
        return {"median_s": cell.median, "rounds_s": cell.seconds, "fault": cell.fault}

    document = {
        "facts": report.facts,
        "notes": report.notes,
        "requirements": report.requirements(),
        "series": {
            series.name: {
                "description": series.description,
                "files": len(series.files),
                "nbytes": series.nbytes,
                "peers": {
                    spec.label: {
                        "nbytes": row.nbytes,
                        "operations": {name: cell_json(c) for name, c in row.cells.items()},
                    }
                    for spec, row in report.rows[series.name].items()
                },
            }
            for series in report.series
        },
    }
    return json.dumps(document, indent=1)
