"""Values of DICOM elements as cells of a table: a number, a text, or None for no value.

A number stays a number, and the same number: a decimal string that no 64-bit float stands for
stays text. Several values of one element are joined by backslashes, as in the file (PS3.5 6.4).
What differs between frames or instances is a list of the distinct values (`several`).
"""

import base64
import math
import re
import struct
from collections.abc import Iterable, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any, Final, TypeAlias

from dicube.dicom.entries import Entry
from dicube.dicom.value_decoders import PN_GROUPS
from dicube.dicom.values import is_binary, to_json_value

Cell: TypeAlias = int | float | str | None

NO_VALUE: Final = "(none)"
_BETWEEN: Final = " | "
_LISTED: Final = 16  # distinct values that a cell lists; of more it says how many
_COUNTED: Final = re.compile(r"(.*) \((\d+) values\)", re.DOTALL)
_FLOATS: Final = {"FL": "f", "FD": "d"}


def cell_of(entry: Entry, vr_where_unknown: str = "") -> Cell:
    """The cell of an element of one slice.

    Parameters
    ----------
    entry : dict
        As `entries.slice_entry` gives it; no sequence.
    vr_where_unknown : str
        How to read bytes whose VR the file does not say.
    """
    vr = str(entry.get("vr") or "UN")
    if "InlineBinary" in entry:
        return _cell_of_bytes(entry["InlineBinary"], vr, vr_where_unknown)
    values = entry.get("Value", [])
    if vr in _FLOATS and None in values and "Raw" in entry:
        values = _with_not_finite(entry["Raw"], _FLOATS[vr])
    elif vr == "DS" and "Raw" in entry:
        values = _exact_decimals(values, entry["Raw"])
    elif vr == "CS":  # blanks around a code mean nothing (PS3.5 6.2)
        values = [value.strip() if isinstance(value, str) else value for value in values]
    return _cell_of_values(values)


def number_text(number: float) -> str:
    """The shortest text that is read as the same number; 1.0 is "1"."""
    return repr(number).removesuffix(".0")


def cell_text(cell: Cell) -> str:
    """A cell inside of a text."""
    if cell is None:
        return NO_VALUE
    return cell if isinstance(cell, str) else number_text(cell)


def several(cells: Iterable[Cell]) -> Cell:
    """One cell for several: the value if all are equal, else a text that lists the distinct ones.

    In the order in which they come, as "0 | 1000". Of more than 16 the text says how many there
    are: numbers by their range, "0 .. 1000 (65 values)", texts by the first 16.
    """
    distinct = list(dict.fromkeys(cells))
    if len(distinct) < 2:
        return distinct[0] if distinct else None
    if len(distinct) <= _LISTED:
        return _BETWEEN.join(map(cell_text, distinct))
    numbers = [cell for cell in distinct if isinstance(cell, (int, float))]
    if len(numbers) == len(distinct):
        shown = f"{number_text(min(numbers))} .. {number_text(max(numbers))}"
    else:
        shown = _BETWEEN.join(map(cell_text, distinct[:_LISTED])) + f"{_BETWEEN}..."
    return f"{shown} ({len(distinct)} values)"


def distinct_values(cell: Cell) -> tuple[list[Cell], int]:
    """What `several` joined, as far as its text tells, and how many distinct values there were."""
    if not isinstance(cell, str):
        return ([] if cell is None else [cell]), int(cell is not None)
    match = _COUNTED.fullmatch(cell)
    if match:
        listed = match[1].removesuffix(f"{_BETWEEN}...").replace(" .. ", _BETWEEN)
    parts = (listed if match else cell).split(_BETWEEN)
    if len(parts) == 1:
        return [cell], 1
    values: list[Cell] = [part for part in parts if part != NO_VALUE]
    return values, int(match[2]) if match else len(parts)


def _cell_of_values(values: Sequence[Any]) -> Cell:
    if len(values) == 1:
        return _item(values[0])
    texts = ("" if item is None else cell_text(item) for item in map(_item, values))
    return "\\".join(texts) if values else None


def _item(value: Any) -> Cell:
    if isinstance(value, dict):  # a person name, its groups as in the file (PS3.5 6.2)
        return "=".join(value.get(group, "") for group in PN_GROUPS).rstrip("=") or None
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value if isinstance(value, (int, float, str)) else None


def _exact_decimals(values: Sequence[Any], raw: str) -> Sequence[Any]:
    """The values, those as text that are not the number that the text of the file says."""
    texts = base64.b64decode(raw).decode("latin-1").split("\\")
    if len(texts) != len(values):
        return values
    return [
        value if not isinstance(value, float) or _is_same(value, text) else text.strip(" \0")
        for value, text in zip(values, texts, strict=True)
    ]


def _is_same(value: float, text: str) -> bool:
    try:
        return Decimal(repr(value)) == Decimal(text.strip(" \0"))
    except InvalidOperation:
        return False


def _with_not_finite(raw: str, code: str) -> list[Any]:
    data = base64.b64decode(raw)
    count = len(data) // struct.calcsize(code)
    return list(struct.unpack_from(f"<{count}{code}", data))


def _cell_of_bytes(encoded: str, vr: str, vr_where_unknown: str) -> Cell:
    if vr == "UN" and vr_where_unknown and not is_binary(vr_where_unknown):
        values = to_json_value(base64.b64decode(encoded), vr_where_unknown, ())
        return _cell_of_values(values) if isinstance(values, list) else None
    return encoded
