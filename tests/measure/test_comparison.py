"""Measured times beside predicted ones."""

from __future__ import annotations

import numpy as np
import pytest

from saddlescope.arguments import ArgumentError
from saddlescope.measure import compare_times, local_exponents

EPSILON = np.logspace(-14, -4, 11)


def first_degree(epsilon, phi=1.0, sigma=1.0, variance=1.0):
    """t₁ = ε^{1/2} log(4|φ₁| / (v |σ₁| ε^{1/2})) / (2 |σ₁ φ₁|)."""
    return np.sqrt(epsilon) * np.log(4 * phi / (variance * sigma * np.sqrt(epsilon))) / (2 * sigma * phi)


def test_a_prediction_with_a_logarithm_is_followed_where_a_bare_power_is_not():
    predicted = first_degree(EPSILON)
    measured = predicted * (1 + 0.3 * EPSILON**0.25)
    # a bare power shows 0.47 at 1e-14, which is no error of the run
    assert local_exponents(EPSILON, measured)[1][0] == pytest.approx(0.47, abs=0.005)
    result = compare_times(EPSILON, measured, predicted)
    np.testing.assert_allclose(result.ratio, 1 + 0.3 * EPSILON**0.25, rtol=1e-12)
    assert result.exponent.contains(0.0)
    assert abs(result.exponent.value) < 1e-6
    assert result.trend is not None
    assert result.trend.value == pytest.approx(0.25, abs=1e-6)
    assert result.converges
    assert result.agrees(1e-3)
    assert not result.agrees(1e-5)
    assert result.finest == pytest.approx(1, abs=1e-3)
    bare = compare_times(EPSILON, measured, np.sqrt(EPSILON))
    assert not bare.converges
    assert not bare.agrees(0.5)
    assert not bare.exponent.contains(0.0)


def test_a_wrong_constant_shows_in_the_ratio_and_not_in_its_exponent():
    result = compare_times(EPSILON, 1.1 * EPSILON**0.25, EPSILON**0.25)
    np.testing.assert_allclose(result.ratio, 1.1)
    assert result.exponent.contains(0.0)
    assert not result.agrees(0.05)
    assert not result.converges


def test_perfect_agreement_has_no_trend():
    result = compare_times(EPSILON[::-1], EPSILON[::-1], EPSILON[::-1])
    assert result.trend is None
    assert result.converges
    assert result.agrees(1e-12)
    np.testing.assert_array_equal(result.deviation, 0)


def test_order_of_epsilon_does_not_matter_and_few_values_do():
    order = np.random.default_rng(0).permutation(11)
    times, predicted = EPSILON**0.5 * (1 + EPSILON**0.2), EPSILON**0.5
    sorted_, shuffled = (compare_times(EPSILON[o], times[o], predicted[o]) for o in (np.arange(11), order))
    np.testing.assert_allclose(sorted_.ratio, shuffled.ratio)
    assert np.all(np.diff(shuffled.epsilon) > 0)
    few = compare_times(EPSILON[:4], times[:4], predicted[:4])
    assert few.exponent.points == 4
    assert "measured / predicted" in str(few)
    assert len(str(few).splitlines()) == 7


@pytest.mark.parametrize(
    ("predicted", "message"),
    [
        (EPSILON[1:], "Argument `predicted` must have one entry for each of the 11"),
        (-EPSILON, "Argument `predicted` must be positive"),
        (EPSILON * np.nan, "Argument `predicted` must hold finite"),
    ],
)
def test_bad_input_is_refused_with_one_sentence(predicted, message):
    with pytest.raises(ArgumentError, match=message):
        compare_times(EPSILON, EPSILON, predicted)


def test_bad_tolerance_is_refused():
    with pytest.raises(ArgumentError, match="Argument `tolerance` must be positive"):
        compare_times(EPSILON, EPSILON, EPSILON).agrees(0)
