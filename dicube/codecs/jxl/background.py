"""Foreground and background of frames with a region, and how exact the background is."""

from dataclasses import dataclass
from typing import Any, Final, NamedTuple, Self

import numpy as np

from dicube.codecs.base import Codestreams, Mask, Samples
from dicube.codecs.frame_codec import naming_frames
from dicube.codecs.imagecodecs_calls import encode_with
from dicube.codecs.jxl.sample_mapping import fewest_bits, is_split, sample_offset
from dicube.codecs.sample_rules import native_frame
from dicube.exceptions import CodecError

_LARGEST_DISTANCE: Final = 25.0  # of libjxl


@dataclass(frozen=True)
class Background:
    """How exactly samples outside of the region are kept: within an error, or at a distance.

    Attributes
    ----------
    error : int or None
        Largest difference of a sample from the true one, guaranteed.
    distance : float or None
        Butteraugli distance for the lossy mode of libjxl, which bounds no single sample.
    """

    error: int | None
    distance: float | None

    @classmethod
    def chosen(cls, error: int | None, distance: float | None) -> Self:
        """What a caller asked for; an error of 1 if nothing.

        Raises
        ------
        CodecError
            Both were given, or a number is out of range.
        """
        if error is not None and distance is not None:
            raise CodecError(
                "background_error and background_distance exclude each other", hint="give one"
            )
        if distance is not None:
            if not 0 < distance <= _LARGEST_DISTANCE:
                raise CodecError(
                    f"background_distance is {distance}, above 0 and up to {_LARGEST_DISTANCE:g} "
                    "is possible"
                )
            return cls(None, float(distance))
        error = 1 if error is None else error
        if isinstance(error, bool) or not isinstance(error, (int, np.integer)) or error < 1:
            raise CodecError(
                f"background_error is {error!r}, it has to be an integer of at least 1",
                hint="for no error at all write a .dcba file",
            )
        return cls(int(error), None)


class Parts(NamedTuple):
    """How frames become foreground and background.

    The background takes the value in the middle of an interval of 2 error + 1 values. The lowest
    value of all, which is often that of air or padding, is a middle and stays as it is.
    """

    low: int
    high: int
    step: int  # 1: the background is not rounded here

    @classmethod
    def of(cls, frames: Samples, background: Background) -> Self:
        low, high = int(frames.min()), int(frames.max())
        # A larger error than all values are apart would say no more, and not fit their dtype.
        error = min(background.error or 0, high - low)
        return cls(low, high, 2 * error + 1)

    def bits(self, dtype: np.dtype[Any]) -> int | None:
        """Depth of foreground and background alike; None for 32-bit samples, which have no say."""
        return None if is_split(dtype) else fewest_bits(dtype, self.low, self.high)

    def foreground(self, frames: Samples, inside: Mask) -> Samples:
        filler = frames.dtype.type(self.low)
        return np.where(by_sample(inside, frames), frames, filler)

    def background(self, frames: Samples, inside: Mask) -> Samples:
        filled = self.foreground(frames, ~inside)
        if self.step > 1:
            for frame in filled:  # one by one: what lies between stays in the cache
                frame[...] = self._rounded(frame)
        return filled

    def _rounded(self, frame: Samples) -> Samples:
        wide = widened(frame)
        wide += self.step // 2 - self.low
        wide //= self.step
        wide *= self.step
        wide += self.low
        return np.minimum(wide, self.high, out=wide)


def by_sample(mask: Mask, frames: Samples) -> Mask:
    """The mask of each pixel for each of its samples."""
    return mask[..., np.newaxis] if frames.ndim == 4 else mask


def widened(samples: Samples) -> Samples:
    """As integers that hold sums and differences of two samples."""
    return samples.astype(np.int32 if samples.itemsize <= 2 else np.int64)


def largest_error(true: Samples, kept: Samples, inside: Mask) -> int:
    outside = by_sample(~inside, true)

    def of_frame(index: int) -> int:
        differences = np.abs(widened(true[index]) - kept[index])
        return int(np.max(differences, where=outside[index], initial=0))

    return max(map(of_frame, range(len(true))))


def encode_lossy(frames: Samples, bits: int, distance: float) -> Codestreams:
    """Encode with libjxl; signed samples with the offset of `sample_mapping`."""
    offset = sample_offset(frames.dtype, bits)

    def encode(index: int) -> bytes:
        frame = native_frame(frames[index])
        stored = (widened(frame) + offset).astype(f"u{frame.itemsize}")
        return encode_with(
            "jpegxl_encode",
            stored,
            distance=distance,
            bitspersample=bits,
            usecontainer=False,
            numthreads=1,
        )

    parts = map(naming_frames(encode), range(len(frames)))
    return Codestreams.from_parts(parts, frames.dtype, frames.shape[1:], sample_offset=offset)
