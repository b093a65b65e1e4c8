"""Multi-frame objects of volumes: Enhanced MR and CT, Parametric Map (PS3.3 A.36, A.38, A.75).

One object holds one volume or all of a series. What every frame shares is said once: the rescale,
too, because readers agree on it there only.
"""

from dicube.dicom.multi_frame.data_sets import Code, file_bytes
from dicube.dicom.multi_frame.enhanced import ENHANCED_CLASSES, enhanced_image
from dicube.dicom.multi_frame.parametric_map import parametric_map
from dicube.dicom.multi_frame.volume_series import PROCESSED, VolumeSeries

__all__ = [
    "ENHANCED_CLASSES",
    "PROCESSED",
    "Code",
    "VolumeSeries",
    "enhanced_image",
    "file_bytes",
    "parametric_map",
]
