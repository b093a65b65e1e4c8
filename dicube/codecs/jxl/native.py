"""The one place that calls the native module for JPEG XL: frames in, errors out of its reports."""

from dicube.codecs.base import Samples
from dicube.exceptions import CodecError, MissingDependencyError

_missing: ImportError | None = None
try:
    from dicube.codecs.jxl import _jpegxl
except ImportError as import_error:
    _missing = import_error  # raised on the first frame: files and metadata need no codec

__all__ = ["decode_frame"]


def decode_frame(codestream: memoryview, out: Samples) -> bool:
    """Decode one bare codestream without loss.

    Parameters
    ----------
    codestream : (n,) bytes
    out : (rows, columns[, samples]) uint8 or uint16
        Writable, native byte order, any strides. Undefined where this fails.

    Returns
    -------
    bool
        False: the codestream may be valid, but is outside the scope of the native codec (lossy,
        several frames, patches, and what else medical images have not).

    Raises
    ------
    CodecError
        It is damaged, or a frame of another shape or depth.
    MissingDependencyError
        The native module is not built.
    """
    if _missing is not None:
        raise MissingDependencyError(
            f"the native module dicube.codecs.jxl._jpegxl cannot be imported: {_missing}",
            hint="install a wheel of dicube, or build it: `pip install .` with a C++ compiler",
        ) from _missing
    fault, what, position = _jpegxl.decode_frame(codestream, out)
    if fault == "unsupported":
        return False
    if fault != "none":
        place = "" if position is None else f", at byte {position} of the codestream"
        raise CodecError(what + place)
    return True
