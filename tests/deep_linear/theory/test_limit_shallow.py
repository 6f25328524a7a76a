"""Two layers in the limit of a vanishing start: known times, runs from starts down to 1e-50, diagonal networks."""

import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import solve_ivp

import saddlescope as ss
from saddlescope.deep_linear import (
    Cost,
    DeepLinearFlow,
    GeneralCost,
    LeastSquares,
    MatrixCompletion,
    SaddleToSaddleLimit,
)
from saddlescope.deep_linear.problem.reference_problems import random_completion, reference_completion, reference_target
from saddlescope.deep_linear.theory.graded_weights import Eigenmodes, GradedWeights, free_eigenmodes, time_at_saddle
from saddlescope.deep_linear.theory.invariant_subspaces import Block
from saddlescope.diagonal_linear.theory.jumps import jump_sequence


def graded_columns(Q: np.ndarray) -> np.ndarray:
    """Q times an orthogonal matrix that makes it triangular, rows pivoted: columns keep their digits at any size."""
    Q, left = Q.copy(), list(range(len(Q)))
    for c in range(min(Q.shape)):
        row = left.pop(int(np.argmax(np.linalg.norm(Q[left, c:], axis=1))))
        v = Q[row, c:].copy()
        v[0] += np.copysign(np.linalg.norm(v), v[0])
        v /= np.linalg.norm(v)
        Q[:, c:] -= 2 * np.outer(Q[:, c:] @ v, v)
        Q[row, c + 1 :] = 0.0
    return Q


def measured_jumps(cost, costs: np.ndarray, Q: np.ndarray, until: float) -> np.ndarray:
    """Reference twin: the flow of Q = [W_1ᵀ; W_2] by DOP853, cut in pieces; times at half way between the costs."""
    columns = cost.shape[1]
    mask = np.asarray(cost.observed) if isinstance(cost, MatrixCompletion) else np.ones(cost.shape)
    S = np.asarray(cost.values if isinstance(cost, MatrixCompletion) else cost.target)

    def flow(t, y):
        W_1t, W_2 = np.split(y.reshape(Q.shape), [columns])
        G = mask * (W_2 @ W_1t.T - S)
        return np.concatenate([-G.T @ W_2, -G @ W_1t]).ravel()

    now, times, values = 0.0, [], []
    while now < until:
        Q = graded_columns(Q)
        atol = np.broadcast_to(1e-9 * np.maximum(np.linalg.norm(Q, axis=0), 1e-200), Q.shape).ravel()
        piece = solve_ivp(flow, (now, now + 1), Q.ravel(), method="DOP853", rtol=1e-7, atol=atol, dense_output=True)
        for t in np.linspace(now, now + 1, 33)[:-1]:
            W_1t, W_2 = np.split(piece.sol(t).reshape(Q.shape), [columns])
            times.append(t)
            values.append(0.5 * np.sum(mask * (W_2 @ W_1t.T - S) ** 2))
        Q, now = piece.y[:, -1].reshape(Q.shape), now + 1
    return np.interp(-0.5 * (costs[1:] + costs[:-1]), -np.array(values), times)


def slopes(cost, limit: SaddleToSaddleLimit, width: int, scales: tuple[float, float], seed: int = 0) -> np.ndarray:
    start = np.random.default_rng(seed).standard_normal((sum(cost.shape), width))
    ends = [limit.jump_times[-1] * np.log(1 / scale) * 1.1 + 12 for scale in scales]
    first, second = (measured_jumps(cost, limit.costs, a * start, end) for a, end in zip(scales, ends, strict=True))
    return (second - first) / np.log(scales[0] / scales[1])


def pairing_in_order(cost: Cost, products: np.ndarray) -> list[float]:
    """Twin for costs that mix everything: sum over k < j of s_(j-k)(k) times the k-th wait is one."""
    values = [np.linalg.svd(np.asarray(cost.gradient(jnp.asarray(A))), compute_uv=False) for A in products]
    times_at_saddle: list[float] = []
    for j in range(1, len(products)):
        spent = sum(values[k][j - 1 - k] * times_at_saddle[k] for k in range(j - 1))
        times_at_saddle.append((1 - spent) / values[j - 1][0])
    return np.cumsum(times_at_saddle).tolist()


@pytest.mark.parametrize("width", [2, 3, 50])
def test_whitened_modes_escape_one_over_their_size(width: int):
    limit = ss.saddle_to_saddle_limit(LeastSquares(reference_target()), depth=2, width=width)
    assert limit.jump_times == pytest.approx([1 / 3, 1 / 2, 1.0][:width], rel=1e-9)
    assert limit.costs == pytest.approx([7.0, 2.5, 0.5, 0.0][: width + 1], abs=1e-9)
    assert limit.outcome.name == ("RANK_LIMIT" if width == 2 else "RECOVERED")
    assert limit.doubts == ()


@settings(max_examples=8, derandomize=True, deadline=None)
@given(st.integers(0, 1000), st.floats(0.2, 5.0))
def test_rotations_and_the_size_of_the_target(seed: int, size: float):
    random = np.random.default_rng(seed)
    left, right = (np.linalg.qr(random.standard_normal((3, 3)))[0] for _ in range(2))
    values = size * np.array([1.0, 0.6, 0.25])
    limit = ss.saddle_to_saddle_limit(LeastSquares(left * values @ right), depth=2, width=5, seed=seed)
    assert limit.jump_times == pytest.approx(1 / values, rel=1e-8)


def test_completion_mixes_all_modes():
    cost = reference_completion()
    limit = ss.saddle_to_saddle_limit(cost, depth=2, width=100)
    assert limit.jump_times == pytest.approx([0.17774600, 0.36541739, 0.61660490], abs=1e-8)
    assert limit.jump_times == pytest.approx(pairing_in_order(cost, limit.products), rel=1e-8)
    assert limit.exponents[0] == pytest.approx(0.488334, abs=1e-6)
    assert "times log(1/scale); RECOVERED" in repr(limit)
    for width, seed in ((3, 1), (25, 0)):
        assert slopes(cost, limit, width, (1e-24, 1e-40), seed) == pytest.approx(limit.jump_times, rel=6e-4)
    other = ss.saddle_to_saddle_limit(cost, depth=2, width=4, gamma=1.0, seed=7)
    assert other.jump_times == pytest.approx(limit.jump_times, rel=1e-12)


@pytest.mark.parametrize(("seed", "width", "rel"), [(0, 4, 5e-4), (1, 14, 2e-4)])
def test_small_completions(seed: int, width: int, rel: float):
    cost = random_completion(6, (3.0, 2.0, 1.0), 28, seed)
    limit = ss.saddle_to_saddle_limit(cost, depth=2, width=width)
    assert limit.jump_times == pytest.approx(pairing_in_order(cost, limit.products), rel=1e-8)
    assert slopes(cost, limit, width, (1e-30, 1e-50)) == pytest.approx(limit.jump_times, rel=rel)


def test_the_library_runs_agree():
    cost = reference_completion()
    limit = ss.saddle_to_saddle_limit(cost, 2, 100, 2.0, seed=3)
    middles, measured, scales = 0.5 * (limit.costs[1:] + limit.costs[:-1]), [], (1e-8, 1e-12)
    for scale in scales:
        run = ss.solve(DeepLinearFlow(cost, 2, 100, 2.0, scale, seed=3), until=1.5 * limit.times(scale)[-1], rtol=1e-8)
        measured.append(np.interp(-middles, -run["cost"], run.time))
        # to leading order: what is left is of the order of the time of one jump
        assert measured[-1] == pytest.approx(limit.times(scale), abs=0.5)
    result = (measured[1] - measured[0]) / np.log(scales[0] / scales[1])
    assert result == pytest.approx(limit.jump_times, rel=5e-3)


def test_modes_that_do_not_mix_grow_while_they_wait():
    # two completion problems in the diagonal blocks: the second mode to escape is not the fastest at its saddle
    blocks = [random_completion(4, values, 13, seed) for values, seed in (((3.0, 1.5), 5), ((2.0, 1.0), 105))]
    observed, target = np.ones((8, 8), dtype=bool), np.zeros((8, 8))
    for k, block in enumerate(blocks):
        place = slice(4 * k, 4 * k + 4)
        observed[place, place], target[place, place] = block.observed, block.values
    cost = MatrixCompletion(np.where(observed, target, np.nan), observed=observed)
    limit = ss.saddle_to_saddle_limit(cost, depth=2, width=20)
    greedy = ss.greedy_low_rank(cost, 2)
    assert abs(limit.costs[2] - greedy.costs[2]) > 0.1
    # the parts know nothing of each other
    apart = [ss.saddle_to_saddle_limit(block, depth=2, width=20).jump_times for block in blocks]
    assert limit.jump_times == pytest.approx(np.sort(np.concatenate(apart)), rel=1e-6)
    assert slopes(cost, limit, 16, (1e-14, 1e-22))[:2] == pytest.approx(limit.jump_times[:2], rel=1e-3)
    alone = MatrixCompletion(target, observed=observed & (target != 0))
    with pytest.raises(ss.ArgumentError, match="must observe entries that hang together by rows and columns"):
        ss.saddle_to_saddle_limit(alone, depth=2, width=20)


@pytest.mark.parametrize("seed", [2, 6])
def test_a_cost_of_the_diagonal_is_a_diagonal_network(seed: int):
    # seed 2: a mode decays to zero and comes back with the other sign, so that the rank stays 3 in one jump
    random = np.random.default_rng(seed)
    X, w = random.standard_normal((6, 4)), np.eye(4)
    y = X @ random.standard_normal(4)
    path = jump_sequence(X, y)
    U, V = (np.linalg.qr(random.standard_normal((4, 4)))[0] for _ in range(2))

    def function(A):
        B = U.T @ A @ V
        return jnp.sum((X @ jnp.diagonal(B) - y) ** 2) / 12 + 0.5 * jnp.sum((B * (1 - w)) ** 2)

    limit = ss.saddle_to_saddle_limit(GeneralCost(function, (4, 4)), depth=2, width=30)
    assert limit.jump_times == pytest.approx(path.jump_times, rel=1e-6)
    assert limit.costs == pytest.approx(path.losses, abs=1e-9)
    assert limit.ranks.tolist() == [len(support) for support in path.supports]
    assert np.einsum("ai,kab,bi->ki", U, limit.products, V) == pytest.approx(path.regressors, abs=1e-6)


def test_rates_and_exponents_are_paired_by_minors():
    columns, exponents, rates = np.eye(3), np.array([0.2, 0.5, 1.0]), np.array([2.0, 1.0, -1.0])
    generic = np.random.default_rng(0).standard_normal((3, 3))
    for carry, paired in ((generic, [0.2, 0.5, 1.0]), (np.eye(3)[[1, 0, 2]], [0.5, 0.2, 1.0])):
        stay = time_at_saddle(GradedWeights(columns, exponents), Eigenmodes(np.eye(3), rates, carry), 2.0)
        assert stay is not None
        # generic: 0.2 at rate 2; exchanged: 0.2 at rate 1 after 0.5 at rate 2 would take 0.25
        assert stay.duration == pytest.approx(min(paired[0] / 2, paired[1] / 1))
        wanted = sorted(e - r * stay.duration for e, r in zip(paired, rates, strict=True))[1:]
        assert sorted(stay.left.exponents) == pytest.approx(wanted)


def test_a_jump_that_mixes_hands_the_largest_part_to_the_fastest_mode():
    slow, fast = np.array([0.0, 1.0, 0.0, 1.0]), np.array([1.0, 0.0, 1.0, 0.0])
    free = GradedWeights(np.stack([slow, fast], axis=1) / np.sqrt(2), np.array([0.2, 0.5]))
    for mixed, duration in ((True, 0.2 / 2), (False, 0.2 / 1)):
        eigenmodes = free_eigenmodes(np.zeros((2, 2)), -np.diag([2.0, 1.0]), 0, [Block(np.eye(4), mixed)])
        stay = time_at_saddle(free, eigenmodes, 2.0)
        assert stay is not None
        assert stay.duration == pytest.approx(duration)


def test_modes_of_one_size_are_a_doubt():
    limit = ss.saddle_to_saddle_limit(LeastSquares(np.eye(2)), depth=2, width=6)
    assert limit.jump_times == pytest.approx([1.0, 1.0])
    assert limit.doubts == ("Two modes leave saddle 0 at the same time: the start decides on the way on.",)


def test_a_start_without_a_mode_never_learns_it():
    W_1, W_2 = np.array([[1.0, 0.0], [0.5, 0.0]]), np.array([[1.0, 2.0], [0.0, 0.0]])
    limit = ss.saddle_to_saddle_limit(LeastSquares(np.diag([1.0, 2.0])), initial=[W_1, W_2])
    assert limit.jump_times == pytest.approx([1.0])
    assert limit.products[-1] == pytest.approx(np.diag([1.0, 0.0]), abs=1e-9)
    assert limit.outcome.name == "RANK_LIMIT"


def test_times_of_a_scale():
    limit = ss.saddle_to_saddle_limit(LeastSquares(np.diag([2.0, 1.0])), depth=2, width=4, gamma=2.0)
    assert np.diff([limit.times(1e-6), limit.times(1e-9)], axis=0)[0] == pytest.approx(np.log(1e3) * limit.jump_times)
    assert limit.times(1e-3 / limit.size) == pytest.approx(np.log(1e3) * limit.jump_times)
    assert limit.cost([0.0, 1e9], 1e-3) == pytest.approx([2.5, 0.0], abs=1e-12)
    with pytest.raises(ss.ArgumentError, match="Argument `scale` must be under"):
        limit.times(1e3)
