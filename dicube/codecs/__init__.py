"""Volumes to codestreams and back, by codecs found by name, suffix or transfer syntax UID."""

from dicube.codecs.base import Capabilities, Codec, Codestreams
from dicube.codecs.jph import imdecode_jph, imencode_jph
from dicube.codecs.jxl import imdecode_jxl, imdecode_jxl_roi, imencode_jxl, imencode_jxl_roi
from dicube.codecs.parallel import get_num_threads, set_num_threads
from dicube.codecs.registry import (
    available_codecs,
    codec_for_suffix,
    codec_for_transfer_syntax,
    get_codec,
)

__all__ = [
    "Capabilities",
    "Codec",
    "Codestreams",
    "available_codecs",
    "codec_for_suffix",
    "codec_for_transfer_syntax",
    "get_codec",
    "get_num_threads",
    "imdecode_jph",
    "imdecode_jxl",
    "imdecode_jxl_roi",
    "imencode_jph",
    "imencode_jxl",
    "imencode_jxl_roi",
    "set_num_threads",
]
