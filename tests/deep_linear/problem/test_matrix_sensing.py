import jax.numpy as jnp
import numpy as np
import pytest
from scipy import sparse

import saddlescope as ss
from saddlescope.arguments import ArgumentError

RANDOM = np.random.default_rng(3)


def of_rank(size: int, singular_values: list[float], seed: int = 0) -> np.ndarray:
    random = np.random.default_rng(seed)
    left, right = (np.linalg.qr(random.standard_normal((size, size)))[0][:, : len(singular_values)] for _ in range(2))
    return (left * singular_values) @ right.T


def test_the_cost_is_the_mean_over_measurements():
    measurements, y = RANDOM.standard_normal((8, 3, 2)), RANDOM.standard_normal(8)
    A = RANDOM.standard_normal((3, 2))
    for count in (4, 8):  # fewer than entries, and more
        plain = sum((np.sum(M * A) - v) ** 2 for M, v in zip(measurements[:count], y, strict=False)) / (2 * count)
        cost = ss.MatrixSensing(measurements[:count], y[:count])
        assert float(cost.value(jnp.asarray(A))) == pytest.approx(plain, rel=1e-12)
        least = np.linalg.lstsq(measurements[:count].reshape(count, 6), y[:count])
        assert cost.least_cost == pytest.approx(float(np.sum(least[1]) / (2 * count)), abs=1e-14)


def test_sparse_measurements_are_the_same_cost_as_dense_ones():
    measurements = np.where(RANDOM.random((12, 4, 5)) < 0.2, RANDOM.standard_normal((12, 4, 5)), 0.0)
    truth, A = RANDOM.standard_normal((2, 4, 5))
    dense = ss.MatrixSensing(measurements, truth=truth)
    few = ss.MatrixSensing(sparse.csr_array(measurements.reshape(12, 20)), truth=truth)
    for name in ("value", "gradient", "test_error"):
        assert np.allclose(getattr(dense, name)(jnp.asarray(A)), getattr(few, name)(jnp.asarray(A)), rtol=1e-12)
    assert np.allclose(dense.numpy_gradient()(A), few.numpy_gradient()(A), atol=1e-13)
    assert few.largest_curvature([]) == pytest.approx(dense.largest_curvature([]), rel=1e-2)
    clock = np.array([0.3, 50.0])
    assert np.allclose(dense.relaxed(A, clock), few.relaxed(A, clock), atol=1e-12)
    assert np.allclose(few.least_cost, dense.least_cost, atol=1e-14)
    assert dense.components() == few.components() == 1


def test_measurements_of_single_entries_are_a_completion():
    target, seen = RANDOM.standard_normal((4, 4)), np.kron(np.eye(2, dtype=bool), np.ones((2, 2), dtype=bool))
    count = int(seen.sum())
    places = np.flatnonzero(seen)
    entries = sparse.csr_array((np.ones(count), (np.arange(count), places)), shape=(count, 16))
    sensing, completion = ss.MatrixSensing(entries, truth=target), ss.MatrixCompletion(target, observed=seen)
    A = jnp.asarray(RANDOM.standard_normal((4, 4)))
    assert float(count * sensing.value(A)) == pytest.approx(float(completion.value(A)), rel=1e-13)
    assert np.allclose(count * sensing.gradient(A), completion.gradient(A))
    assert sensing.components() == completion.components() == 2
    assert "no measurement" in sensing.remarks[0].lower()
    assert "8 entries" in sensing.remarks[0]


def test_the_trace_joins_parts_that_entries_leave_apart():
    trace, first, last = np.eye(2), np.diag([1.0, 0.0]), np.diag([0.0, 1.0])
    assert ss.MatrixSensing([first, last], [1.0, 2.0]).components() == 2
    assert ss.MatrixSensing([first, last, trace], [1.0, 2.0, 3.0]).components() == 1


def test_deep_products_recover_what_one_layer_does_not():
    """A small twin of the published 50 x 50 problem, whose own numbers are in `benchmarks/published_recovery.py`."""
    size, count = 12, 80  # of 144 entries
    target = of_rank(size, [4.0, 2.0])
    cost = ss.MatrixSensing(np.random.default_rng(1).standard_normal((count, size, size)), truth=target)
    errors = {}
    for depth, until in ((1, 200.0), (2, 40.0), (3, 200.0)):
        start = [1e-2 * np.random.default_rng(2).standard_normal((size, size)) for _ in range(depth)]
        run = ss.solve(ss.GradientDescent(cost, initial=start, learning_rate=0.02, compress=False), until=until)
        assert run["cost"][-1] < 1e-3 * run["cost"][0]
        errors[depth] = float(run["test_error"][-1]) ** 2
    # one layer ends at the least norm: what no measurement sees stays, 1 - 80 / 144 of the square on average
    least = cost.relaxed(np.zeros((size, size)), np.array([1e4]))[0]
    assert errors[1] == pytest.approx(float(cost.test_error(jnp.asarray(least))) ** 2, abs=2e-3)
    assert errors[1] > 0.3
    assert errors[2] < 3e-2
    assert errors[3] < 1e-4


def test_descent_is_a_numpy_loop():
    target = of_rank(5, [3.0, 1.0])
    measurements = RANDOM.standard_normal((15, 5, 5))
    start = [0.3 * RANDOM.standard_normal((5, 5)) for _ in range(3)]
    for given in (measurements, sparse.csr_array(measurements.reshape(15, 25))):
        descent = ss.GradientDescent(ss.MatrixSensing(given, truth=target), initial=start, learning_rate=0.01)
        run = ss.solve(descent, until=3.0)
        W = [layer.copy() for layer in start]
        for _ in range(300):
            A = W[2] @ W[1] @ W[0]
            G = sum(np.sum(M * (A - target)) * M for M in measurements) / 15
            slopes = [(W[2] @ W[1]).T @ G, W[2].T @ G @ W[0].T, G @ (W[1] @ W[0]).T]
            W = [layer - 0.01 * slope for layer, slope in zip(W, slopes, strict=True)]
        assert np.allclose(run["product"][-1], W[2] @ W[1] @ W[0], atol=1e-12)


def test_the_greedy_path_recovers_the_measured_matrix():
    target = of_rank(6, [3.0, 1.0])
    cost = ss.MatrixSensing(np.random.default_rng(2).standard_normal((28, 6, 6)), truth=target)
    path = ss.greedy_low_rank(cost, depth=3)
    assert path.outcome.name == "RECOVERED"
    assert path.ranks[-1] == 2
    assert np.allclose(path.products[-1], target, atol=1e-6)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: ss.MatrixSensing(np.ones((2, 2)), [1.0, 2.0]), "shape \\(m, d_out, d_in\\)"),
        (lambda: ss.MatrixSensing([[["a"]]], [1.0]), "matrices of numbers"),
        (lambda: ss.MatrixSensing(np.ones((2, 2, 2))), "`values` must be given"),
        (lambda: ss.MatrixSensing(np.ones((2, 2, 2)), [1.0]), "2 of them"),
        (lambda: ss.MatrixSensing(np.zeros((2, 2, 2)), [1.0, 1.0]), "measure something"),
        (lambda: ss.MatrixSensing(np.full((1, 1, 1), np.inf), [1.0]), "finite"),
        (lambda: ss.MatrixSensing(np.ones((2, 2, 2)), truth=np.ones((2, 3))), "`truth` must be that of"),
        (lambda: ss.MatrixSensing(sparse.eye(4), np.ones(4)), "`shape` must be given"),
        (lambda: ss.MatrixSensing(sparse.eye(4), np.ones(4), shape=(2, 3)), "2 x 3 columns"),
        (lambda: ss.MatrixSensing(sparse.eye(4), np.ones(4), shape=4), "two whole numbers"),  # type: ignore[arg-type]
        (lambda: ss.MatrixSensing(sparse.csr_array((2, 4)), np.ones(2), shape=(2, 2)), "measure something"),
    ],
)
def test_bad_input_is_refused(make, message: str):
    with pytest.raises(ArgumentError, match=message):
        make()
