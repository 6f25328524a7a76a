"""Diagonal networks of any depth and both parametrizations, beside their layers and the limit."""

from dataclasses import replace

import jax.numpy as jnp
import numpy as np
import pytest
from scipy.integrate import quad, solve_ivp

import saddlescope as ss
from saddlescope.arguments import ArgumentError
from saddlescope.diagonal_linear.dynamics.parametrization import parametrization, time_unit
from saddlescope.diagonal_linear.problem.regression import reference_regression
from saddlescope.measure.jumps import first_below
from saddlescope.optimizer import SGD, Adam

X, Y = reference_regression()
PATH = ss.jump_sequence(X, Y)
HALVES = (PATH.losses[1:] + PATH.losses[:-1]) / 2
FORMS = [(name, depth) for name in ("product", "difference") for depth in (2, 3, 4)]


def start(name: str, depth: int, alpha: float) -> np.ndarray:
    if name == "difference":
        return np.full((2, 7), alpha)
    weights = np.full((depth, 7), 2**0.5 * alpha)
    weights[-1] = 0
    return weights


def slopes(weights: np.ndarray, name: str, depth: int, rows=slice(None)) -> np.ndarray:
    """The gradient in the weights, written out."""
    inputs, outputs = X[rows], Y[rows]
    if name == "difference":
        g = inputs.T @ (inputs @ (weights[0] ** depth - weights[1] ** depth) - outputs) / len(outputs)
        return np.array([depth * g * weights[0] ** (depth - 1), -depth * g * weights[1] ** (depth - 1)])
    g = inputs.T @ (inputs @ np.prod(weights, axis=0) - outputs) / len(outputs)
    return np.array([g * np.prod(np.delete(weights, layer, axis=0), axis=0) for layer in range(depth)])


def coefficients(weights: np.ndarray, name: str, depth: int) -> np.ndarray:
    return np.prod(weights, axis=0) if name == "product" else weights[0] ** depth - weights[1] ** depth


def jump_times(run) -> np.ndarray:
    return np.array([first_below(run.time, run["cost"], run["cost_rate"], level) for level in HALVES])


@pytest.mark.parametrize(("name", "depth"), FORMS)
def test_the_flow_is_that_of_the_layers(name, depth):
    alpha = 0.1
    flow = ss.DiagonalFlow(X, Y, alpha, depth=depth, parametrization=name)
    run = ss.solve(flow, until=4.0, rtol=1e-7)
    some = np.linspace(1, len(run.time) - 1, 12).astype(int)
    clock = flow.time_unit * run.time[some]
    w0 = start(name, depth, alpha)
    result = solve_ivp(
        lambda t, w: -slopes(w.reshape(w0.shape), name, depth).ravel(),
        (0, clock[-1]), w0.ravel(), "LSODA", t_eval=clock, rtol=1e-9, atol=1e-13,
    ).y.T  # fmt: skip
    beta = np.array([coefficients(w.reshape(w0.shape), name, depth) for w in result])
    assert np.allclose(run["regressor"][some], beta, atol=2e-5)
    # the dual variable moves by the gradient, on the trajectory's clock
    s = run["dual"]
    assert np.all(np.abs(s) < 1.3)
    fine = np.linspace(0.05, 0.5, 30)
    moved = np.array([np.interp(fine, run.time, column) for column in s.T]).T
    g0 = X.T @ -Y / 5
    assert np.allclose(moved[:3], -fine[:3, None] * g0, atol=0.02)  # straight at the origin


@pytest.mark.parametrize(("name", "depth"), [(n, d) for n, d in FORMS if d > 2])
def test_jumps_come_at_the_times_of_the_limit_whatever_the_depth(name, depth):
    gaps = []
    for log_scale in (3.0, 6.0):
        flow = ss.DiagonalFlow(X, Y, log_scale=log_scale, depth=depth, parametrization=name)
        gaps.append(np.abs(jump_times(ss.solve(flow, until=4.2)) / PATH.jump_times - 1).max())
    # corrections are of order alpha^(L-2)
    assert gaps[1] < 0.02
    assert gaps[1] < 2 * np.exp(-3.0 * (depth - 2)) * gaps[0] + 3e-6


def test_ends_of_deep_flows_are_of_least_l1_norm_too():
    flow = ss.DiagonalFlow(X, Y, log_scale=15.0, depth=3)
    run = ss.solve(flow, until=6.0)
    assert run["l1_norm"][-1] == pytest.approx(np.abs(PATH.regressors[-1]).sum(), rel=1e-3)


@pytest.mark.parametrize(("name", "depth"), [*FORMS, ("product", 7)])
def test_parts_of_a_parametrization_fit_each_other(name, depth):
    form = parametrization(name, depth, 1.5)
    z, h = (2.0 if depth > 2 else 0.9) * jnp.linspace(-1.0, 1.0, 9), 1e-6
    for value, slope in ((form.regressor, form.slope), (form.speed, form.speed_slope)):
        assert np.allclose((value(z + h) - value(z - h)) / (2 * h), slope(z), rtol=1e-6, atol=1e-8)
    assert np.allclose((form.dual(z + h) - form.dual(z - h)) / (2 * h), 1 / np.asarray(form.speed(z)), rtol=1e-6)
    assert np.allclose(form.regressor(-z), -np.asarray(form.regressor(z)))
    # a unit of time takes a gradient of one from the start to infinity
    if depth > 2:
        a = np.exp(-1.5) * (2**0.5 if name == "product" else 1)
        rate = (
            (lambda w: (a**2 + w**2) ** ((depth - 1) / 2))
            if name == "product"
            else (lambda w: depth * w ** (depth - 1))
        )
        taken = quad(lambda w: 1 / rate(w), 0 if name == "product" else a, np.inf)[0]
        assert time_unit(name, depth, 1.5) == pytest.approx(taken, rel=1e-8)


@pytest.mark.parametrize(("name", "depth"), FORMS)
def test_descent_is_a_numpy_loop(name, depth):
    alpha, rate = 0.2, 0.02
    descent = ss.DiagonalDescent(X, Y, alpha, depth=depth, parametrization=name, optimizer=SGD(rate, momentum=0.5))
    run = ss.solve(descent, until=400 * descent.step_size)
    w, velocity = start(name, depth, alpha), 0.0
    for _ in range(400):
        velocity = 0.5 * velocity - rate * slopes(w, name, depth)
        w = w + velocity
    assert run.solver["steps"] == 400
    assert np.allclose(run["weights"][-1], w.ravel(), atol=1e-11)
    assert np.allclose(run["regressor"][-1], coefficients(w, name, depth), atol=1e-11)
    assert run["cost"][-1] < 0.2 * run["cost"][0]


def test_small_steps_are_the_flow():
    flow = ss.solve(ss.DiagonalFlow(X, Y, 1e-2, depth=3), until=4.0, rtol=1e-8)
    times = {}
    for rate in (0.01, 0.005):
        run = ss.solve(ss.DiagonalDescent(X, Y, 1e-2, depth=3, learning_rate=rate), until=4.0)
        times[rate] = np.abs(jump_times(run) / jump_times(flow) - 1).max()
    assert times[0.005] < 0.02


def test_batches_jump_too_and_comparisons_say_whose_jumps_they_are():
    batches = ss.DiagonalDescent(X, Y, 1e-3, learning_rate=0.01, batch_size=2, batch_seed=3)
    run = ss.solve(batches, until=4.5)
    assert np.allclose(jump_times(run), PATH.jump_times, rtol=0.25)
    table = ss.compare(run)
    assert [row["saddle"] for row in table.record["saddles"]] == [0, 1, 2, 3]
    assert not any("predicted for gradient flow" in doubt for doubt in table.doubts)
    adam = ss.solve(ss.DiagonalDescent(X, Y, 1e-3, optimizer=Adam(1e-2)), until=1.0)
    assert any("predicted for gradient flow" in doubt for doubt in ss.compare(adam).doubts)
    deep = ss.solve(ss.DiagonalFlow(X, Y, 1e-2, depth=3, parametrization="difference"), until=4.0)
    assert "difference, depth 3" in str(ss.compare(deep))
    assert "in units of 33.33" in " ".join(str(ss.compare(deep)).split())
    axes = ss.plot.jumps(deep, PATH)
    assert axes[1].get_xlabel() == "time, in units of 33.33"
    assert "ln" in ss.plot.jumps(replace(deep, parameters={}), PATH)[1].get_xlabel()


def test_stopping_when_still_waits_for_jumps_of_deep_networks():
    flow = ss.DiagonalFlow(X, Y, log_scale=8.0, depth=3)
    run = ss.solve(flow, until=100.0, stop_when_still=True)
    assert run["cost"][-1] < 1e-6 * run["cost"][0]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"depth": 1}, "`depth` must be a whole number of at least 2"),
        ({"parametrization": "sum"}, "`parametrization`"),
        ({"depth": 3, "log_scale": 300.0, "scale": None}, "at most 230 at depth 3"),
    ],
)
def test_what_cannot_be_is_refused(options, message):
    for make in (ss.DiagonalFlow, lambda *a, **k: ss.DiagonalDescent(*a, **k, learning_rate=0.1)):
        with pytest.raises(ArgumentError, match=message):
            make(X, Y, **{"scale": 0.1, **options})


def test_descents_that_take_for_ever_or_have_nothing_to_learn_are_refused():
    with pytest.raises(ArgumentError, match="a unit of time takes"):
        ss.DiagonalDescent(X, Y, log_scale=100.0, depth=3, learning_rate=0.1)
    with pytest.raises(ArgumentError, match="leave something to learn"):
        ss.DiagonalDescent([[1.0]], [0.0], 0.1, learning_rate=0.1)
    with pytest.raises(ArgumentError, match="batch_size"):
        ss.DiagonalDescent(X, Y, 0.1, learning_rate=0.1, batch_size=6)
