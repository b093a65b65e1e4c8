"""The table of PS3.15 annex E: what becomes of an element.

The tables are data files beside this module; they say which edition they are of. What the table
does not list is kept, with exceptions that the table cannot know: see `action_for`.
"""

import json
from enum import Enum
from functools import lru_cache
from importlib.resources import files
from typing import Any, Final

from pydicom.datadict import dictionary_has_tag, keyword_for_tag
from pydicom.uid import UID_dictionary  # type: ignore[attr-defined]  # it is documented
from pydicom.valuerep import STANDARD_VR

from dicube.dicom.deidentify.options import Retain

_PRIVATE_CHARACTERISTICS: Final = 0x00080300
_FILE_META: Final = 0x0002
_PIXEL_GROUP: Final = 0x0028
_KEPT_FILE_META: Final = frozenset((0x00020002, 0x00020003, 0x00020010))
# UIDs of these kinds name a class, a syntax or a scheme, never an instance.
_CLASS_ENDINGS: Final = (
    "ClassUID", "SOPClassesInStudy", "SOPClassesSupported", "TransferSyntaxUID",
    "CodingSchemeUID", "ContextUID", "MappingResourceUID",
)  # fmt: skip
_TYPE_ACTIONS: Final = {3: "X", 2: "Z"}  # what conformance asks at least (PS3.5 7.4)


class Action(Enum):
    """What is done to an element; the values are the codes of PS3.15 table E.1-1a."""

    REMOVE = "X"
    EMPTY = "Z"
    DUMMY = "D"
    MAP_UID = "U"
    CLEAN = "C"
    KEEP = "K"


def action_for(
    tag: int, vr: str, retain: frozenset[Retain], sop_class: str | None = None
) -> Action | None:
    """What is done to a standard element; None where nothing is known against it.

    A row that names several codes, such as X/Z/D, means the first with which the object still
    conforms to its IOD. It is resolved by the type of the attribute where that is known, else to
    the last of them, with which an object always conforms.

    Outside of the table: groups of command elements, curves and overlays, group lengths, elements
    that are in no dictionary or came as UN are removed; names of persons are emptied; dates follow
    the rules for dates; UIDs that name no class are mapped.

    Parameters
    ----------
    tag : int
    vr : str
    retain : frozenset of Retain
    sop_class : str, optional
        SOP Class UID, for an element that stands at the top level of a data set.
    """
    if _is_never_kept(tag, vr):
        return Action.REMOVE
    row = _table().get(tag)
    if row is None:
        return _outside_of_table(tag, vr, retain)
    codes = {row[option.column] for option in retain if option.column in row}
    if "K" in codes:
        return Action.KEEP
    if "C" in codes and Retain.MODIFIED_DATES in retain and "modified_dates" in row:
        return Action.CLEAN
    return _resolved(tag, row["basic"], sop_class)


def is_listed(tag: int) -> bool:
    """Whether the table has a row of its own for this tag."""
    return tag in _table()


def is_class_uid(tag: int, uid: str) -> bool:
    """Whether a UID says what something is, not which one it is."""
    names_classes = tag not in _table() and keyword_for_tag(tag).endswith(_CLASS_ENDINGS)
    return names_classes or uid in UID_dictionary


def _is_never_kept(tag: int, vr: str) -> bool:
    group, element = tag >> 16, tag & 0xFFFF
    # PS3.5 7.6: repeating groups 5000-50FF and 6000-60FF.
    is_drawing = group >> 8 in (0x50, 0x60)
    is_file_meta = group == _FILE_META and tag not in _KEPT_FILE_META
    # Without what group 0028 says of the pixels, nobody could read them; it has no room for names.
    is_untold = (vr == "UN" or vr not in STANDARD_VR) and group != _PIXEL_GROUP
    is_unknown = is_untold or not dictionary_has_tag(tag)
    is_special = element == 0 or group == 0 or tag == _PRIVATE_CHARACTERISTICS
    return is_drawing or is_file_meta or is_special or (is_unknown and tag not in _table())


def _outside_of_table(tag: int, vr: str, retain: frozenset[Retain]) -> Action | None:
    if vr == "PN":
        return Action.EMPTY
    if vr == "UI":
        return None if Retain.UIDS in retain else Action.MAP_UID
    if vr in ("DA", "DT"):
        if Retain.DATES in retain:
            return Action.KEEP
        return Action.CLEAN if Retain.MODIFIED_DATES in retain else Action.DUMMY
    return None


def _resolved(tag: int, codes: str, sop_class: str | None) -> Action:
    choices = codes.split("/")
    if choices[-1] == "U*":
        return Action.MAP_UID
    if len(choices) == 1:
        return Action(codes)
    kinds, types = _attribute_types()
    by_kind = types.get(tag, {})
    kind = None if sop_class is None else kinds.get(sop_class)
    attribute_type = None if kind is None else by_kind.get(kind, by_kind.get("*"))
    asked = _TYPE_ACTIONS.get(attribute_type or 1)
    order = ("X", "Z", "D")
    allowed = [code for code in choices if asked is None or order.index(code) >= order.index(asked)]
    return Action(choices[-1] if asked is None or not allowed else allowed[0])


@lru_cache(maxsize=1)
def _table() -> dict[int, dict[str, str]]:
    rows: dict[str, dict[str, str]] = _loaded("basic_profile.json")["rows"]
    return {int(key, 16): row for key, row in rows.items()}


@lru_cache(maxsize=1)
def _attribute_types() -> tuple[dict[str, str], dict[int, dict[str, int]]]:
    """Kind of object by SOP Class UID, and the type of an attribute by kind; "*" is all others."""
    document = _loaded("attribute_types.json")
    types: dict[str, dict[str, int]] = document["types"]
    return document["classes"], {int(key, 16): kinds for key, kinds in types.items()}


def _loaded(name: str) -> Any:
    return json.loads(files(__package__).joinpath(name).read_text("utf-8"))
