"""BDF of variable order and step against exact solutions, its algebra of differences, and its memory."""

from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from saddlescope.solve import BDF, Outcome, System, integrate, loop, relative
from saddlescope.solve.methods.bdf import _after, _respaced

RNG = np.random.default_rng(0)
ROTATION = np.linalg.qr(RNG.standard_normal((5, 5)))[0]


class Mixed(System):
    """y' = -k y in turned axes, from which z is read: exact, as stiff as wished; A is a share of the Jacobian."""

    k: jax.Array
    share: jax.Array

    def solver(self):
        def factor(y, c, system):
            return jnp.linalg.inv(jnp.eye(5) + c * system.share * system.matrix())

        return BDF(factor=factor, solve=lambda inverse, y: inverse @ y)

    def matrix(self):
        return jnp.asarray(ROTATION) @ jnp.diag(self.k) @ ROTATION.T

    def vector_field(self, y):
        return -self.matrix() @ y

    def observables(self, y, rate):
        return {"risk": jnp.sum(y**2), "risk_rate": 2 * jnp.sum(y * rate), "y": y, "rate": rate}

    def error_norm(self, error, before, after, rtol, atol):
        return jnp.max(jnp.abs(relative(error, before, after, rtol, atol)))


def followed(system: Any, y0: np.ndarray, until: float, rtol: float, states: int = 60, first: float = 1e-6) -> Any:
    grid = np.geomspace(10 * first, until, states)
    return integrate(system, jnp.asarray(y0), grid, first_step=first, rtol=rtol, atol=rtol, max_steps=20_000)


def mixed(k: np.ndarray, share: float, rtol: float, **how: Any) -> tuple[Any, Callable]:
    record = followed(Mixed(jnp.asarray(k), jnp.asarray(share)), np.ones(5), 2.0, rtol, **how)
    start = ROTATION.T @ np.ones(5)
    return record, lambda times: (np.exp(-np.outer(times, k)) * start) @ ROTATION.T


@pytest.mark.parametrize("stiffness", [1e2, 1e6, 1e10])
def test_stiff_decay_in_steps_between_steps_and_in_rates(stiffness: float):
    k = np.array([0.5, 1.0, 3.0, 0.1 * stiffness, stiffness])
    record, exact = mixed(k, 1.0, 1e-7, first=1e-2 / stiffness)
    assert record.outcome is Outcome.REACHED_END
    assert np.abs(record.observables["y"] - exact(record.times)).max() < 1e-6
    assert np.abs(record.states - exact(record.state_times)).max() < 1e-6
    rates = (np.exp(-np.outer(record.times, k)) * -k * (ROTATION.T @ np.ones(5))) @ ROTATION.T
    # a state that is off by the tolerance in a stiff direction would have a field off by 1e3 and more
    late = record.times > 0.1
    assert np.abs(record.observables["rate"] - rates)[late].max() < 1e-4
    assert record.solver["evaluations"] < 2 * record.solver["steps_accepted"]


@pytest.mark.parametrize("share", [1.0, 0.5, 0.0])
def test_the_answer_does_not_depend_on_the_approximation_of_the_jacobian(share: float):
    record, exact = mixed(np.array([-0.4, 0.5, 1.0, 2.0, 3.0]), share, 1e-8)
    assert np.abs(record.observables["y"] - exact(record.times)).max() < 1e-7


def test_one_stiff_mode_that_the_approximation_lacks_does_not_stop_the_iteration():
    """A plain iteration diverges where c k > 1 for the mode of rate k that is left out: steps of 1e-3 and less."""
    k = np.array([0.5, 0.6, 0.7, 0.8, 2000.0])

    class Lacking(Mixed):
        def solver(self):
            return BDF(factor=lambda y, c, system: 1 / (1 + 0.6 * c), solve=lambda share, y: share * y)

    record = followed(Lacking(jnp.asarray(k), jnp.asarray(0.0)), np.ones(5), 2.0, 1e-6)
    exact = (np.exp(-np.outer(record.times, k)) * (ROTATION.T @ np.ones(5))) @ ROTATION.T
    assert np.abs(record.observables["y"] - exact).max() < 1e-5
    assert record.solver["steps_accepted"] + record.solver["steps_rejected"] < 300


def test_order_five():
    """A hundred thousand times smaller errors for ten times as many steps, or less."""
    k = np.array([0.5, 1.0, 2.0, 5.0, 20.0])
    runs = [mixed(k, 1.0, rtol) for rtol in (1e-5, 1e-10)]
    steps = [record.solver["steps_accepted"] for record, _ in runs]
    errors = [np.abs(record.observables["y"] - exact(record.times)).max() for record, exact in runs]
    assert errors[1] < 1e-9 < 1e-7 < errors[0] < 1e-4
    assert steps[1] < 10 * steps[0]


@pytest.mark.parametrize("order", [1, 3, 5])
@pytest.mark.parametrize("stretch", [0.3, 1.0, 1.7])
def test_differences_belong_to_the_same_polynomial_after_a_change_of_spacing_and_after_a_step(order, stretch):
    polynomial = np.polynomial.Polynomial(RNG.standard_normal(order + 1))

    def differences(t: float, h: float) -> np.ndarray:
        values, rows = polynomial(t - h * np.arange(8)), []
        for _ in range(8):
            rows.append(values[0])
            values = values[:-1] - values[1:]
        return np.array(rows)

    h = 0.4
    D = differences(1.0, h)
    spaced = np.asarray(_respaced(jnp.asarray(order), jnp.asarray(stretch))) @ D
    assert spaced[: order + 1] == pytest.approx(differences(1.0, stretch * h)[: order + 1], abs=1e-9)
    # the change beyond the prediction of that order is the difference of order k + 1, here of another polynomial
    later = differences(1.0 + h, h)
    change = 0.37
    after = np.asarray(_after(jnp.asarray(order))) @ np.append(D, change)
    wanted = later[: order + 1] + change
    assert after[: order + 1] == pytest.approx(wanted, abs=1e-9)
    assert after[order + 1 : order + 3] == pytest.approx([change, change - D[order + 1]], abs=1e-12)


def test_its_memory_goes_on_from_chunk_to_chunk(monkeypatch):
    k = np.array([0.5, 1.0, 2.0, 5.0, 1e3])
    whole, _ = mixed(k, 1.0, 1e-8)
    monkeypatch.setattr(loop, "_CHUNK_SECONDS", 0.0)  # chunks of a few steps
    cut, _ = mixed(k, 1.0, 1e-8)
    assert cut.solver["evaluations"] == whole.solver["evaluations"]
    assert cut.times == pytest.approx(whole.times, rel=1e-9)


def test_many_saved_states_cost_no_more_than_the_steps_that_they_cut_short():
    k = np.array([0.5, 1.0, 2.0, 5.0, 1e3])
    few, _ = mixed(k, 1.0, 1e-8, states=20)
    many, exact = mixed(k, 1.0, 1e-8, states=600)  # blocks of 128, at the ends of which steps are cut short
    assert len(many.states) == 601
    assert np.abs(many.states - exact(many.state_times)).max() < 1e-7
    assert many.solver["steps_accepted"] < 1.5 * few.solver["steps_accepted"]


class Logistic(System):
    """y' = y (1 - y) from next to nothing, without any Jacobian."""

    unused: jax.Array = eqx.field(default_factory=lambda: jnp.zeros(()))

    def solver(self):
        return BDF(factor=lambda y, c, system: jnp.zeros(()), solve=lambda nothing, y: y)

    def vector_field(self, y):
        return y * (1 - y)

    def observables(self, y, rate):
        return {"risk": jnp.sum(y), "risk_rate": jnp.sum(rate)}

    def error_norm(self, error, before, after, rtol, atol):
        return jnp.max(jnp.abs(error) / (rtol * jnp.maximum(jnp.abs(before), jnp.abs(after))))


def test_what_grows_from_next_to_nothing_comes_in_its_time():
    record = followed(Logistic(), np.array([1e-12]), 40.0, 1e-7, first=1e-3)
    half = np.interp(0.5, record.observables["risk"], record.times)
    assert half == pytest.approx(np.log(1e12 - 1), rel=1e-4)  # between points, on a line
    exact = 1 / (1 + (1e12 - 1) * np.exp(-record.times))
    assert record.observables["risk"] == pytest.approx(exact, rel=1e-5)


class Broken(Logistic):
    """A field that ends at one half."""

    def vector_field(self, y):
        return jnp.where(y < 0.5, y, jnp.nan)


def test_a_field_that_is_no_number_ends_the_run_with_a_word():
    record = followed(Broken(), np.array([0.1]), 40.0, 1e-6, first=1e-3)
    assert record.outcome is Outcome.STEP_UNDERFLOW
    assert record.times[-1] == pytest.approx(np.log(5), rel=1e-3)
