"""Tsit5 at rest: its steps stay within their stable length, whatever the error of a step would allow."""

from typing import Any

import diffrax
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from saddlescope.outcome import Outcome
from saddlescope.solve import System, integrate, relative
from saddlescope.solve.methods.tsit5 import Tsit5

ROTATION = np.linalg.qr(np.random.default_rng(0).standard_normal((3, 3)))[0]
RESTS = np.array([0.3, -1.1, 0.7])


class Resting(System):
    """y' = -M (y - RESTS): what starts at RESTS stays there."""

    rates: jax.Array

    def solver(self) -> Any:
        return Tsit5()

    def vector_field(self, y):
        turned = jnp.asarray(ROTATION)
        matrix = (turned * self.rates) @ turned.T
        return matrix @ RESTS - (turned * self.rates) @ (turned.T @ y)  # zero to rounding, and not exactly, there

    def observables(self, y, rate):
        return {"risk": jnp.sum((y - RESTS) ** 2), "y": y}

    def error_norm(self, error, before, after, rtol, atol):
        return jnp.max(jnp.abs(relative(error, before, after, rtol, atol)))


class Unbounded(Resting):
    """The same with diffrax's method, whose steps nothing but their error holds."""

    def solver(self):
        return diffrax.Tsit5()


def followed(system: System, y0: np.ndarray, until: float):
    grid = np.linspace(until / 50, until, 50)
    return integrate(system, jnp.asarray(y0), grid, first_step=1e-3, rtol=1e-6, atol=1e-6, max_steps=100_000)


@pytest.mark.parametrize("stiffness", [1.0, 1e3])
def test_what_rests_stays_at_rest_to_rounding(stiffness: float):
    moved, without = [], []
    for turn in range(4):  # when rounding shows is chance: a few ways to round
        rates = stiffness * (1 + 1e-9 * turn) * jnp.array([1.0, 0.2, 0.01])
        record = followed(Resting(rates), RESTS, 1000.0 / stiffness)
        assert record.outcome is Outcome.REACHED_END
        assert record.solver["steps_accepted"] < 1000 / 2  # not much below the stable length of the fastest
        moved.append(np.abs(record.observables["y"] - RESTS).max())
        free = followed(Unbounded(rates), RESTS, 1000.0 / stiffness)
        without.append(np.abs(free.observables["y"] - RESTS).max())
    assert max(moved) < 1e-11
    # without the bound, rounding grows to the size of the tolerance
    assert max(without) > 1e-7


def test_the_bound_costs_no_steps_where_something_moves():
    """From far away the error of a step asks for less than the stable length: the steps are the same."""
    rates, until = jnp.array([1.0, 0.5, -0.2]), 4.0
    ours, theirs = (followed(kind(rates), np.zeros(3), until).solver["steps_accepted"] for kind in (Resting, Unbounded))
    assert ours <= 1.1 * theirs + 1


class Cubic(Resting):
    """y' = y - y^3, number by number: 1 / y^2 - 1 falls like exp(-2 t)."""

    def vector_field(self, y):
        return y - y**3


def test_a_step_far_too_long_is_refused_and_tells_nothing_of_the_stable_length():
    """Its stages overflow: taken for a rate, they would end the run, or hold its steps to next to nothing."""
    grid, start = np.linspace(0.1, 10.0, 50), np.array([0.1, -0.2, 0.5])
    record = integrate(
        Cubic(jnp.zeros(3)), jnp.asarray(start), grid, first_step=1e4, rtol=1e-4, atol=1e-6, max_steps=10_000
    )
    assert record.outcome is Outcome.REACHED_END
    exact = np.sign(start) / np.sqrt(1 + (start**-2 - 1) * np.exp(-2 * record.times[:, None]))
    assert np.abs(record.observables["y"] - exact).max() < 1e-3
    assert record.solver["steps_accepted"] + record.solver["steps_rejected"] < 60
