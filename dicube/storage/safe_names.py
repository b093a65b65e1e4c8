"""Names that strangers give to files: which of them are fit for every file system."""

import os
import re
import unicodedata
from typing import Final

_DRIVE: Final = re.compile(r"[A-Za-z]:")
_MOST_PARTS: Final = 32  # folders within folders
_MOST_PART_BYTES: Final = 200  # file systems end at 255, and a suffix is added while it is written
# Control characters, halves of characters (bytes that are no UTF-8), and what ends a line.
_REFUSED: Final = ("Cc", "Cs", "Zl", "Zp")


def name_problem(name: str) -> str | None:
    r"""Why a relative path with forward slashes cannot be used; None where it can.

    It is absolute, goes up, is too long, or holds what a file system may take for something else:
    a drive, a backslash, a control character.
    """
    parts = name.split("/")
    if not name or len(parts) > _MOST_PARTS:
        return "a file has no name, or lies in too many folders"
    if _DRIVE.match(name):
        return "a name begins with a drive"
    for part in parts:
        if part in ("", ".", ".."):
            return "a name is empty or leads out of the folder"
        if "\\" in part or not _is_text(part):
            return "a name holds a backslash or a control character"
        if len(os.fsencode(part)) > _MOST_PART_BYTES:
            return f"a name is longer than {_MOST_PART_BYTES} bytes"
    return None


def _is_text(part: str) -> bool:
    return part.isprintable() or not any(unicodedata.category(c) in _REFUSED for c in part)
