import jax.numpy as jnp
import numpy as np
import pytest
from scipy.integrate import solve_ivp

from saddlescope.arguments import ArgumentError
from saddlescope.deep_linear import LeastSquares
from saddlescope.deep_linear.exact.balanced_mode import balanced_mode, balanced_mode_time
from saddlescope.deep_linear.landscape.escape import escape
from saddlescope.deep_linear.network.layers import gradients, product
from saddlescope.deep_linear.network.starts import gaussian_start
from saddlescope.deep_linear.problem.reference_problems import reference_completion, reference_target

COST = LeastSquares(reference_target())


@pytest.mark.parametrize(("depth", "wanted"), [(3, 5.773503), (4, 66.666667), (5, 1242.259987)])
def test_blow_up_times_from_a_tenth(depth: int, wanted: float):
    assert escape(COST, depth).time(0.1) == pytest.approx(wanted, abs=5e-7)


def test_times_until_half_the_target():
    for depth, wanted in [(2, 1.0658769330), (3, 5.5768072008), (4, 66.6152552271)]:
        path = escape(COST, depth)
        time = balanced_mode_time(path.strength / 2, path.strength, path.mode(0.1), depth)
        assert float(time) == pytest.approx(wanted, abs=1e-9)


@pytest.mark.parametrize("depth", [2, 3, 4, 5])
def test_no_direction_is_steeper(depth: int):
    path = escape(COST, depth)
    G = np.asarray(COST.gradient(jnp.zeros((3, 4))))

    def drop(weights) -> float:
        size = np.sqrt(sum(float(jnp.sum(W**2)) for W in weights))
        return -float(np.sum(G * np.asarray(product([W / size for W in weights]))))

    assert drop(path.weights(0.7, 3)) == pytest.approx(path.steepness, rel=1e-12)
    assert path.speed == pytest.approx(depth * path.steepness, rel=1e-12)
    others = [drop(gaussian_start((3, 4), depth, 3, 0.0, seed=seed)) for seed in range(30)]
    near = [
        [
            W + 0.01 * V
            for W, V in zip(path.weights(1, 3), gaussian_start((3, 4), depth, 3, 0.0, seed=seed), strict=True)
        ]
        for seed in range(30)
    ]
    assert max(others + [drop(weights) for weights in near]) < path.steepness


@pytest.mark.parametrize("depth", [2, 3, 5])
def test_rho_solves_its_equation_and_the_path_is_the_flow(depth: int):
    path = escape(COST, depth)
    end = path.time_between(0.1, 0.3)
    run = solve_ivp(lambda _, r: path.speed * r ** (depth - 1), (0, end), [0.1], rtol=1e-11, atol=1e-13)
    assert run.y[0, -1] == pytest.approx(0.3, rel=1e-8)
    assert float(path.rho(end, 0.1)) == pytest.approx(0.3, rel=1e-12)
    # the gradient on the path points along the path, but for terms of relative order ρ^L
    rho = 1e-3
    weights = path.weights(rho, 4)
    for W, g in zip(weights, gradients(COST, weights), strict=True):
        assert np.allclose(-g, path.speed * rho ** (depth - 1) * W / rho, rtol=3 * rho**depth, atol=0)


def test_path_and_exact_mode_agree_while_the_mode_is_small():
    path = escape(COST, 3)
    errors = []
    for rho in (0.02, 0.01):
        time = 0.5 * path.time(rho)
        exact = balanced_mode(time, path.strength, path.mode(rho), 3)
        errors.append(abs(float(path.mode(path.rho(time, rho)) / exact) - 1))
    assert errors[0] < 1e-4
    assert errors[0] / errors[1] == pytest.approx(8, rel=0.05)  # relative error of order a/s, a = (ρ/√3)³


def test_blow_up_is_where_rho_diverges():
    path = escape(COST, 4)
    T = path.time(0.2)
    assert path.rho([T, 2 * T], 0.2).tolist() == [np.inf, np.inf]
    assert float(path.rho(T * (1 - 1e-9), 0.2)) > 1e3
    assert escape(COST, 2).time(0.2) == np.inf
    assert path.time_between(0.2, 0.2) == 0.0


def test_later_saddles_of_whitened_costs_lose_the_learnt_modes():
    U, s, Vt = np.linalg.svd(reference_target(), full_matrices=False)
    for rank, cost in enumerate([7.0, 2.5, 0.5]):
        path = escape(COST, 4, at=(U[:, :rank] * s[:rank]) @ Vt[:rank])
        assert path.cost == pytest.approx(cost)
        assert path.strength == pytest.approx(s[rank])
        assert path.exponent == pytest.approx(1 - s[rank + 1] / s[rank] if rank < 2 else 1)
        assert abs(path.left @ U[:, rank]) == pytest.approx(1)
        assert path.left @ reference_target() @ path.right == pytest.approx(s[rank])


def test_completion_escape_strengths():
    path = escape(reference_completion(), 4)
    assert path.strength == pytest.approx(5.6260056, abs=5e-8)
    assert path.exponent == pytest.approx(0.488, abs=5e-4)
    assert path.remarks == ()
    assert "not unique" in escape(LeastSquares(np.eye(2)), 2).remarks[0]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: escape(COST, 1), "depth"),
        (lambda: escape(COST, 3, at=np.eye(3)), "shape"),
        (lambda: escape(COST, 3, at=reference_target()), "not zero"),
        (lambda: escape(COST, 3, at=np.ones((3, 4))), "critical point of its rank"),
        (lambda: escape(LeastSquares(np.zeros((2, 2))), 3), "not zero"),
        (lambda: escape(COST, 3).time(0.0), "distance"),
        (lambda: escape(COST, 3).time_between(0.2, 0.1), "at least"),
    ],
)
def test_bad_input_is_refused(make, message: str):
    with pytest.raises(ArgumentError, match=message):
        make()
