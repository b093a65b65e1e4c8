"""JPEG XL: suffix .jxl, transfer syntaxes .110 to .112."""

from dicube.codecs.jxl.background import Background
from dicube.codecs.jxl.codec import JxlCodec, imdecode_jxl, imencode_jxl
from dicube.codecs.jxl.codestream import bare_codestream, stream_info
from dicube.codecs.jxl.roi import JxlRoiCodec, imdecode_jxl_roi, imencode_jxl_roi

__all__ = [
    "Background",
    "JxlCodec",
    "JxlRoiCodec",
    "bare_codestream",
    "imdecode_jxl",
    "imdecode_jxl_roi",
    "imencode_jxl",
    "imencode_jxl_roi",
    "stream_info",
]
