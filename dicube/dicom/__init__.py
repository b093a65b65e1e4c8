"""DICOM: scan folders, merge and judge metadata, read and write files."""

from dicube.dicom.dicom_io import read_dicom_dir
from dicube.dicom.dicom_meta import DicomMeta, Presence
from dicube.dicom.dicom_status import get_dicom_findings, get_dicom_status
from dicube.dicom.dicom_tags import CommonTags
from dicube.dicom.find_series import SeriesSearch, find_series
from dicube.dicom.findings import DicomStatus, Finding
from dicube.dicom.series.volume_set import VolumeSet
from dicube.dicom.slice_order import SortMethod

__all__ = [
    "CommonTags",
    "DicomMeta",
    "DicomStatus",
    "Finding",
    "Presence",
    "SeriesSearch",
    "SortMethod",
    "VolumeSet",
    "find_series",
    "get_dicom_findings",
    "get_dicom_status",
    "read_dicom_dir",
]
