"""Balanced starts keep the rank and the sign of the determinant: runs that lose them by error are doubted."""

import numpy as np
import pytest

import saddlescope as ss
from saddlescope.deep_linear import DeepLinearFlow, LeastSquares, MatrixCompletion, balanced_start

# zero cost needs a negative determinant: [[x, 1.2], [0.9, 0]]
CORNER = MatrixCompletion([[np.nan, 1.2], [0.9, 0.0]], observed=np.array([[False, True], [True, True]]))


def drawn(seed: int, sign: int) -> np.ndarray:
    A = np.random.default_rng(seed).standard_normal((2, 2))
    A[0] *= sign * np.sign(np.linalg.det(A))
    return A


@pytest.mark.parametrize("seed", [1, 4])
def test_a_run_that_crosses_a_determinant_of_zero_is_doubted(seed: int):
    for sign, crossing in ((1, True), (-1, False)):
        run = ss.solve(DeepLinearFlow(CORNER, initial=balanced_start(1e-2 * drawn(seed, sign), 2, 2)), 800.0)
        # the run finds a perfect fit either way; for a positive determinant none exists
        assert run["cost"][-1] < 1e-6
        assert any("through zero" in doubt for doubt in run.doubts) == crossing


def test_nothing_is_doubted_before_it_happens():
    run = ss.solve(DeepLinearFlow(CORNER, initial=balanced_start(1e-2 * drawn(1, 1), 2, 2)), 20.0)
    assert run["cost"][-1] > 1e-2
    assert run.doubts == ()


def test_a_full_matrix_of_the_other_orientation():
    target = np.array([[1.5, 0.2], [0.1, -1.0]])
    for sign, crossing in ((1, True), (-1, False)):
        run = ss.solve(DeepLinearFlow(LeastSquares(target), initial=balanced_start(0.05 * drawn(7, sign), 2, 2)), 120.0)
        assert any("through zero" in doubt for doubt in run.doubts) == crossing


def test_a_rank_that_grows_from_rounding_is_doubted():
    random = np.random.default_rng(0)
    start = balanced_start(0.05 * np.outer(random.standard_normal(2), random.standard_normal(2)), 2, 5, seed=1)
    cost = LeastSquares(np.array([[2.0, 0.3], [-0.4, 1.5]]))
    whole, narrow = (ss.solve(DeepLinearFlow(cost, initial=start, compress=way), 80.0) for way in (False, "auto"))
    assert any("another mode" in doubt for doubt in whole.doubts)
    # the narrow network cannot leave the rank
    assert narrow.doubts == ()
    assert narrow["cost"][-1] == pytest.approx(0.5 * np.linalg.svd(cost.minimiser)[1][1] ** 2, rel=1e-6)


def test_tiny_balanced_starts_are_no_doubt():
    for depth, product, until in ((2, np.diag([1e-9, 1e-12]), 60.0), (3, np.diag([1e-3, 1e-5]), 200.0)):
        flow = DeepLinearFlow(LeastSquares(np.diag([3.0, 1.0])), initial=balanced_start(product, depth, 2))
        run = ss.solve(flow, until)
        assert run["cost"][-1] < 1e-6
        assert run.doubts == ()


def test_balanced_neurons_among_others_keep_their_orientation_too():
    """The first mode is not balanced, the second is; where its sign is the other one it can only die out."""
    Q, P, R = (np.linalg.qr(np.random.default_rng(seed).standard_normal((2, 2)))[0] for seed in (5, 105, 205))
    for sign, crossing in ((-1, True), (1, False)):
        start = [Q @ np.diag([0.9, 0.03]) @ R.T, P @ np.diag([0.2, sign * 0.03]) @ Q.T]
        run = ss.solve(DeepLinearFlow(LeastSquares(P @ np.diag([1.8, 1.0]) @ R.T), initial=start), 100.0)
        assert run["cost"][-1] < 1e-6
        assert any("through zero" in doubt for doubt in run.doubts) == crossing


def test_a_balanced_neuron_that_dies_out_as_it_must_is_no_doubt():
    # in these frames no error of a step mixes the modes: the run is right, and rests where the second is not learnt
    Q = np.linalg.qr(np.random.default_rng(5).standard_normal((2, 2)))[0]
    start = [Q @ np.diag([0.9, 0.03]), np.diag([0.2, -0.03]) @ Q.T]
    for until in (20.0, 100.0, 200.0):
        run = ss.solve(DeepLinearFlow(LeastSquares(np.diag([1.8, 1.0])), initial=start), until)
        assert any("through zero" in doubt for doubt in run.doubts) == bool(run["cost"][-1] < 0.4)
