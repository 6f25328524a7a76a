"""Saddles are minima among matrices of their rank: parts, symmetries, ties and costs without a minimiser."""

import numpy as np
import pytest
from scipy.optimize import minimize

import saddlescope as ss
from saddlescope.deep_linear import DeepLinearFlow, GreedyOutcome, GreedyPath, LeastSquares, MatrixCompletion
from saddlescope.deep_linear.problem.numpy_cost import NumpyCost
from saddlescope.deep_linear.theory.falling_direction import falling_direction

NAN = np.nan


def completion(target) -> MatrixCompletion:
    entries = np.asarray(target, dtype=float)
    return MatrixCompletion(entries, observed=np.isfinite(entries))


def lowest_nearby(cost: MatrixCompletion, A: np.ndarray, rank: int, seed: int) -> float:
    """The cost that descent among matrices of this rank reaches from next to A, on factors P Qᵀ of its own."""
    random, mask, S = np.random.default_rng(seed), np.asarray(cost.observed), np.asarray(cost.values)
    U, s, Vt = np.linalg.svd(A)
    P, Q = U[:, :rank] * np.sqrt(s[:rank]), Vt[:rank].T * np.sqrt(s[:rank])
    start = np.concatenate([P.ravel(), Q.ravel()])
    start = start + 1e-3 * np.linalg.norm(start) / np.sqrt(start.size) * random.standard_normal(start.size)

    def value(x: np.ndarray) -> tuple[float, np.ndarray]:
        P, Q = x[:P_size].reshape(-1, rank), x[P_size:].reshape(-1, rank)
        G = np.where(mask, P @ Q.T - S, 0.0)
        return 0.5 * float(np.sum(G**2)), np.concatenate([(G @ Q).ravel(), (G.T @ P).ravel()])

    P_size = P.size
    return float(minimize(value, start, jac=True, method="BFGS", options={"gtol": 1e-9, "maxiter": 5000}).fun)


def assert_minima(cost: MatrixCompletion, path: GreedyPath):
    for rank, reached, A in zip(path.ranks[1:], path.costs[1:], path.products[1:], strict=True):
        for seed in range(3):
            # a saddle among matrices of its rank would be left by a share of the cost
            assert lowest_nearby(cost, A, int(rank), seed) > reached - 1e-4 * path.costs[0]


@pytest.mark.parametrize("depth", [2, 3, 5])
@pytest.mark.parametrize("entries", [(1.5, -0.7), (2.0, 1.9, 0.3), (1.0, 1.0)])
def test_one_neuron_learns_a_mode_of_every_part(entries: tuple[float, ...], depth: int):
    cost = completion(np.where(np.eye(len(entries)) > 0, np.diag(entries), NAN))
    path = ss.greedy_low_rank(cost, depth)
    assert path.ranks.tolist() == [0, 1]
    assert path.costs == pytest.approx([0.5 * np.sum(np.square(entries)), 0.0], abs=1e-12)
    assert np.linalg.matrix_rank(path.products[1], tol=1e-6) == 1
    assert bool(path.doubts) == (entries == (1.0, 1.0))


@pytest.mark.parametrize("depth", [2, 3])
@pytest.mark.parametrize("entries", [(1.0, 1.5), (1.0, 1.001), (-0.4, 2.0)])
def test_a_cost_that_falls_for_ever_has_no_minimiser(entries: tuple[float, float], depth: int):
    # [[x, a], [b, ab/x]] has rank one and the cost (ab/x)²/2, which falls to nothing as x grows
    path = ss.greedy_low_rank(completion([[NAN, entries[0]], [entries[1], 0.0]]), depth)
    assert path.outcome is GreedyOutcome.NO_MINIMISER
    assert path.ranks.tolist() == [0]


@pytest.mark.parametrize("seed", range(6))
def test_random_masks_of_several_parts(seed: int):
    random = np.random.default_rng(seed)
    target = random.standard_normal((6, 2)) @ random.standard_normal((2, 6))
    cost = completion(np.where(random.random((6, 6)) < 0.22, target, NAN))
    path = ss.greedy_low_rank(cost, 3)
    assert len(path.costs) > 1 or path.outcome is GreedyOutcome.NO_MINIMISER
    assert_minima(cost, path)


def test_a_symmetry_does_not_hold_a_descent_at_a_saddle():
    cost = completion([[4.0, NAN, 0.0], [NAN, 2.5, 0.0], [0.0, NAN, 1.5]])
    path = ss.greedy_low_rank(cost, 3)
    # the rank-one saddles diag(4, 0, 0) and its like cost 4.25
    assert path.costs == pytest.approx([12.25, 1.125, 0.0], abs=1e-9)
    assert_minima(cost, path)


def test_a_large_network_is_looked_at_by_iteration():
    # beyond 120 weights: the modes that a network holds decide, not the way its Hessian is looked at
    numpy_cost = NumpyCost(LeastSquares(np.diag(np.arange(40.0, 0.0, -1.0))))

    def network(learnt: list[int]) -> list[np.ndarray]:
        unit = np.eye(40)[learnt]
        s = 40.0 - np.array(learnt)
        return [np.sqrt(s)[:, None] * unit, unit.T * np.sqrt(s)]

    assert falling_direction(numpy_cost, network([0, 1])) is None
    result = falling_direction(numpy_cost, network([0, 3]))
    assert result is not None
    # the fourth mode's neuron turns to the second, of most to gain
    assert abs(result[0][1, 1]) == pytest.approx(0.5**0.5, abs=1e-3)


@pytest.mark.parametrize(
    ("cost", "depth", "jumps", "doubted"),
    [
        (LeastSquares(np.eye(2)), 3, 2, False),
        (LeastSquares(np.eye(2)), 4, 2, False),
        (LeastSquares(np.array([[1.2, 1.6], [-1.6, 1.2]])), 3, 2, False),
        (LeastSquares(np.diag([2.0, 1.985])), 3, 2, True),
        (completion([[2.0, NAN], [NAN, 1.8]]), 3, 1, False),
        (completion([[3.0, NAN, 0.0], [NAN, 2.0, 0.0], [0.0, NAN, 1.0]]), 3, 2, False),
    ],
    ids=["ties", "ties of four layers", "turned ties", "near ties", "parts", "symmetry"],
)
def test_runs_from_small_starts_jump_at_the_limit(cost, depth: int, jumps: int, doubted: bool):
    limit = ss.saddle_to_saddle_limit(cost, depth, 4, 1.0, seed=1)
    assert len(limit.jump_times) == jumps
    assert bool(limit.doubts) == doubted
    scale = 1e-3 if depth == 3 else 0.02
    run = ss.solve(DeepLinearFlow(cost, depth, 4, 1.0, scale, seed=1), 1.2 * limit.times(scale)[-1], rtol=1e-7)
    middles = 0.5 * (limit.costs[1:] + limit.costs[:-1])
    measured = np.interp(-middles, -run["cost"], run.time)
    assert measured == pytest.approx(limit.times(scale), rel=1e-2)
