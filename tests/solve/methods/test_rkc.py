"""RKC2 against exact solutions, its stability polynomial, and a plain twin of its stages."""

from collections.abc import Callable

import diffrax
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.polynomial.chebyshev import Chebyshev
from systems.heat import Heat

from saddlescope.solve import RKC2, Outcome, integrate


def term(field: Callable) -> diffrax.ODETerm:
    return diffrax.ODETerm(lambda t, y, args: field(y))  # pyright: ignore[reportArgumentType]


def one_step(field: Callable, y: np.ndarray, h: float, radius: float) -> tuple[np.ndarray, np.ndarray]:
    solver = RKC2(lambda y, args: jnp.asarray(radius))
    terms = term(field)
    held = field(jnp.asarray(y))
    y1, error, *_ = solver.step(terms, 0.0, jnp.asarray(h), jnp.asarray(y), None, held, False)  # pyright: ignore
    return np.asarray(y1), np.asarray(error)


def stages_for(stiffness: float) -> int:
    return max(2, 1 + int(np.sqrt(1 + 1.54 * stiffness)))


def coefficients(s: int) -> tuple[float, float, list[tuple[float, float, float]]]:
    """w_0, w_1 and for j = 0 .. s the value T_j(w_0), b_j and a_j = 1 - b_j T_j(w_0), from NumPy's polynomials."""
    w0 = 1 + 2 / 13 / s**2
    basis = [Chebyshev.basis(j) for j in range(s + 1)]
    w1 = float(basis[s].deriv()(w0) / basis[s].deriv(2)(w0))
    b = [float(T.deriv(2)(w0) / T.deriv()(w0) ** 2) for T in basis[2:]]
    b = [b[0], b[0], *b]
    return w0, w1, [(float(T(w0)), b_j, 1 - b_j * float(T(w0))) for T, b_j in zip(basis, b, strict=True)]


def twin_step(field: Callable, y0: np.ndarray, h: float, s: int) -> np.ndarray:
    w0, w1, table = coefficients(s)
    f0 = field(y0)
    stages = [y0, y0 + table[1][1] * w1 * h * f0]
    for j in range(2, s + 1):
        b, b1, b2 = table[j][1], table[j - 1][1], table[j - 2][1]
        mu, nu, mu_tilde = 2 * b * w0 / b1, -b / b2, 2 * b * w1 / b1
        gamma_tilde = -table[j - 1][2] * mu_tilde
        new = (1 - mu - nu) * y0 + mu * stages[-1] + nu * stages[-2]
        stages.append(new + mu_tilde * h * field(stages[-1]) + gamma_tilde * h * f0)
    return stages[-1]


@pytest.mark.parametrize("s", [2, 3, 7, 20])
def test_a_step_is_the_plain_twin(s: int):
    h = 0.37
    radius = ((s - 1) ** 2 - 1 + 1e-6) / 1.54 / h
    assert stages_for(h * radius) == s
    y = np.array([0.3, -1.2, 0.7])
    coupling = np.random.default_rng(0).standard_normal((3, 3))

    def field(y):
        return coupling @ y - y**3

    result, error = one_step(field, y, h, radius)
    wanted = twin_step(field, y, h, s)
    assert np.allclose(result, wanted, rtol=0, atol=1e-12)
    estimate = 0.8 * (y - wanted) + 0.4 * h * (field(y) + field(wanted))
    assert np.allclose(error, estimate, rtol=0, atol=1e-11)


@jax.jit
def diagonal_step(z, radius):
    solver = RKC2(lambda y, args: radius)
    ones = jnp.ones(z.size)
    return solver.step(term(lambda y: z * y), 0.0, jnp.ones(()), ones, None, z, False)[0]  # pyright: ignore


@settings(max_examples=25, derandomize=True, deadline=None)
@given(stiffness=st.floats(1e-3, 3e4))
def test_a_step_is_stable_on_the_whole_axis_it_was_told_of(stiffness: float):
    # the stability polynomial a_s + b_s T_s(w_0 + w_1 z) on [-stiffness, 0], as one diagonal system
    z = np.concatenate([-np.geomspace(1e-3, stiffness, 400), -np.linspace(0, stiffness, 401)])
    result = np.asarray(diagonal_step(z, stiffness))
    s = stages_for(stiffness)
    w0, w1, table = coefficients(s) if s <= 60 else (0.0, 0.0, [])
    if s <= 60:
        polynomial = table[s][2] + table[s][1] * Chebyshev.basis(s)(w0 + w1 * z)
        assert np.allclose(result, polynomial, rtol=0, atol=1e-9)
    assert np.abs(result).max() <= 1 + 1e-9
    # damped: away from 0 a step really shrinks what is stiff
    assert np.abs(result[z < -3]).max(initial=0.0) < 0.96


def test_stages_grow_as_the_square_root_of_the_stiffness():
    counts = []
    for stiffness in (0.0, 1e2, 1e4):
        calls = []

        def field(y, calls=calls):
            calls.append(1)
            return -y

        with jax.disable_jit():
            solver = RKC2(lambda y, args, stiffness=stiffness: jnp.asarray(stiffness))
            solver.step(term(field), 0.0, jnp.asarray(1.0), jnp.ones(1), None, -jnp.ones(1), False)  # pyright: ignore
        counts.append(len(calls))
    # the field at the start is known, the one at the end is needed for the error
    assert counts == [stages_for(k) for k in (0.0, 1e2, 1e4)] == [2, 13, 125]


@pytest.mark.parametrize("stiffness", [0.0, 80.0])
def test_order_two_on_a_nonlinear_equation(stiffness: float):
    """y' = y (1 - y) from 0.1, at a fixed number of stages."""
    exact = 1 / (1 + 9 * np.exp(-2.0))

    @jax.jit
    def advance(y, h):
        solver = RKC2(lambda y, args: stiffness / h)
        terms = term(lambda y: y * (1 - y))
        held = y * (1 - y)
        y1, _, _, _, _ = solver.step(terms, 0.0, h, y, None, held, False)  # pyright: ignore[reportArgumentType]
        return y1

    errors = []
    for steps in (20, 40, 80):
        y = jnp.asarray([0.1])
        for _ in range(steps):
            y = advance(y, 2.0 / steps)
        errors.append(abs(float(y[0]) - exact))
    assert errors[0] / errors[1] == pytest.approx(4, rel=0.15)
    assert errors[1] / errors[2] == pytest.approx(4, rel=0.08)


@pytest.mark.parametrize("k", [1.0, 1e5])
def test_follows_a_stiff_symmetric_system_and_between_its_steps(k: float):
    system = Heat(jnp.asarray(k), 40, RKC2(lambda y, system: 4 * system.k))
    y0 = np.random.default_rng(0).standard_normal(40)
    slow = k * (np.pi / 41) ** 2
    # between the steps the dense output is cubic: a transient that has died in the step is seen to that order only
    for rtol, bound, between in ((1e-4, 3e-3, 3e-3), (1e-7, 1e-5, 1e-5)):
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
        assert record.solver["method"] == "RKC2"
        assert np.abs(record.observables["y"] - system.exact(y0, record.times)).max() < bound
        assert np.abs(record.states - system.exact(y0, record.state_times)).max() < between
    # an explicit method without stabilisation would need time x rate / 2 steps, over a thousand here
    assert 4 * k * 3 / slow / 2 > 1000
    assert len(record.times) < 1000


@pytest.mark.parametrize("radius", [1e12, np.inf, np.nan])
def test_refuses_a_step_that_no_number_of_stages_makes_stable(radius: float):
    y1, error = one_step(lambda y: -1e12 * y, np.ones(3), 1.0, radius)
    assert np.all(error == 1e100)
    assert np.all(y1 == 1)  # finite, or the error would be measured against an infinite tolerance


def test_refuses_a_step_out_of_the_field_s_domain():
    _, error = one_step(lambda y: jnp.log(y), np.array([1e-3, 1.0]), 1.0, 0.0)
    assert np.all(error == 1e100)


def test_steps_are_cut_until_stages_suffice():
    # with at most 5000 stages the first step asked for is beyond stability: it is refused, and shorter ones do it
    record = integrate(
        Heat(jnp.asarray(1e9), 3, RKC2(lambda y, system: 4 * system.k)),
        jnp.ones(3),
        np.array([1.0]),
        first_step=1.0,
        rtol=1e-3,
        atol=1e-3,
        max_steps=2000,
    )
    assert record.outcome is Outcome.REACHED_END
    assert record.solver["steps_rejected"] > 0
    assert np.abs(record.states[-1]).max() < 1e-3
