"""ROCK4 against the conditions of its order, its stability polynomials, exact solutions and a run of SciPy's."""

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import diffrax
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.integrate import solve_ivp
from systems.heat import Heat

import saddlescope as ss
from saddlescope.solve import ROCK4, Outcome, integrate
from saddlescope.solve.methods.rock_coefficients import rock4

DEGREES = [int(s) for s in rock4().degrees]


def recurrence(s: int) -> np.ndarray:
    first = rock4().first[DEGREES.index(s)]
    return rock4().recurrence[:, first : first + s - 4].T


def tableau(s: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Weights of all stages in each other, in the result, and of them and the field at the end in the estimate."""
    table, row = rock4(), DEGREES.index(s)
    A, g, before = np.zeros((s + 1, s + 1)), np.zeros(s + 1), np.zeros(s + 1)
    for k, (mu, nu, kappa) in enumerate(recurrence(s)):
        A[k] = g
        before, g = g, mu * np.eye(s + 1)[k] + nu * g + kappa * before
    A[s - 4 : s] = g
    A[s - 4 : s, s - 4 : s] += table.stages[row]
    A[s] = g
    A[s, s - 4 : s] += table.end[row]
    estimate = np.zeros(s + 1)
    estimate[s - 4 :] = table.estimate[row]
    return A, A[s].copy(), estimate


@pytest.mark.parametrize("s", [5, 6, 11, 20, 50, 200])
def test_conditions_of_order(s: int):
    A, b, estimate = tableau(s)
    c = A.sum(axis=1)
    trees = [np.ones(s + 1), c, c**2, A @ c, c**3, c * (A @ c), A @ c**2, A @ A @ c]
    density = [1, 2, 3, 6, 4, 8, 12, 24]
    assert np.allclose([b @ tree for tree in trees], 1 / np.array(density), rtol=0, atol=1e-11)
    # the estimate is of order 3, and not of order 4
    assert np.allclose([estimate @ tree for tree in trees[:4]], 0, rtol=0, atol=1e-11)
    assert abs(estimate @ trees[-1]) == pytest.approx(0.05 / 24)


def stability(s: int, z: np.ndarray) -> np.ndarray:
    """The stability polynomial, by the recurrence: sums over all stages would lose the digits of many."""
    table, row = rock4(), DEGREES.index(s)
    before, g = np.zeros_like(z), np.ones_like(z)
    for mu, nu, kappa in recurrence(s):
        before, g = g, mu * z * g + nu * g + kappa * before
    Y = np.stack([g] * 4)
    for k in range(1, 4):
        Y[k] += z * (table.stages[row, k, :k] @ Y[:k])
    return g + z * (table.end[row] @ Y)


@pytest.mark.parametrize("s", DEGREES)
def test_stability_polynomials_are_damped_on_all_of_their_interval(s: int):
    reach = float(rock4().reach[DEGREES.index(s)])
    assert reach > (0.23 if s < 8 else 0.3) * s**2
    z = -reach * (0.5 - 0.5 * np.cos(np.pi * np.arange(40 * s + 1) / (40 * s)))
    R = stability(s, z)
    # the ripples are 0.95 high, at the far end of the interval and at the near one
    assert np.abs(R[z < -4]).max() == pytest.approx(0.95, abs=1e-5)
    assert np.abs(R[z < -0.9 * reach]).max() == pytest.approx(0.95, abs=1e-5)
    assert np.abs(R).max() < 1 + 1e-12
    # and just beyond it there are none
    assert abs(stability(s, np.array([-1.1 * reach]))[0]) > 1
    z = -np.array([0.1, 0.05])
    errors = np.abs(stability(s, z) - np.exp(z))
    assert errors[0] / errors[1] == pytest.approx(32, rel=0.1)


def one_step(field: Callable, y: Any, h: Any, radius: float) -> Any:
    """A step with a radius that is known, so that no power iteration runs."""
    terms = diffrax.ODETerm(lambda t, y, args: field(y))  # pyright: ignore[reportArgumentType]
    begin = jnp.asarray(y)
    held = field(begin), jnp.ones_like(begin), jnp.asarray(radius)
    return ROCK4().step(terms, 0.0, jnp.asarray(h), begin, None, held, False)  # pyright: ignore


@pytest.mark.parametrize("s", [5, 8, 11])
def test_a_step_is_that_of_the_tableau(s: int):
    row = DEGREES.index(s)
    A, b, estimate = tableau(s)
    turn = np.linalg.qr(np.random.default_rng(0).standard_normal((3, 3)))[0]
    M = turn @ np.diag([-1.0, -3.0, -40.0]) @ turn.T
    # in reach of this degree and of none below, with the margin on a radius of 40
    h = 0.5 * (rock4().reach[row] + (rock4().reach[row - 1] if row else 0)) / 44

    def field(y):
        return M @ y - 1e-3 * y**3

    y = np.array([0.3, -1.2, 0.7])
    y1, error, *_ = one_step(field, y, h, 40.0)
    slopes = np.zeros((s + 1, 3))
    for k in range(s + 1):
        slopes[k] = field(y + h * A[k, :k] @ slopes[:k])
    assert np.allclose(y1, y + h * b @ slopes, rtol=0, atol=1e-9)
    assert np.allclose(error, h * estimate @ slopes, rtol=0, atol=1e-9)


def test_the_spectral_radius_is_found_and_followed():
    rates = -np.geomspace(1e-2, 1e3, 50)

    def held(y, direction, radius):
        field = jax.jit(lambda y: rates * y)
        terms = diffrax.ODETerm(lambda t, y, args: field(y))  # pyright: ignore[reportArgumentType]
        state = field(y), direction, radius
        return ROCK4().step(terms, 0.0, jnp.asarray(0.01), y, None, state, False)[3]  # pyright: ignore

    y = jnp.ones(50)
    terms = diffrax.ODETerm(lambda t, y, args: rates * y)  # pyright: ignore[reportArgumentType]
    _, direction, radius = ROCK4().init(terms, 0.0, 0.01, y, None)
    _, direction, radius = held(y, direction, radius)
    assert 1e3 / 1.1 < float(radius) <= 1e3 * (1 + 1e-6)
    # one round from there is enough, from which it comes nearer
    _, _, again = held(y, direction, radius)
    assert float(radius) <= float(again) <= 1e3 * (1 + 1e-6)


def test_stages_grow_as_the_square_root_of_the_stiffness():
    counts = []
    for stiffness in (1.0, 1e2, 1e4):
        calls = []

        def field(y, calls=calls, stiffness=stiffness):
            calls.append(1)
            return -stiffness * y

        with jax.disable_jit():
            one_step(field, np.ones(1), 1.0, stiffness)
        # the field at the start is known, and so is the radius but for one round
        counts.append(len(calls) - 2)
    assert counts == [next(s for s in DEGREES if rock4().reach[DEGREES.index(s)] > 1.1 * k) for k in (1.0, 1e2, 1e4)]


@pytest.mark.parametrize("radius", [0.1, 60.0])
def test_order_four_on_a_nonlinear_equation(radius: float):
    """y' = y (1 - y) from 0.1 beside a component that is gone, which asks for many stages."""
    exact = 1 / (1 + 9 * np.exp(-2.0))
    errors = []
    for steps in (8, 16, 32):
        rate = radius * steps / 2.0

        @jax.jit
        def advance(y, h, rate=rate):
            return one_step(lambda y: jnp.stack([y[0] * (1 - y[0]), -rate * y[1]]), y, h, rate)[0]

        y = jnp.asarray([0.1, 0.0])
        for _ in range(steps):
            y = advance(y, 2.0 / steps)
        errors.append(abs(float(y[0]) - exact))
    for one, two in pairwise(errors):
        assert 4 - 0.35 < np.log2(one / two) < 4 + 0.6


@pytest.mark.parametrize("k", [1.0, 1e5])
def test_follows_a_stiff_symmetric_system_and_between_its_steps(k: float):
    system = Heat(jnp.asarray(k), 40, ROCK4())
    y0 = np.random.default_rng(0).standard_normal(40)
    slow = k * (np.pi / 41) ** 2
    for rtol, bound, between in ((1e-4, 2e-3, 1e-2), (1e-7, 2e-6, 1e-4)):
        record = integrate(
            system,
            jnp.asarray(y0),
            np.geomspace(1e-3 / k, 3 / slow, 60),
            first_step=1e-3 / k,
            rtol=rtol,
            atol=rtol,
            max_steps=5000,
        )
        assert record.outcome is Outcome.REACHED_END
        assert record.solver["method"] == "ROCK4"
        assert np.abs(record.observables["y"] - system.exact(y0, record.times)).max() < bound
        assert np.abs(record.states - system.exact(y0, record.state_times)).max() < between
        # an explicit method without stabilisation would need time x rate / 3 steps, over a thousand here
        assert len(record.times) < 400


@pytest.mark.parametrize("radius", [1e12, np.inf, np.nan])
def test_refuses_a_step_that_no_number_of_stages_makes_stable(radius: float):
    y1, error, *_ = one_step(lambda y: -1e12 * y, np.ones(3), 1.0, radius)
    assert np.all(error == 1e100)
    assert np.all(y1 == 1)  # finite, or the error would be measured against an infinite tolerance


def test_refuses_a_step_out_of_the_field_s_domain():
    _, error, *_ = one_step(lambda y: jnp.log(y), np.array([1e-3, 1.0]), 1.0, 0.0)
    assert np.all(error == 1e100)


@pytest.mark.parametrize("depth", [2, 3])
def test_a_product_too_large_for_implicit_steps_is_that_of_scipy(depth: int):
    """24 x 24 completion of rank 2: the product and cost of DOP853 on equations written here."""
    size, rng = 24, np.random.default_rng(3)
    S = rng.standard_normal((size, 2)) @ rng.standard_normal((2, size))
    observed = rng.random((size, size)) < 0.5
    start = [0.1 * rng.standard_normal((size, size)) for _ in range(depth)]
    until = 3.0 if depth == 3 else 1.5

    def product(y):
        W = y.reshape(depth, size, size)
        A = W[0]
        for layer in W[1:]:
            A = layer @ A
        return A

    def field(t, y):
        W = y.reshape(depth, size, size)
        G = np.where(observed, product(y) - S, 0.0)
        rates = []
        for k in range(depth):
            before, after = np.eye(size), np.eye(size)
            for layer in W[:k]:
                before = layer @ before
            for layer in W[k + 1 :]:
                after = layer @ after
            rates.append(-after.T @ G @ before.T)
        return np.ravel(rates)

    exact = solve_ivp(field, (0, until), np.ravel(start), "DOP853", rtol=1e-10, atol=1e-12, dense_output=True)
    flow = ss.DeepLinearFlow(ss.MatrixCompletion(S, observed=observed), initial=start)
    errors = []
    for rtol in (1e-4, 1e-6):
        run = ss.solve(flow, until, rtol=rtol, progress=False)
        assert run.solver["method"] == "ROCK4"
        errors.append(max(np.abs(run["product"][i] - product(exact.sol(t))).max() for i, t in enumerate(run.time)))
        right = np.array([0.5 * np.sum(np.where(observed, product(exact.sol(t)) - S, 0) ** 2) for t in run.time])
        assert np.abs(run["cost"] - right).max() < 20 * run.accuracy["integration_error"] * right[0]
    assert errors[0] < 0.05 * np.abs(S).max()
    assert errors[1] < 5e-5 * np.abs(S).max()
