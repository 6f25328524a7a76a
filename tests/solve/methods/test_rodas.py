"""Rodas5P and the integrator loop against exact solutions."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import saddlescope as ss
from saddlescope.solve import BlockLowRank, Outcome, Rodas5P, System, integrate, loop, relative
from saddlescope.solve.control import Control


class StiffCosine(System):
    """y' = -r (y - cos u), u' = 1: y follows cos u after a layer of width 1/r; exact in closed form."""

    rate: jax.Array

    def solver(self):
        jacobian = jax.jacfwd(StiffCosine.vector_field, argnums=1)
        return Rodas5P(
            linearise=lambda y, s: jacobian(s, y),
            factor=lambda j, shift: lambda b: jnp.linalg.solve(jnp.eye(2) - shift * j, b),
        )

    def vector_field(self, y):
        return jnp.stack([-self.rate * (y[0] - jnp.cos(y[1])), jnp.ones(())])

    def observables(self, y, rate):
        del rate
        return {"risk": y[0] + 10.0, "y": y[0]}

    def error_norm(self, error, before, after, rtol, atol):
        return jnp.max(jnp.abs(relative(error, before, after, rtol, atol)))

    def exact(self, t):
        r = float(self.rate)
        forced = (r * r * np.cos(t) + r * np.sin(t)) / (1 + r * r)
        return forced + (2.0 - r * r / (1 + r * r)) * np.exp(-r * t)


def run(rate, rtol, until=3.0, **options):
    system = StiffCosine(jnp.asarray(rate))
    grid = np.geomspace(1e-4, until, 40)
    grid[-1] = until
    options = {"max_steps": 10_000, **options}
    return system, integrate(system, jnp.array([2.0, 0.0]), grid, first_step=1e-6, rtol=rtol, atol=rtol, **options)


@pytest.mark.parametrize("rate", [1.0, 1e3, 1e6])
def test_follows_the_exact_solution(rate):
    for rtol in (1e-5, 1e-9):
        system, record = run(rate, rtol)
        assert record.outcome is Outcome.REACHED_END
        assert record.times[-1] == 3.0
        assert np.abs(record.observables["y"] - system.exact(record.times)).max() < 50 * rtol
        # states between the steps come from the dense output
        assert record.state_times[-1] == 3.0
        # (of order four, and worse on the long steps of a stiff run, like every Rosenbrock method's)
        between = 500 * rtol if rate < 1e6 else 1e-2
        assert np.abs(record.states[:, 0] - system.exact(record.state_times)).max() < between


def test_fifth_order():
    steps = []
    for rtol in (1e-6, 1e-11):
        _, record = run(1.0, rtol)
        steps.append(len(record.times))
    # five decades of tolerance cost a factor 10 in steps at order five
    assert 4 < steps[1] / steps[0] < 16


def test_outcomes_keep_the_partial_run():
    system, record = run(1e3, 1e-8, max_steps=20)
    assert record.outcome is Outcome.STEP_LIMIT
    assert len(record.times) <= 21
    assert record.state_times[-1] == record.times[-1] > 0
    assert np.abs(record.observables["y"] - system.exact(record.times)).max() < 1e-6
    _, record = run(1.0, 1e-6, stop_below=10.0)
    assert record.outcome is Outcome.REACHED_TARGET
    assert record.observables["risk"][-1] <= 10.0 < record.observables["risk"][-2]


def test_chunks_do_not_change_the_result(monkeypatch):
    # how long a chunk is depends on the clock, so say it: as long as can be, or eight steps
    results = []
    for seconds in (1e9, 1e-9):
        monkeypatch.setattr(loop, "_CHUNK_SECONDS", seconds)
        chunks = []
        system, record = run(1e3, 1e-12, control=Control(chunks.append))
        results.append((record, len(chunks)))
    (whole, few), (parts, many) = results
    assert few + 3 < many
    # a step more or less is rounding; chunks that began with a first step of their own would cost many
    assert abs(len(whole.times) - len(parts.times)) <= 2
    assert np.abs(parts.observables["y"] - system.exact(parts.times)).max() < 1e-10


class NotANumber(StiffCosine):
    def vector_field(self, y):
        return jnp.stack([jnp.sqrt(0.5 - y[1]), jnp.ones(())])


def test_a_field_that_ends_is_named():
    system = NotANumber(jnp.ones(()))
    record = integrate(
        system,
        jnp.array([2.0, 0.0]),
        np.geomspace(0.1, 3.0, 20),
        first_step=1e-3,
        rtol=1e-6,
        atol=1e-6,
        max_steps=5000,
    )
    assert record.outcome in (Outcome.STEP_UNDERFLOW, Outcome.NOT_FINITE, Outcome.STEP_LIMIT)
    assert not record.outcome.complete
    assert 0.4 < record.times[-1] <= 0.5 + 1e-6


@settings(max_examples=15, deadline=None, derandomize=True)
@given(seed=st.integers(0, 10_000), shift=st.floats(1e-3, 1e6))
@pytest.mark.parametrize("n", [2, 4])
def test_structured_solve_equals_the_dense_twin(n, seed, shift):
    rng = np.random.default_rng(seed)
    jacobian = BlockLowRank(
        jnp.asarray(rng.normal(size=(n, n, 7)) - 3 * np.eye(n)[:, :, None]),
        jnp.asarray(rng.normal(size=(3, n, 7))),
        jnp.asarray(rng.normal(size=(3, n, 7))),
    )
    y = jnp.asarray(rng.normal(size=(n, 7)))
    dense = np.asarray(jacobian.dense())
    assert np.allclose(np.asarray(jacobian @ y).ravel(), dense @ np.asarray(y).ravel(), rtol=1e-12, atol=1e-12)
    stage = np.eye(7 * n) - shift * dense
    expected = np.linalg.solve(stage, np.asarray(y).ravel())
    result = np.asarray(jacobian.factor(jnp.asarray(shift))(y)).ravel()
    assert np.abs(result - expected).max() <= 1e-13 * np.linalg.cond(stage) * np.abs(expected).max()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"until": 0}, "Argument `until` must be positive, but got 0.0."),
        ({"until": float("nan")}, "Argument `until` must be positive, but got nan."),
        ({"rtol": 0.0}, "Argument `rtol` must lie strictly between 0 and 1, but got 0.0."),
        ({"rtol": 2.0}, "Argument `rtol` must lie strictly between 0 and 1, but got 2.0."),
        ({"atol": -1.0}, "Argument `atol` must lie strictly between 0 and 1, but got -1.0."),
        ({"max_steps": 0}, "Argument `max_steps` must be a whole number of at least 1, but got 0."),
        ({"states": 1}, "Argument `states` must be a whole number of at least 2, but got 1."),
    ],
)
def test_bad_input_is_refused(change, message):
    flow = ss.MeanFieldFlow(ss.SingleIndex([1, 1], [1, 1]), 0.1, particles=4)
    with pytest.raises(ss.ArgumentError) as refusal:
        ss.solve(flow, **{"until": 1.0, **change})
    assert str(refusal.value) == message
