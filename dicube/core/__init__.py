"""The image: stored values, header, space and metadata together."""

from dicube.core.axes import Axis
from dicube.core.image import DicomCubeImage
from dicube.core.pixel_header import PixelDataHeader

__all__ = ["Axis", "DicomCubeImage", "PixelDataHeader"]
