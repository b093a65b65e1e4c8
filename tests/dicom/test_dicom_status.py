"""The status is the published tool's; the findings say more."""

import json
import subprocess
from typing import Any

import pytest

from dicube.dicom.dicom_meta import DicomMeta
from dicube.dicom.dicom_status import get_dicom_findings, get_dicom_status
from dicube.dicom.findings import DicomStatus
from dicube.dicom.folder_scan import scan_folder
from tests.dicom.made import meta_of
from tests.published import PUBLISHED_PYTHON, requires_published
from tests.series import SERIES, requires_data, series_folder

GOOD: dict[str, Any] = {
    "SeriesInstanceUID": "1.2.3",
    "BitsStored": 16,
    "BitsAllocated": 16,
    "HighBit": 15,
    "PixelRepresentation": 1,
    "PixelSpacing": [1, 1],
    "Rows": 4,
    "Columns": 4,
    "ImageOrientationPatient": [1, 0, 0, 0, 1, 0],
    "RescaleSlope": 1,
    "RescaleIntercept": 0,
}
LOCATIONS = (0.0, 2.0, 4.0, 6.0)


def series(changes: dict[int, dict[str, Any]] | None = None, **shared: Any) -> DicomMeta:
    """Four good slices; `None` as a value takes the element out."""
    slices = []
    for i, z in enumerate(LOCATIONS):
        values = GOOD | {"InstanceNumber": i + 1, "ImagePositionPatient": [0, 0, z]} | shared
        values |= (changes or {}).get(i, {})
        slices.append({key: value for key, value in values.items() if value is not None})
    return meta_of(slices)


def at(z: float) -> dict[str, Any]:
    return {"ImagePositionPatient": [0, 0, z]}


CASES = {
    DicomStatus.MISSING_SERIES_UID: (series(SeriesInstanceUID=None), ()),
    DicomStatus.NON_UNIFORM_SERIES_UID: (series({2: {"SeriesInstanceUID": "9"}}), (2,)),
    DicomStatus.MISSING_INSTANCE_NUMBER: (series(InstanceNumber=None), ()),
    DicomStatus.DUPLICATE_INSTANCE_NUMBERS: (series({3: {"InstanceNumber": 2}}), (1, 3)),
    DicomStatus.GAP_INSTANCE_NUMBER: (series({3: {"InstanceNumber": 7}}), (3,)),
    DicomStatus.MISSING_DTYPE: (series(HighBit=None), ()),
    DicomStatus.NON_UNIFORM_DTYPE: (series({1: {"BitsStored": 12}}), (1,)),
    DicomStatus.MISSING_SPACING: (series(PixelSpacing=None), ()),
    DicomStatus.NON_UNIFORM_SPACING: (series({0: {"PixelSpacing": [2, 2]}}), (0,)),
    DicomStatus.MISSING_SHAPE: (series(Columns=None), ()),
    DicomStatus.NON_UNIFORM_SHAPE: (series({0: {"Rows": 5}}), (0,)),
    DicomStatus.MISSING_ORIENTATION: (series(ImageOrientationPatient=None), ()),
    DicomStatus.NON_UNIFORM_ORIENTATION: (
        series({1: {"ImageOrientationPatient": [0, 1, 0, 0, 0, 1]}}), (1,)),
    DicomStatus.MISSING_LOCATION: (series(ImagePositionPatient=None), ()),
    DicomStatus.REVERSED_LOCATION: (series({3: at(1.0)}), (3,)),
    DicomStatus.DWELLING_LOCATION: (series({2: at(2.0), 3: at(4.0)}), (2,)),
    DicomStatus.GAP_LOCATION: (series({3: at(9.0)}), (3,)),
    DicomStatus.NON_UNIFORM_RESCALE_FACTOR: (series({1: {"RescaleSlope": 2}}), (1,)),
    DicomStatus.CONSISTENT: (series(), ()),
}  # fmt: skip


@pytest.mark.parametrize("status", CASES, ids=lambda status: status.value)
def test_each_status_is_found_with_its_slices(status: DicomStatus) -> None:
    meta, slices = CASES[status]
    assert get_dicom_status(meta) is status
    findings = get_dicom_findings(meta)
    if status is DicomStatus.CONSISTENT:
        assert findings == []
    else:
        assert findings[0].status is status
        assert findings[0].slices == slices


def test_all_findings_are_given_most_important_first() -> None:
    meta = series({1: {"BitsStored": 12}, 2: {"RescaleSlope": 2}, 3: at(9.0)})
    statuses = [finding.status for finding in get_dicom_findings(meta)]
    assert statuses == [
        DicomStatus.NON_UNIFORM_DTYPE,
        DicomStatus.GAP_LOCATION,
        DicomStatus.NON_UNIFORM_RESCALE_FACTOR,
        DicomStatus.INCONSISTENT,
    ]


def test_positions_lacking_in_some_slices_are_named() -> None:
    meta = series({1: {"ImagePositionPatient": None}})
    assert get_dicom_findings(meta)[0][::2] == (DicomStatus.MISSING_LOCATION, (1,))


def test_a_gap_is_found_in_descending_order_too() -> None:
    meta = series({0: at(20.0), 1: at(4.0), 2: at(2.0), 3: at(0.0)})
    assert get_dicom_status(meta) is DicomStatus.GAP_LOCATION


_ASK = """
import json, sys, warnings
warnings.simplefilter("ignore")
from dicube.dicom import get_dicom_status
from dicube.dicom.dicom_meta import _parse_dicom_dir
found = {}
for folder in sys.argv[1:]:
    try:
        meta, _ = _parse_dicom_dir(folder, stop_before_pixels=True)
        found[folder] = get_dicom_status(meta).value
    except Exception:
        found[folder] = None
print(json.dumps(found))
"""


@requires_data
@requires_published
def test_status_is_that_of_the_published_tool_wherever_it_has_one() -> None:
    folders = [str(series_folder(series.name)) for series in SERIES]
    answer = subprocess.run(
        [PUBLISHED_PYTHON, "-I", "-c", _ASK, *folders], capture_output=True, check=True, text=True
    )
    compared = 0
    for folder, theirs in json.loads(answer.stdout.splitlines()[-1]).items():
        scan = scan_folder(folder)
        # It knows no functional groups, and reads pieces of damaged files. Where positions are
        # missing in some slices, its answer depends on the order in which files are listed.
        unclear = scan.damaged or not scan.images or folder.endswith("broken_missing_ipp")
        if theirs is None or unclear:
            continue
        meta = DicomMeta.from_instances(scan.images)
        if "SharedFunctionalGroupsSequence" in meta:
            continue
        meta.sort_files()
        assert get_dicom_status(meta).value == theirs, folder
        compared += 1
    assert compared > 100
