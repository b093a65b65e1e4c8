"""DicomMeta: the metadata of a series as one table of tags, shared values kept once."""

import base64
from collections.abc import Iterable, Iterator, Mapping, Sequence
from enum import Enum
from typing import Any, Final, Self

from pydicom.datadict import dictionary_VR

from dicube.dicom import entries as entry_ops
from dicube.dicom.dicom_tags import CommonTags, TagLike, tag_key, tag_number
from dicube.dicom.entries import Entry
from dicube.dicom.entries_json import entries_text, read_entries, unread_entries
from dicube.dicom.instance import Instance
from dicube.dicom.lazy_entries import LazyEntries
from dicube.dicom.merge_utils import Scope
from dicube.dicom.meta_text import meta_as_text
from dicube.dicom.slice_order import SortMethod, as_number, slice_order
from dicube.dicom.values import from_json_value, is_binary, python_encodings
from dicube.exceptions import MetaDataError

_CHARACTER_SET_KEY: Final = "00080005"


class Presence(Enum):
    """The three states of an element in one slice."""

    ABSENT = "absent"
    EMPTY = "empty"
    PRESENT = "present"


class DicomMeta:
    """Metadata of all SOP instances of a series, pixel data excluded.

    Tags may be given as keyword, "GGGGEEEE", (group, element) or pydicom tag. Values are those of
    the DICOM JSON model (PS3.18 annex F): numbers for DS and IS, {"Alphabetic": ...} for PN, base64
    for binary VRs, a list where an element has several values. A slice is one SOP instance.

    Examples
    --------
    >>> meta = DicomMeta({"00080060": {"vr": "CS", "shared": True, "Value": ["MR"]},
    ...                   "00200013": {"vr": "IS", "shared": False, "Value": [1, 2]}})
    >>> meta.get("Modality"), meta.get("InstanceNumber")
    ('MR', [1, 2])
    >>> meta.get("Modality", force_nonshared=True)
    ['MR', 'MR']
    """

    def __init__(
        self,
        merged_data: dict[str, Entry],
        filenames: Sequence[str] | None = None,
        *,
        slice_count: int | None = None,
    ) -> None:
        self.filenames = None if filenames is None else list(filenames)
        self._revision = 0
        self._is_edited_copy = False
        if slice_count is None:
            slice_count = _count_slices(merged_data.values(), self.filenames)
        self.slice_count = slice_count
        self._entries = LazyEntries(merged_data, slice_count)
        self._order = tuple(range(slice_count))

    @classmethod
    def from_instances(cls, instances: Sequence[Instance]) -> Self:
        """Merge data sets; values are converted when they are asked for."""
        scopes = [Scope.of(i.elements, i.syntax) for i in instances]
        return cls.from_scopes(scopes, [i.path.name for i in instances])

    @classmethod
    def from_scopes(cls, scopes: Sequence[Scope], filenames: Sequence[str] | None = None) -> Self:
        """Merge data sets as they were in files."""
        return cls._of(LazyEntries.of_scopes(scopes), filenames)

    @classmethod
    def _of(cls, entries: LazyEntries, filenames: Sequence[str] | None) -> Self:
        meta = cls({}, filenames, slice_count=entries.slice_count)
        meta._entries = entries
        return meta

    # ---- reading ------------------------------------------------------------------------------

    def get(self, tag: TagLike, default: Any = None, *, force_nonshared: bool = False) -> Any:
        """The value of a tag: one value if all slices share it, else a list with one a slice.

        Parameters
        ----------
        tag : tag in any spelling
        default
            Returned where no slice holds the element.
        force_nonshared : bool
            Always return a list with one value for each slice.

        Returns
        -------
        A value, a list of values, or `default`. An element that is present but empty gives [];
        inside a list of slices, None stands for both empty and absent (see `presence`).
        """
        entry = self._entry(tag)
        if entry is None:
            return [default] * self.slice_count if force_nonshared else default
        if force_nonshared or not entry_ops.is_shared(entry):
            return entry_ops.copied(entry_ops.slice_values(entry, self.slice_count))
        value = entry_ops.slice_values(entry, 1)[0]
        return [] if value is None else entry_ops.copied(value)

    def get_values(self, tag: TagLike) -> list[Any]:
        """One value for each slice, None where a slice has none."""
        return list(self.get(tag, force_nonshared=True))

    def get_shared_value(self, tag: TagLike) -> Any:
        """The value all slices share; None where the element is absent or empty.

        Raises
        ------
        MetaDataError
            The slices differ.
        """
        entry = self._entry(tag)
        if entry is None:
            return None
        if not entry_ops.is_shared(entry):
            raise MetaDataError(
                "the slices do not share one value",
                where=f"tag {tag_key(tag)}",
                hint="use get_values",
            )
        return entry_ops.copied(entry_ops.slice_values(entry, 1)[0])

    def is_shared(self, tag: TagLike) -> bool:
        """Whether every slice holds the element with the same value."""
        if self._entries.is_known_to_be_shared(tag_key(tag)):
            return True  # spares the conversion
        entry = self._entry(tag)
        return entry is not None and entry_ops.is_shared(entry)

    def is_missing(self, tag: TagLike) -> bool:
        """Whether no slice has a value: the element is absent or empty everywhere."""
        entry = self._entry(tag)
        return entry is None or not entry_ops.has_value(entry)

    def presence(self, tag: TagLike) -> list[Presence]:
        """For each slice whether the element is absent, empty or present with a value."""
        entry = self._entry(tag)
        if entry is None:
            return [Presence.ABSENT] * self.slice_count
        absent = entry_ops.absent_slices(entry, self.slice_count)
        return [
            Presence.ABSENT
            if i in absent
            else Presence.EMPTY
            if value is None or value == []
            else Presence.PRESENT
            for i, value in enumerate(entry_ops.slice_values(entry, self.slice_count))
        ]

    def get_vr(self, tag: TagLike) -> str:
        """The value representation, "" where no slice holds the element."""
        entry = self._entry(tag)
        return "" if entry is None else str(entry.get("vr") or "")

    def keys(self) -> list[str]:
        """All tags, as "GGGGEEEE", in ascending order."""
        return self._entries.keys()

    def items(self) -> Iterator[tuple[str, Entry]]:
        """All tags with copies of their merged entries (docs/format.md, section 7)."""
        for key in self.keys():
            yield key, entry_ops.copied(self._entries[key])

    def merged_entry(self, tag: TagLike) -> Entry | None:
        """The merged entry of a tag itself, which must not be changed; None where there is none."""
        return self._entry(tag)

    def merged_entries(self) -> dict[str, Entry]:
        """All tags with their merged entries themselves, which must not be changed."""
        return self._entries.all()

    def __getitem__(self, tag: TagLike) -> tuple[Any, str | None]:
        """Value and "shared" or "non_shared"; (None, None) where there is no value."""
        if self.is_missing(tag):
            return None, None
        return self.get(tag), "shared" if self.is_shared(tag) else "non_shared"

    def __contains__(self, tag: TagLike) -> bool:
        return tag_key(tag) in self._entries

    def __len__(self) -> int:
        return len(self._entries)

    def __repr__(self) -> str:
        return f"DicomMeta({len(self)} tags, {self.slice_count} slices)"

    # ---- changing -----------------------------------------------------------------------------

    @property
    def revision(self) -> int:
        """Number of changes made since the object was created; sorting counts too."""
        return self._revision

    @property
    def scopes(self) -> list[Scope]:
        """The data sets that the metadata were merged from; none if changed since, or not known."""
        return [] if self._revision or self._is_edited_copy else list(self._entries.scopes)

    @property
    def order(self) -> tuple[int, ...]:
        """For each slice the place it had when the object was created."""
        return self._order

    def set_shared_item(self, tag: TagLike, value: Any) -> None:
        """Give all slices one value; a list sets several values, None an empty element.

        Raises
        ------
        MetaDataError
            The tag is not in the data dictionary and new here, or the value does not fit its VR.
        """
        vr = self._vr_for_setting(tag)
        entry: Entry = {"vr": vr, "shared": True}
        stored = self._to_stored(value, vr)
        if stored:
            entry["InlineBinary" if is_binary(vr) else "Value"] = stored
        self._replace(tag, entry)

    def set_nonshared_item(self, tag: TagLike, values: Sequence[Any]) -> None:
        """Give each slice its own value; None leaves the element empty in a slice.

        Raises
        ------
        MetaDataError
            There is not one value for each slice, or as for `set_shared_item`.
        """
        if len(values) != self.slice_count:
            raise MetaDataError(
                f"{len(values)} values for {self.slice_count} slices", where=f"tag {tag_key(tag)}"
            )
        vr = self._vr_for_setting(tag)
        stored = [self._to_stored(value, vr) or None for value in values]
        name = "InlineBinary" if is_binary(vr) else "Value"
        if name == "Value" and all(value is None or len(value) == 1 for value in stored):
            stored = [None if value is None else value[0] for value in stored]
        self._replace(tag, {"vr": vr, "shared": False, name: stored})

    def set_item_of(self, tag: TagLike, values: Mapping[int, Any]) -> None:
        """Give some slices a value of their own; in the others the element stays as it is.

        Parameters
        ----------
        tag : tag in any spelling
        values : mapping
            By the number of the slice; None leaves the element empty there.

        Raises
        ------
        MetaDataError
            As for `set_shared_item`.
        """
        vr = self._vr_for_setting(tag)
        entry = self._entry(tag)
        singles: list[Entry | None] = [
            None if entry is None else entry_ops.slice_item({"": entry}, i).get("")
            for i in range(self.slice_count)
        ]
        for number, value in values.items():
            stored = self._to_stored(value, vr)
            own: Entry = {"vr": vr, "shared": True}
            if stored:
                own["InlineBinary" if is_binary(vr) else "Value"] = stored
            singles[number] = own
        self._replace(tag, entry_ops.merged_entry(singles))

    def insert_item(self, tag: TagLike, item: dict[str, Entry]) -> None:
        """Put an item in front of those that a sequence has in each slice.

        Parameters
        ----------
        tag : tag in any spelling
            A sequence; one that has come under another VR stays as it is.
        item : dict
            Merged entries by "GGGGEEEE" (docs/format.md, section 7).
        """
        before = self._entry(tag)
        if before is None or before.get("vr") == "SQ":
            self._replace(tag, entry_ops.with_first_item(before, item, self.slice_count))

    def remove_item(self, tag: TagLike) -> None:
        """Take an element out of all slices; nothing happens where none holds it."""
        key = tag_key(tag)
        if key in self._entries:
            del self._entries[key]
            self._revision += 1

    def sort_files(self, sort_method: SortMethod = SortMethod.INSTANCE_NUMBER_ASC) -> list[int]:
        """Reorder the slices.

        Slices without the sort key come last; ties keep their order.

        Returns
        -------
        list of int
            For each new place the number that the slice had before.

        Raises
        ------
        MetaDataError
            Sorting by position needs one Image Orientation (Patient) shared by all slices.
        """
        order = slice_order(self, sort_method)
        if order != list(range(self.slice_count)):
            self._reorder(order)
        return order

    def taken(self, order: Sequence[int | None]) -> "DicomMeta":
        """Metadata of some slices, in this order.

        Parameters
        ----------
        order : sequence of int or None
            Numbers of slices; one may come several times. None makes a slice that has only what all
            slices share.
        """
        taken = DicomMeta({}, slice_count=len(order))
        taken._is_edited_copy = self._is_edited_copy or self._revision > 0
        taken._entries = self._entries.taken(order)
        if self.filenames is not None:
            taken.filenames = ["" if i is None else self.filenames[i] for i in order]
        return taken

    def index(self, index: int) -> "DicomMeta":
        """The metadata of one slice alone.

        Raises
        ------
        IndexError
            There is no such slice.
        """
        index = range(self.slice_count)[index]
        item = entry_ops.slice_item(self._entries.all(), index)
        names = None if self.filenames is None else [self.filenames[index]]
        return DicomMeta(entry_ops.copied(item), names, slice_count=1)

    # ---- JSON and display ---------------------------------------------------------------------

    def to_json(self) -> str:
        """The metadata as JSON text (docs/format.md, section 7)."""
        return entries_text(self._entries.all(), self.slice_count)

    @classmethod
    def from_json(cls, json_str: str | bytes, filenames: Sequence[str] | None = None) -> Self:
        """The inverse of `to_json`; also reads what the published tool wrote.

        Entries are read when they are asked for, and what is wrong with one is noticed then.

        Raises
        ------
        MetaDataError
            Not JSON, or not of this structure.
        """
        unread = unread_entries(json_str.encode() if isinstance(json_str, str) else bytes(json_str))
        if unread is not None:
            return cls._of(LazyEntries.of_texts(*unread), filenames)
        merged, count = read_entries(json_str)
        return cls(merged, filenames, slice_count=count)

    def display(self, show_shared: bool = True, show_non_shared: bool = True) -> None:
        """Print the metadata as two tables: shared values, and values by slice."""
        print(meta_as_text(self, shared=show_shared, differing=show_non_shared))  # noqa: T201

    # ---- inside -------------------------------------------------------------------------------

    def _entry(self, tag: TagLike) -> Entry | None:
        return self._entries.get(tag_key(tag))

    def _replace(self, tag: TagLike, entry: Entry) -> None:
        key = tag_key(tag)
        if key == _CHARACTER_SET_KEY:
            self._adopt_character_set()
        self._entries[key] = entry
        self._revision += 1

    def _adopt_character_set(self) -> None:
        """Convert everything before the character set changes, and drop bytes in the old one."""
        for entry in self._entries.all().values():
            entry_ops.drop_raw_text(entry)

    def _vr_for_setting(self, tag: TagLike) -> str:
        number = tag_number(tag)
        entry = self._entry(number)
        if entry is not None and entry.get("vr"):
            return str(entry["vr"])
        try:
            return str(dictionary_VR(number)).split(" or ")[0]
        except KeyError as error:
            raise MetaDataError(
                "the tag is in no dictionary, so its VR is unknown", where=f"tag {tag_key(tag)}"
            ) from error

    def _to_stored(self, value: Any, vr: str) -> Any:
        """The JSON model value of what a caller gave; raises where it cannot be encoded."""
        if value is None:
            return None
        if vr == "SQ":
            raise MetaDataError("a sequence cannot be set this way", hint="edit with pydicom")
        if is_binary(vr):
            return value if isinstance(value, str) else _base64(bytes(value))
        listed = list(value) if isinstance(value, (list, tuple)) else [value]
        if vr == "PN":
            listed = [{"Alphabetic": v} if isinstance(v, str) else v for v in listed]
        from_json_value(listed, vr, self._encodings())
        if vr in ("DS", "IS") and any(as_number(item) is None for item in listed):
            raise MetaDataError(f"a {vr} value is no number")
        return listed

    def _encodings(self) -> tuple[str, ...]:
        names = self.get(CommonTags.SpecificCharacterSet) or []
        names = names if isinstance(names, list) else [names]
        return python_encodings(tuple(str(name) for name in names if isinstance(name, str)))

    def _reorder(self, order: Sequence[int]) -> None:
        self._entries.reorder(order)
        self._order = tuple(self._order[i] for i in order)
        if self.filenames is not None:
            self.filenames = [self.filenames[i] for i in order]
        self._revision += 1


def _count_slices(entries: Iterable[Entry], filenames: Sequence[str] | None) -> int:
    for entry in entries:
        name = entry_ops.value_name(entry)
        if entry.get("shared") is False and name is not None:
            return len(entry[name])
    return 1 if filenames is None else len(filenames)


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")
