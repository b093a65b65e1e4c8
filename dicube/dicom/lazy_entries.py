"""The merged entries of a series, each made when somebody asks for it.

Converting every element of every slice is what makes a large series slow to read, and so is parsing
all metadata of a file for the sake of one element. Until it is asked for, an entry stays what it
came as: elements of data sets, or JSON text.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Self

from dicube.dicom import entries as entry_ops
from dicube.dicom.entries import Entry
from dicube.dicom.entries_json import read_entry
from dicube.dicom.merge_utils import Scope, merge_tags, to_entry


class LazyEntries:
    """Merged entries by "GGGGEEEE" (docs/format.md, section 7).

    Parameters
    ----------
    entries : mapping
        Those that are made already.
    slice_count : int

    Attributes
    ----------
    slice_count : int
    scopes : list of Scope
        The data sets that they were merged from, one for each slice; empty where not known.
    """

    def __init__(self, entries: Mapping[str, Entry], slice_count: int) -> None:
        self.slice_count = slice_count
        self.scopes: list[Scope] = []
        self._made: dict[str, Entry | None] = dict(entries)  # None: not yet
        self._unconverted: dict[str, bool] = {}  # what is still in the scopes only: is it shared?
        self._unread: dict[str, bytes] = {}  # what is still JSON only

    @classmethod
    def of_scopes(cls, scopes: Sequence[Scope]) -> Self:
        """Merge data sets as they were in files."""
        found = cls({}, len(scopes))
        found.scopes = list(scopes)
        found._unconverted = {f"{tag:08X}": shared for tag, shared in merge_tags(scopes).items()}
        found._made = dict.fromkeys(found._unconverted)
        return found

    @classmethod
    def of_texts(cls, texts: Mapping[str, bytes], slice_count: int) -> Self:
        """Entries of which each is JSON text."""
        found = cls({}, slice_count)
        found._unread = dict(texts)
        found._made = dict.fromkeys(texts)
        return found

    # ---- reading ------------------------------------------------------------------------------

    def keys(self) -> list[str]:
        """All tags, in ascending order."""
        return sorted(self._made)

    def __contains__(self, key: str) -> bool:
        return key in self._made

    def __len__(self) -> int:
        return len(self._made)

    def get(self, key: str) -> Entry | None:
        """The entry of a tag itself; None where there is none."""
        return self[key] if key in self._made else None

    def __getitem__(self, key: str) -> Entry:
        entry = self._made[key]
        if entry is None:
            text = self._unread.pop(key, None)
            if text is not None:
                entry = read_entry(text, self.slice_count)
            else:
                entry = to_entry(int(key, 16), self._unconverted.pop(key), self.scopes)
            self._made[key] = entry
        return entry

    def all(self) -> dict[str, Entry]:
        """All entries themselves, in the order of their tags."""
        return {key: self[key] for key in self.keys()}

    def is_known_to_be_shared(self, key: str) -> bool:
        """Whether that all slices share the value can be told without making the entry."""
        return self._unconverted.get(key, False)

    # ---- changing -----------------------------------------------------------------------------

    def __setitem__(self, key: str, entry: Entry) -> None:
        self._made[key] = entry
        self._forget(key)

    def __delitem__(self, key: str) -> None:
        del self._made[key]
        self._forget(key)

    def _forget(self, key: str) -> None:
        """Drop what the entry would have been made of."""
        self._unconverted.pop(key, None)
        self._unread.pop(key, None)

    def reorder(self, order: Sequence[int]) -> None:
        """Bring the slices into another order; each comes once."""
        for key in list(self._unread):
            self[key]
        for key, entry in self._made.items():
            if entry is not None:
                self._made[key] = entry_ops.reordered(entry, order)
        self.scopes = [self.scopes[i] for i in order] if self.scopes else []

    def taken(self, order: Sequence[int | None]) -> "LazyEntries":
        """Those of some slices, in this order; None makes a slice with what all slices share."""
        if None in order or not self.scopes:
            entries = {key: entry_ops.reordered(each, order) for key, each in self.all().items()}
            return LazyEntries(entry_ops.copied(entries), len(order))
        taken = LazyEntries({}, len(order))
        taken._made = {
            key: None if entry is None else entry_ops.reordered(entry, order)
            for key, entry in self._made.items()
        }
        taken._unconverted = dict(self._unconverted)
        taken.scopes = [self.scopes[i] for i in order if i is not None]
        return taken

    def __getstate__(self) -> dict[str, Any]:
        """For pickle and copy: everything made, and nothing of the files it came from."""
        self.all()
        return {**self.__dict__, "scopes": []}
