"""QIDO-RS: searches as query strings, and answers in DICOM JSON (PS3.18 10.6, annex F)."""

import re
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote

from pydicom.datadict import keyword_for_tag

from dicube.exceptions import PacsError
from dicube.pacs.keys import fits

# Literal in a query (RFC 3986, 3.4). Orthanc's plugin 1.7 does not decode, so * and ? have to stay.
_LITERAL: Final = "*?-._~!$'(),;:@/\\"
_NOT_LITERAL: Final = re.compile(r"[^A-Za-z0-9*?\-._~!$'(),;:@/\\]")


def query_string(keys: Mapping[int, str], *, limit: int, offset: int) -> str:
    """The query of a search: keys with a value are matched, the others returned."""
    parts = [
        f"{keyword_for_tag(tag)}={quote(value, safe=_LITERAL)}"
        for tag, value in keys.items()
        if value
    ]
    parts += [f"includefield={tag:08X}" for tag, value in keys.items() if not value]
    parts.append(f"limit={limit}")
    if offset:
        parts.append(f"offset={offset}")
    return "&".join(parts)


def without_encoded(keys: Mapping[int, str]) -> dict[int, str] | None:
    """The same keys with ? for what has to be encoded; None where there is nothing of the kind.

    For servers that take %20 for three characters; what matches too much is to be filtered.
    """
    loose = {tag: _NOT_LITERAL.sub("?", value) for tag, value in keys.items()}
    return loose if loose != dict(keys) else None


def matches(row: Mapping[int, str], keys: Mapping[int, str]) -> bool:
    """Whether an answer fits keys with wildcards, letter case aside (PS3.4 C.2.2.2.4)."""
    return all(
        fits(value, row.get(tag, "")) for tag, value in keys.items() if _NOT_LITERAL.search(value)
    )


def rows_of(answer: Any, where: str) -> list[dict[int, str]]:
    """Texts by tag of each result.

    Raises
    ------
    PacsError
        The answer is no DICOM JSON.
    """
    if not isinstance(answer, list) or not all(isinstance(each, dict) for each in answer):
        raise PacsError("the server's answer is no DICOM JSON", where=where)
    return [
        {int(tag, 16): _text(element) for tag, element in each.items() if _is_element(tag, element)}
        for each in answer
    ]


def _is_element(tag: str, element: Any) -> bool:
    return re.fullmatch(r"[0-9A-Fa-f]{8}", tag) is not None and isinstance(element, dict)


def _text(element: Mapping[str, Any]) -> str:
    values = element.get("Value")
    if not isinstance(values, list):
        return ""
    return "\\".join(_value_text(value) for value in values)


def _value_text(value: Any) -> str:
    if isinstance(value, dict):  # a person's name: its groups
        groups = (value.get(name) or "" for name in ("Alphabetic", "Ideographic", "Phonetic"))
        return "=".join(str(group) for group in groups).rstrip("=")
    return "" if value is None else str(value).strip(" \0")
