"""Narrow networks in the place of wide ones: where exact, how the error falls, what the estimate says of it."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.interpolate import CubicHermiteSpline

import saddlescope as ss
from saddlescope.deep_linear import DeepLinearFlow, LeastSquares, MatrixCompletion, balanced_start, gaussian_start
from saddlescope.deep_linear.network.krylov import compress
from saddlescope.deep_linear.network.layers import gradients, products_from_input
from saddlescope.deep_linear.problem.reference_problems import reference_target

S = reference_target()
COST = LeastSquares(S)
MASK = np.random.default_rng(0).random((3, 4)) < 0.6
COMPLETION = MatrixCompletion(S, observed=MASK)


def through(weights: Any) -> np.ndarray:
    return np.asarray(products_from_input(weights)[-1])


def drawn(depth: int, width: int, gamma: float, seed: int = 0, shape: tuple[int, int] = (3, 4)) -> list[np.ndarray]:
    return [np.asarray(W) for W in gaussian_start(shape, depth, width, gamma, seed=seed)]


def descended(cost, weights: Any, step: float, steps: int) -> list[np.ndarray]:
    for _ in range(steps):
        weights = [np.asarray(W - step * g) for W, g in zip(weights, gradients(cost, weights), strict=True)]
    return weights


@settings(max_examples=12, derandomize=True, deadline=None)
@given(depth=st.integers(2, 5), width=st.integers(2, 60), rounds=st.integers(1, 6), seed=st.integers(0, 99))
def test_frames_are_orthonormal_and_keep_the_through(depth: int, width: int, rounds: int, seed: int):
    weights = drawn(depth, width, 1.0, seed)
    narrow = compress(weights, rounds)
    assert narrow.rounds <= rounds
    for frame in narrow.frames:
        assert np.allclose(frame.T @ frame, np.eye(frame.shape[1]), atol=1e-12)
    # a word of L letters leads from the inputs to the outputs: the product is kept once rounds meet half way
    if 2 * rounds >= depth - 1:
        assert np.allclose(through(narrow.weights), through(weights), atol=1e-12)
    if narrow.closed:
        frames = [np.eye(4), *narrow.frames, np.eye(3)]
        for W, below, above in zip(weights, frames[:-1], frames[1:], strict=True):
            assert np.allclose(above @ (above.T @ W @ below), W @ below, atol=1e-8)
            assert np.allclose(below @ (below.T @ W.T @ above), W.T @ above, atol=1e-8)


@pytest.mark.parametrize(
    ("weights", "width"),
    [
        (drawn(2, 50, 0.5), 7),
        ([np.asarray(W) for W in balanced_start(S, 4, 30, seed=3)], 4),
        (drawn(1, 1, 1.0), 0),
    ],
    ids=["two layers", "balanced", "one layer"],
)
def test_closed_networks_descend_exactly(weights: list[np.ndarray], width: int):
    narrow = compress(weights, 6)
    assert narrow.closed
    assert narrow.width <= width
    # steps that are not small: exact for gradient descent, not only for the flow
    wide_end, narrow_end = (descended(COMPLETION, layers, 0.05, 200) for layers in (weights, narrow.weights))
    assert np.allclose(through(wide_end), through(narrow_end), atol=1e-12)


def test_an_open_network_says_so_and_fills_its_width_in_the_end():
    weights = drawn(3, 40, 1.0)
    widths = [compress(weights, rounds).width for rounds in (1, 2, 3)]
    assert widths == [4, 7, 11]
    assert not compress(weights, 3).closed
    whole = compress(weights, 40)
    assert whole.closed
    assert whole.width == 40


def test_two_layers_flow_exactly_at_any_width():
    start = drawn(2, 60, 0.5, seed=4)
    runs = [
        ss.solve(DeepLinearFlow(COST, initial=start, compress=way), until=1.0, rtol=1e-10, atol=1e-12)
        for way in ("auto", False)
    ]
    assert runs[0].accuracy["exact_compression"]
    assert "krylov_error" not in runs[0].accuracy
    assert np.abs(runs[0]["product"][-1] - runs[1]["product"][-1]).max() < 1e-9
    assert np.allclose(runs[0]["layer_norm"][-1], runs[1]["layer_norm"][-1], rtol=1e-9)
    narrow = DeepLinearFlow(COST, initial=start)
    wide = DeepLinearFlow(COST, initial=start, compress=False)
    lifted, whole = narrow.lift(runs[0]["weights"][-1]), wide.lift(runs[1]["weights"][-1])
    assert all(np.allclose(a, b, atol=1e-8) for a, b in zip(lifted, whole, strict=True))


def lag(a, b, height: float) -> float:
    """Relative difference of the times at which two runs first come down to a height."""
    times = []
    for run in (a, b):
        last = int(np.argmax(run["cost"] <= height))
        near = slice(last - 1, last + 1)
        fine = np.linspace(run.time[last - 1], run.time[last], 20_001)
        curve = CubicHermiteSpline(run.time[near], run["cost"][near], run["cost_rate"][near])(fine)
        times.append(fine[np.argmax(curve <= height)])
    return abs(times[1] / times[0] - 1)


def test_the_error_falls_with_every_second_round_and_the_estimate_is_one():
    ways = (False, 3, 5, "auto")
    flows = [DeepLinearFlow(COST, 3, 60, 2.0, compress=way, tolerance=1e-3) for way in ways]
    whole, three, five, run = (ss.solve(flow, until=40.0, rtol=1e-8, states=2) for flow in flows)
    wide, flow = flows[0], flows[-1]
    # of the times of the jumps
    errors = [max(lag(whole, one, height) for height in (6.0, 4.0, 2.0, 1.0, 0.1)) for one in (three, five, run)]
    assert [one.accuracy.get("krylov_rounds") for one in (whole, three, five, run)] == [None, 3, 5, 7]
    assert 1e-3 < errors[0] < 0.1
    assert errors[1] < 0.01 * errors[0]
    # beside the integration's own error
    assert errors[2] < run.accuracy["krylov_error"] + 2e-6
    assert run.accuracy["krylov_error"] <= run.accuracy["krylov_tolerance"] == 1e-3
    # the layers of the whole network come back, whatever number of rounds the run ended with
    lifted, layers = flow.lift(run["weights"][-1]), wide.lift(whole["weights"][-1])
    assert all(np.allclose(a, b, atol=1e-3) for a, b in zip(lifted, layers, strict=True))
    assert np.allclose(through(lifted), run["product"][-1], atol=1e-6)


def test_a_tolerance_out_of_reach_ends_with_the_whole_network():
    flow = DeepLinearFlow(COST, 3, 60, 1.5)
    sizes = []
    while flow.compression is not None:
        sizes.append(flow.compression.width)
        flow = flow.finer()
    assert sizes == [11, 18, 25]
    assert flow.weights is flow.initial
