"""`dicube meta`: the DICOM elements of a series."""

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from pydicom.datadict import keyword_for_tag, tag_for_keyword

from dicube.cli.paths import Kind, kind_of
from dicube.cli.text import help_lines, printable
from dicube.core.cube_file import read_meta
from dicube.dicom.dicom_io import read_dicom_dir
from dicube.dicom.dicom_meta import DicomMeta, Presence
from dicube.dicom.series.frame_meta import frame_meta
from dicube.exceptions import MetaDataError

EXAMPLES: Final = help_lines(
    "Examples:",
    "dicube meta ct.dcbs",
    "dicube meta ct.dcbs Modality 00180050 0028,0030",
    "dicube meta ct.dcbs InstanceNumber --slice 0",
    "dicube meta enhanced.dcbs ImagePositionPatient --frames",
    "dicube meta ct.dcbs --json > ct.json",
)

_NUMBERS: Final = re.compile(r"\(?([0-9A-Fa-f]{4}),? ?([0-9A-Fa-f]{4})\)?")
_WIDTH: Final = 80  # characters of a value that are shown


def meta(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="A .dcbs or .dcba file, or a DICOM folder.")
    ],
    tags: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[TAG]...",
            help="Keyword, GGGGEEEE or gggg,eeee.",
            show_default="all elements",
        ),
    ] = None,
    slice_number: Annotated[
        int | None, typer.Option("--slice", min=0, metavar="N", help="Only slice N, from 0.")
    ] = None,
    frames: Annotated[
        bool,
        typer.Option(
            "--frames",
            help="One slice for each frame of multi-frame files, file after file, with what their"
            " functional groups say of it.",
        ),
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print JSON, with values in full.")
    ] = False,
) -> None:
    """Show DICOM elements.

    Long values are cut short, except with --json. <absent> and <empty> are told apart.
    """
    keys = [_key(tag) for tag in tags or []]
    found = read_dicom_dir(file) if kind_of(file) is Kind.DICOM_FOLDER else read_meta(file)
    if found is None:
        raise MetaDataError("the file has no DICOM metadata", where=str(file))
    if frames:
        found = frame_meta(found)
    if slice_number is not None:
        if slice_number >= found.slice_count:
            raise typer.BadParameter(
                f"there are {found.slice_count} slices, numbered from 0", param_hint="--slice"
            )
        found = found.index(slice_number)
    chosen = keys or found.keys()
    if as_json:
        typer.echo(json.dumps({key: _members(found, key) for key in chosen}, indent=2))
    elif keys:
        typer.echo("\n".join(_lines(found, keys)))
    else:
        typer.echo("\n".join(_all_lines(found)))


def _key(tag: str) -> str:
    """A tag as eight upper-case hexadecimal digits."""
    number = tag_for_keyword(tag)
    if number is not None:
        return f"{number:08X}"
    match = _NUMBERS.fullmatch(tag.strip())
    if match is None:
        raise typer.BadParameter(
            f"{tag!r} is no tag; give a keyword, GGGGEEEE or gggg,eeee", param_hint="TAG"
        )
    return "".join(match.groups()).upper()


def _all_lines(found: DicomMeta) -> list[str]:
    keys = found.keys()
    shared = [key for key in keys if found.is_shared(key)]
    differing = [key for key in keys if not found.is_shared(key)]
    lines = [f"Shared by all {found.slice_count} slices:", *_lines(found, shared)]
    return [*lines, "Different between slices:", *_lines(found, differing)] if differing else lines


def _lines(found: DicomMeta, keys: Sequence[str]) -> list[str]:
    """One line for each element; where slices differ, followed by one for each slice."""
    lines = []
    for key in keys:
        name = f"({key[:4]},{key[4:]}) {found.get_vr(key) or '--'} {_keyword(key)}:"
        states, values = found.presence(key), found.get_values(key)
        if found.is_shared(key) or key not in found:
            lines.append(f"{name} {_value_text(states[0], values[0])}")
            continue
        lines.append(name)
        lines += [
            f"    {i}: {_value_text(state, value)}"
            for i, (state, value) in enumerate(zip(states, values, strict=True))
        ]
    return lines


def _value_text(state: Presence, value: Any) -> str:
    if state is not Presence.PRESENT:
        return f"<{state.value}>"
    text = printable(str(value))
    return text if len(text) <= _WIDTH else text[: _WIDTH - 3] + "..."


def _members(found: DicomMeta, key: str) -> dict[str, Any]:
    """An element as a JSON object; a list of values, one for each slice, where slices differ."""
    members: dict[str, Any] = {"keyword": _keyword(key), "vr": found.get_vr(key)}
    states, values = found.presence(key), found.get_values(key)
    if found.is_shared(key) or key not in found:
        return members | {"presence": states[0].value, "value": values[0]}
    return members | {"presence": [state.value for state in states], "values": values}


def _keyword(key: str) -> str:
    return keyword_for_tag(int(key, 16)) or ("private" if int(key[3], 16) & 1 else "unknown")
