"""JPEG 2000 streams outside the scope of the native codec, by OpenJPEG through imagecodecs.

These are streams of Part 1, and HTJ2K with what nearly no encoder writes, such as packet headers
in a place of their own (PPM, PPT) or a change of progression (POC). Why not OpenJPH:
docs/decisions/0001-one-codec-interface.md.
"""

from dicube.codecs.base import Samples, StreamInfo
from dicube.codecs.jpeg2000 import Jpeg2000Codec
from dicube.codecs.jpeg2000_markers import check_complete


class OpenJpegFallback(Jpeg2000Codec):
    """Decodes what is structurally complete; OpenJPEG alone fills up missing parts with zeros."""

    def _decode_stream(
        self, data: memoryview, info: StreamInfo, out: Samples | None, *, intact: bool = False
    ) -> Samples:
        if not intact:
            check_complete(data)
        return super()._decode_stream(data, info, out, intact=intact)
