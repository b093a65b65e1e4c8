"""Records of cells as data frames of pandas."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from dicube.extras import extra_module
from dicube.interchange.tables.cells import Cell

_INT64: Final = range(-(2**63), 2**63)


def data_frame(records: Sequence[Mapping[str, Cell]], names: Sequence[str]) -> Any:
    """Records as a pandas.DataFrame: numbers as Int64 or float64, all else as they are."""
    pandas = extra_module("pandas", extra="tables", purpose="a table")
    rows = [[record.get(name) for name in names] for record in records]
    numeric = {
        name: dtype
        for number, name in enumerate(names)
        if (dtype := _dtype([row[number] for row in rows])) != "object"
    }
    # All at once, and then the numbers: a column at a time would take several times as long.
    return pandas.DataFrame(rows, columns=list(names), dtype="object").astype(numeric)


def _dtype(cells: Sequence[Cell]) -> str:
    present = [cell for cell in cells if cell is not None]
    if not present or not all(type(cell) in (int, float) for cell in present):
        return "object"
    if all(type(cell) is int for cell in present):
        return "Int64" if all(cell in _INT64 for cell in present) else "object"
    exact = all(type(cell) is float or float(cell) == cell for cell in present)
    return "float64" if exact else "object"
