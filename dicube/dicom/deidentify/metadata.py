"""The metadata of a series without what identifies the patient; each distinct value once.

`Deidentifier` walks through the merged entries, sequences all the way down, and asks `profile` what
is to be done with each element.
"""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple, TypeVar

from pydicom.datadict import keyword_for_tag

from dicube.dicom.deidentify.dates import moved_date, moved_moment
from dicube.dicom.deidentify.identity import IdentifyingWords
from dicube.dicom.deidentify.keys import DeidentifyKey
from dicube.dicom.deidentify.marks import mark_deidentified, method_codes
from dicube.dicom.deidentify.options import DeidentifyOptions, Retain
from dicube.dicom.deidentify.pixels import pixel_notices
from dicube.dicom.deidentify.profile import Action, action_for
from dicube.dicom.deidentify.report import DeidentifyReport, ReportRow
from dicube.dicom.deidentify.safe_private import SafePrivate
from dicube.dicom.deidentify.sequences import (
    creator_key,
    creator_of,
    dummy_item,
    mapped_uids,
    vr_of,
    without_items,
)
from dicube.dicom.deidentify.values import (
    DUMMY_TEXT,
    Census,
    census_of,
    dummy_value,
    raw_texts,
    replaced,
)
from dicube.dicom.derivation import listed
from dicube.dicom.dicom_meta import DicomMeta
from dicube.dicom.dicom_tags import CommonTags, is_private
from dicube.dicom.entries import Entry
from dicube.exceptions import MetaDataError

_PATIENT_ID: Final = int(CommonTags.PatientID)
_PATIENT_NAME: Final = int(CommonTags.PatientName)
_FREE_TEXT: Final = frozenset(("AE", "LO", "LT", "PN", "SH", "ST", "UC", "UR", "UT"))
_LONG_NUMBER: Final = 6  # digits
_DEEPEST: Final = 64  # sequences in sequences; as `merge_utils`
# What walking through entries of another structure than expected ends in.
_MALFORMED: Final = (TypeError, ValueError, KeyError, IndexError, AttributeError, RecursionError)
Path = tuple[int, ...]  # tags of sequences, then of the element
_New = TypeVar("_New", Entry, None)


class DeidentifiedMeta(NamedTuple):
    """New metadata, and what was done."""

    meta: DicomMeta
    report: DeidentifyReport


class Deidentifier:
    """De-identifies the metadata of one series.

    Parameters
    ----------
    meta : DicomMeta
        Not changed.
    options : DeidentifyOptions
    """

    def __init__(self, meta: DicomMeta, options: DeidentifyOptions) -> None:
        self._meta, self._options = meta, options
        self._key = options.key or DeidentifyKey.random()
        self._safe = options.safe_private or SafePrivate.of_standard()
        self._words = IdentifyingWords.of(meta)
        self._days = self._key.days_back(_patient(meta))
        classes = set(filter(None, meta.get_values(CommonTags.SOPClassUID)))
        self._sop_class = next(iter(classes)) if len(classes) == 1 else None
        self._done: dict[tuple[Path, str], Census] = {}

    def run(self) -> DeidentifiedMeta:
        """The new metadata, and the report.

        Raises
        ------
        MetaDataError
            The metadata are not of the expected structure.
        """
        retain = self._options.retain
        try:
            entries = self._item(self._meta.merged_entries(), ())
        except _MALFORMED as error:
            raise MetaDataError(
                "an element is not of the expected structure", hint="the file is damaged or forged"
            ) from error
        self._name_patient(entries)
        mark_deidentified(entries, retain, self._meta.slice_count)
        report = DeidentifyReport(
            profile=tuple(meaning for _, meaning in method_codes(retain)),
            rows=self._rows(),
            dropped=(),
            pixels=pixel_notices(self._meta),
        )
        meta = DicomMeta(dict(sorted(entries.items())), slice_count=self._meta.slice_count)
        return DeidentifiedMeta(meta, report)

    def uid(self, uid: str) -> str:
        """What a UID of an instance becomes."""
        return uid if Retain.UIDS in self._options.retain else self._key.uid(uid)

    def text(self, text: str) -> str:
        """A text as it is, unless the patient is named in it; then one that says nothing."""
        return DUMMY_TEXT if self._words.occur_in(text) else text

    # ---- the walk -------------------------------------------------------------------------------

    def _item(self, item: Mapping[str, Entry], path: Path) -> dict[str, Entry]:
        """The entries of a data set, or of an item of the sequences in `path`."""
        kept: dict[str, Entry] = {}
        for key, entry in item.items():
            tag = int(key, 16)
            if is_private(tag):
                new = self._private(tag, entry, item, path)
            else:
                new = self._standard(tag, entry, path)
            if new is not None:
                kept[key] = new
                creator = creator_key(tag)
                if creator is not None:
                    kept[creator] = item[creator]
        return kept

    def _standard(self, tag: int, entry: Entry, path: Path) -> Entry | None:
        vr = str(entry.get("vr") or "UN")
        sop_class = None if path else self._sop_class
        action = action_for(tag, vr, self._options.retain, sop_class)
        if not path and tag == _PATIENT_NAME:
            action = Action.DUMMY  # the pseudonym
        return self._treated(tag, vr_of(tag, entry), entry, path, action)

    def _private(
        self, tag: int, entry: Entry, item: Mapping[str, Entry], path: Path
    ) -> Entry | None:
        """A private element, if the list knows that it is safe; creators come with their block."""
        if 0x10 <= tag & 0xFFFF <= 0xFF:
            return None
        vr = str(entry.get("vr") or "UN")
        creator = creator_of(tag, item)
        is_safe = Retain.SAFE_PRIVATE in self._options.retain and (
            creator is not None and self._safe.holds(creator, tag)
        )
        if not is_safe or vr == "PN":
            return self._treated(tag, vr, entry, path, Action.REMOVE)
        action = None
        if vr in ("DA", "DT"):  # the list is about elements; a date is one all the same
            action = action_for(int(CommonTags.StudyDate), vr, self._options.retain)
        elif vr == "UI" and Retain.UIDS not in self._options.retain:
            action = Action.MAP_UID
        return self._treated(tag, vr, entry, path, action)

    def _treated(
        self, tag: int, vr: str, entry: Entry, path: Path, action: Action | None
    ) -> Entry | None:
        here = (*path, tag)
        if vr == "SQ":
            return self._sequence(entry, here, action)
        if action is Action.REMOVE or "VRs" in entry:
            return self._noted("removed", here, entry, None)
        if action is None:
            return self._searched(tag, vr, entry, here)
        if action is Action.KEEP:
            found = self._searched(tag, vr, entry, here)
            return self._noted("kept", here, entry, entry) if found is entry else found
        if action is Action.EMPTY:
            return self._noted("emptied", here, entry, replaced(entry, vr, lambda _: None))
        if vr == "UI" and action in (Action.MAP_UID, Action.DUMMY):
            return self._mapped(tag, entry, here)
        if action is Action.CLEAN:
            return self._moved(tag, vr, entry, here)
        new = replaced(entry, vr, lambda _: dummy_value(vr))
        return self._noted("replaced", here, entry, new)

    def _sequence(self, entry: Entry, path: Path, action: Action | None) -> Entry | None:
        is_merged = entry.get("shared") is None and len(path) < _DEEPEST
        if action is Action.REMOVE or not is_merged:
            return self._noted("removed", path, entry, None)
        if action is Action.EMPTY:
            return self._noted("emptied", path, entry, without_items(entry, self._meta.slice_count))
        if action is Action.DUMMY:
            new = {
                **entry,
                "Value": [dummy_item(item, self._key) for item in entry.get("Value", [])],
            }
            return self._noted("replaced", path, entry, new)
        return {**entry, "Value": [self._item(item, path) for item in entry.get("Value", [])]}

    def _mapped(self, tag: int, entry: Entry, path: Path) -> Entry:
        mapped = replaced(entry, "UI", lambda value: mapped_uids(tag, value, self._key))
        return entry if mapped == entry else self._noted("mapped", path, entry, mapped)

    def _moved(self, tag: int, vr: str, entry: Entry, path: Path) -> Entry | None:
        """Dates in the past by the days of the patient; times as they are."""
        move = {"DA": moved_date, "DT": moved_moment}.get(vr)
        if vr == "TM" or keyword_for_tag(tag) == "TimezoneOffsetFromUTC":
            return self._noted("kept", path, entry, entry)
        if move is None:  # a certified timestamp, for one: what cannot be moved goes
            return self._treated(tag, vr, entry, path[:-1], action_for(tag, vr, frozenset()))

        def new(value: Any) -> Any:
            texts = [] if isinstance(value, str) else value
            moved = [move(text, self._days) if isinstance(text, str) else None for text in texts]
            return moved if moved and None not in moved else dummy_value(vr)

        return self._noted("moved", path, entry, replaced(entry, vr, new))

    def _searched(self, tag: int, vr: str, entry: Entry, path: Path) -> Entry:
        """An element that the profile keeps, unless it names the patient nevertheless."""
        if any(map(self._words.occur_in, raw_texts(entry))):
            new_entry = replaced(entry, vr, lambda _: dummy_value(vr))
            return self._noted("cleaned", path, entry, new_entry)
        if vr not in _FREE_TEXT and vr != "IS":
            return entry
        is_named = False

        def new(value: Any) -> Any:
            nonlocal is_named
            text = str(value).strip("[]")
            # A number has to be long to be that of a patient, and not one that only looks alike.
            is_short = vr == "IS" and len(text) < _LONG_NUMBER
            if is_short or not self._words.occur_in(text):
                return value
            is_named = True
            return dummy_value(vr)

        cleaned = replaced(entry, vr, new)
        return self._noted("cleaned", path, entry, cleaned) if is_named else entry

    # ---- patient and report ---------------------------------------------------------------------

    def _name_patient(self, entries: dict[str, Entry]) -> None:
        """A pseudonym as Patient ID and as Patient's Name, which are type 2 in every image."""
        ids = [
            self._options.patient_id or self._key.pseudonym(_id_text(value) or _patient(self._meta))
            for value in self._meta.get_values(_PATIENT_ID)
        ]
        names = [{"Alphabetic": self._options.patient_name or new} for new in ids]
        entries[f"{_PATIENT_ID:08X}"] = _by_slice("LO", ids)
        entries[f"{_PATIENT_NAME:08X}"] = _by_slice("PN", names)

    def _noted(self, action: str, path: Path, entry: Entry, new: _New) -> _New:
        census_of(entry, self._meta.slice_count, self._done.setdefault((path, action), Census()))
        return new

    def _rows(self) -> tuple[ReportRow, ...]:
        return tuple(
            ReportRow(
                tag=" > ".join(map(_tag_text, path)),
                keyword=keyword_for_tag(path[-1]),
                action=action,
                values=census.values,
                instances=census.instances,
            )
            for (path, action), census in sorted(self._done.items(), key=lambda pair: pair[0])
        )


def _patient(meta: DicomMeta) -> str:
    """What tells this patient from others: the ID, else the name, else the study."""
    for tag in (_PATIENT_ID, _PATIENT_NAME, CommonTags.StudyInstanceUID):
        texts = filter(None, map(_id_text, meta.get_values(tag)))
        found = next(texts, None)
        if found is not None:
            return found
    return ""


def _id_text(value: Any) -> str:
    """An ID or a name as one text, without padding."""
    groups = [
        each.get("Alphabetic", "") if isinstance(each, dict) else each for each in listed(value)
    ]
    return "\\".join(str(group).strip() for group in groups if group is not None)


def _by_slice(vr: str, values: list[Any]) -> Entry:
    if all(value == values[0] for value in values):
        return {"vr": vr, "shared": True, "Value": values[:1]}
    return {"vr": vr, "shared": False, "Value": values}


def _tag_text(tag: int) -> str:
    element = f"xx{tag & 0xFF:02X}" if is_private(tag) else f"{tag & 0xFFFF:04X}"
    return f"{tag >> 16:04X},{element}"
