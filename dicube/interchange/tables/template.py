"""Templates: which DICOM elements become the columns of a table, as JSON, one for some modalities.

A tag is a keyword ("EchoTime"), a number ("0018,0081"), elements of sequences joined by dots
("ViewCodeSequence.CodeMeaning"), or a private element by its creator.
"""

import json
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final, Self

from pydicom.datadict import keyword_for_tag, tag_for_keyword

from dicube.dicom.dicom_tags import PIXEL_TAGS, is_private, standard_vr
from dicube.exceptions import MetaDataError
from dicube.interchange.tables.json_schema import check_schema, packaged_text, read_json

PathLike = str | os.PathLike[str]

GENERAL: Final = "general"
_NAMES: Final = ("mr", "ct", "dx", "mg", GENERAL)
_NUMBER: Final = re.compile(r"\(?([0-9A-Fa-f]{4}),? ?([0-9A-Fa-f]{4})\)?")
_HINT: Final = "`dicube table --print-template mr` prints one to start from"


@dataclass(frozen=True)
class PrivateTag:
    """A private element: found by its creator, whatever block that has (PS3.5 7.8.1).

    Attributes
    ----------
    creator : str
    group, element : int
        Odd group, and the number inside of the block (00 to FF).
    vr : str
        How to read the value where the file does not say, as in implicit VR; "" for bytes.
    """

    creator: str
    group: int
    element: int
    vr: str = ""


@dataclass(frozen=True)
class TableColumn:
    """One column.

    Attributes
    ----------
    name : str
        The keyword, or what the template calls it.
    path : tuple of int
        A tag, after those of the sequences that it is in; empty for a private element.
    private : PrivateTag or None
    in_summary : bool
        Whether the table of series has it, too.
    """

    name: str
    path: tuple[int, ...] = ()
    private: PrivateTag | None = None
    in_summary: bool = True


@dataclass(frozen=True)
class Template:
    """The columns of some modalities, in the order of the table.

    Attributes
    ----------
    columns : tuple of TableColumn
    modalities : tuple of str
        Those that it is meant for.
    """

    columns: tuple[TableColumn, ...]
    modalities: tuple[str, ...] = ()

    @classmethod
    def of(cls, document: Any, *, where: str = "template") -> Self:
        """A template from its JSON document.

        Raises
        ------
        MetaDataError
            It is not of the structure that docs/tables.md describes, a keyword is in no
            dictionary, or two columns have one name.
        """
        check_schema(document, "template.schema.json", where=where, hint=_HINT)
        columns = tuple(
            _column(tag, where=f"{where}, tags[{number}]")
            for number, tag in enumerate(document["tags"])
        )
        names: set[str] = set()
        for column in columns:
            if column.name in names:
                raise MetaDataError(
                    f"two columns are called {column.name}", where=where, hint='give one a "name"'
                )
            names.add(column.name)
        return cls(columns, tuple(document.get("modalities", ())))


def load_template(name_or_path: PathLike) -> Template:
    """A template of ours by its name, or one of a user by its path.

    Parameters
    ----------
    name_or_path : "mr", "ct", "dx", "mg", "general", or a path

    Raises
    ------
    MetaDataError
        There is no such template, or it is not of the structure that docs/tables.md describes.
    """
    if str(name_or_path) in _NAMES:
        return _packaged(str(name_or_path))
    if not Path(name_or_path).is_file():
        raise MetaDataError(
            f"there is no such template; ours are {', '.join(_NAMES)}",
            where=str(name_or_path),
            hint="give one of these, or the path of a JSON file",
        )
    return Template.of(read_json(name_or_path), where=str(name_or_path))


def template_text(name: str) -> str:
    """The JSON of one of our templates.

    Raises
    ------
    MetaDataError
        There is none of this name.
    """
    if name not in _NAMES:
        raise MetaDataError(f"there is no template {name!r}; ours are {', '.join(_NAMES)}")
    return packaged_text(f"templates/{name}.json")


def templates() -> dict[str, Template]:
    """Our templates by name."""
    return {name: _packaged(name) for name in _NAMES}


def templates_by_modality(
    chosen: Mapping[str, PathLike | Template | Mapping[str, Any]] | None,
) -> dict[str, Template]:
    """The template of each modality; that of "" is for all others.

    Parameters
    ----------
    chosen : mapping, optional
        Instead of ours: by the name of the template that it replaces ("mr"), or by modality ("PT").
        A template, its document, or a name or path as for `load_template`.
    """
    by_name = templates()
    by_modality: dict[str, Template] = {}
    for key, given in (chosen or {}).items():
        template = _template(given, where=f"template {key}")
        if key.lower() in by_name:
            by_name[key.lower()] = template
        else:
            by_modality[key.upper()] = template
    found = {"": by_name[GENERAL]}
    for name in _NAMES:
        for modality in _packaged(name).modalities:
            found[modality] = by_name[name]
    return found | by_modality


def _template(given: PathLike | Template | Mapping[str, Any], *, where: str) -> Template:
    if isinstance(given, Template):
        return given
    return Template.of(given, where=where) if isinstance(given, Mapping) else load_template(given)


@cache
def _packaged(name: str) -> Template:
    return Template.of(json.loads(template_text(name)), where=f"template {name}")


def _column(tag: str | Mapping[str, Any], *, where: str) -> TableColumn:
    if isinstance(tag, str):
        tag = {"tag": tag}
    in_summary = bool(tag.get("summary", True))
    if "creator" in tag:
        group, element = int(tag["group"], 16), int(tag["element"], 16)
        private = PrivateTag(tag["creator"].strip(), group, element, tag.get("vr", ""))
        return TableColumn(tag["name"], (), private, in_summary)
    path = tuple(_path(tag["tag"], where=where))
    return TableColumn(tag.get("name") or _name_of(path), path, None, in_summary)


def _path(text: str, *, where: str) -> Iterator[int]:
    parts = text.split(".")
    for place, part in enumerate(parts):
        number = _tag_number(part.strip(), where=where)
        is_last = place == len(parts) - 1
        vr = standard_vr(number)
        if is_last and (vr == "SQ" or number in PIXEL_TAGS):
            raise MetaDataError(
                f"{part} has no value for a cell",
                where=where,
                hint='name an element of its items: "ViewCodeSequence.CodeMeaning"',
            )
        if not is_last and vr != "SQ":
            raise MetaDataError(f"{part} is no sequence, so it has no {parts[-1]}", where=where)
        yield number


def _tag_number(text: str, *, where: str) -> int:
    number = tag_for_keyword(text)
    if number is not None:
        return number
    match = _NUMBER.fullmatch(text)
    if match is None:
        raise MetaDataError(
            f"{text!r} is no tag", where=where, hint='give a keyword or "gggg,eeee"'
        )
    number = int("".join(match.groups()), 16)
    if is_private(number):
        raise MetaDataError(
            f"({match[1]},{match[2]}) is private, and its block may differ between files",
            where=where,
            hint='give {"creator": ..., "group": "0029", "element": "10", "name": ...}',
        )
    return number


def _name_of(path: tuple[int, ...]) -> str:
    return ".".join(keyword_for_tag(tag) or f"{tag >> 16:04X},{tag & 0xFFFF:04X}" for tag in path)
