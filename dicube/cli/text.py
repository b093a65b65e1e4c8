"""How numbers, names and values are put on a line."""

from collections.abc import Sequence
from typing import Any

from dicube.dicom.findings import DicomStatus

_UNITS = ("bytes", "kB", "MB", "GB", "TB")


def help_lines(title: str, *lines: str) -> str:
    """A paragraph of a help epilog, the lines below the title indented."""
    # Without the \b typer would fill the lines of a paragraph.
    return "\n".join(["\b", title, *(f"  {line}" for line in lines)])


def size_text(length_bytes: int) -> str:
    """A size in decimal units: "512 bytes", "20.9 MB"."""
    size, unit = float(length_bytes), 0
    while size >= 1000 and unit < len(_UNITS) - 1:
        size, unit = size / 1000, unit + 1
    return f"{length_bytes} bytes" if unit == 0 else f"{size:.1f} {_UNITS[unit]}"


def count_text(count: int, noun: str) -> str:
    """Such as "1 file" or "2 files"."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def printable(text: str) -> str:
    """The text on one line, without anything a terminal would take for a command."""
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)


def shape_text(shape: Sequence[int]) -> str:
    """Such as "40 x 512 x 512"."""
    return " x ".join(map(str, shape))


def numbers_text(numbers: Sequence[Any]) -> str:
    """Such as "0.45, 0.43, 0.43"."""
    return ", ".join(f"{float(number):g}" for number in numbers)


def ranges_text(indices: Sequence[int], limit: int = 6) -> str:
    """Ascending indices with runs joined: "3-17, 20"; the rest after `limit` runs is counted."""
    runs: list[list[int]] = []
    for index in indices:
        if runs and index == runs[-1][1] + 1:
            runs[-1][1] = index
        else:
            runs.append([index, index])
    named = [str(first) if first == last else f"{first}-{last}" for first, last in runs[:limit]]
    left = sum(last - first + 1 for first, last in runs[limit:])
    return ", ".join(named) + (f" and {left} more" if left else "")


def finding_text(status: DicomStatus, message: str, slices: Sequence[int]) -> str:
    """A finding on one line, the slices concerned at its end."""
    concerned = f" (slices {ranges_text(slices)})" if slices else ""
    return f"{status.value}: {message}{concerned}"
