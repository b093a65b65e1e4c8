"""What a listing says: places, their files, and what is no file."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

import xxhash

from dicube.archive.work import ContainerKind, Failure


class ListedFile(NamedTuple):
    """A file of a place.

    Attributes
    ----------
    name : str
        In the place: of a member, its path in the container.
    length_bytes : int
    modified_ns : int
        Since 1970; 0 where nobody knows.
    """

    name: str
    length_bytes: int
    modified_ns: int


@dataclass(frozen=True)
class ListedPlace:
    """A folder with the files that lie in it, not those below; or a container.

    Attributes
    ----------
    path : str
        Relative to the root, with forward slashes, "" for the root. Of a root that is a container
        itself, the name of its file.
    container : "zip", "tar" or None
        None: a folder.
    fingerprint : str
        Changes with names, lengths and dates of the files, or with those of the container.
    files : tuple of ListedFile
        Sorted; of a folder, its regular files that are no containers; of a container, ().
    failures : tuple of Failure
        What is in the folder and cannot be read; with the name "", the folder itself.
    """

    path: str
    container: ContainerKind | None
    fingerprint: str
    files: tuple[ListedFile, ...] = ()
    failures: tuple[Failure, ...] = ()


def fingerprint(files: Iterable[tuple[str, int, int | str]]) -> str:
    """XXH3-128 of names, lengths and dates, or other marks of a version."""
    # No name has a slash, so that different files never give the same text.
    text = "".join(f"{name}/{length}/{mark}/" for name, length, mark in files)
    return xxhash.xxh3_128_hexdigest(text.encode())


def below(folder: str, name: str) -> str:
    """The path of a name in a folder, both relative to the root."""
    return f"{folder}/{name}" if folder else name


def is_utf8(name: str) -> bool:
    """Whether a name of the file system is text."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def shown_name(name: str) -> str:
    """A name that is no UTF-8 as text, with its odd bytes as escapes."""
    return name.encode(errors="surrogateescape").decode(errors="backslashreplace")
