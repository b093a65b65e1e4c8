"""The one place that calls the native module: arrays it can take, errors out of its reports.

Each call works on a whole volume, with threads of its own, and without the interpreter lock.
"""

from contextlib import AbstractContextManager

import numpy as np

from dicube.codecs import native_modules
from dicube.codecs.base import BytesLike, Codestreams, Samples, bytes_view
from dicube.codecs.frame_codec import samples_not_kept
from dicube.codecs.jph.options import EncodeOptions
from dicube.codecs.jph.part import Part
from dicube.codecs.native_modules import failure, native_order

_missing: ImportError | None = None
try:
    from dicube.codecs.jph import _jph
    from dicube.codecs.jph._jph import FrameInfo, VolumeReport
except ImportError as import_error:
    _missing = import_error  # raised on the first frame: files and metadata need no codec

__all__ = [
    "FrameInfo",
    "VolumeReport",
    "decode_volume",
    "encode_volume",
    "failure",
    "forced_simd_level",
    "frame_info",
    "simd_levels",
]


def encode_volume(
    frames: Samples, options: EncodeOptions, *, verify: bool, threads: int, first: int = 0
) -> Codestreams:
    """Encode frames of a dtype and with options that were checked.

    Parameters
    ----------
    frames : (n, rows, columns[, samples]) integers of 8, 16 or 32 bits
        Any strides and byte order.
    options : EncodeOptions
    verify : bool
        Decode each frame right after it was encoded, and compare it.
    threads : int
    first : int
        Number of the first frame, for errors.

    Raises
    ------
    CodecError
        A sample does not fit the bit depth, there is no memory, or `verify` found a difference.
    MissingDependencyError
        The native module is not built.
    """
    _check_built()
    native = native_order(frames)
    rows, columns = options.block_size
    report, encoded = _jph.encode_volume(
        native,
        levels=options.levels_for(frames),
        block_width_log2=columns.bit_length() - 1,
        block_height_log2=rows.bit_length() - 1,
        progression=options.progression,
        tlm=options.tlm,
        colour_transform=options.colour_transform,
        bit_depth=options.bit_depth or 0,
        verify=verify,
        threads=threads,
    )
    if report.fault == "mismatch":
        raise samples_not_kept("jph", f"frame {first + report.frame}")
    if report.fault != "none":
        raise failure(report, first)
    return Codestreams(
        memoryview(encoded), encoded.offsets, encoded.lengths, native.dtype, frames.shape[1:]
    )


def decode_volume(
    codestreams: Codestreams, out: Samples, *, threads: int, part: Part | None = None
) -> VolumeReport:
    """Decode into `out`; the report says what failed and what is left to others.

    Parameters
    ----------
    codestreams : Codestreams
        n bare codestreams.
    out : (n, rows, columns[, samples]) integers of 8, 16 or 32 bits
        Writable; any strides and byte order. Undefined where the report says so.
    threads : int
    part : Part, optional
        By default whole frames.

    Raises
    ------
    MissingDependencyError
        The native module is not built.
    """
    _check_built()
    part = part or Part()
    # Of foreign byte order: decoded as if native, then turned round where it lies.
    native = out.view(out.dtype.newbyteorder("="))
    target = native if out.flags.aligned else np.empty(out.shape, native.dtype)
    report = _jph.decode_volume(
        bytes_view(codestreams.buffer),
        codestreams.offsets,
        codestreams.lengths,
        target,
        discard_levels=part.discard_levels,
        region=part.region,
        threads=threads,
    )
    if target is not native:
        native[...] = target
    if out.dtype != native.dtype:
        native.byteswap(inplace=True)
    return report


def frame_info(codestream: BytesLike) -> FrameInfo:
    """Read the main header of a bare codestream.

    Raises
    ------
    CodecError
        It is damaged, or outside the scope of the native codec.
    MissingDependencyError
        The native module is not built.
    """
    _check_built()
    report, info = _jph.read_frame_info(bytes_view(codestream))
    if report.fault != "none":
        raise failure(report)
    return info


def simd_levels() -> list[str]:
    """The instruction sets that this CPU and build have kernels for, the plainest first."""
    _check_built()
    return _jph.simd_levels()


def forced_simd_level(name: str) -> AbstractContextManager[None]:
    """See `dicube.codecs.native_modules.forced_simd_level`."""
    _check_built()
    return native_modules.forced_simd_level(_jph, name)


def _check_built() -> None:
    native_modules.check_built("dicube.codecs.jph._jph", _missing)
