"""DicomMeta as text for people."""

from collections.abc import Sequence
from typing import Any, Final, Protocol

from pydicom.datadict import keyword_for_tag

from dicube.dicom.dicom_tags import TagLike

_WIDTH: Final = 80


class MetaTable(Protocol):
    """What the text needs of a DicomMeta."""

    slice_count: int

    def keys(self) -> Sequence[str]: ...
    def get(self, tag: TagLike) -> Any: ...
    def get_values(self, tag: TagLike) -> list[Any]: ...
    def get_vr(self, tag: TagLike) -> str: ...
    def is_shared(self, tag: TagLike) -> bool: ...


def meta_as_text(meta: MetaTable, *, shared: bool = True, differing: bool = True) -> str:
    """Two tables: values that all slices share, and values by slice."""
    same, different = [], []
    for key in meta.keys():  # noqa: SIM118  # a DicomMeta is no mapping
        line = f"({key[:4]},{key[4:]}) {meta.get_vr(key)} {_name(key)}: "
        if meta.is_shared(key):
            same.append(line + shortened(meta.get(key)))
        else:
            values = (f"\n    {i}: {shortened(v)}" for i, v in enumerate(meta.get_values(key)))
            different.append(line + "".join(values))
    parts = [f"Shared by all {meta.slice_count} slices:", *same] if shared else []
    parts += ["Different between slices:", *different] if differing else []
    return "\n".join(parts)


def shortened(value: Any) -> str:
    """A value on one line of limited width."""
    text = "" if value is None else str(value)
    return text if len(text) <= _WIDTH else text[: _WIDTH - 3] + "..."


def _name(key: str) -> str:
    return keyword_for_tag(int(key, 16)) or ("private" if int(key[3], 16) & 1 else "")
