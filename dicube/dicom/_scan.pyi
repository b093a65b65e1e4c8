from typing import Any

import numpy.typing as npt

class ScannedFile:
    """One DICOM file without its pixels."""

    def get(self, tag: int, /) -> tuple[str | None, bytes, bool] | None:
        """VR (None in implicit VR), value, and whether its length is undefined."""
    def tags(self) -> list[int]: ...
    def __contains__(self, tag: object) -> bool: ...
    def __len__(self) -> int: ...
    @property
    def head(self) -> bytes: ...
    @property
    def tail(self) -> bytes: ...
    @property
    def data_set_start(self) -> int: ...
    @property
    def is_explicit(self) -> bool: ...
    @property
    def is_little(self) -> bool: ...
    @property
    def transfer_syntax(self) -> str: ...
    @property
    def pixels(self) -> tuple[int, int, str | None, int, int, bool] | None:
        """Start of the element, tag, VR, offset and length of the value, is it encapsulated."""

def scan_files(paths: list[bytes], threads: int) -> list[ScannedFile | None]:
    """None for a file that is not plainly right."""

def shared_tags(files: list[ScannedFile]) -> dict[int, bool]:
    """Whether all files have a tag with equal bytes, for each tag of any."""

def sequence_items(
    value: bytes, is_explicit: bool, is_little: bool
) -> list[list[tuple[int, str | None, bytes, bool]]] | None:
    """Tag, VR, value and undefined length of each element of each item; None if damaged."""

def json_members(document: bytes, start: int) -> list[tuple[str, int, int]] | None:
    """Key and extent of the value of each member of a JSON object; None if it is not plain."""

def read_pixels(
    paths: list[bytes],
    offsets: list[int],
    out: npt.NDArray[Any],
    *,
    unused_bits: int,
    threads: int,
) -> list[int]:
    """0 for each file whose stored values are in place."""
