import jax.numpy as jnp
import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import solve_ivp

from saddlescope.arguments import ArgumentError
from saddlescope.deep_linear import Cost, GeneralCost, LeastSquares, MatrixCompletion
from saddlescope.deep_linear.exact.balanced_mode import balanced_mode, balanced_mode_gap, balanced_mode_time
from saddlescope.deep_linear.exact.lazy_limit import lazy_limit
from saddlescope.deep_linear.exact.two_layer import lambda_balanced_flow
from saddlescope.deep_linear.network.layers import product
from saddlescope.deep_linear.network.starts import balanced_start, gaussian_start, lambda_balanced_start
from saddlescope.deep_linear.problem.reference_problems import reference_completion, reference_target


def whitened_flow(weights, target: np.ndarray, times: list[float]) -> np.ndarray:
    """Integrate W_l' = −∂W_l, with the gradient as a plain double product."""
    shapes = [W.shape for W in weights]
    cuts = np.cumsum([rows * columns for rows, columns in shapes])[:-1]

    def layers(flat: np.ndarray) -> list[np.ndarray]:
        return [part.reshape(shape) for part, shape in zip(np.split(flat, cuts), shapes, strict=True)]

    def speed(_: float, flat: np.ndarray) -> np.ndarray:
        W = layers(flat)
        G = np.linalg.multi_dot([*W[::-1], np.eye(target.shape[1])]) - target
        parts = []
        for index in range(len(W)):
            above, below = np.eye(target.shape[0]), np.eye(target.shape[1])
            for layer in W[:index]:
                below = layer @ below
            for layer in W[:index:-1]:
                above = above @ layer
            parts.append(-(above.T @ G @ below.T).ravel())
        return np.concatenate(parts)

    start = np.concatenate([np.ravel(W) for W in weights])
    run = solve_ivp(speed, (0, times[-1]), start, method="DOP853", t_eval=times, rtol=1e-12, atol=1e-13)
    return np.array([np.linalg.multi_dot([*layers(y)[::-1], np.eye(target.shape[1])]) for y in run.y.T])


def exact_time(a: float, s: float, a0: float, depth: int) -> float:
    with mpmath.workdps(30):
        p = 2 - mpmath.mpf(2) / depth
        pieces = mpmath.linspace(mpmath.log(a0), mpmath.log(a), 20)
        whole = mpmath.quad(lambda w: mpmath.e ** (w * (1 - p)) / (depth * (s - mpmath.e**w)), pieces)
        return float(mpmath.nstr(whole, 20))


def test_times_to_half_the_target_from_the_reference_start():
    for depth, wanted in [(2, 1.0658769330), (3, 5.5768072008), (4, 66.6152552271)]:
        start = (0.1 / np.sqrt(depth)) ** depth
        assert float(balanced_mode_time(1.5, 3.0, start, depth)) == pytest.approx(wanted, abs=1e-9)


@pytest.mark.parametrize("depth", [2, 3, 5, 30])
@pytest.mark.parametrize(("a0", "a"), [(1e-6, 0.2), (1e-3, 1.9999), (1.2, 1.3), (3.0, 2.1), (2.9, 2.0000001)])
def test_mode_times_agree_with_quadrature_in_many_digits(depth: int, a0: float, a: float):
    wanted = exact_time(a, 2.0, a0, depth)
    result = balanced_mode_time(a, 2.0, a0, depth)
    assert float(result) == pytest.approx(wanted, rel=1e-11)


@settings(max_examples=60, derandomize=True, deadline=None)
@given(
    depth=st.integers(1, 12),
    s=st.floats(0.1, 10),
    u0=st.floats(1e-4, 3).filter(lambda u: abs(u - 1) > 1e-3),
    share=st.floats(0.01, 0.999999),
)
def test_mode_and_time_are_inverse_to_each_other(depth: int, s: float, u0: float, share: float):
    a = s * (u0 + share * (1 - u0))
    time = balanced_mode_time(a, s, s * u0, depth)
    assert float(balanced_mode(time, s, s * u0, depth)) == pytest.approx(a, rel=1e-9)
    assert float(balanced_mode_gap(time, s, s * u0, depth)) == pytest.approx(1 - a / s, rel=1e-7)


@pytest.mark.parametrize("depth", [1, 2, 3, 6])
def test_mode_obeys_its_equation_on_every_side(depth: int):
    for s, a0 in [(1.5, 0.3), (1.5, 4.0), (0.0, 2.0)]:
        run = solve_ivp(
            lambda _, a, s=s: depth * np.abs(a) ** (2 - 2 / depth) * (s - a),
            (0, 0.7),
            [a0],
            rtol=1e-11,
            atol=1e-13,
        )
        assert float(balanced_mode(0.7, s, a0, depth)) == pytest.approx(run.y[0, -1], rel=1e-8)


def test_gap_decays_at_its_rate_far_below_rounding():
    for depth in (2, 3, 4):
        early, late = balanced_mode_gap([20.0, 25.0], 3.0, 0.1, depth)
        assert float(np.log(early / late)) == pytest.approx(5 * depth * 3 ** (2 - 2 / depth), rel=1e-12)
        assert late < 1e-40


def test_fixed_points_stay():
    assert balanced_mode([0.0, 5.0], 2.0, 2.0, 3).tolist() == [2.0, 2.0]
    assert balanced_mode([0.0, 5.0], 2.0, 0.0, 3).tolist() == [0.0, 0.0]
    assert balanced_mode(5.0, 0.0, 0.0, 3) == 0.0
    assert balanced_mode(1.0, 2.0, 0.0, 1) == pytest.approx(2 * (1 - np.exp(-1)))
    assert balanced_mode_time([1.0, 2.0, 3.0], 2.0, 1.0, 3).tolist() == [0.0, np.inf, np.inf]


@pytest.mark.parametrize("depth", [2, 3])
def test_modes_are_the_network_flow_of_an_aligned_start(depth: int):
    S = reference_target()
    U, s, Vt = np.linalg.svd(S, full_matrices=False)
    start = np.array([0.02, 0.3, 1.4])
    times = [0.3, 1.0]
    flow = whitened_flow(balanced_start((U * start) @ Vt, depth, 3, seed=1), S, times)
    singular_values = balanced_mode(np.array(times)[:, None], s, start, depth)
    assert np.allclose(flow, np.einsum("ik,tk,kj->tij", U, singular_values, Vt), atol=1e-9)


@pytest.mark.parametrize(("imbalance", "width"), [(0.0, 2), (0.0, 6), (1.5, 3), (-0.7, 4), (-2.0, 3)])
def test_two_layer_solution_is_the_network_flow(imbalance: float, width: int):
    S = reference_target()
    small = 0.1 * np.random.default_rng(1).standard_normal((3, 4))
    U, s, Vt = np.linalg.svd(small)
    small = (U[:, :2] * s[:2]) @ Vt[:2]
    weights = lambda_balanced_start(small, width, imbalance, seed=2)
    times = [0.0, 0.2, 1.0, 3.0]
    result = lambda_balanced_flow(S, weights, times)
    assert np.allclose(result, whitened_flow(weights, S, times), atol=2e-10)


def test_two_layer_solution_keeps_its_digits_for_long_times():
    S, width = reference_target(), 6
    weights = balanced_start(1e-3 * np.random.default_rng(3).standard_normal((3, 4)), 2, width)
    assert np.linalg.norm(lambda_balanced_flow(S, weights, [60.0])[0] - S) < 5e-12
    # slowest at the end: the weakest left direction, s = 1, against the input direction of no target, s = 0
    gaps = [np.linalg.norm(A - S) for A in lambda_balanced_flow(S, weights, [20.0, 21.0])]
    assert gaps[1] / gaps[0] == pytest.approx(np.exp(-1), rel=1e-4)


def test_two_layer_solution_agrees_with_the_modes():
    S = reference_target()
    U, s, Vt = np.linalg.svd(S, full_matrices=False)
    start = np.array([1e-4, 1e-3, 1e-2])
    times = np.array([0.5, 2.0, 5.0])
    result = lambda_balanced_flow(S, balanced_start((U * start) @ Vt, 2, 5, seed=4), times)
    singular_values = balanced_mode(times[:, None], s, start, 2)
    assert np.allclose(result, np.einsum("ik,tk,kj->tij", U, singular_values, Vt), atol=5e-12)


MASK = np.random.default_rng(0).random((3, 4)) < 0.6
INPUTS = np.random.default_rng(6).standard_normal((4, 3))


@pytest.mark.parametrize(
    "cost",
    [
        LeastSquares(reference_target()),
        LeastSquares(inputs=INPUTS, outputs=reference_target() @ INPUTS),
        LeastSquares(inputs=np.hstack([INPUTS, -2 * INPUTS + 1]), outputs=np.ones((3, 6))),
        MatrixCompletion(reference_target(), observed=MASK),
    ],
    ids=["whitened", "few examples", "examples", "completion"],
)
def test_lazy_limit_solves_its_equation(cost: Cost):
    start = np.random.default_rng(7).standard_normal((3, 4))
    rate = 3 * 0.8**2
    run = solve_ivp(
        lambda _, A: -rate * np.asarray(cost.gradient(jnp.asarray(A.reshape(3, 4)))).ravel(),
        (0, 1.3),
        start.ravel(),
        rtol=1e-10,
        atol=1e-12,
    )
    result = lazy_limit(cost, start, depth=3, kappa=0.8, times=[0.0, 1.3])
    assert np.allclose(result[0], start, atol=1e-13)
    assert np.allclose(result[1].ravel(), run.y[:, -1], atol=1e-8)


def test_lazy_limit_is_where_wide_networks_tend():
    S, depth, gamma = reference_target(), 2, 0.5
    errors = {30: 0.0, 1920: 0.0}
    for width in errors:
        time = [0.5 / (depth * width ** (1 - gamma))]
        for seed in range(16):
            weights = gaussian_start((3, 4), depth, width, gamma, seed=seed)
            limit = lazy_limit(LeastSquares(S), product(weights), depth, width ** (1 - gamma), time)
            errors[width] += float(np.linalg.norm(whitened_flow(weights, S, time) - limit)) / 16
    assert errors[30] / errors[1920] == pytest.approx(8, rel=0.3)  # falls as w^(−1/2)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: balanced_mode(-1.0, 1.0, 0.1, 2), "time"),
        (lambda: balanced_mode(1.0, np.nan, 0.1, 2), "target"),
        (lambda: balanced_mode(1.0, 1.0, -0.1, 2), "start"),
        (lambda: balanced_mode(1.0, 1.0, 0.1, 0), "depth"),
        (lambda: balanced_mode_time(0.05, 1.0, 0.1, 2), "between"),
        (lambda: balanced_mode_time(0.5, 1.0, 0.0, 2), "start"),
        (lambda: lambda_balanced_flow([[1.0]], [[[1.0]]], [1.0]), "two layers"),
        (lambda: lambda_balanced_flow([[1.0]], [[[1.0]], [[1.0]]], [1.0, 0.0]), "rise"),
        (lambda: lambda_balanced_flow(np.eye(2), gaussian_start((2, 2), 2, 3, 1.0), [1.0]), "defect"),
        (lambda: lambda_balanced_flow(np.eye(2), gaussian_start((2, 3), 2, 3, 1.0), [1.0]), "shape"),
        (lambda: lazy_limit(reference_completion(), np.eye(3), 2, 1.0, [1.0]), "shape"),
        (lambda: lazy_limit(LeastSquares(np.eye(2)), np.eye(2), 2, 1.0, [-1.0]), "times"),
        (lambda: lazy_limit(GeneralCost(jnp.sum, (2, 2)), np.eye(2), 2, 1.0, [1.0]), "LeastSquares"),
    ],
)
def test_bad_input_is_refused(make, message: str):
    with pytest.raises(ArgumentError, match=message):
        make()
