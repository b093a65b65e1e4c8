"""How output values go into pixel data: 16-bit integers with one rescale, or floats as they are.

"exact" means bit for bit: stored value x slope + intercept, computed in float64 and cast to the
dtype of the array, gives every value back. Slope and intercept are those that a file can hold, so
what a reader computes is what was checked here.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final, Literal, get_args

import numpy as np
import numpy.typing as npt
from pydicom.valuerep import format_number_as_ds

from dicube.exceptions import DataConsistencyError

Array = npt.NDArray[Any]
Float64Array = npt.NDArray[np.float64]
Precision = Literal["exact", "int16"]

PRECISIONS: Final = get_args(Precision)
_WORDS: Final = (np.dtype(np.int16), np.dtype(np.uint16))
_LEVELS: Final = 1 << 16  # values that 16 bits tell apart
_LARGEST: Final = 2.0**1020  # sums and products of larger numbers overflow; they stay floats
_EARLY_SAMPLES: Final = 1 << 18  # enough of a measured volume to see that it has too many values
_MAX_DIGITS: Final = 14  # significant digits of the longest fraction in a DS (PS3.5 6.2)
_SLACK: Final = 2.0**-50  # the intervals of slopes are computed in float64 themselves
_ROUNDS: Final = 40  # Euclid's algorithm at least halves its remainder


@dataclass(frozen=True)
class StoredForm:
    """Values as pixel data hold them.

    Attributes
    ----------
    values : array
        int16, uint16, uint8, float32 or float64, native byte order; shape of the output values.
    slope, intercept : float
        Output value = stored value x slope + intercept, in float64; both fit a DS. 1 and 0 for
        floats.
    largest_error : float
        Largest difference between an output value and the one that was given; 0 if exact.
    """

    values: Array
    slope: float = 1.0
    intercept: float = 0.0
    largest_error: float = 0.0

    @property
    def is_float(self) -> bool:
        """Whether only Float or Double Float Pixel Data hold the values."""
        return self.values.dtype.kind == "f"

    def decoded(self, dtype: npt.DTypeLike) -> Array:
        """The output values that a reader gets, as `dtype`."""
        return decode(self.values, self.slope, self.intercept, dtype)


def decode(stored: Array, slope: float, intercept: float, dtype: npt.DTypeLike) -> Array:
    """Output values of stored values; neither is touched where the rescale is 1 and 0."""
    if (slope, intercept) == (1.0, 0.0):
        return stored.astype(dtype, copy=False)
    return (stored.astype(np.float64) * slope + intercept).astype(dtype)


def as_decimal(number: float) -> float:
    """The number as the 16 characters of a DS hold it (PS3.5 6.2)."""
    return float(format_number_as_ds(float(number)))


def check_precision(precision: str) -> None:
    """Refuse a precision that there is not.

    Raises
    ------
    DataConsistencyError
        It is not "exact" or "int16".
    """
    if precision not in PRECISIONS:
        raise DataConsistencyError(
            f"precision {precision!r} is unknown", hint="one of " + ", ".join(PRECISIONS)
        )


def stored_form(values: Array, precision: Precision = "exact") -> StoredForm:
    """Values as pixel data that hold them exactly, or as 16-bit integers that come close.

    Parameters
    ----------
    values : array
        Output values: bool, integers or floats of up to 64 bits.
    precision : "exact" or "int16"
        "exact" prefers integers of 16 bits, with a slope where one fits every value, to floats.
        "int16" takes 16 bits in any case; what is not exact then is off by up to half a slope.

    Returns
    -------
    StoredForm

    Raises
    ------
    DataConsistencyError
        No DICOM pixel data hold the values exactly (complex, integers beyond float64...); or they
        are not finite and "int16" was asked for.
    """
    check_precision(precision)
    if values.dtype.kind not in "biuf" or values.dtype.itemsize > 8:
        raise DataConsistencyError(
            f"{values.dtype.name} values have no place in DICOM pixel data",
            hint="give integers or real floats of up to 64 bits",
        )
    native = values.astype(values.dtype.newbyteorder("="), copy=False)
    form = _as_it_is(native) or _with_slope(native)
    if form is not None:
        return form
    if precision == "int16":
        return _rounded(native)
    if native.dtype.kind != "f":
        raise DataConsistencyError(
            f"the {native.dtype.name} values are no integers of 16 bits times one slope",
            hint="convert the array to float64 where that is exact, or choose precision='int16'",
        )
    return StoredForm(native.astype(np.float32) if native.itemsize == 2 else native)


def _as_it_is(values: Array) -> StoredForm | None:
    """Integers that fit 16 bits without a slope."""
    if values.dtype.kind == "b":
        return StoredForm(values.astype(np.uint8))
    if values.dtype.kind == "f":
        return None
    if values.dtype == np.uint8 or values.dtype in _WORDS:
        return StoredForm(values)
    word = _word_for(int(values.min()), int(values.max()))
    return None if word is None else StoredForm(values.astype(word))


def _word_for(lowest: int, highest: int) -> np.dtype[Any] | None:
    for word in _WORDS:
        limits = np.iinfo(word)
        if limits.min <= lowest and highest <= limits.max:
            return word
    return None


# ---- integers times one slope -----------------------------------------------------------------


def _with_slope(values: Array) -> StoredForm | None:
    """Integers of 16 bits with the rescale that gives every value back; None if there is none."""
    distinct = _distinct(values)
    if distinct is None:
        return None
    for slope, intercept in _rescales(distinct):
        counts = np.rint((distinct.astype(np.float64) - intercept) / slope)
        if not np.isfinite(counts).all():
            continue
        word = _word_for(int(counts.min()), int(counts.max()))
        if word is None:
            continue
        if _same_bits(decode(counts.astype(word), slope, intercept, values.dtype), distinct):
            stored = np.rint((values.astype(np.float64) - intercept) / slope).astype(word)
            return StoredForm(stored, slope, intercept)
    return None


def _distinct(values: Array) -> Array | None:
    """The different values in ascending order; None if 16 bits cannot tell them apart.

    A zero with a sign counts as too much: integers have none.
    """
    flat = values.reshape(-1)
    if np.unique(flat[:_EARLY_SAMPLES]).size > _LEVELS:
        return None
    if values.dtype.kind == "f":
        if not np.isfinite(flat).all() or (np.signbit(flat) & (flat == 0)).any():
            return None
    distinct = np.unique(flat)
    return None if distinct.size > _LEVELS else distinct


def _rescales(distinct: Array) -> Iterator[tuple[float, float]]:
    """Slopes and intercepts worth a try, the simplest first."""
    yield 1.0, 0.0
    numbers = distinct.astype(np.float64)
    as_floats = distinct if distinct.dtype.kind == "f" else numbers
    with np.errstate(over="ignore", invalid="ignore"):  # beside the largest float there is none
        rounding = np.abs(np.spacing(as_floats)).astype(np.float64) / 2
    if not np.isfinite(rounding).all() or np.abs(numbers).max() > _LARGEST:
        return
    yield from ((slope, 0.0) for slope in _slopes(numbers, rounding))
    lowest = as_decimal(numbers[0])
    above = numbers - numbers[0]
    yield from ((slope, lowest) for slope in _slopes(above, rounding + rounding[0]))


def _slopes(multiples: Float64Array, rounding: Float64Array) -> Iterator[float]:
    """Numbers that all multiples are integer multiples of, decimals of few digits first.

    Each multiple, known up to its rounding, leaves the slope an interval; what lies in all of them
    gives every multiple back.
    """
    order = np.argsort(np.abs(multiples))
    order = order[multiples[order] != 0]
    sizes, rounding = np.abs(multiples)[order], rounding[order]
    step = _common_step(sizes, rounding) if sizes.size else None
    if step is None:
        return
    counts = np.rint(sizes / step)
    lowest, highest = ((sizes - rounding) / counts).max(), ((sizes + rounding) / counts).min()
    before = 0.0
    for digits in range(1, _MAX_DIGITS + 1):
        slope = as_decimal(float(f"{lowest + (highest - lowest) / 2:.{digits}g}"))
        if slope != before and lowest <= slope * (1 + _SLACK) and slope * (1 - _SLACK) <= highest:
            before = slope
            yield slope


def _common_step(sizes: Float64Array, rounding: Float64Array) -> float | None:
    """The greatest number that all sizes, above 0 and ascending, are multiples of; about.

    Euclid's algorithm on numbers that are off by their rounding. A remainder is known less well
    than its divisor, so each new step is made precise before it divides large numbers: from the
    multiples nearest to it to the largest one. A wrong step does no harm, it is checked later.
    """
    step = float(sizes[0])
    for _ in range(_ROUNDS):
        if sizes[-1] > 2.0 * _LEVELS * step:
            return None
        step = _precise(step, sizes)
        remainders = np.abs(sizes - np.rint(sizes / step) * step)
        left = np.flatnonzero(remainders > 8 * rounding + 1e-3 * step)
        if not left.size:
            return step
        step = float(remainders[left[0]])
    return None


def _precise(step: float, sizes: Float64Array) -> float:
    for reach in (8, 256, 8192, 4 * _LEVELS):
        near = float(sizes[max(0, int(np.searchsorted(sizes, reach * step, "right")) - 1)])
        count = round(near / step)
        if count and abs(near / step - count) < 0.2:
            step = near / count
    return step


def _same_bits(first: Array, second: Array) -> bool:
    return first.dtype == second.dtype and first.tobytes() == second.tobytes()


# ---- 16 bits at any price ---------------------------------------------------------------------


def _rounded(values: Array) -> StoredForm:
    numbers = values.astype(np.float64)
    if not np.isfinite(numbers).all():
        raise DataConsistencyError(
            "values that are not finite (NaN, infinity) have no 16-bit form",
            hint="replace them, or keep them with precision='exact'",
        )
    word, slope, intercept = _even_rescale(float(numbers.min()), float(numbers.max()))
    limits = np.iinfo(word)
    stored = np.rint((numbers - intercept) / slope).clip(limits.min, limits.max).astype(word)
    error = float(np.abs(stored * np.float64(slope) + intercept - numbers).max())
    return StoredForm(stored, slope, intercept, error)


def _even_rescale(lowest: float, highest: float) -> tuple[np.dtype[Any], float, float]:
    """Dtype, slope and intercept that spread a range over 16 bits; 0 stays 0 if it is inside.

    Values all above 0 and far from it get an intercept, or most of the 16 bits would be empty.
    """
    signed, unsigned = _WORDS
    if lowest < 0 < highest:
        return signed, _slope_of(max(-lowest, highest) / np.iinfo(signed).max), 0.0
    if lowest >= 0 and lowest <= highest - lowest:
        return unsigned, _slope_of(highest / (_LEVELS - 1)), 0.0
    return unsigned, _slope_of((highest - lowest) / (_LEVELS - 1)), as_decimal(lowest)


def _slope_of(exact: float) -> float:
    slope = as_decimal(exact)
    return slope if slope > 0 else 1.0
