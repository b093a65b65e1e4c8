"""Private elements that are known to hold no identity, by their creators (PS3.15 E.3.10)."""

import json
import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Final, Self

from dicube.exceptions import MetaDataError

_ELEMENT: Final = re.compile(r"\(?([0-9a-fA-F]{4}),?xx([0-9a-fA-F]{2})\)?")
_LINE: Final = re.compile(r"(\S+)\s+(\S.*)")


@dataclass(frozen=True)
class SafePrivate:
    """A list of private elements, wherever in a data set their block lies (PS3.5 7.8).

    Attributes
    ----------
    elements : frozenset of (creator, group, low byte of the element)
    """

    elements: frozenset[tuple[str, int, int]]

    @classmethod
    def of_standard(cls) -> Self:
        """The table of PS3.15 E.3.10."""
        return cls(_standard())

    @classmethod
    def from_file(cls, path: str | os.PathLike[str]) -> Self:
        """A list of one's own: a text file with an element and its creator on each line.

        Such as ``0019,xx0C SIEMENS MR HEADER``; what follows a # at the start of a line is a
        comment.

        Raises
        ------
        MetaDataError
            The file cannot be read, or a line is not like that.
        """
        try:
            lines = Path(path).read_text("utf-8").splitlines()
        except OSError as error:
            raise MetaDataError(f"cannot be read: {error.strerror}", where=str(path)) from error
        except UnicodeDecodeError as error:
            raise MetaDataError("is no UTF-8 text", where=str(path)) from error
        found = []
        for number, line in enumerate(lines, 1):
            if not line.strip() or line.lstrip().startswith("#"):
                continue
            element = _parsed(line.strip())
            if element is None:
                raise MetaDataError(
                    "not an element of an odd group and its creator",
                    where=f"{path}, line {number}",
                    hint="write lines like `0019,xx0C SIEMENS MR HEADER`",
                )
            found.append(element)
        return cls(frozenset(found))

    def holds(self, creator: str, tag: int) -> bool:
        """Whether the list has the element with this tag in a block of this creator."""
        return (creator.strip(), tag >> 16, tag & 0xFF) in self.elements


def _parsed(line: str) -> tuple[str, int, int] | None:
    parts = _LINE.fullmatch(line)
    element = None if parts is None else _ELEMENT.fullmatch(parts[1])
    if parts is None or element is None or not int(element[1], 16) & 1:
        return None
    return parts[2].strip(), int(element[1], 16), int(element[2], 16)


@lru_cache(maxsize=1)
def _standard() -> frozenset[tuple[str, int, int]]:
    text = files(__package__).joinpath("safe_private.json").read_text("utf-8")
    creators: Mapping[str, Iterable[str]] = json.loads(text)["creators"]
    return frozenset(
        (creator, int(element[:4], 16), int(element[6:], 16))
        for creator, elements in creators.items()
        for element in elements
    )
