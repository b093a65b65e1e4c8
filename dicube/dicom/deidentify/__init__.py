"""De-identification of metadata by the profiles of PS3.15 annex E."""

from dicube.dicom.deidentify.keys import DeidentifyKey
from dicube.dicom.deidentify.metadata import DeidentifiedMeta, Deidentifier
from dicube.dicom.deidentify.options import DeidentifyOptions, Retain
from dicube.dicom.deidentify.report import DeidentifyReport, ReportRow
from dicube.dicom.deidentify.safe_private import SafePrivate

__all__ = [
    "DeidentifiedMeta",
    "Deidentifier",
    "DeidentifyKey",
    "DeidentifyOptions",
    "DeidentifyReport",
    "ReportRow",
    "Retain",
    "SafePrivate",
]
