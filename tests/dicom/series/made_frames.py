"""Frame tables of made series: a few keywords for each slice."""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from dicube.dicom.series.arrangement import Arrangement, arrange
from dicube.dicom.series.frame_table import FrameTable
from tests.dicom.made import meta_of

AXIAL = [1.0, 0.0, 0.0, 0.0, 1.0, 0.0]


def slice_of(z: float, number: int | None = None, **values: Any) -> dict[str, Any]:
    """An axial slice at z mm."""
    made = {
        "ImagePositionPatient": [0.0, 0.0, z],
        "ImageOrientationPatient": AXIAL,
        "PixelSpacing": [1.0, 1.0],
        "Rows": 4,
        "Columns": 5,
        "SOPClassUID": "1.2.840.10008.5.1.4.1.1.4",
        **values,
    }
    return made if number is None else made | {"InstanceNumber": number}


def table_of(slices: Iterable[Mapping[str, Any]]) -> FrameTable:
    return FrameTable.of(meta_of(list(slices)))


def arranged(slices: Iterable[Mapping[str, Any]], **options: Any) -> Arrangement:
    table = table_of(slices)
    return arrange(table, np.arange(len(table)), **options)
