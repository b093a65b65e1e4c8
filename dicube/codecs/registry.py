"""Codecs, found by name, by file suffix or by DICOM transfer syntax.

Asking costs nothing: a codec loads its library on the first frame.
"""

from dicube.codecs.base import Codec
from dicube.codecs.deflate import DeflateCodec
from dicube.codecs.jpeg import JpegCodec, LosslessJpegCodec
from dicube.codecs.jpeg2000 import Jpeg2000Codec
from dicube.codecs.jpegls import JpegLsCodec
from dicube.codecs.jph import JphCodec
from dicube.codecs.jxl import JxlCodec, JxlRoiCodec
from dicube.codecs.rle import RleCodec
from dicube.exceptions import CodecError

_CODECS: tuple[Codec, ...] = (
    JphCodec(),
    JxlCodec(),
    JxlRoiCodec(),
    JpegCodec(),
    LosslessJpegCodec(),
    JpegLsCodec(),
    Jpeg2000Codec(),
    RleCodec(),
    DeflateCodec(),
)
_BY_NAME = {codec.name: codec for codec in _CODECS}
_BY_SUFFIX = {suffix: codec for codec in _CODECS for suffix in codec.suffixes}
_BY_TRANSFER_SYNTAX = {uid: codec for codec in _CODECS for uid in codec.transfer_syntaxes}


def available_codecs() -> tuple[Codec, ...]:
    """All codecs; those that encode have ``capabilities.encodes``."""
    return _CODECS


def get_codec(name: str) -> Codec:
    """The codec of this name, such as "jph".

    Raises
    ------
    CodecError
        There is none; the message lists the names.
    """
    return _find(_BY_NAME, name, "codec")


def codec_for_suffix(suffix: str) -> Codec:
    """The codec for single images of this file suffix, such as ".jxl"; case does not matter.

    Raises
    ------
    CodecError
        There is none; the message lists the suffixes.
    """
    return _find(_BY_SUFFIX, suffix.lower(), "file suffix")


def codec_for_transfer_syntax(uid: str) -> Codec:
    """The codec that decodes this transfer syntax UID; uncompressed ones have none.

    Raises
    ------
    CodecError
        There is none; the message lists the UIDs.
    """
    return _find(_BY_TRANSFER_SYNTAX, str(uid), "transfer syntax")


def _find(table: dict[str, Codec], key: str, what: str) -> Codec:
    try:
        return table[key]
    except KeyError:
        raise CodecError(f"unknown {what} {key!r}, known are {', '.join(table)}") from None
