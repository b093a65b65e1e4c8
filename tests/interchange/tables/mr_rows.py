"""Headers of MR series that the test data have no example of, as rows of a table."""

from typing import Any

import pytest

from dicube.interchange.tables import process_mri_dataframe

pd = pytest.importorskip("pandas", reason="pandas is not installed (extra tables)")

AXIAL = "1\\0\\0\\0\\1\\0"


def instance(series: str = "1", number: int = 1, z: float = 0.0, **values: Any) -> dict[str, Any]:
    """One image of a magnitude series at 1.5 T; keywords are columns."""
    return {
        "Modality": "MR",
        "StudyInstanceUID": "1.2.3",
        "SeriesInstanceUID": f"1.2.3.{series}",
        "SOPInstanceUID": f"1.2.3.{series}.{number}.{z}",
        "SeriesNumber": int(series),
        "InstanceNumber": number,
        "ImageType": "ORIGINAL\\PRIMARY\\M\\ND",
        "ImageOrientationPatient": AXIAL,
        "ImagePositionPatient": f"0\\0\\{z}",
        "MagneticFieldStrength": 1.5,
    } | values


def cleaned(*rows: dict[str, Any], **options: Any) -> list[dict[str, Any]]:
    found = process_mri_dataframe(pd.DataFrame(list(rows)), **options)
    return found.to_dict("records")


def features(**values: Any) -> dict[str, Any]:
    """The features of a series of one image."""
    (row,) = cleaned(instance(**values))
    return row
