"""HTJ2K, the fast member of the JPEG 2000 family: suffix .j2c, transfer syntaxes .201 to .203."""

from dicube.codecs.jpeg2000_markers import stream_info
from dicube.codecs.jph.codec import JphCodec, imdecode_jph, imencode_jph

__all__ = ["JphCodec", "imdecode_jph", "imencode_jph", "stream_info"]
