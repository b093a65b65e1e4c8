"""How samples enter an encoder and leave a decoder: accepted arrays, widening, bit patterns."""

import itertools
import operator
from typing import Any

import numpy as np

from dicube.codecs.base import MAX_SAMPLES_PER_FRAME, Capabilities, Samples
from dicube.exceptions import CodecError


def check_frames(frames: Samples, capabilities: Capabilities, codec: str) -> None:
    """Refuse what a codec cannot encode without loss.

    Parameters
    ----------
    frames : (n, rows, columns[, samples]) array
    capabilities : Capabilities
    codec : str
        Its name, for the message.

    Raises
    ------
    CodecError
        The codec only decodes, or does not take this dtype, shape or number of samples.
    """
    if not capabilities.encodes:
        raise CodecError(f"codec {codec!r} only decodes", hint="encode with 'jph' or 'jxl'")
    if frames.ndim not in (3, 4):
        raise CodecError(
            f"frames have shape {frames.shape}, expected (n, rows, columns[, samples])"
        )
    if frames.dtype.newbyteorder("=").name not in capabilities.dtypes:
        raise CodecError(
            f"samples are {frames.dtype.name}, codec {codec!r} takes "
            f"{', '.join(capabilities.dtypes)}"
        )
    samples = frames.shape[3] if frames.ndim == 4 else 1
    if samples not in capabilities.samples:
        raise CodecError(
            f"{samples} samples per pixel, codec {codec!r} takes {capabilities.samples}"
        )
    size = int(np.prod(frames.shape[1:], dtype=object))
    if not 0 < size <= MAX_SAMPLES_PER_FRAME:
        raise CodecError(
            f"a frame of shape {frames.shape[1:]} has {size} samples, "
            f"1 to {MAX_SAMPLES_PER_FRAME} are encoded"
        )


def native_frame(frame: Samples) -> Samples:
    """C-contiguous native copy, or the array itself; a last axis of one sample is dropped."""
    frame = without_single_sample(frame)
    native = frame.dtype.newbyteorder("=")
    return frame if is_plain(frame, native) else frame.astype(native, order="C")


def without_single_sample(frame: Samples) -> Samples:
    """See (rows, columns, 1) as (rows, columns); anything else as it is."""
    return frame[:, :, 0] if frame.ndim == 3 and frame.shape[2] == 1 else frame


def is_plain(target: Samples, dtype: np.dtype[Any]) -> bool:
    """Whether `target` has just this dtype and the strides of a new array.

    Then imagecodecs may read or write its memory. numpy calls more arrays contiguous, those with
    any stride along an axis of length one; imagecodecs rejects them.
    """
    plain = itertools.accumulate(target.shape[:0:-1], operator.mul, initial=dtype.itemsize)
    return target.dtype == dtype and target.strides == tuple(plain)[::-1]


def place(frame: Samples, target: Samples) -> None:
    """Write a decoded frame into its place.

    Integers of one width are copied as bit patterns, whatever their sign: DICOM stores the sign
    in Pixel Representation, and many streams do not know it. Narrower ones are widened by value,
    wider ones narrowed only when every value fits.

    Parameters
    ----------
    frame : (rows, columns[, samples]) integers, native byte order
    target : integers of the same shape, any strides and byte order

    Raises
    ------
    CodecError
        The shapes differ, or a value does not fit.
    """
    if frame.shape != target.shape:
        raise CodecError(f"decoded a frame of shape {frame.shape}, expected {target.shape}")
    if frame.dtype.kind not in "iu":
        raise CodecError(f"decoded {frame.dtype.name} samples, expected integers")
    if frame.dtype.itemsize == target.dtype.itemsize:
        target[...] = frame.view(target.dtype.newbyteorder("="))
        return
    limits = np.iinfo(target.dtype)
    if not np.can_cast(frame.dtype, target.dtype):
        low, high = int(frame.min()), int(frame.max())
        if low < limits.min or high > limits.max:
            raise CodecError(
                f"samples from {low} to {high} do not fit {target.dtype.name}",
                hint=f"decode into {frame.dtype.name}",
            )
    target[...] = frame
