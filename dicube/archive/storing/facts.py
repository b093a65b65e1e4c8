"""What the ledger says about a cube, so that questions need not open it."""

import math
from typing import Any, Final

import numpy as np

from dicube.archive.ledger.schema import FACTS
from dicube.core.cube_file import CubeDescription
from dicube.dicom.dicom_io import DicomSeries
from dicube.dicom.dicom_tags import CommonTags, TagLike

Fact = str | int | float | None

_TEXTS: Final[dict[str, TagLike]] = {
    "study_uid": CommonTags.StudyInstanceUID,
    "patient_id": CommonTags.PatientID,
    "modality": CommonTags.Modality,
    "study_date": CommonTags.StudyDate,
    "study_description": CommonTags.StudyDescription,
    "series_description": CommonTags.SeriesDescription,
    "body_part": CommonTags.BodyPartExamined,
    "manufacturer": 0x00080070,
    "model": 0x00081090,
}


def facts_of(about: CubeDescription, series: DicomSeries) -> dict[str, Fact]:
    """The columns that describe a cube; lengths in mm."""
    meta = series.meta
    sizes = [axis.size for axis in about.axes]
    slices = sizes[-1] if about.axes[-1].name == "z" else 1
    grid = about.shape[len(sizes) :]

    def first(tag: TagLike) -> Any:
        """The first value of the first instance."""
        value = meta.get_values(tag)[0]
        if isinstance(value, list):
            return value[0] if value else None
        return value

    facts: dict[str, Fact] = {}
    for name, tag in _TEXTS.items():
        value = first(tag)
        facts[name] = None if value in (None, "") else str(value)
    facts |= {
        "series_number": _integer(first(CommonTags.SeriesNumber)),
        "kind": series.table.kinds[series.arrangement.order[0]].name,
        "frames": about.frames,
        "rows": grid[0],
        "columns": grid[1],
        "samples": grid[2] if len(grid) > 2 else 1,
        "slices": slices,
        "volumes": math.prod(sizes) // slices,
        "dtype": about.dtype.name,
        "bits_stored": _integer(first(CommonTags.BitsStored)),
        "pixel_spacing_mm": None if about.affine is None else _length(about.affine[:3, 2]),
        "slice_spacing_mm": None if about.affine is None else _length(about.affine[:3, 0]),
        "transfer_syntax": series.instances[0].transfer_syntax,
        "status": about.status.value,
    }
    assert set(facts) == set(FACTS)
    return facts


def _length(step: Any) -> float:
    """Of a step along an axis; micrometres are enough."""
    return round(float(np.linalg.norm(step)), 6)


def _integer(value: Any) -> int | None:
    return value if isinstance(value, int) else None
