"""Lists of numbers: what NumPy would turn into numbers in silence is refused by the name of its argument."""

from __future__ import annotations

import datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from saddlescope.arguments import ArgumentError, vector
from saddlescope.measure import plateaus

GOOD = np.arange(1.0, 21.0)
DAY = np.datetime64("2026-01-01")
NOT_NUMBERS: dict[str, Any] = {
    "bools": GOOD > 3,
    "a bool among numbers": [*GOOD[1:].tolist(), True],
    "complex": GOOD + 1j,
    "complex without imaginary part": GOOD + 0j,
    "digit strings": [str(int(g)) for g in GOOD],
    "bytes": np.array([b"1"] * 20),
    "a string among numbers": [*GOOD[1:].tolist(), "3"],
    "strings as objects": np.array([*GOOD[1:].tolist(), "3"], dtype=object),
    "dates": DAY + np.arange(20),
    "spans of time": np.arange(20) * np.timedelta64(1, "D"),
    "python dates": [datetime.date(2026, 1, 1 + k) for k in range(20)],
    "none": [*GOOD[1:].tolist(), None],
    "records": np.zeros(20, dtype=[("a", float)]),
    "text": "12345678901234567890",
    "a set": {1.0, 2.0},
}


@pytest.mark.parametrize("kind", NOT_NUMBERS)
def test_what_is_no_number_is_refused_by_its_name(kind):
    with pytest.raises(ArgumentError, match=r"Argument `value` must be a (non-empty )?list of numbers"):
        plateaus(time=GOOD, value=NOT_NUMBERS[kind])
    with pytest.raises(ArgumentError, match=r"Argument `time` must be a (non-empty )?list of numbers"):
        plateaus(time=NOT_NUMBERS[kind], value=GOOD)


def test_a_mask_is_not_ignored():
    hidden = np.ma.masked_array(GOOD, mask=GOOD % 7 == 3)
    with pytest.raises(ArgumentError, match="Argument `value` must hold no masked entries, but got 3 masked, first at"):
        plateaus(time=GOOD, value=hidden)
    whole = np.ma.masked_array(GOOD, mask=False)
    np.testing.assert_array_equal(vector("value", whole), GOOD)


def test_what_is_not_finite_is_counted_and_placed_and_not_printed():
    value = np.ones(5000)
    value[[43, 44, 90]], value[70] = np.nan, -np.inf
    with pytest.raises(ArgumentError, match="hold finite numbers only, but got 3 nan, 1 inf, first at index 43"):
        plateaus(np.arange(5000.0), value)


@pytest.mark.parametrize(
    "value",
    [
        [1, 2, 3],
        (1.0, np.float32(2), np.int8(3)),
        [Decimal(1), Fraction(2), 3],
        np.array([1, 2, 3], dtype=object),
        np.array([1, 2, 3], dtype=np.uint8),
        range(1, 4),
    ],
)
def test_all_kinds_of_numbers_are_taken(value):
    np.testing.assert_array_equal(vector("value", value), [1.0, 2.0, 3.0])
