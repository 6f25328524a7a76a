"""Learning times of residuals whose crossing is known."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from saddlescope.arguments import ArgumentError
from saddlescope.measure import learning_times

TIME = np.linspace(0, 10, 41)


@dataclass
class Run:
    """As much of a trajectory as learning times need."""

    time: np.ndarray
    observables: dict[str, Any]
    parameters: dict[str, Any]


def decay(time, target, rate=1.0):
    residual = np.exp(-rate * time)[:, None] * np.asarray(target, dtype=float)
    return residual, -rate * residual


@pytest.mark.parametrize("fraction", [0.1, 0.5, 0.9])
def test_exponential_decay(fraction):
    target = [2.0, -0.5, 1.0]
    residual, rate = decay(TIME, target)
    exact = -np.log(fraction)
    sharp = learning_times(time=TIME, residual=residual, target=target, rate=rate, fraction=fraction)
    np.testing.assert_allclose(sharp, exact, rtol=1e-6)
    plain = learning_times(time=TIME, residual=residual, target=target, fraction=fraction)
    np.testing.assert_allclose(plain, exact, rtol=2e-2)


def logistic(time):
    residual = 1 / (1 + np.exp(3 * (time - 5.0)))
    return residual[:, None], (-3 * residual * (1 - residual))[:, None]


def test_error_falls_with_the_eighth_power_of_the_step_where_the_rate_is_known():
    errors = []
    for size in (31, 61, 121):
        time = np.linspace(0.03, 10.1, size)
        residual, rate = logistic(time)
        result = learning_times(time=time, residual=residual, target=[1.0], rate=rate, fraction=0.3)
        errors.append(abs(result[0] - (5 + np.log(0.7 / 0.3) / 3)))
    assert errors[0] < 1e-4
    assert errors[2] < 1e-8
    assert errors[2] < errors[0] / 4**6


def test_without_rates_the_crossing_beats_a_straight_line():
    for size in (41, 81):
        time = np.linspace(0.03, 10.1, size)
        residual, _ = logistic(time)
        exact = 5 + np.log(0.8 / 0.2) / 3
        result = learning_times(time=time, residual=residual, target=[1.0], fraction=0.2)[0]
        line = np.interp(-0.2, -residual[:, 0], time)
        assert abs(result - exact) < abs(line - exact) / 2


def test_a_residual_that_jumps_over_the_level_within_one_step_has_crossed_it():
    residual = np.where(TIME < 4.9, 1.0, -0.9)[:, None]
    result = learning_times(time=TIME, residual=residual, target=[1.0])
    assert 4.75 <= result[0] <= 5.0
    np.testing.assert_allclose(learning_times(time=TIME, residual=-residual, target=[-1.0]), result)


def test_never_learnt_nothing_to_learn_and_learnt_from_the_start():
    residual, rate = decay(TIME, [1.0, 0.0, 1.0])
    residual[:, 0] = 0.6 + 0.4 * residual[:, 0]
    target = [1.0, 0.0, 3.0]
    for given_rate in (None, rate):
        result = learning_times(time=TIME, residual=residual, target=target, rate=given_rate)
        assert np.isnan(result[0])
        assert np.isnan(result[1])
        assert result[2] == 0.0


def test_the_first_of_several_crossings_counts():
    time = np.linspace(0, 12, 241)
    residual = np.cos(time)[:, None]
    for rate in (None, -np.sin(time)[:, None]):
        result = learning_times(time=time, residual=residual, target=[1.0], rate=rate)
        np.testing.assert_allclose(result, np.pi / 3, rtol=1e-3 if rate is None else 1e-9)


def test_steps_of_very_different_length_do_no_harm():
    crossing = 1e-7
    time = np.concatenate(([0.0], crossing * (1 + np.linspace(-1e-8, 1e-8, 8)), [1.0, 2.0]))
    x = (time - crossing) / crossing * 1e8
    residual = 1 / (1 + np.exp(np.clip(2 * x, -700, 700)))
    result = learning_times(time=time, residual=residual[:, None], target=[1.0], rate=None)
    np.testing.assert_allclose(result, crossing, rtol=1e-9)
    rate = -2e8 / crossing * residual * (1 - residual)
    result = learning_times(time=time, residual=residual[:, None], target=[1.0], rate=rate[:, None])
    np.testing.assert_allclose(result, crossing, rtol=1e-12)


def test_wrong_rates_are_no_worse_than_their_bracket():
    residual, _ = decay(TIME, [1.0])
    wild = np.full_like(residual, 1e3)
    result = learning_times(time=TIME, residual=residual, target=[1.0], rate=wild)
    assert 0.5 <= result[0] <= 0.75


@given(st.floats(1e-12, 1e12), st.floats(1e-6, 1e6), st.floats(0.05, 0.95), st.booleans())
@settings(max_examples=30, deadline=None, derandomize=True)
def test_units_and_signs_do_not_matter(unit, size, fraction, known):
    residual, rate = decay(TIME, [1.0, 0.3], rate=0.7)
    sign = np.array([-1.0, 1.0])
    plain = learning_times(
        time=TIME, residual=residual, target=[1.0, 0.3], rate=rate if known else None, fraction=fraction
    )
    scaled = learning_times(
        time=unit * TIME,
        residual=size * sign * residual,
        target=size * sign * [1.0, 0.3],
        rate=size * sign * rate / unit if known else None,
        fraction=fraction,
    )
    np.testing.assert_allclose(scaled, unit * plain, rtol=1e-9)


def test_trajectory_and_arrays_give_the_same():
    residual, rate = decay(TIME, [1.0, 0.0, 2.0])
    parameters = {"link_coefficients": [1.0, 0.0, 2.0]}
    for observables in ({"residual": residual, "residual_rate": rate}, {"residual": residual}):
        trajectory = Run(time=TIME, observables=observables, parameters=parameters)
        direct = learning_times(
            time=TIME, residual=residual, target=[1.0, 0.0, 2.0], rate=observables.get("residual_rate")
        )
        np.testing.assert_array_equal(learning_times(trajectory), direct)
    assert learning_times(trajectory, 0.9)[0] == pytest.approx(-np.log(0.9), rel=0.05)


RESIDUAL, _ = decay(TIME, [1.0, 2.0])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"fraction": 0.0}, "Argument `fraction` must lie strictly between 0 and 1"),
        ({"fraction": 1.0}, "Argument `fraction` must lie strictly between 0 and 1"),
        ({"time": TIME[::-1]}, "Argument `time` must increase strictly"),
        ({"time": TIME[1:]}, "Argument `residual` must have the shape"),
        ({"residual": RESIDUAL[:, :1]}, "Argument `residual` must have the shape"),
        ({"residual": RESIDUAL * np.nan}, "Argument `residual` must hold finite"),
        ({"target": [1.0, np.nan]}, "Argument `target` must be a list of finite"),
        ({"rate": RESIDUAL[1:]}, "Argument `rate` must have the shape"),
    ],
)
def test_bad_input_is_refused_with_one_sentence(arguments, message):
    with pytest.raises(ArgumentError, match=message):
        learning_times(**({"time": TIME, "residual": RESIDUAL, "target": [1.0, 2.0]} | arguments))


def test_bad_trajectory_is_refused():
    bare = Run(time=TIME, observables={}, parameters={})
    with pytest.raises(ArgumentError, match='Argument `trajectory` must have the observable "residual"'):
        learning_times(bare)
    with pytest.raises(ArgumentError, match="Argument `trajectory` must be given without"):
        learning_times(bare, time=TIME)
    bare.observables["residual"] = RESIDUAL
    with pytest.raises(ArgumentError, match='must have the parameter "link_coefficients"'):
        learning_times(bare)


def noisy_rates(size, noise):
    """A residual that falls by a logistic in log time, on a solver's long steps, with rates that cancellation ate."""
    time = np.logspace(-4, 2, size)
    residual = 0.8 / (1 + (time / 0.7) ** 2.3)
    exact_rate = -0.8 * 2.3 * (time / 0.7) ** 1.3 / 0.7 / (1 + (time / 0.7) ** 2.3) ** 2
    return time, residual[:, None], (exact_rate + noise * np.cos(40 * np.log(time)))[:, None]


@pytest.mark.parametrize("noise", [1e3, 30.0, 2.0])
def test_rates_that_are_no_slope_of_the_values_are_not_believed(noise):
    # at small epsilon the rate is a small difference of large numbers: 249 where the residual falls by 0.05
    time, residual, rate = noisy_rates(160, noise)
    exact = 0.7
    result, off = learning_times(time=time, residual=residual, target=[0.8], rate=rate, errors=True)
    assert result[0] == pytest.approx(exact, rel=1e-4)
    assert 0 < off[0] < 0.02
    assert abs(result[0] - exact) <= off[0]


def test_true_rates_are_still_believed():
    time, residual, rate = noisy_rates(160, 0.0)
    result, off = learning_times(time=time, residual=residual, target=[0.8], rate=rate, errors=True)
    assert result[0] == pytest.approx(0.7, rel=1e-8)
    assert off[0] < 1e-4


def test_a_rate_or_a_residual_that_is_not_finite_does_not_hide_what_was_learnt_before():
    residual, rate = decay(TIME, [1.0])
    rate[-1] = np.nan
    exact = learning_times(time=TIME, residual=residual, target=[1.0], rate=rate)
    np.testing.assert_allclose(exact, np.log(2), rtol=1e-6)
    rate[2:5] = np.inf
    plain = learning_times(time=TIME, residual=residual, target=[1.0], rate=rate)
    np.testing.assert_allclose(plain, np.log(2), rtol=1e-3)
    residual[-3:] = np.nan
    run = Run(TIME, {"residual": residual, "residual_rate": rate}, {"link_coefficients": [1.0]})
    np.testing.assert_allclose(learning_times(run), plain, rtol=1e-9)
