"""The one place that calls the native module for JPEG XL: arrays it takes, errors out of reports.

Each call works on a whole volume, with threads of its own, and without the interpreter lock.
"""

from contextlib import AbstractContextManager
from typing import Final

import numpy as np

from dicube.codecs import native_modules
from dicube.codecs.base import Codestreams, Samples, bytes_view
from dicube.codecs.frame_codec import samples_not_kept
from dicube.codecs.native_modules import failure, native_order
from dicube.exceptions import CodecError

_missing: ImportError | None = None
try:
    from dicube.codecs.jxl import _jpegxl
    from dicube.codecs.jxl._jpegxl import VolumeModel, VolumeReport
except ImportError as import_error:
    _missing = import_error  # raised on the first frame: files and metadata need no codec

__all__ = [
    "EFFORTS",
    "VolumeModel",
    "VolumeReport",
    "decode_frame",
    "decode_volume",
    "encode_volume",
    "failure",
    "forced_simd_level",
    "is_built",
    "learn_model",
    "simd_levels",
]

# Operating points of the encoder, from fast to small.
EFFORTS: Final = ("fast", "default", "max")


def learn_model(frames: Samples, effort: str, bits: int | None) -> VolumeModel:
    """Learn how to encode frames like these.

    Parameters
    ----------
    frames : (n, rows, columns[, samples]) integers of 8 or 16 bits
        At least one frame; any strides and byte order.
    effort : str
        One of EFFORTS.
    bits : int, optional
        Of a stored sample; by default the fewest that hold all values.

    Returns
    -------
    VolumeModel
        With the `bits` in use.

    Raises
    ------
    CodecError
        A value does not fit `bits`, or there is no memory.
    MissingDependencyError
        The native module is not built.
    """
    _check_built()
    report, model = _jpegxl.learn_model(native_order(frames), effort, bits or 0)
    if report.fault == "bad_argument" and bits is not None:
        raise CodecError(f"samples need {model.bits} bits, bits is {bits}")
    if report.fault != "none":
        raise failure(report)
    return model


def encode_volume(
    frames: Samples, model: VolumeModel, *, verify: bool, threads: int, first: int = 0
) -> Codestreams:
    """Encode frames that a model was learned from, or some of them.

    Parameters
    ----------
    frames : (n, rows, columns[, samples]) integers of 8 or 16 bits
        Any strides and byte order.
    model : VolumeModel
    verify : bool
        Decode each frame right after it was encoded, and compare it.
    threads : int
    first : int
        Number of the first frame, for errors.

    Raises
    ------
    CodecError
        There is no memory, or `verify` found a difference.
    """
    native = native_order(frames)
    report, encoded = _jpegxl.encode_volume(native, model, verify=verify, threads=threads)
    if report.fault == "mismatch":
        raise samples_not_kept("jxl", f"frame {first + report.frame}")
    if report.fault != "none":
        raise failure(report, first)
    return Codestreams(
        memoryview(encoded), encoded.offsets, encoded.lengths, native.dtype, frames.shape[1:]
    )


def decode_volume(
    codestreams: Codestreams, out: Samples, *, threads: int, decodes_all: bool = False
) -> VolumeReport:
    """Decode into `out`; the report says what failed and what is left to others.

    Parameters
    ----------
    codestreams : Codestreams
        n bare codestreams.
    out : (n, rows, columns[, samples]) integers of 8 or 16 bits
        Writable; any strides and byte order. Signed samples get the offset 2**(bits - 1) off.
        Undefined where the report says so.
    threads : int
    decodes_all : bool
        Also streams of other encoders, for which libjxl may be faster. What is not lossless, or has
        several frames or patches, is left to others all the same.

    Raises
    ------
    MissingDependencyError
        The native module is not built.
    """
    _check_built()
    # Of foreign byte order: decoded as if native, then turned round where it lies.
    native = out.view(out.dtype.newbyteorder("="))
    report = _jpegxl.decode_volume(
        bytes_view(codestreams.buffer),
        codestreams.offsets.tolist(),
        codestreams.lengths.tolist(),
        native,
        decodes_all=decodes_all,
        threads=threads,
    )
    if out.dtype != native.dtype:
        native.byteswap(inplace=True)
    return report


def decode_frame(codestream: memoryview, out: Samples, *, decodes_all: bool = True) -> bool:
    """Decode one bare codestream without loss.

    Parameters
    ----------
    codestream : (n,) bytes
    out : (rows, columns[, samples]) uint8 or uint16
        Writable, any strides. Undefined where this fails.
    decodes_all : bool
        See `decode_volume`.

    Returns
    -------
    bool
        False: the codestream may be valid, but is outside the scope of the native codec.

    Raises
    ------
    CodecError
        It is damaged, or a frame of another shape or depth.
    MissingDependencyError
        The native module is not built.
    """
    streams = Codestreams(codestream, [0], [codestream.nbytes])
    report = decode_volume(streams, out[np.newaxis], threads=1, decodes_all=decodes_all)
    if report.fault != "none":
        error = failure(report)
        raise CodecError(error.what, hint=error.hint)  # who calls knows which frame it is
    return not report.unsupported_frames


def simd_levels() -> list[str]:
    """The instruction sets that this CPU and build have kernels for, the plainest first."""
    _check_built()
    return _jpegxl.simd_levels()


def forced_simd_level(name: str) -> AbstractContextManager[None]:
    """See `dicube.codecs.native_modules.forced_simd_level`."""
    _check_built()
    return native_modules.forced_simd_level(_jpegxl, name)


def is_built() -> bool:
    """Whether the native module can be imported."""
    return _missing is None


def _check_built() -> None:
    native_modules.check_built("dicube.codecs.jxl._jpegxl", _missing)
