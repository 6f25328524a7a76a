"""The flow of a diagonal network as `solve` integrates it: against two layers, the limit, and a linear program."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.integrate import solve_ivp
from scipy.optimize import linprog

import saddlescope as ss
from saddlescope.arguments import ArgumentError
from saddlescope.diagonal_linear.problem.regression import reference_regression
from saddlescope.measure.jumps import first_below

X, Y = reference_regression()
PATH = ss.jump_sequence(X, Y)


def jump_times(log_scale: float, **arguments) -> np.ndarray:
    run = ss.solve(ss.DiagonalFlow(X, Y, log_scale=log_scale), until=4.2, **arguments)
    halves = (PATH.losses[1:] + PATH.losses[:-1]) / 2
    return np.array([first_below(run.time, run["cost"], run["cost_rate"], level) for level in halves])


@pytest.mark.parametrize("alpha", [0.3, 0.01])
def test_flow_is_that_of_the_two_layers(alpha: float):
    # u' = −∇L ⊙ v, v' = −∇L ⊙ u from u = √2 α, v = 0, on the clock of u and v; solved by another method
    ell = -np.log(alpha)

    def layers(_: float, w: np.ndarray) -> np.ndarray:
        g = X.T @ (X @ (w[:7] * w[7:]) - Y) / 5
        return -np.concatenate([g * w[7:], g * w[:7]])

    run = ss.solve(ss.DiagonalFlow(X, Y, alpha), until=4.0, rtol=1e-8)
    some = np.linspace(1, len(run.time) - 1, 20).astype(int)
    start = np.concatenate([np.full(7, np.sqrt(2) * alpha), np.zeros(7)])
    clock = ell * run.time[some]
    result = solve_ivp(layers, (0, clock[-1]), start, "Radau", t_eval=clock, rtol=1e-9, atol=1e-12).y
    beta = (result[:7] * result[7:]).T
    assert np.allclose(run["regressor"][some], beta, atol=2e-6)
    losses = np.sum((beta @ X.T - Y) ** 2, axis=1) / 10
    assert np.allclose(run["cost"][some], losses, atol=2e-6)
    assert np.allclose(run["l1_norm"], np.abs(run["regressor"]).sum(axis=1))


def test_rates_are_the_slopes_of_what_they_belong_to():
    run = ss.solve(ss.DiagonalFlow(X, Y, log_scale=5.0), until=4.0, rtol=1e-9)
    t = run.time
    middle = slice(20, -20)
    for name in ("cost", "regressor"):
        slope = np.gradient(run[name], t, axis=0)[middle]
        assert np.allclose(run[f"{name}_rate"][middle], slope, atol=0.02 * np.abs(slope).max()), name


def test_jump_times_tend_to_the_predicted_ones():
    gaps = np.array([np.abs(jump_times(ell) / PATH.jump_times - 1) for ell in (100.0, 1000.0, 10000.0)])
    # a jump takes a time of order 1 / ln(1/alpha): ten times nearer for every decade
    assert np.all(gaps[0] < 0.01)
    assert np.allclose(gaps[:-1] / gaps[1:], 10.0, rtol=0.2)


def test_times_are_as_accurate_as_the_result_says():
    run = ss.solve(ss.DiagonalFlow(X, Y, log_scale=30.0), until=4.2)
    assert np.allclose(jump_times(30.0), jump_times(30.0, rtol=1e-10), rtol=run.accuracy["integration_error"])


def test_the_end_is_the_fit_of_least_l1_norm():
    draw = np.random.default_rng(5)
    inputs, outputs = draw.standard_normal((6, 12)), draw.standard_normal(6)
    path = ss.jump_sequence(inputs, outputs)
    run = ss.solve(ss.DiagonalFlow(inputs, outputs, log_scale=1e4), until=3 * path.jump_times[-1])
    least = linprog(np.ones(24), A_eq=np.hstack([inputs, -inputs]), b_eq=outputs).fun
    assert run["l1_norm"][-1] == pytest.approx(least, rel=1e-3)
    assert run["support_size"][-1] == len(path.supports[-1])
    assert run["cost"][-1] < 1e-6 * run["cost"][0]


def test_a_saddle_is_not_taken_for_the_end():
    # between the jumps at 1 and 2, nothing of the cost moves by more than e^-100
    flow = ss.DiagonalFlow(np.sqrt(2) * np.eye(2), np.sqrt(2) * np.array([1.0, -0.5]), log_scale=1000.0)
    system, _ = flow.start()

    @jax.jit
    def change(s, left):
        return system.change_ahead(s, system.vector_field(s), left)

    saddle = jnp.array([1 + np.log(2) / 2000, -0.75])  # beta = (1, 0), at t = 1.5
    assert abs(float(system.observables(saddle, system.vector_field(saddle))["cost_rate"])) < 1e-15
    assert change(saddle, 0.4) < 1e-12
    assert change(saddle, 10.0) > 0.01


def test_the_linear_systems_of_steps_are_those_of_the_jacobian():
    system, _ = ss.DiagonalFlow(X, Y, log_scale=20.0).start()
    s = jnp.array([1.0, -1.02, 0.9, 0.0, -0.5, 0.2, 0.99])
    right = jnp.arange(1.0, 8.0)
    dense = jax.jit(jax.jacfwd(lambda y: system.vector_field(y)))(s)
    solved = jax.jit(lambda y: system.linearise(y).factor(jnp.asarray(0.1))(right))(s)
    assert np.allclose(np.linalg.solve(np.eye(7) - 0.1 * np.asarray(dense), right), solved, rtol=1e-10)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: ss.DiagonalFlow(X, Y), "scale"),
        (lambda: ss.DiagonalFlow(X, Y, 0.1, log_scale=3.0), "not both"),
        (lambda: ss.DiagonalFlow(X, Y, 1.0), "strictly between 0 and 1"),
        (lambda: ss.DiagonalFlow(X, Y, log_scale=0.0), "log_scale"),
        (lambda: ss.DiagonalFlow(X, Y, log_scale=1e7), "at most 1e"),
        (lambda: ss.DiagonalFlow(X, Y[1:], 0.1), "one number per example"),
        (lambda: ss.DiagonalFlow(X, 0 * Y, 0.1), "something to learn"),
        (lambda: ss.DiagonalFlow(1e200 * X, Y, 0.1), "fit into a float"),
    ],
)
def test_bad_input_is_refused(make, message: str):
    with pytest.raises(ArgumentError, match=message):
        make()
