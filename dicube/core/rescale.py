"""From stored values to output values: one rescale for all frames, or one for each."""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from dicube.dicom.dicom_meta import DicomMeta
from dicube.dicom.dicom_tags import CommonTags
from dicube.exceptions import DataConsistencyError

Float64Array = npt.NDArray[np.float64]


class FrameRescale(NamedTuple):
    """Slope and intercept of each frame (PS3.3 C.11.1.1), (frames,) float64 each."""

    slopes: Float64Array
    intercepts: Float64Array

    def repeated(self, times: int) -> "FrameRescale":
        """The same for frames each of which became several."""
        return FrameRescale(self.slopes.repeat(times), self.intercepts.repeat(times))

    @property
    def is_uniform(self) -> bool:
        """Whether all frames have the same."""
        return bool((self.slopes == self.slopes[0]).all()) and bool(
            (self.intercepts == self.intercepts[0]).all()
        )


def rescale_of(frames: DicomMeta) -> FrameRescale:
    """The rescale of each frame from Rescale Slope and Intercept; 1 and 0 where there are none.

    `frames` has one slice for each frame.
    """
    columns = []
    for tag, neutral in ((CommonTags.RescaleSlope, 1.0), (CommonTags.RescaleIntercept, 0.0)):
        values = [_number(value, neutral) for value in frames.get_values(tag)]
        columns.append(np.array(values, dtype=np.float64))
    return FrameRescale(*columns)


def apply_rescale(
    values: npt.NDArray[Any], slope: Any, intercept: Any, dtype: npt.DTypeLike
) -> npt.NDArray[Any]:
    """Values x slope + intercept, computed in `dtype`.

    Raises
    ------
    DataConsistencyError
        `dtype` is not a floating point type.
    """
    kind = np.dtype(dtype)
    if kind.kind != "f":
        raise DataConsistencyError(
            f"dtype {kind.name} is no floating point type",
            hint="use float16, float32 or float64, or `raw_image` for stored values",
        )
    with np.errstate(over="ignore", invalid="ignore"):  # what becomes infinite or NaN is so
        output = values.astype(kind)
        if not np.all(np.asarray(slope) == 1):
            output *= np.asarray(slope).astype(kind)
        if not np.all(np.asarray(intercept) == 0):
            output += np.asarray(intercept).astype(kind)
    return output


def undo_rescale(
    output: npt.NDArray[Any], slope: Any, intercept: Any, dtype: npt.DTypeLike
) -> npt.NDArray[Any]:
    """The stored values of `dtype` that output values most likely came from.

    Nobody promises that they did: whoever needs the very values compares their digest.
    """
    kind = np.dtype(dtype)
    with np.errstate(all="ignore"):
        stored = (output.astype(np.float64) - intercept) / slope
        if kind.kind in "iu":
            np.rint(stored, out=stored)
        found: npt.NDArray[Any] = stored.astype(kind)
    return found


def _number(value: Any, neutral: float) -> float:
    """A usable number, or the neutral one: an empty or malformed rescale changes nothing."""
    value = value[0] if isinstance(value, list) and value else value
    try:
        number = float(value)
    except (TypeError, ValueError):
        return neutral
    return number if np.isfinite(number) else neutral
