"""DiCube beside its peers, in one table and one run: `python benchmarks/table.py`.

What is measured is in `peers`, how in `measure`; this is the command line around them.
"""

import argparse
import os
import platform
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

from bench_data import GENERATED, SERIES, data_folder, find_series
from environments import PROJECT, ROOT, EnvironmentUnavailableError, interpreter_of
from measure import JUDGE, PEER_SPECS, PeerSpec, measure_series
from readme_table import at_least_one, table_parser, update_readme
from report import Report, print_table, to_json, to_markdown
from rich.console import Console
from worker_client import WorkerClient, WorkerError

_TABLE_WIDTH = 190  # where the output is no terminal, so that rows are not folded


def main() -> int:
    options = _options()
    console = Console() if sys.stdout.isatty() else Console(width=_TABLE_WIDTH)
    with ExitStack() as stack:
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="dicube-bench-")))
        clients, notes = _start_workers(stack, options.threads)
        if JUDGE not in clients:
            console.print("nothing can be checked without pydicom:", *notes)
            return 1
        series = find_series(scratch, options.series)
        if series[0].name == GENERATED:
            notes.append(f"There is no data in {data_folder().name}: the series is made up.")
        facts = _facts(clients, options)
        rows = {}
        for one in series:
            console.print(f"measuring {one.name} ...")
            rows[one.name] = measure_series(one, clients, scratch / one.name, options.rounds)
        # Still inside: a made-up series goes with the scratch folder, and its files are counted.
        _publish(Report(facts, series, rows, notes), console, options)
    return 0


def _publish(report: Report, console: Console, options: argparse.Namespace) -> None:
    print_table(report, console)
    if options.json:
        options.json.write_text(to_json(report), encoding="utf-8")
    if options.update_readme:
        update_readme(ROOT / "README.md", "bench", to_markdown(report))


def _options() -> argparse.Namespace:
    parser = table_parser("Measure DiCube beside its peers.", rounds=5)
    parser.add_argument(
        "--series", nargs="+", choices=tuple(SERIES), default=tuple(SERIES), help="which to measure"
    )
    parser.add_argument(
        "--threads",
        type=at_least_one,
        default=min(os.cpu_count() or 1, 8),
        help="of every peer that can be told; by default as many as DiCube takes by itself",
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every round as JSON")
    return parser.parse_args()


def _start_workers(
    stack: ExitStack, threads: int
) -> tuple[dict[PeerSpec, WorkerClient], list[str]]:
    """A worker for each peer that can be had, and a note about each that cannot."""
    clients: dict[PeerSpec, WorkerClient] = {}
    notes = []
    for spec in PEER_SPECS:
        try:
            interpreter = interpreter_of(spec.environment)
            own = spec.environment == PROJECT
            client = WorkerClient(interpreter, spec.module, threads, own=own)
            stack.enter_context(client)
            client.ask("hello")
        except (EnvironmentUnavailableError, WorkerError) as error:
            notes.append(f"{spec.label} is left out: {error}.")
        else:
            clients[spec] = client
    return clients, notes


def _facts(clients: dict[PeerSpec, WorkerClient], options: argparse.Namespace) -> dict[str, str]:
    versions = {}
    for spec, client in clients.items():
        for name, version in client.ask("hello")["versions"].items():
            key = "DiCube" if spec.environment == PROJECT else name
            versions[key] = version
    return {
        "Processor": f"{_processor()}, {os.cpu_count()} logical cores",
        "Threads": f"{options.threads}; pydicom and nibabel have one",
        "Rounds": f"{options.rounds}, interleaved, after a warm-up round",
        "Python": platform.python_version(),
        "Versions": ", ".join(f"{name} {version}" for name, version in versions.items()),
    }


def _processor() -> str:
    """Model name of the processor, where the system tells it."""
    information = Path("/proc/cpuinfo")
    if information.is_file():
        for line in information.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


if __name__ == "__main__":
    sys.exit(main())
