"""The image: stored values, header, space and metadata together."""

from dicube.core.conversion import Conversion, convert
from dicube.core.image import DicomCubeImage
from dicube.core.lazy_cube import LazyCube
from dicube.core.pixel_header import PixelDataHeader
from dicube.core.roi import RegionOfInterest, RoiQuality
from dicube.core.verify import Verification, verify_file
from dicube.dicom.series.axis import Axis

__all__ = [
    "Axis",
    "Conversion",
    "DicomCubeImage",
    "LazyCube",
    "PixelDataHeader",
    "RegionOfInterest",
    "RoiQuality",
    "Verification",
    "convert",
    "verify_file",
]
