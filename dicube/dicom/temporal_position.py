"""Which volume of a series a classic image belongs to, and when that was."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from dicube.dicom.derivation import set_values
from dicube.dicom.dicom_meta import DicomMeta

# Where a series says when it began, the most exact first: dates and times.
_STARTS: Final = (
    ("AcquisitionDate", "AcquisitionTime"),
    ("ContentDate", "ContentTime"),
    ("SeriesDate", "SeriesTime"),
    ("StudyDate", "StudyTime"),
)
_TIME_FORMATS: Final = ("%H%M%S.%f", "%H%M%S", "%H%M", "%H")


def start_of(meta: DicomMeta) -> datetime | None:
    """When the first image was acquired, as far as the metadata say; without time zone."""
    whole = str(meta.get_values("AcquisitionDateTime")[0] or "").partition("+")[0]
    pairs = [(whole[:8], whole[8:])]
    pairs += [
        (str(meta.get_values(date)[0] or ""), str(meta.get_values(time)[0] or ""))
        for date, time in _STARTS
    ]
    return next((moment for moment in map(_moment, pairs) if moment is not None), None)


def set_temporal_positions(
    meta: DicomMeta,
    volumes: int,
    offsets_ms: Sequence[float] | None = None,
    start: datetime | None = None,
) -> None:
    """Give the images of each volume its number, and its time where that is known.

    Readers tell volumes apart by Temporal Position Identifier (PS3.3 C.8.3.1), Acquisition Number
    or times, or trust in Instance Number: all of them agree.

    Parameters
    ----------
    meta : DicomMeta
        Changed; its slices are those of the volumes after each other.
    volumes : int
    offsets_ms : sequence of float, optional
        When each volume was acquired.
    start : datetime, optional
        Of offset 0.
    """
    slices = meta.slice_count // volumes

    def set_by_volume(keyword: str, values: Sequence[Any]) -> None:
        set_values(meta, keyword, [value for value in values for _ in range(slices)])

    numbers = range(1, volumes + 1)
    set_by_volume("TemporalPositionIdentifier", numbers)
    set_by_volume("AcquisitionNumber", numbers)
    meta.set_shared_item("NumberOfTemporalPositions", volumes)
    if offsets_ms is None:
        return
    if "TriggerTime" in meta:  # gated by the heart: settle_conditions knows
        set_by_volume("TriggerTime", [float(f"{offset:.9g}") for offset in offsets_ms])
    if start is not None:
        moments = [moment_of(start, offset) for offset in offsets_ms]
        set_by_volume("AcquisitionDate", [moment.strftime("%Y%m%d") for moment in moments])
        set_by_volume("AcquisitionTime", [moment.strftime("%H%M%S.%f") for moment in moments])


def moment_of(start: datetime, offset_ms: float) -> datetime:
    """The time of an offset; microseconds are as fine as DICOM goes."""
    return start + timedelta(milliseconds=offset_ms)


def _moment(pair: tuple[str, str]) -> datetime | None:
    date, time = (text.strip().replace(":", "") for text in pair)
    for pattern in _TIME_FORMATS:
        try:
            return datetime.strptime(date + time, "%Y%m%d" + pattern)
        except ValueError:
            continue
    return None
