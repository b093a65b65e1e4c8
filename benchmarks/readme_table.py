"""The tables of the README that benchmarks write."""

from pathlib import Path


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
