"""The region of interest of an image: where it is exact, and what was lost elsewhere."""

import math
from typing import Any, NamedTuple, Self

from dicube.codecs.base import Mask


class RoiQuality(NamedTuple):
    """What was lost outside of a region of interest.

    Attributes
    ----------
    pixels : int
        Of the region, in all frames together.
    background_error : int or None
        Largest difference of a stored value that was allowed.
    background_distance : float or None
        Butteraugli distance that was asked for instead; it bounds no single value.
    largest_error : int
        Largest difference of a stored value that there is.
    compression_ratio : float
        Bytes of the stored values to bytes of the codestreams.
    """

    pixels: int
    background_error: int | None
    background_distance: float | None
    largest_error: int
    compression_ratio: float

    def to_json(self) -> dict[str, Any]:
        """The quality as a JSON object (docs/format.md, section 4)."""
        return {
            "Pixels": self.pixels,
            "BackgroundError": self.background_error,
            "BackgroundDistance": self.background_distance,
            "LargestError": self.largest_error,
            "CompressionRatio": self.compression_ratio,
        }

    @classmethod
    def parse(cls, members: Any) -> Self:
        """The inverse of `to_json`.

        Raises
        ------
        KeyError, TypeError, ValueError
            It is malformed.
        """
        quality = cls(
            pixels=members["Pixels"],
            background_error=members["BackgroundError"],
            background_distance=members["BackgroundDistance"],
            largest_error=members["LargestError"],
            compression_ratio=float(members["CompressionRatio"]),
        )
        counts = (quality.pixels, quality.background_error or 0, quality.largest_error)
        distance = quality.background_distance
        if not all(type(count) is int and count >= 0 for count in counts):
            raise ValueError("the quality of the region is impossible")
        if (quality.background_error is None) == (distance is None):
            raise ValueError("the region has not one background quality")
        if distance is not None and (type(distance) not in (int, float) or not distance > 0):
            raise ValueError("the background distance is impossible")
        if not math.isfinite(quality.compression_ratio) or quality.compression_ratio <= 0:
            raise ValueError("the compression ratio is impossible")
        return quality

    def after(self, before: "RoiQuality") -> "RoiQuality":
        """The quality of an image that was encoded with the same region and error before."""
        if self.is_lossless:
            return before._replace(compression_ratio=self.compression_ratio)
        assert before.background_error is not None
        assert self.background_error is not None
        return self._replace(
            background_error=before.background_error + self.background_error,
            largest_error=before.largest_error + self.largest_error,
        )

    @property
    def is_lossless(self) -> bool:
        """Whether nothing was lost at all."""
        return self.largest_error == 0


class RegionOfInterest(NamedTuple):
    """The region of interest of an image from a .dcbr file.

    Attributes
    ----------
    mask : bool array
        (z, y, x) or as the image, without samples: True where stored values are exact.
    quality : RoiQuality
    """

    mask: Mask
    quality: RoiQuality
