"""Merged entries as JSON text, and back (docs/format.md, section 7)."""

import json
import re
import struct
from collections.abc import Mapping
from typing import Final

from dicube.dicom import entries as entry_ops
from dicube.dicom.entries import Entry
from dicube.dicom.native_scan import json_members
from dicube.exceptions import MetaDataError

# What reading JSON of another structure than expected ends in.
_MALFORMED: Final = (
    ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError, struct.error
)  # fmt: skip
_COUNT: Final = re.compile(rb"0|[1-9][0-9]{0,8}")
_MAX_SLICES: Final = 1 << 24  # far beyond any series; a file may claim any number


def entries_text(entries: Mapping[str, Entry], slice_count: int) -> str:
    """Entries by "GGGGEEEE" as JSON text."""
    return json.dumps(
        {"_merged_data": entries, "slice_count": slice_count},
        ensure_ascii=False,
        separators=(",", ":"),
        allow_nan=False,
    )


def read_entries(text: str | bytes) -> tuple[dict[str, Entry], int | None]:
    """All entries, and the number of slices if the text says it; also of the published tool.

    Raises
    ------
    MetaDataError
        Not JSON, or not of this structure.
    """
    try:
        document = json.loads(text)
        merged = document["_merged_data"]
        count = document.get("slice_count")
        if count is not None and (type(count) is not int or not 0 <= count <= _MAX_SLICES):
            raise ValueError("the number of slices is impossible")
        for entry in merged.values():
            entry_ops.check_entry(entry, count)
            entry_ops.make_finite(entry)
    except _MALFORMED as error:
        raise MetaDataError("the metadata is not of the expected JSON structure") from error
    return merged, count


def unread_entries(text: bytes) -> tuple[dict[str, bytes], int] | None:
    """The text of each entry, and the number of slices; None where it is not as we write it."""
    members = json_members(text)
    if members is None or members.keys() != {"_merged_data", "slice_count"}:
        return None
    count = text[members["slice_count"]]
    entries = json_members(text, members["_merged_data"].start)
    if entries is None or not _COUNT.fullmatch(count) or int(count) > _MAX_SLICES:
        return None
    return {key: text[place] for key, place in entries.items()}, int(count)


def read_entry(text: bytes, slice_count: int) -> Entry:
    """One entry.

    Raises
    ------
    MetaDataError
        Not JSON, or not of this structure.
    """
    try:
        entry = json.loads(text)
        entry_ops.check_entry(entry, slice_count)
        entry_ops.make_finite(entry)
    except _MALFORMED as error:
        raise MetaDataError("an element is not of the expected JSON structure") from error
    return dict(entry)
