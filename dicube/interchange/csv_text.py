"""Lines of CSV as in RFC 4180: text in quotes, numbers without, nothing where there is no value."""

from collections.abc import Iterable
from typing import Final

_FORMULA_STARTS: Final = ("=", "+", "-", "@", "\t", "\r")


def csv_line(cells: Iterable[int | float | str | None], *, guard_formulas: bool = False) -> str:
    """One line with its end.

    Parameters
    ----------
    cells : iterable
    guard_formulas : bool
        Put an apostrophe before text that a spreadsheet would take for a formula.
    """
    return ",".join(_csv_cell(cell, guard_formulas) for cell in cells) + "\n"


def _csv_cell(cell: int | float | str | None, guard_formulas: bool) -> str:
    if cell is None:
        return ""
    if not isinstance(cell, str):
        return repr(cell)
    is_guarded = guard_formulas and cell.startswith(_FORMULA_STARTS)
    text = f"'{cell}" if is_guarded else cell
    return '"' + text.replace('"', '""') + '"'
