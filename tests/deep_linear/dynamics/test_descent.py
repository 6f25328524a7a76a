"""Gradient descent: exact solutions, steps in BLAS beside compiled ones, stops and restarts, runs that diverge."""

from itertools import pairwise

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import saddlescope as ss
from saddlescope.arguments import ArgumentError
from saddlescope.deep_linear.dynamics import blas_descent
from saddlescope.deep_linear.dynamics import descent as of_descent
from saddlescope.deep_linear.dynamics.blas_descent import blas_pays, descend
from saddlescope.deep_linear.network.starts import gaussian_start
from saddlescope.deep_linear.problem.cost import Cost
from saddlescope.deep_linear.problem.general_cost import GeneralCost
from saddlescope.deep_linear.problem.reference_problems import random_completion, reference_completion, reference_target

RANDOM = np.random.default_rng(4)
COSTS: dict[str, Cost] = {
    "completion": random_completion(5, (3.0, 2.0), 15, seed=0),
    "wide completion": ss.MatrixCompletion(RANDOM.standard_normal((3, 5)), observed=RANDOM.random((3, 5)) < 0.6),
    "wide target": ss.LeastSquares(reference_target()),
    "tall target": ss.LeastSquares(reference_target().T),
    "examples": ss.LeastSquares(inputs=RANDOM.standard_normal((2, 9)), outputs=RANDOM.standard_normal((4, 9))),
    "general": GeneralCost(lambda A: jnp.sum(jnp.log(jnp.cosh(A - jnp.arange(6.0).reshape(2, 3)))), (2, 3)),
}


def twin(cost: Cost, weights: list, velocity: list | None, rate: float, momentum: float, steps: int):
    """The same steps by automatic differentiation."""
    slopes = jax.jit(jax.grad(lambda W: cost.value(jnp.linalg.multi_dot(W[::-1]))))
    V = [np.zeros_like(W) for W in weights] if velocity is None else velocity
    for _ in range(steps):
        V = [momentum * move - rate * np.asarray(slope) for move, slope in zip(V, slopes(weights), strict=True)]
        weights = [W + move for W, move in zip(weights, V, strict=True)]
    return weights, V


@pytest.mark.parametrize("momentum", [None, 0.0, 0.8])
@pytest.mark.parametrize("depth", [2, 3, 4])
@pytest.mark.parametrize("name", COSTS)
def test_steps_in_blas_are_the_steps_of_the_definition(name, depth, momentum):
    cost = COSTS[name]
    weights = [np.asarray(W) for W in gaussian_start(cost.shape, depth, 6, gamma=0.5, seed=depth)]
    velocity = None if momentum is None else [0.1 * RANDOM.standard_normal(W.shape) for W in weights]
    before = [W.copy() for W in weights + (velocity or [])]
    result, moves = descend(cost, weights, velocity, learning_rate=0.01, momentum=momentum or 0.0, steps=7)
    wanted, wanted_moves = twin(cost, weights, velocity, 0.01, momentum or 0.0, 7)
    assert all(np.allclose(W, X, rtol=0, atol=1e-13) for W, X in zip(result, wanted, strict=True))
    assert all(np.array_equal(W, X) for W, X in zip(weights + (velocity or []), before, strict=True))
    if momentum is None:
        assert moves is None
    else:
        assert moves is not None
        assert all(np.allclose(W, X, rtol=0, atol=1e-13) for W, X in zip(moves, wanted_moves, strict=True))


@pytest.mark.parametrize("momentum", [0.0, 0.9])
@pytest.mark.parametrize("size", [3, 30])
def test_one_layer_follows_the_powers_of_a_two_by_two_matrix(size, momentum):
    """The error e and the velocity v of every entry: v <- mu v - eta e, e <- e + v."""
    target, start = RANDOM.standard_normal((2, size, size))
    descent = ss.GradientDescent(ss.LeastSquares(target), initial=[start], learning_rate=0.1, momentum=momentum)
    run = ss.solve(descent, until=40 * 0.1 / (1 - momentum))
    powers = [np.linalg.matrix_power([[0.9, momentum], [-0.1, momentum]], n)[0, 0] for n in range(41)]
    steps = np.round(run.time / run.time[1]).astype(int)
    assert steps[-1] == 40
    error = np.array(powers)[steps, None, None] * (start - target)
    assert np.allclose(run["product"] - target, error, rtol=0, atol=1e-12)
    assert not blas_pays(descent.cost, descent.initial)


@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_a_run_in_blas_is_the_run_of_compiled_steps(momentum, monkeypatch):
    descent = ss.GradientDescent(reference_completion(), 4, 30, 1.0, learning_rate=0.01, momentum=momentum)

    def run():
        return ss.solve(descent, 300 * descent.shortest_time, states=4)

    calls, descend = [], of_descent.descend
    monkeypatch.setattr(of_descent, "descend", lambda *words, **more: calls.append(1) or descend(*words, **more))
    monkeypatch.setattr(of_descent, "blas_pays", lambda cost, weights: True)
    in_blas = run()
    assert calls
    calls.clear()
    monkeypatch.setattr(of_descent, "blas_pays", lambda cost, weights: False)
    compiled = run()
    assert not calls
    assert np.array_equal(in_blas.time, compiled.time)
    assert in_blas["cost"][-1] < 0.5 * in_blas["cost"][0]
    for name in ("cost", "cost_rate", "product", "layer_norm", "weights"):
        assert np.allclose(in_blas[name], compiled[name], rtol=1e-10, atol=1e-12)


def test_costs_that_only_jax_can_differentiate_use_blas_where_layers_are_large():
    wide, narrow = (gaussian_start((2, 3), 3, width, gamma=1.0) for width in (150, 60))
    on_cpu = jax.default_backend() == "cpu"
    assert [blas_pays(COSTS["general"], W) for W in (wide, narrow)] == [on_cpu, False]
    assert [blas_pays(COSTS["wide target"], W) for W in (wide, narrow)] == [on_cpu, on_cpu]


def test_many_threads_make_the_same_steps(monkeypatch):
    weights = gaussian_start((5, 5), 3, 40, gamma=1.0)

    def run():
        return descend(COSTS["completion"], weights, None, learning_rate=0.01, momentum=0.0, steps=5)[0]

    one = run()
    monkeypatch.setattr(blas_descent, "_LARGE", 0)
    assert all(np.allclose(W, X, rtol=0, atol=1e-14) for W, X in zip(run(), one, strict=True))


def test_the_rate_of_the_cost_is_the_square_of_the_gradient():
    descent = ss.GradientDescent(reference_completion(), 3, 20, 1.0, learning_rate=1e-3)
    steps, state = descent.start()
    y = steps.saved(state)
    wanted = steps.system.observables(y, steps.system.vector_field(y))
    result = steps.observables(state)
    assert result.keys() == wanted.keys() - {"product_rate"}  # by which a flow tells its error
    assert all(np.allclose(result[name], wanted[name], rtol=1e-13) for name in result)


def test_ctrl_c_within_the_steps_and_a_run_taken_up_again_lose_nothing(tmp_path, monkeypatch):
    descent = ss.GradientDescent(reference_completion(), 3, 50, 1.0, learning_rate=0.01, momentum=0.5)

    def run(**options):
        return ss.solve(descent, 500 * descent.shortest_time, states=5, **options)

    whole, calls = run(), 0

    def interrupted(*arguments, **options):
        nonlocal calls
        calls += 1
        if calls == 120:
            raise KeyboardInterrupt
        return descend(*arguments, **options)

    with monkeypatch.context() as patch:
        patch.setattr(of_descent, "descend", interrupted)
        stopped = run(checkpoint=tmp_path / "run")
    assert stopped.outcome == "INTERRUPTED"
    assert 0 < stopped.solver["steps"] < 500
    again = run(checkpoint=tmp_path / "run")
    assert again.outcome == "REACHED_END"
    for name in ("time", "cost", "product", "weights"):
        assert np.array_equal(again[name], whole[name])


@pytest.mark.parametrize("name", ["completion", "wide target", "examples"])
@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_a_run_that_diverges_ends_with_its_last_finite_cost(name, momentum):
    descent = ss.GradientDescent(COSTS[name], 3, 60, 0.0, learning_rate=10.0, momentum=momentum)
    run = ss.solve(descent, 1000 * descent.shortest_time)
    assert run.outcome == "NOT_FINITE"
    assert np.all(np.isfinite(run["cost"]))
    assert np.all(np.isfinite(run["weights"]))


def test_a_wide_network_of_two_layers_is_run_as_a_narrow_one():
    def run(compress):
        descent = ss.GradientDescent(reference_completion(), 2, 80, 1.0, learning_rate=0.01, compress=compress)
        return ss.solve(descent, until=10.0)

    narrow, whole = run("auto"), run(False)
    assert narrow.accuracy["compressed_width"] <= 20
    assert np.allclose(narrow["product"], whole["product"], rtol=0, atol=1e-10)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"learning_rate": 0.0}, r"Argument `learning_rate` must be positive, but got 0\.0\."),
        ({"learning_rate": 0.1, "momentum": 1.0}, r"Argument `momentum` must lie in \[0, 1\), but got 1\.0\."),
        ({"learning_rate": 0.1, "momentum": -0.1}, r"Argument `momentum` must lie in \[0, 1\), but got -0\.1\."),
    ],
)
def test_bad_input_is_refused(options, message):
    with pytest.raises(ArgumentError, match=message):
        ss.GradientDescent(reference_completion(), 2, 4, 1.0, **options)


def test_the_published_network_of_four_layers_is_a_numpy_loop_over_2500_steps():
    """5-50-50-50-5 and the teacher 10 diag(1 .. 5), from 100 inputs, in steps of 5e-4."""
    random = np.random.default_rng(0)
    X = random.standard_normal((5, 100))
    teacher = 10.0 * np.diag(np.arange(1.0, 6.0))
    sizes = (5, 50, 50, 50, 5)
    start = [0.1 * random.standard_normal((out, into)) for into, out in pairwise(sizes)]
    cost = ss.LeastSquares(inputs=X, outputs=teacher @ X)
    for compress in (False, "auto"):
        descent = ss.GradientDescent(cost, initial=start, learning_rate=5e-4, compress=compress)
        run = ss.solve(descent, until=2500 * 5e-4, states=2)
        W = [layer.copy() for layer in start]
        for _ in range(2500):
            outputs = [X]
            for layer in W:
                outputs.append(layer @ outputs[-1])
            back = (outputs[-1] - teacher @ X) / 100
            slopes = []
            for layer, before in zip(reversed(W), reversed(outputs[:-1]), strict=True):
                slopes.append(back @ before.T)
                back = layer.T @ back
            W = [layer - 5e-4 * slope for layer, slope in zip(W, reversed(slopes), strict=True)]
        A = W[3] @ W[2] @ W[1] @ W[0]
        assert run["cost"][-1] < 1e-3 * run["cost"][0]  # it has learnt
        assert np.allclose(run["product"][-1], A, rtol=0, atol=1e-12 * np.linalg.norm(A))
