"""Write vlc_rows.inc, the VLC table of T.814 Annex C as C++ rows, from cxtvlc.csv beside it.

    python make_vlc_rows.py            write vlc_rows.inc
    python make_vlc_rows.py --check    fail if vlc_rows.inc is not what would be written

The CSV was derived by observation: images were made that force each combination of context,
significance and exponents, and the words were read from what encoders wrote for them. Before
anything is written, each of the sixteen codes is proved to be prefix-free and complete: then no bit
pattern is left without a meaning, and a decoder needs no check for one.
"""

import csv
import sys
from collections import defaultdict
from pathlib import Path

HERE = Path(__file__).parent
SOURCE = HERE / "cxtvlc.csv"
TARGET = HERE / "vlc_rows.inc"
COLUMNS = ("table", "context", "rho", "u_off", "e_k", "e_1", "codeword", "length")
WINDOW = 7  # bits of the longest word

Row = tuple[int, ...]


def read_rows() -> list[Row]:
    """Rows in the order of the CSV, each with the values of COLUMNS."""
    with SOURCE.open() as lines:
        table = csv.DictReader(line for line in lines if not line.startswith("#"))
        return [tuple(int(row[column]) for column in COLUMNS) for row in table]


def check_codes(rows: list[Row]) -> None:
    """Exit unless every code covers each 7-bit window exactly once."""
    covered: defaultdict[tuple[int, int], list[int]] = defaultdict(lambda: [0] * (1 << WINDOW))
    for table, context, *_, codeword, length in rows:
        for window in range(codeword, 1 << WINDOW, 1 << length):
            covered[table, context][window] += 1
    if len(covered) != 16 or any(set(windows) != {1} for windows in covered.values()):
        sys.exit(f"{SOURCE.name}: a code is not prefix-free and complete")


def as_source(rows: list[Row]) -> str:
    """The text of vlc_rows.inc."""
    lines = [
        "// Made by make_vlc_rows.py from cxtvlc.csv; change those, not this file.",
        f"// {', '.join(COLUMNS)}",
        *("{" + ", ".join(map(str, row)) + "}," for row in rows),
    ]
    return "\n".join(lines) + "\n"


def main() -> None:
    rows = read_rows()
    check_codes(rows)
    source = as_source(rows)
    if "--check" not in sys.argv[1:]:
        TARGET.write_text(source)
    elif TARGET.read_text() != source:
        sys.exit(f"{TARGET.name} is out of date: run {Path(__file__).name}")


if __name__ == "__main__":
    main()
