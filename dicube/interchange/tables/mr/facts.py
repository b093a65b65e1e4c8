"""What the headers of one MR series say, as rules ask for it: texts, words and numbers of a field.

A field is a column of the table, or one of the names that the rules give to several columns that
mean the same: "echoTime" is Effective Echo Time of enhanced objects and Echo Time of all others.
"""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, Self

from dicube.interchange.tables.cells import Cell, cell_text, distinct_values

Row = Mapping[str, Cell]

# Between words; + and * mean something: "+C", "T2*".
_SEPARATORS: Final = re.compile(r"[\s_\-./,;:^\\()\[\]{}<>&|#=~]+")
# Chinese, Japanese and Korean are written without blanks around "T1".
_CJK: Final = "\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff"
_SCRIPT_CHANGES: Final = re.compile(rf"(?<=[{_CJK}])(?=[^{_CJK}\s])|(?<=[^{_CJK}\s])(?=[{_CJK}])")


def plain_text(text: str) -> str:
    """A description as rules see it: lower case, full-width forms made plain, words apart."""
    folded = unicodedata.normalize("NFKC", text).lower()
    return _SEPARATORS.sub(" ", _SCRIPT_CHANGES.sub(" ", folded)).strip()


@dataclass(frozen=True)
class SeriesFacts:
    """The headers of one series.

    Attributes
    ----------
    rows : sequence of mapping
        The cells of each instance by column.
    fields : mapping
        The columns that a name stands for.
    limits : mapping
        Thresholds by name, those of the field strength of the series.
    known : mapping
        What was found out so far: "family", "class"...
    """

    rows: Sequence[Row]
    fields: Mapping[str, Sequence[str]]
    limits: Mapping[str, float] = field(default_factory=dict)
    known: Mapping[str, Cell] = field(default_factory=dict)

    def knowing(self, **known: Cell) -> Self:
        """The facts, and what was found out from them."""
        return replace(self, known={**self.known, **known})

    def naming(self, column: str) -> Self:
        """The facts with one column for the name of the series."""
        return replace(self, fields={**self.fields, "name": (column,)})

    def values(self, name: str) -> list[Cell]:
        """The distinct values of a field over all rows and columns; empty where there is none."""
        if name in self.known:
            return [] if self.known[name] is None else [self.known[name]]
        cells = dict.fromkeys(
            row.get(column) for column in self.fields.get(name, (name,)) for row in self.rows
        )
        return list(dict.fromkeys(value for cell in cells for value in distinct_values(cell)[0]))

    def word_sets(self, name: str) -> list[frozenset[str]]:
        """For each distinct value its words: the parts between backslashes, in capitals."""
        texts = (cell_text(value) for value in self.values(name))
        return [frozenset(part.strip().upper() for part in text.split("\\")) for text in texts]

    def words(self, name: str) -> frozenset[str]:
        """The words of all values."""
        return frozenset(word for words in self.word_sets(name) for word in words if word)

    def text(self, name: str) -> str:
        """All values as one plain text; "" where there is none."""
        return " | ".join(plain_text(cell_text(value)) for value in self.values(name))

    def numbers(self, name: str) -> list[float]:
        """The distinct numbers above 0, of several the first; of columns, the first that has any.

        Times and angles of 0 stand for "not so": an inversion time without inversion, the echo
        time of a map.
        """
        if name in self.known:
            found = number_of(self.known[name])
            return [] if found is None else [found]
        for column in self.fields.get(name, (name,)):
            numbers = [number_of(value) for value in self.naming_values(column)]
            positive = [number for number in numbers if number is not None and number > 0]
            if positive:
                return list(dict.fromkeys(positive))
        return []

    def naming_values(self, column: str) -> list[Cell]:
        """The distinct values of one column."""
        return replace(self, fields={}, known={}).values(column)


def number_of(value: Cell) -> float | None:
    """The number that a cell holds, of several the first; None where it is none."""
    if isinstance(value, str):
        try:
            return float(value.partition("\\")[0])
        except ValueError:
            return None
    return None if value is None else float(value)
