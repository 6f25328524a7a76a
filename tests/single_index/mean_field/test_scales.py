"""Escapes from far below the tolerance, overlaps next to one, targets next to nothing: each against a reference.

The reference integrates (a, z), s = tanh z, by an explicit method of order 8 at a tolerance of 1e-12, from the
equations for the coefficients c_k = sigma_k (phi_k - sigma_k M_k).
"""

import jax.numpy as jnp
import numpy as np
import pytest
from scipy.integrate import solve_ivp

import saddlescope as ss
from saddlescope.single_index.mean_field.system import MeanFieldSystem


def reference(link, activation, epsilon, a, s, until, *, method="DOP853", tol=1e-12):
    """Dense solution, and residuals phi_k - sigma_k M_k as a function of time."""
    sigma = np.array(activation, float)
    phi = np.pad(np.array(link, float), (0, len(sigma) - len(link)))
    m, k = len(a), np.arange(len(sigma))

    def residual(y):
        return phi - sigma * (np.tanh(y[m:]) ** k[:, None] @ y[:m]) / m

    def field(t, y):
        power = np.tanh(y[m:]) ** k[:, None]
        c = sigma * (phi - sigma * (power @ y[:m]) / m)
        return np.concatenate([c @ power / epsilon, y[:m] * ((k * c)[1:] @ power[:-1])])

    start = np.concatenate([a, np.arctanh(s)])
    result = solve_ivp(field, (0, until), start, method, rtol=tol, atol=1e-30, dense_output=True)
    return result, lambda t: residual(result.sol(t))


def half_time(residual, k, until):
    """First time at which residual k is half of what it was, by bisection after a scan."""
    t = np.linspace(0, until, 20001)
    level = 0.5 * abs(residual(0.0)[k])
    i = int(np.argmax([abs(residual(x)[k]) <= level for x in t]))
    low, high = t[i - 1], t[i]
    for _ in range(60):
        middle = 0.5 * (low + high)
        low, high = (low, middle) if abs(residual(middle)[k]) <= level else (middle, high)
    return low


@pytest.mark.parametrize(("phi_1", "epsilon"), [(3e-12, 0.2), (-1e-9, 0.05), (2e-15, 0.5)])
def test_an_escape_driven_by_a_tiny_coefficient_comes_in_time(phi_1, epsilon):
    """Overlaps start at zero, grow from phi_1 at a rate of order one, and are far below every tolerance for long."""
    link, activation, a = [0, phi_1, 0.9], [0.8, 1.0, 1.1], [-1.4, -0.4, 0.7, 1.3]
    flow = ss.MeanFieldFlow(ss.SingleIndex(link, activation), epsilon, ss.PointMasses(a))
    times = ss.learning_times(ss.solve(flow, 30.0))
    _, residual = reference(link, activation, epsilon, a, np.zeros(4), 30.0)
    assert times[2] == pytest.approx(half_time(residual, 2, 30.0), rel=1e-5)


@pytest.mark.parametrize("small", [1e-10, -3e-14])
def test_an_escape_from_a_tiny_overlap_beside_a_large_one_comes_in_time(small):
    """Without a coefficient that drives, s = 0 stays; a neuron next to it leaves at its own time."""
    link, activation, a, s = [0.0, 0.0, 3.0], [0.0, 0.0, 1.0], [1.0, 1.0], [0.9, small]
    flow = ss.MeanFieldFlow(ss.SingleIndex(link, activation), 2.0, initial=(a, s))
    run = ss.solve(flow, 14.0, states=400)
    result, _ = reference(link, activation, 2.0, a, s, 14.0)
    right = np.tanh(result.sol(run["state_time"])[2:].T)
    assert np.abs(run["overlap"] - right).max() < 1e-4


def test_two_neurons_that_all_but_coincide_part_in_time():
    """Their difference grows at a saddle of the others' making, from far below the tolerance of each."""
    link, activation = [0.0, 1.0, -1.0], [0.0, 1.0, 1.0, 0.0]
    a, s = [1.0, 1.0, -0.5], [0.3, 0.3 + 1e-9, 0.2]
    flow = ss.MeanFieldFlow(ss.SingleIndex(link, activation), 1.0, initial=(a, s))
    run = ss.solve(flow, 12.0, states=400)
    result, _ = reference(link, activation, 1.0, a, s, 12.0)
    y = result.sol(run["state_time"])
    apart, right = run["overlap"][:, 1] - run["overlap"][:, 0], np.tanh(y[4]) - np.tanh(y[3])
    assert np.allclose(apart, right, rtol=1e-4, atol=1e-14)


@pytest.mark.parametrize("s", [[0.99999999, 0.9, 0.5], [-1 + 1e-13, 0.2, -0.3]])
def test_overlaps_next_to_one_come_back_in_time(s):
    link, activation, a = [-0.8, -0.7, 0.5, -2.0], [-0.3, -1.0, -0.2, -1.7], [-0.5, -0.7, -0.2]
    flow = ss.MeanFieldFlow(ss.SingleIndex(link, activation), 2.9, initial=(a, s))
    run = ss.solve(flow, 3.0, states=400)
    result, residual = reference(link, activation, 2.9, a, s, 3.0)
    right = np.tanh(result.sol(run["state_time"])[3:].T)
    assert np.abs(run["overlap"] - right).max() < 1e-5
    risk = [0.5 * np.sum(residual(t) ** 2) for t in run.time]
    assert np.abs(run["risk"] - risk).max() < 1e-5 * risk[0]


def test_an_overlap_of_one_stays_there():
    run = ss.solve(ss.MeanFieldFlow(ss.SingleIndex([0, 1], [0, 1]), 1.0, initial=([1.0, -1.0], [1.0, 0.3])), 30.0)
    assert np.all(run["overlap"][:, 0] == 1)
    assert np.abs(run["overlap"][-1, 1]) < 1


def test_a_target_below_the_tolerance_is_not_learnt_too_early():
    """The residual of degree 0 follows that of degree 1 until late, a millionth of what it was at first."""
    link, activation, a = [2e-6, 1.0], [1.0, 1.0], [-1.0, 0.3, 2.0]
    flow = ss.MeanFieldFlow(ss.SingleIndex(link, activation), 1e-4, ss.PointMasses(a))
    _, residual = reference(link, activation, 1e-4, a, np.zeros(3), 0.1, method="Radau", tol=1e-10)
    t = np.geomspace(1e-5, 0.1, 4001)
    low, high = t[(i := int(np.argmax([abs(residual(x)[0]) <= 1e-6 for x in t]))) - 1], t[i]
    for _ in range(50):
        middle = 0.5 * (low + high)
        low, high = (low, middle) if abs(residual(middle)[0]) <= 1e-6 else (middle, high)
    assert ss.learning_times(ss.solve(flow, 0.1))[0] == pytest.approx(low, rel=1e-3)


def test_rates_are_those_of_the_curve_however_small_epsilon():
    """The field of a state that is off by the tolerance is off by the tolerance over epsilon."""
    for epsilon in (1e-6, 1e-10, 1e-14):
        flow = ss.MeanFieldFlow(ss.SingleIndex([0.3, 1.1], [1.0, 0.9]), epsilon, ss.PointMasses([0.1]))
        run = ss.solve(flow, 20.0)
        inside = (run.time > 1.0) & (run.time < 20.0)
        for name, rate in (("residual", "residual_rate"), ("risk", "risk_rate")):
            slope = np.gradient(run[name], run.time, axis=0)[inside]
            assert np.abs(run[rate][inside] - slope).max() < 0.05 * np.abs(slope).max()


def test_growing_modes_are_counted():
    rng = np.random.default_rng(0)
    for trial in range(20):
        m = int(rng.integers(1, 7))
        w = rng.dirichlet(np.ones(m))
        if m > 2 and trial % 3 == 0:
            w[0] = 0
            w /= w.sum()
        start = 2 * rng.normal(size=m), rng.uniform(-0.95, 0.95, m)
        problem = ss.SingleIndex(rng.normal(size=4), rng.normal(size=4))
        flow = ss.MeanFieldFlow(problem, 10 ** rng.uniform(-3, 0), initial=start, weights=w)
        system, y = flow.start()
        assert isinstance(system, MeanFieldSystem)
        J, there = system.linearise(y), np.asarray(system.weights) > 0
        keep = np.tile(there, 2)
        values = np.linalg.eigvals(np.asarray(J.dense())[np.ix_(keep, keep)]).real
        for rate in 10 ** rng.uniform(-3, 3, 3):
            assert int(J.faster_than(jnp.asarray(rate), jnp.asarray(there))) == np.sum(values > rate)


def test_a_slow_escape_is_waited_for():
    """At rest nothing grows; driven by 4e-7, overlaps drift to where they do, and degree 3 is learnt in a jump."""
    problem = ss.SingleIndex([0, 2e-3, 0, 1], [1, 2e-4, 0, 1])
    flow = ss.MeanFieldFlow(problem, 1.0, ss.PointMasses([-1.5, -0.3, 0.8, 1.2]))
    run = ss.solve(flow, 1500.0, stop_when_still=True)
    assert run["risk"][-1] < 1e-5
