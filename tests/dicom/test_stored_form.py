"""Output values as pixel data: what is exact is so bit for bit, what is not says by how much."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from pydicom.valuerep import format_number_as_ds

from dicube.dicom.stored_form import decode, stored_form
from dicube.exceptions import DataConsistencyError

COUNTS = np.random.default_rng(5).integers(0, 4096, (3, 4, 9, 7))


def arrays(dtype: str):
    return hnp.arrays(dtype, hnp.array_shapes(min_dims=3, max_dims=4, max_side=5))


@pytest.mark.parametrize(
    "dtype", ["bool", "uint8", "int8", "int16", "uint16", "float16", "float32", "float64"]
)
@given(data=st.data())
def test_decoded_values_are_the_given_ones_bit_for_bit(dtype, data):
    values = data.draw(arrays(dtype))
    form = stored_form(values)
    decoded = form.decoded(dtype)
    assert decoded.dtype == values.dtype
    assert decoded.tobytes() == values.tobytes()
    assert form.largest_error == 0
    assert form.values.dtype.name in ("uint8", "int16", "uint16", "float32", "float64")
    for number in (form.slope, form.intercept):
        assert float(format_number_as_ds(number)) == number


@pytest.mark.parametrize(
    "values", [[2.0**1023], [1e308, 1.5e308, -1e308], [np.finfo(float).max, 0.5], [5e-324, 1e308]]
)
def test_the_largest_numbers_stay_as_they_are(values):
    array = np.array(values).reshape(1, 1, -1)
    assert stored_form(array).decoded("float64").tobytes() == array.tobytes()


@pytest.mark.parametrize(
    ("values", "slope", "intercept"),
    [
        ((COUNTS * 0.1).astype(np.float32), 0.1, 0.0),
        (COUNTS * 0.1, 0.1, 0.0),
        (COUNTS - 1024.0, 1.0, 0.0),
        (((COUNTS - 2000) * 0.37).astype(np.float32), 0.37, 0.0),
        (COUNTS.astype(np.float32) * np.float32(0.5), 0.5, 0.0),
        ((COUNTS + 100_000).astype(np.float32), 1.0, 100_000.0),
        (COUNTS * 1000, 1000.0, 0.0),
        (COUNTS.astype(np.int64) * 10 + 1_000_003, 10.0, 1_000_003.0),
        (np.full((1, 1, 1), 3.7), 3.7, 0.0),
    ],
)
def test_integers_times_one_slope_are_found(values, slope, intercept):
    form = stored_form(values)
    assert not form.is_float
    assert form.slope == pytest.approx(slope, rel=1e-7)
    assert form.intercept == intercept
    assert form.decoded(values.dtype).tobytes() == values.tobytes()


def test_slope_of_a_division_is_found():
    values = (COUNTS / 3).astype(np.float32)
    assert stored_form(values).decoded(np.float32).tobytes() == values.tobytes()
    assert not stored_form(values).is_float


@pytest.mark.parametrize("odd", [np.nan, np.inf, -np.inf, -0.0, 1e-300, 1e300, np.pi])
def test_what_integers_cannot_say_stays_floating_point(odd):
    values = COUNTS.astype(np.float64)
    values[0, 0, 0, 0] = odd
    form = stored_form(values)
    assert form.values.dtype == np.float64
    assert form.values.tobytes() == values.tobytes()


def test_a_zero_gets_no_sign_from_a_slope_that_nearly_fits():
    values = np.array([1.953e-03, 0, -5.960e-08], np.float16)
    form = stored_form(values)
    assert (
        decode(form.values, form.slope, form.intercept, values.dtype).tobytes() == values.tobytes()
    )


def test_byte_order_of_the_array_does_not_matter():
    swapped = COUNTS.astype(">i2")
    assert stored_form(swapped).values.dtype == np.int16
    np.testing.assert_array_equal(stored_form(swapped).values, COUNTS)


@pytest.mark.parametrize(
    "values",
    [np.array([[[0, 2**62 + 1, 3]]]), np.array([[[0, 2**63 + 1]]], np.uint64),
     np.ones((1, 1, 1), complex), np.ones((1, 1, 1), np.longdouble), np.full((1, 1, 1), "x")],
)  # fmt: skip
def test_what_cannot_be_exact_is_refused(values):
    with pytest.raises(DataConsistencyError) as caught:
        stored_form(values)
    assert caught.value.hint


@pytest.mark.parametrize(
    "values",
    [np.random.default_rng(1).normal(size=(4, 5, 6)), np.linspace(0, 1e-3, 70_000),
     np.linspace(36, 38, 70_000), np.linspace(-5, -4, 70_000), np.array([np.pi]), np.array([-np.e]),
     np.array([-1e300, 3.1e299]), np.array([1e-310, 5e-310]), np.array([2**62 + 1, 3, -7])],
)  # fmt: skip
def test_sixteen_bits_are_off_by_half_a_slope_and_say_so(values):
    form = stored_form(values, "int16")
    assert form.values.dtype in (np.int16, np.uint16)
    error = np.abs(form.decoded(np.float64) - values.astype(np.float64)).max()
    assert error == form.largest_error
    assert error <= form.slope * 0.51


def test_sixteen_bits_keep_zero_and_what_fits_exactly():
    values = np.array([-1.0, 0.0, 0.1, np.pi])
    assert stored_form(values, "int16").decoded(np.float64)[1] == 0.0
    assert stored_form(COUNTS * 0.1, "int16").largest_error == 0


def test_sixteen_bits_take_finite_values_only():
    with pytest.raises(DataConsistencyError, match="not finite"):
        stored_form(np.array([1.0, np.nan]), "int16")


def test_unknown_precision_is_refused():
    with pytest.raises(DataConsistencyError, match="'best' is unknown"):
        stored_form(COUNTS, "best")
