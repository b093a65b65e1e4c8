"""Questions to a ledger: conditions over its view `archive`, answered row by row.

A question can read that view and nothing else: no other table, no file, no second statement.
"""

import re
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from dicube.archive.ledger.opened import read_ledger
from dicube.closing import Closing
from dicube.exceptions import DataConsistencyError, DicomCubeError

Value = int | float | str | None

_VIEW: Final = "archive"
#: Functions that compute a value of values; others could reach out of the ledger.
FUNCTIONS: Final = frozenset(
    {
        "->", "->>", "abs", "avg", "coalesce", "count", "date", "datetime", "format", "glob",
        "group_concat", "hex", "ifnull", "iif", "instr", "json_array_length", "json_extract",
        "julianday", "length", "like", "lower", "ltrim", "max", "min", "nullif", "printf",
        "replace", "round", "rtrim", "sign", "strftime", "substr", "substring", "sum", "time",
        "total", "trim", "typeof", "unicode", "unixepoch", "upper",
    }
)  # fmt: skip
_LIMITS: Final = {
    sqlite3.SQLITE_LIMIT_LENGTH: 1 << 24,  # bytes of a value: `printf('%.*c', 1e9, 'x')` fails
    sqlite3.SQLITE_LIMIT_SQL_LENGTH: 1 << 16,
}
_STEPS: Final = 10_000  # of the machine of SQLite between two looks at Ctrl-C: well below 10 ms
_NO_TEXT: Final = re.compile("[\0\ud800-\udfff]")
_WORDS: Final = re.compile(
    r"""'(?:[^']|'')*'|"(?:[^"]|"")*"|`(?:[^`]|``)*`|\[[^]]*]|--|/\*|.""", re.DOTALL
)
_OPEN_QUOTE: Final = "a quote is opened and not closed"
_COMMENT: Final = "comments are not understood"
_PARAMETER: Final = "there are no parameters to fill in"
_REFUSED: Final = {
    ";": "one condition is asked for, no statements",
    **dict.fromkeys(("--", "/*"), _COMMENT),
    **dict.fromkeys(("'", '"', "`", "["), _OPEN_QUOTE),
    **dict.fromkeys(("?", ":", "@", "$"), _PARAMETER),
}
_DEPTHS: Final = {"(": 1, ")": -1}
_EXAMPLE: Final = "such as: modality = 'CT' and rows = 512"
_ORDER: Final = re.compile(r"\s*(\w+)(?:\s+(asc|desc))?\s*", re.IGNORECASE)


class QueryError(DicomCubeError):
    """A question to a ledger that cannot be answered: a column that is not there, bad syntax."""


class Answer(Closing):
    """The rows of an answer, read while they are asked for.

    Iterating gives a dict for each row. A row is never kept, so millions of them are fine; others
    may write to the ledger meanwhile, the answer is that of the moment of the question.

    Attributes
    ----------
    columns : mapping
        The type of each column by its name, in their order: int, float or str.
    """

    def __init__(
        self, connection: sqlite3.Connection, statement: str, columns: Mapping[str, type]
    ) -> None:
        self.columns = dict(columns)
        self._connection = connection
        self._cursor = connection.execute(statement)

    def __iter__(self) -> Iterator[dict[str, Value]]:
        """Each row once; at the end the ledger is closed."""
        names = tuple(self.columns)
        for row in self.tuples():
            yield dict(zip(names, row, strict=True))

    def tuples(self) -> Iterator[tuple[Value, ...]]:
        """Each row once as its values: faster, for those who know the columns."""
        self._cursor.row_factory = None
        with self, translating():
            # `yield from` would close the cursor, after the ledger.
            for row in self._cursor:  # noqa: UP028
                yield row

    def close(self) -> None:
        """Close the ledger."""
        self._connection.close()


def query(
    ledger: Path,
    expression: str = "",
    *,
    columns: Sequence[str] | None = None,
    sort: str = "",
    limit: int | None = None,
) -> Answer:
    """Ask a ledger for cubes, zip files of other files, and series that have neither yet.

    Parameters
    ----------
    ledger : path
    expression : str
        A condition of SQL over the columns of the view `archive`, as docs/ledger.md lists them,
        such as ``"modality = 'CT' and rows = 512"``; "" for all rows.
    columns : sequence of str, optional
        Those that are wanted, in this order; all if there are none.
    sort : str
        Columns, each with "asc" or "desc" if need be: ``"modality, bytes desc"``.
    limit : int, optional
        So many rows at most.

    Returns
    -------
    Answer
        Iterate over it; leave its `with` block, or close it, if that may end early.

    Raises
    ------
    QueryError
        The expression, a column or the order is not understood, or asks for more than the view.
    MetaDataError, DataConsistencyError
        There is no ledger at this path, or it is of another version.

    Examples
    --------
    ::

        with query("archive.sqlite", "modality = 'CT'", columns=["path", "bytes"]) as rows:
            for row in rows:
                print(row["path"], row["bytes"])
    """
    with _asking(Path(ledger)) as (connection, known):
        chosen = {name: known[name] for name in (_column(name, known) for name in columns or known)}
        return Answer(
            connection,
            f"SELECT {', '.join(map(_quoted, chosen))} FROM {_VIEW}"  # noqa: S608
            f"{_where(expression, known)}{_order(sort, known)}{_limit(limit)}",
            chosen,
        )


def count(ledger: Path, expression: str = "") -> int:
    """How many rows of the view `archive` fulfil a condition; see `query`."""
    with _asking(Path(ledger)) as (connection, known):
        statement = f"SELECT COUNT(*) FROM {_VIEW}{_where(expression, known)}"  # noqa: S608
        (row,) = Answer(connection, statement, {"rows": int})
    return int(str(row["rows"]))


def view_columns(connection: sqlite3.Connection) -> dict[str, type]:
    """The columns of the view `archive` with their types, in their order."""
    rows = connection.execute(f"PRAGMA table_info({_VIEW})")
    # The ratio is computed by the view and has no declared type.
    types = {"INTEGER": int, "REAL": float}
    return {
        row["name"]: float if row["name"] == "ratio" else types.get(row["type"], str)
        for row in rows
    }


# ---- what may be asked --------------------------------------------------------------------------


@contextmanager
def _asking(ledger: Path) -> Iterator[tuple[sqlite3.Connection, dict[str, type]]]:
    """A connection that can read the view and nothing else, and the columns of the view.

    It is closed when the block raises; else that is left to the answer.
    """
    connection = read_ledger(ledger)
    known: dict[str, type] = {}
    try:
        with translating(known):
            known |= view_columns(connection)
            _guard(connection)
            yield connection, known
    except BaseException:
        connection.close()
        raise


def _guard(connection: sqlite3.Connection) -> None:
    for category, limit in _LIMITS.items():
        connection.setlimit(category, limit)
    readable = _what_the_view_reads(connection)

    def allow(action: int, first: str | None, second: str | None, *_: str | None) -> int:
        if action == sqlite3.SQLITE_SELECT:
            return sqlite3.SQLITE_OK
        if action == sqlite3.SQLITE_READ and (first, second) in readable:
            return sqlite3.SQLITE_OK
        if action == sqlite3.SQLITE_FUNCTION and str(second).lower() in FUNCTIONS:
            return sqlite3.SQLITE_OK
        return sqlite3.SQLITE_DENY

    connection.set_authorizer(allow)
    # Python looks for Ctrl-C when it is called; an error of the call interrupts the statement.
    connection.set_progress_handler(lambda: 0, _STEPS)


def _what_the_view_reads(connection: sqlite3.Connection) -> set[tuple[str | None, str | None]]:
    """Tables with columns, found by asking for everything once.

    A name that an expression gives to something of its own cannot get around such a list.
    """
    reads: set[tuple[str | None, str | None]] = set()

    def note(action: int, table: str | None, column: str | None, *_: str | None) -> int:
        if action == sqlite3.SQLITE_READ:
            reads.update(((table, column), (table, "")))  # "": the rows themselves, as COUNT(*)
        return sqlite3.SQLITE_OK

    connection.set_authorizer(note)
    connection.execute(f"SELECT * FROM {_VIEW} LIMIT 0")  # noqa: S608
    connection.set_authorizer(None)
    return reads


def _where(expression: str, known: Mapping[str, type]) -> str:
    """The condition in parentheses that it cannot leave."""
    if not expression.strip():
        return ""
    if _NO_TEXT.search(expression):
        raise QueryError("it holds what is no text", where="expression")
    depth = 0
    for word in _WORDS.findall(expression):
        if word in _REFUSED:
            raise QueryError(_REFUSED[word], where="expression", hint=_EXAMPLE)
        # SQLite would take what is in double quotes and no column for text.
        if word[0] == '"':
            _column(word[1:-1], known)
        depth += _DEPTHS.get(word, 0)
        if depth < 0:
            break
    if depth:
        raise QueryError("parentheses do not match", where="expression")
    return f" WHERE (\n{expression}\n)"


def _order(sort: str, known: Mapping[str, type]) -> str:
    terms = []
    for term in sort.split(",") if sort.strip() else ():
        match = _ORDER.fullmatch(term)
        if match is None:
            raise QueryError(
                f"{term.strip()!r} is no order", where="sort", hint="such as 'modality, bytes desc'"
            )
        terms.append(f"{_quoted(_column(match[1], known))} {match[2] or 'asc'}")
    return f" ORDER BY {', '.join(terms)}" if terms else ""


def _column(name: str, known: Mapping[str, type]) -> str:
    if name.lower() not in known:
        raise QueryError(f"there is no column {name!r}", hint=_hint_of(known))
    return name.lower()


def _hint_of(columns: Mapping[str, type]) -> str:
    return f"columns are {', '.join(columns)}; text stands in single quotes"


def _quoted(name: str) -> str:
    return f'"{name}"'


def _limit(limit: int | None) -> str:
    if limit is not None and limit < 0:
        raise QueryError(f"the limit is {limit}, has to be at least 0")
    return "" if limit is None else f" LIMIT {limit:d}"


@contextmanager
def translating(known: Mapping[str, type] | None = None) -> Iterator[None]:
    """Turn errors of SQLite in the block into ours; `known` are columns that a hint names.

    Raises
    ------
    QueryError
        What is asked is wrong.
    DataConsistencyError
        The ledger is damaged.
    KeyboardInterrupt
        Ctrl-C ended a statement.
    """
    try:
        yield
    except sqlite3.Error as error:
        raise _translated(error, known or {}) from error


def _translated(error: sqlite3.Error, known: Mapping[str, type]) -> BaseException:
    """An error of SQLite as one of ours."""
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF  # without its subcode
    if code == sqlite3.SQLITE_INTERRUPT:
        return KeyboardInterrupt()
    message = str(error)
    if code == sqlite3.SQLITE_AUTH or "not authorized" in message:
        return QueryError(
            f"this may not be asked: {message}",
            where="expression",
            hint="columns of the archive and plain functions may be used",
        )
    if code not in (sqlite3.SQLITE_ERROR, sqlite3.SQLITE_TOOBIG, sqlite3.SQLITE_MISMATCH):
        return DataConsistencyError(f"the ledger cannot be read: {message}", hint="try again")
    hint = _EXAMPLE
    if "no such column" in message and known:
        hint = _hint_of(known)
    return QueryError(message, where="expression", hint=hint)
