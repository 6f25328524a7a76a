from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog, lsq_linear

from saddlescope.arguments import ArgumentError
from saddlescope.diagonal_linear import jump_sequence
from saddlescope.diagonal_linear.problem.regression import reference_regression


def draw(seed: int, n: int, d: int) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    return random.standard_normal((n, d)), random.standard_normal(n)


def least_l1_norm(X: np.ndarray, y: np.ndarray) -> float:
    answer = linprog(np.ones(2 * X.shape[1]), A_eq=np.hstack([X, -X]), b_eq=y, method="highs")
    return float(answer.fun)


def test_reference_jumps_and_losses():
    X, y = reference_regression()
    path = jump_sequence(X, y)
    assert np.allclose(path.jump_times, [0.5870543196, 0.8322652248, 3.3449887570], rtol=0, atol=1e-9)
    assert np.allclose(path.losses, [1.4100481387, 0.4387761975, 0.1252157019, 0], rtol=0, atol=1e-9)
    assert path.complete
    assert np.sum(np.abs(path.regressors[-1])) == pytest.approx(least_l1_norm(X, y), rel=1e-10)
    assert np.allclose(path.times(np.exp(-30)), 30 * path.jump_times)
    assert path.at(0.7).tolist() == path.regressors[1].tolist()
    assert path.at(0.0).tolist() == [0.0] * 7
    assert path.supports[0] == ()
    assert path.supports[-1] == (0, 1)


@settings(max_examples=25, derandomize=True, deadline=None)
@given(seed=st.integers(0, 10_000), n=st.integers(1, 6), d=st.integers(1, 9))
def test_sequence_has_the_structure_of_the_theory(seed: int, n: int, d: int):
    X, y = draw(seed, n, d)
    path = jump_sequence(X, y)
    assert path.complete
    assert np.all(np.diff(path.jump_times) > 0)
    assert np.all(np.diff(path.losses) < 0)
    assert np.max(np.abs(path.duals)) <= 1
    # s is the integral of −∇L, and complementary to β
    slopes = np.array([X.T @ (X @ beta - y) / n for beta in path.regressors[:-1]])
    times_at_saddle = np.diff(np.concatenate([[0.0], path.jump_times]))
    travelled = np.concatenate([np.zeros((1, d)), -np.cumsum(slopes * times_at_saddle[:, None], axis=0)])
    assert np.allclose(path.duals, travelled, atol=1e-8)
    assert np.allclose(path.duals[path.regressors != 0], np.sign(path.regressors[path.regressors != 0]))
    if d > n:
        assert path.losses[-1] < 1e-18 * path.losses[0]
        assert np.sum(np.abs(path.regressors[-1])) == pytest.approx(least_l1_norm(X, y), rel=1e-8)
    else:
        assert np.allclose(path.regressors[-1], np.linalg.lstsq(X, y, rcond=None)[0], atol=1e-8)


@pytest.mark.parametrize("seed", range(5))
def test_saddles_agree_with_a_bounded_solver(seed: int):
    X, y = draw(seed, 6, 8)
    path = jump_sequence(X, y)
    for beta, s in zip(path.regressors[1:], path.duals[1:], strict=True):
        free = np.abs(s) == 1
        bounds = (np.where(s[free] > 0, 0.0, -np.inf), np.where(s[free] > 0, np.inf, 0.0))
        wanted = lsq_linear(X[:, free], y, bounds, method="bvls", tol=1e-14).x
        assert np.allclose(beta[free], wanted, atol=1e-9)
        assert not np.any(beta[~free])


def test_uncorrelated_coordinates_jump_one_by_one():
    # for orthogonal columns every coordinate is on its own: it jumps to y_i at the time 1/|∇L_i|
    X, y = np.sqrt(3) * np.eye(3), np.sqrt(3) * np.array([0.5, -2.0, 0.0])
    path = jump_sequence(X, y)
    assert np.allclose(path.jump_times, [0.5, 2.0])
    assert np.allclose(path.regressors, [[0, 0, 0], [0, -2, 0], [0.5, -2, 0]])


def test_simultaneous_jumps_are_one_jump():
    path = jump_sequence(np.eye(2), [1.0, -1.0])
    assert path.jump_times.tolist() == [2.0]
    assert path.regressors[-1].tolist() == [1.0, -1.0]


def test_no_jumps_without_signal_and_an_early_stop():
    assert jump_sequence(np.eye(2), [0.0, 0.0]).jump_times.size == 0
    short = jump_sequence(*reference_regression(), jumps=1)
    assert not short.complete
    assert short.jump_times.size == 1


def test_some_sequences_leave_a_coordinate_again():
    # the theory allows a coordinate to switch off; over these draws it does happen
    lost = 0
    for seed in range(20):
        supports = jump_sequence(*draw(seed, 8, 12)).supports
        lost += sum(not set(a) <= set(b) for a, b in pairwise(supports))
    assert lost > 0


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: jump_sequence([1.0], [1.0]), "inputs"),
        (lambda: jump_sequence([[1.0], [1.0, 2.0]], [1.0]), "matrix of numbers"),
        (lambda: jump_sequence([[np.nan]], [1.0]), "finite"),
        (lambda: jump_sequence([[1.0]], [1.0, 2.0]), "one number per example"),
        (lambda: jump_sequence([[1.0]], [1.0], tolerance=0.0), "tolerance"),
        (lambda: jump_sequence([[1.0]], [1.0], jumps=0), "jumps"),
        (lambda: jump_sequence([[1.0]], [1.0]).times(1.0), "under 1"),
    ],
)
def test_bad_input_is_refused(make, message: str):
    with pytest.raises(ArgumentError, match=message):
        make()
