"""The query of a search: what has to match, what is to be given, and how much (PS3.18 8.3.4)."""

import re
from collections.abc import Iterator
from typing import Final, NamedTuple, Self

from pydicom.datadict import dictionary_VR, tag_for_keyword
from starlette.datastructures import QueryParams

from dicube.web.dicomweb.answers import BadRequestError

MOST_RESULTS: Final = 10_000
NO_FUZZY_MATCHING: Final = (
    "The fuzzymatching parameter is not supported. Only literal matching has been performed."
)
_TAG: Final = re.compile(r"[0-9A-Fa-f]{8}")
_MOST_MATCHES: Final = 64
# Parameters that are none of the search; a client that cannot set header fields sends these.
_OTHERS: Final = frozenset(("accept", "charset"))


class Match(NamedTuple):
    """An element that has to match: its tags, through sequences, its VR, and the wish."""

    path: tuple[str, ...]
    vr: str
    wanted: str


class Query(NamedTuple):
    """A query, understood.

    Attributes
    ----------
    matches : tuple of Match
    fields : tuple of str
        Tags that are to be given in addition.
    all_fields : bool
        Everything there is.
    offset, limit : int
    warnings : tuple of str
        What was asked for and is not done.
    """

    matches: tuple[Match, ...]
    fields: tuple[str, ...]
    all_fields: bool
    offset: int
    limit: int
    warnings: tuple[str, ...]

    @classmethod
    def of(cls, parameters: QueryParams) -> Self:
        """Understand the parameters of a request.

        Raises
        ------
        BadRequestError
            An element is unknown, or a number is none: ignoring either would find too much.
        """
        matches, fields, warnings = [], [], []
        offset, limit = 0, MOST_RESULTS
        for name, value in parameters.multi_items():
            if name == "includefield":
                fields += [field.strip() for field in value.split(",") if field.strip()]
            elif name == "limit":
                limit = min(_count(name, value), MOST_RESULTS)
            elif name == "offset":
                offset = _count(name, value)
            elif name == "fuzzymatching":
                warnings += [NO_FUZZY_MATCHING] if value.lower() == "true" else []
            elif name not in _OTHERS:
                matches.append(_match(name, value))
        if len(matches) > _MOST_MATCHES or len(fields) > _MOST_MATCHES:
            raise BadRequestError(f"A query has no more than {_MOST_MATCHES} elements.")
        named = tuple(_path(field)[0] for field in fields if field != "all")
        return cls(tuple(matches), named, "all" in fields, offset, limit, tuple(warnings))


def _match(name: str, wanted: str) -> Match:
    path = _path(name)
    return Match(path, _vr(path[-1]), wanted.strip())


def _path(name: str) -> tuple[str, ...]:
    return tuple(_tags(name))


def _tags(name: str) -> Iterator[str]:
    for step in name.split("."):
        tag = int(step, 16) if _TAG.fullmatch(step) else tag_for_keyword(step)
        if tag is None:
            raise BadRequestError("The query names an element that is in no dictionary.")
        yield f"{tag:08X}"


def _vr(tag: str) -> str:
    try:
        return str(dictionary_VR(int(tag, 16))).split(" or ")[0]
    except KeyError:
        return "LO"  # a private element: compared as text


def _count(name: str, value: str) -> int:
    if not (value.isascii() and value.isdecimal() and len(value) < 10):
        raise BadRequestError(f"{name} is a whole number.")
    return int(value)
