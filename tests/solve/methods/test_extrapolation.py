"""Extrapolated linearly implicit Euler steps against exact solutions, a plain twin and their order."""

from collections.abc import Callable
from fractions import Fraction
from typing import Any, ClassVar

import diffrax
import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.integrate import solve_ivp

from saddlescope.solve import ExtrapolatedEuler, Outcome, System, integrate

RNG = np.random.default_rng(0)
ROTATION = np.linalg.qr(RNG.standard_normal((3, 3)))[0]


def solver_with(matrix: Callable[[Any], Any], field: Callable[[Any], Any]) -> ExtrapolatedEuler:
    """The solver with (I - e A)^-1 by a dense solve, A = matrix(y)."""
    return ExtrapolatedEuler(
        split=lambda y: y,
        join=lambda y: y,
        linearise=lambda y, args: matrix(y),
        factor=lambda A, e: (e, jnp.linalg.inv(jnp.eye(len(A)) - e * A)),
        advance=lambda A, factor, y, args: y + factor[0] * factor[1] @ field(y),
    )


def one_step(solver: ExtrapolatedEuler, field: Callable, y: np.ndarray, h: float) -> tuple[Any, Any, Any]:
    term: Any = diffrax.ODETerm(lambda t, y, args: field(y))  # pyright: ignore[reportArgumentType]
    step: Any = solver.step
    y1, error, dense, *_ = step(term, 0.0, jnp.asarray(h), jnp.asarray(y), None, None, False)
    return np.asarray(y1), np.asarray(error), ExtrapolatedEuler.interpolation_cls(t0=0.0, t1=h, **dense)


def cubic(y: Any) -> Any:
    return ROTATION @ jnp.diag(jnp.array([-1.0, -3.0, 0.5])) @ ROTATION.T @ y - y**3


def test_a_step_is_the_plain_twin():
    y, h = np.array([0.5, -0.4, 0.9]), 0.3
    A = np.diag([-1.0, -2.0, 0.3])
    ends = []
    for n in range(1, 7):
        now, inverse = y, np.linalg.inv(np.eye(3) - h / n * A)
        for _ in range(n):
            now = now + h / n * inverse @ np.asarray(cubic(now))
        ends.append(now)
    table = [ends]  # Aitken-Neville, with the numbers of substeps 1, 2, ..
    for k in range(1, 6):
        last = table[-1]
        table.append([last[j + 1] + (last[j + 1] - last[j]) / ((j + k + 1) / (j + 1) - 1) for j in range(6 - k)])
    result, error, _ = one_step(solver_with(lambda y: jnp.asarray(A), cubic), cubic, y, h)
    assert result == pytest.approx(table[5][0], abs=1e-13)
    assert error == pytest.approx(table[5][0] - table[4][1], abs=1e-13)


@pytest.mark.parametrize("name", ["exact", "half", "none"])
def test_order_six_whatever_the_approximation_of_the_jacobian(name: str):
    jacobian = jax.jacfwd(cubic)
    matrix = {
        "exact": jacobian,
        "half": lambda y: jnp.diag(jnp.diag(jacobian(y))),
        "none": lambda y: jnp.zeros((3, 3)),
    }[name]
    solver = solver_with(matrix, cubic)
    y, h = np.array([0.5, -0.4, 0.9]), 0.04

    def reference(length: float) -> np.ndarray:
        result = solve_ivp(lambda t, y: np.asarray(cubic(y)), (0, length), y, method="DOP853", rtol=3e-14, atol=1e-15)
        return result.y[:, -1]

    errors, estimates, inside = [], [], []
    for length in (h, h / 2):
        result, error, between = one_step(solver, cubic, y, length)
        errors.append(np.linalg.norm(result - reference(length)))
        estimates.append(np.linalg.norm(error))
        inside.append(np.linalg.norm(between.evaluate(0.37 * length) - reference(0.37 * length)))
    assert np.log2(errors[0] / errors[1]) > 6.5
    assert np.log2(estimates[0] / estimates[1]) > 5.5
    assert errors[0] < estimates[0]
    assert np.log2(inside[0] / inside[1]) > 5.5  # so is what is read between two steps


def test_dense_output_is_exact_for_polynomials_in_time():
    # y' = (1, y_0, y_1 / 2, ..): powers of t, which five derivatives and two values determine
    A = np.diag(np.ones(5), -1)[:, :6]

    def field(y):
        return jnp.asarray(A) @ y

    y = np.eye(1, 6)[0]
    y1, _, between = one_step(solver_with(lambda y: jnp.zeros((6, 6)), field), field, y, 1.0)
    exact = [float(Fraction(1, int(np.prod(range(1, k + 1))))) for k in range(6)]
    assert y1 == pytest.approx(exact, abs=1e-12)
    for t in (0.0, 0.25, 0.8, 1.0):
        assert between.evaluate(t) == pytest.approx(exact * t ** np.arange(6), abs=1e-11)


@pytest.mark.parametrize("stiffness", [1e3, 1e6, 1e12])
def test_stiff_parts_are_damped_if_the_approximation_holds_them(stiffness: float):
    def field(y):
        return jnp.array([-stiffness * (y[0] - jnp.cos(y[1])), 1.0])

    solver = solver_with(lambda y: jnp.array([[-stiffness, 0.0], [0.0, 0.0]]), field)
    y1, error, _ = one_step(solver, field, np.array([1.0, 0.0]), 0.1)
    assert y1 == pytest.approx([np.cos(0.1), 0.1], abs=1e-6 + 1 / stiffness)
    assert np.abs(error).max() < 1e-4


def test_a_step_into_infinity_is_refused():
    def field(y):
        return jnp.exp(y)

    y1, error, _ = one_step(solver_with(lambda y: jnp.zeros((1, 1)), field), field, np.array([8.0]), 1e4)
    assert y1 == pytest.approx([8.0])
    assert np.abs(error).min() > 1e50


class Decay(System):
    """y' = -k y of three rates, in matrices on which steps are made as a list."""

    stop_on: ClassVar[str] = "risk"
    k: jax.Array
    unused: jax.Array = eqx.field(default_factory=lambda: jnp.zeros(()))

    def solver(self):
        return ExtrapolatedEuler(
            split=lambda y: [y[:1], y[1:]],
            join=jnp.concatenate,
            linearise=lambda parts, system: [-system.k[:1], -system.k[1:]],
            factor=lambda A, e: [e / (1 - e * a) for a in A],
            advance=lambda A, factor, parts, system: [y + f * a * y for y, f, a in zip(parts, factor, A, strict=True)],
        )

    def vector_field(self, y):
        return -self.k * y

    def observables(self, y, rate):
        return {"risk": jnp.sum(y**2), "risk_rate": 2 * jnp.sum(y * rate)}


def test_the_loop_observes_within_its_steps():
    k = np.array([1.0, 50.0, 4e3])
    grid = np.geomspace(1e-5, 10.0, 40)
    record = integrate(
        Decay(jnp.asarray(k)), jnp.ones(3), grid, first_step=1e-6, rtol=1e-8, atol=1e-10, max_steps=10_000
    )
    assert record.outcome is Outcome.REACHED_END
    assert len(record.times) == 1 + ExtrapolatedEuler.observations * record.solver["steps_accepted"]
    assert np.all(np.diff(record.times) > 0)
    exact = np.sum(np.exp(-2 * np.outer(record.times, k)), axis=1)
    assert record.observables["risk"] == pytest.approx(exact, rel=1e-6, abs=1e-8)
    assert record.states == pytest.approx(np.exp(-np.outer(record.state_times, k)), abs=1e-7)
