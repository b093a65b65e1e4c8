"""JPEG XL: suffix .jxl, transfer syntaxes .110 to .112."""

from dicube.codecs.jxl.codec import JxlCodec, imdecode_jxl, imencode_jxl
from dicube.codecs.jxl.codestream import bare_codestream, stream_info

__all__ = ["JxlCodec", "bare_codestream", "imdecode_jxl", "imencode_jxl", "stream_info"]
