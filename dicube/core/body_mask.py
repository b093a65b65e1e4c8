"""The default region of interest: the body, told from the air around it.

Meant to err on the side of the body. Each frame is smoothed (mean of 5 x 5 pixels) and compared
with a threshold: -900 HU for CT, so that lungs cut by the field of view belong to the body; else a
quarter of the way from the mean of the darker class to Otsu's threshold. Thin structures are taken
out, parts of less than 2 % of the largest one dropped, the rest is widened by 4 pixels and its
holes are filled, frame by frame. Couch, head rest and cushions touch the body and mostly stay in.

`dicube mask SRC picture.png` shows what comes out. Needs the extra "roi" (scipy).
"""

import math
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from dicube.codecs.base import Mask
from dicube.codecs.parallel import map_frames
from dicube.core.contents import CubeContents
from dicube.dicom.dicom_tags import CommonTags
from dicube.extras import extra_module

Float32Array = npt.NDArray[np.float32]

_CT_THRESHOLD_HU: Final = -900.0
_SMOOTHING_PIXELS: Final = 5
_THINNEST_PIXELS: Final = 5  # what is thinner is no part of the body
_SMALLEST_PART: Final = 0.02  # of the largest one
_MARGIN_PIXELS: Final = 4
_RANGE_PERCENTILES: Final = (0.1, 99.5)  # without padding and hot pixels
_BINS: Final = 256
_FRAMES_FOR_THRESHOLD: Final = 32


def body_mask(contents: CubeContents, *, num_threads: int | None = None) -> Mask:
    """Find the body.

    Parameters
    ----------
    contents : CubeContents
        Slices along z are taken to be neighbours; volumes of a 4D image are treated one by one.
        The modality and the photometric interpretation are those of the first slice.
    num_threads : int, optional

    Returns
    -------
    (frames, rows, columns) bool
        All False where everything is equal.

    Raises
    ------
    MissingDependencyError
        scipy is not installed.
    """
    ndimage = _ndimage()
    frames = contents.frames
    count = len(frames)
    sign = -1.0 if _first(contents, CommonTags.PhotometricInterpretation) == "MONOCHROME1" else 1.0

    def smoothed(number: int) -> Float32Array:
        bright = sign * _output_values(contents, number)
        return np.asarray(ndimage.uniform_filter(bright, _SMOOTHING_PIXELS))

    threshold = _CT_THRESHOLD_HU
    if _first(contents, CommonTags.Modality) != "CT":
        some = range(0, count, math.ceil(count / _FRAMES_FOR_THRESHOLD))
        threshold = _threshold(np.stack([smoothed(number) for number in some]))
    body = np.empty(frames.shape[:3], bool)

    def separate(number: int) -> None:
        above = (smoothed(number) > threshold).view(np.uint8)
        thin = ndimage.minimum_filter(above, _THINNEST_PIXELS)
        body[number] = ndimage.maximum_filter(thin, _THINNEST_PIXELS)

    def widen(number: int) -> None:
        wide = ndimage.maximum_filter(body[number].view(np.uint8), 2 * _MARGIN_PIXELS + 1)
        body[number] = ndimage.binary_fill_holes(wide)

    map_frames(separate, count, num_threads)
    depth = contents.axes[-1].size if contents.axes else 1
    for volume in body.reshape(-1, depth, *body.shape[1:]):
        _drop_small_parts(volume, ndimage)
    map_frames(widen, count, num_threads)
    return body


def _drop_small_parts(volume: Mask, ndimage: Any) -> None:
    labels, _ = ndimage.label(volume)
    sizes = np.bincount(labels.reshape(-1))
    sizes[0] = 0
    large = sizes >= max(1.0, _SMALLEST_PART * sizes.max())
    volume[...] = large[labels]


def _threshold(values: Float32Array) -> float:
    """A quarter of the way from the mean of the darker class to Otsu's threshold."""
    low, high = np.percentile(values, _RANGE_PERCENTILES)
    if not high > low:
        return float(high)
    counts, edges = np.histogram(values.clip(low, high), _BINS)
    centres = (edges[:-1] + edges[1:]) / 2
    below = np.cumsum(counts)[:-1]
    sum_below = np.cumsum(counts * centres)[:-1]
    total, sum_total = counts.sum(), (counts * centres).sum()
    # Between-class variance, up to a constant factor; neither class is empty: the range has ends.
    variance = (sum_total * below - total * sum_below) ** 2 / (below * (total - below))
    best = int(np.argmax(variance))
    dark = float(sum_below[best] / below[best])
    return dark + (float(edges[best + 1]) - dark) / 4


def _output_values(contents: CubeContents, number: int) -> Float32Array:
    """Output values of a frame, (rows, columns); of colour the brightest sample."""
    header, rescale = contents.header, contents.rescale
    slope = header.RescaleSlope if rescale is None else rescale.slopes[number]
    intercept = header.RescaleIntercept if rescale is None else rescale.intercepts[number]
    frame = contents.frames[number]
    values = (frame.max(axis=2) if frame.ndim == 3 else frame).astype(np.float32)
    return np.asarray(values * np.float32(slope) + np.float32(intercept))


def _first(contents: CubeContents, tag: int) -> Any:
    return None if contents.meta is None else contents.meta.value.get_values(tag)[0]


def _ndimage() -> Any:
    return extra_module("scipy.ndimage", extra="roi", purpose="finding the body")
