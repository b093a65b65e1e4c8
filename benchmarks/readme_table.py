"""The tables of the README that benchmarks write, and the options those have in common."""

import argparse
from pathlib import Path

from environments import ROOT


def table_parser(what: str, *, rounds: int | None = None) -> argparse.ArgumentParser:
    """A parser with `--update-readme`, and `--rounds` where there is a number by default."""
    parser = argparse.ArgumentParser(description=what)
    if rounds is not None:
        parser.add_argument(
            "--rounds",
            type=at_least_one,
            default=rounds,
            help="that count, after one that does not",
        )
    parser.add_argument("--update-readme", action="store_true", help="put the table into README.md")
    return parser


def at_least_one(text: str) -> int:
    """A number of rounds or threads, for argparse."""
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("has to be at least 1")
    return number


def show_table(name: str, markdown: str, options: argparse.Namespace) -> None:
    """Print a table, and put it into the README if that is asked for."""
    print(markdown)
    if options.update_readme:
        update_readme(ROOT / "README.md", name, markdown)


def update_readme(path: Path, name: str, markdown: str) -> None:
    """Put a table between the markers of its name; the rest of the README stays as it is.

    Raises
    ------
    ValueError
        The markers are not there, once each and in this order.
    """
    start_marker, end_marker = f"<!-- {name}:start -->", f"<!-- {name}:end -->"
    text = path.read_text(encoding="utf-8")
    start, end = text.find(start_marker), text.find(end_marker)
    if text.count(start_marker) != 1 or text.count(end_marker) != 1 or end < start:
        raise ValueError(f"{path} needs one line {start_marker} and, below it, one {end_marker}")
    before, after = text[: start + len(start_marker)], text[end:]
    path.write_text(f"{before}\n\n{markdown}\n\n{after}", encoding="utf-8")
