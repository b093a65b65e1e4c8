"""From headers to rows of cells: one for each instance, one for each series.

A multi-frame object has one row. What its functional groups say of the frames counts as if it stood
at the top level (PS3.3 C.7.6.16); a cell lists the values in which frames differ.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from dicube.dicom.dicom_meta import DicomMeta
from dicube.dicom.dicom_tags import tag_key
from dicube.dicom.entries import Entry, is_shared, slice_entry
from dicube.dicom.merge_utils import item_scopes
from dicube.dicom.series.frame_meta import frame_meta
from dicube.interchange.tables.cells import Cell, cell_of, cell_text, several
from dicube.interchange.tables.headers import SeriesHeaders
from dicube.interchange.tables.template import PrivateTag, TableColumn

_FRAME_GROUPS: Final = 0x52009230
_FIRST_BLOCK, _LAST_BLOCK = 0x10, 0xFF

Column = list[list[Cell]]  # of each instance, the distinct values of its frames


@dataclass(frozen=True)
class InstanceRow:
    """One instance.

    Attributes
    ----------
    folder, file : str
    series_uid, instance_uid, modality : str
        "" where the header does not say.
    frames : int
        1 unless the object has several.
    values : dict
        By column: the distinct values of its frames.
    """

    folder: str
    file: str
    series_uid: str
    instance_uid: str
    modality: str
    frames: int
    values: dict[str, list[Cell]]

    @property
    def cells(self) -> dict[str, Cell]:
        """By column, one cell each."""
        return {name: several(values) for name, values in self.values.items()}


def instance_rows(headers: SeriesHeaders, columns: Iterable[TableColumn]) -> list[InstanceRow]:
    """The rows of the instances of one series from one place."""
    meta = headers.meta
    counts = _frame_counts(meta)
    frames = frame_meta(meta, counts)
    table = {column.name: _column(column, meta, frames, counts) for column in columns}
    identity = [_texts(meta, name) for name in ("SeriesInstanceUID", "SOPInstanceUID", "Modality")]
    declared = meta.get_values("NumberOfFrames")
    return [
        InstanceRow(
            headers.folder,
            headers.names[i],
            identity[0][i],
            identity[1][i],
            identity[2][i],
            max(counts[i], declared[i] if isinstance(declared[i], int) else 1),
            {name: column[i] for name, column in table.items()},
        )
        for i in range(meta.slice_count)
    ]


def series_cells(rows: Sequence[InstanceRow], columns: Iterable[TableColumn]) -> dict[str, Cell]:
    """The cells of a series: what its instances share, or the distinct values."""
    return {
        column.name: several(value for row in rows for value in row.values.get(column.name, [None]))
        for column in columns
        if column.in_summary
    }


def _texts(meta: DicomMeta, keyword: str) -> list[str]:
    return [value if isinstance(value, str) else "" for value in meta.get_values(keyword)]


def _frame_counts(meta: DicomMeta) -> list[int]:
    """Frames of each instance that have a functional group of their own; else 1.

    Number of Frames is not asked: a header may claim any number, and frames without groups do not
    differ.
    """
    if _FRAME_GROUPS not in meta:
        return [1] * meta.slice_count
    if meta.scopes:
        raws = [scope.elements.get(_FRAME_GROUPS) for scope in meta.scopes]
        pairs = zip(raws, meta.scopes, strict=True)
        return [1 if raw is None else max(1, len(item_scopes(raw, scope))) for raw, scope in pairs]
    items = meta.get_values(_FRAME_GROUPS)
    return [max(1, len(each)) if isinstance(each, list) else 1 for each in items]


def _column(
    column: TableColumn, meta: DicomMeta, frames: DicomMeta, counts: Sequence[int]
) -> Column:
    if column.private is not None:
        return _gathered(_private_cells(column.private, frames), counts)
    if len(column.path) > 1:
        return [[cell] for cell in _nested_cells(column.path, meta)]
    (tag,) = column.path
    if tag not in frames:  # such as Number of Frames, which frames do not have
        return [[cell] for cell in _cells(meta, tag)]
    return _gathered(_cells(frames, tag), counts)


def _gathered(cells: Sequence[Cell], counts: Sequence[int]) -> Column:
    """The distinct cells of the frames of each instance."""
    column, start = [], 0
    for count in counts:
        column.append(list(dict.fromkeys(cells[start : start + count])))
        start += count
    return column


def _cells(meta: DicomMeta, tag: int, vr: str = "") -> list[Cell]:
    entry = meta.merged_entry(tag)
    if entry is None:
        return [None] * meta.slice_count
    if is_shared(entry):
        return [_cell(slice_entry(entry, 0), vr)] * meta.slice_count
    return [_cell(slice_entry(entry, i), vr) for i in range(meta.slice_count)]


def _cell(entry: Entry, vr: str) -> Cell:
    """The cell of an entry; a sequence where a value should be (an odd VR) counts its items."""
    if entry.get("vr") == "SQ":
        return f"{len(entry.get('Value', []))} items"
    return cell_of(entry, vr)


def _private_cells(tag: PrivateTag, frames: DicomMeta) -> list[Cell]:
    """Cells of a private element; each frame says itself which block its creator has."""
    cells: list[Cell] = [None] * frames.slice_count
    for block in range(_FIRST_BLOCK, _LAST_BLOCK + 1):
        names = tag.group << 16 | block
        element = names & 0xFFFF0000 | block << 8 | tag.element
        if names not in frames or element not in frames:
            continue
        values = _cells(frames, element, tag.vr)
        for i, name in enumerate(frames.get_values(names)):
            if cells[i] is None and isinstance(name, str) and name.strip() == tag.creator:
                cells[i] = values[i]
    return cells


def _nested_cells(path: Sequence[int], meta: DicomMeta) -> list[Cell]:
    """Cells of an element inside of sequences; of several items, their values one after another."""
    if path[0] not in meta:
        return [None] * meta.slice_count
    items = meta.get_values(path[0])
    return [_joined(_found(each, path[1:])) for each in items]


def _found(items: Any, path: Sequence[int]) -> list[Cell]:
    cells: list[Cell] = []
    for item in items if isinstance(items, list) else []:
        entry = item.get(tag_key(path[0])) if isinstance(item, dict) else None
        if entry is None:
            continue
        entry = slice_entry(entry, 0)
        cells += _found(entry.get("Value"), path[1:]) if len(path) > 1 else [_cell(entry, "")]
    return cells


def _joined(cells: Sequence[Cell]) -> Cell:
    present = [cell for cell in cells if cell is not None]
    return present[0] if len(present) == 1 else "\\".join(map(cell_text, present)) or None


def series_of_rows(rows: Sequence[InstanceRow]) -> list[list[InstanceRow]]:
    """The rows of each series.

    By Series Instance UID, wherever the files lie; but copies of a series in several places stay
    apart, and files without a UID belong together where they are in one place.
    """
    by_uid: dict[str, list[InstanceRow]] = {}
    for row in rows:
        by_uid.setdefault(row.series_uid, []).append(row)
    apart = {uid for uid, same in by_uid.items() if not uid or _hold_copies(same)}
    series: dict[tuple[str, str], list[InstanceRow]] = {}
    for row in rows:
        place = row.folder if row.series_uid in apart else ""
        series.setdefault((row.series_uid, place), []).append(row)
    return list(series.values())


def _hold_copies(rows: Sequence[InstanceRow]) -> bool:
    """Whether two places hold the same instance."""
    places: dict[str, str] = {}
    return any(
        places.setdefault(row.instance_uid, row.folder) != row.folder
        for row in rows
        if row.instance_uid
    )
