import numpy as np
import pytest
from scipy.optimize import least_squares, minimize

from saddlescope.arguments import ArgumentError
from saddlescope.deep_linear import LeastSquares
from saddlescope.deep_linear.landscape.anderson import Anderson
from saddlescope.deep_linear.landscape.distances import distances
from saddlescope.deep_linear.landscape.nearest_minimum import nearest_minimum
from saddlescope.deep_linear.network.layers import product
from saddlescope.deep_linear.network.starts import gaussian_start
from saddlescope.deep_linear.problem.reference_problems import reference_completion

VALUES = np.array([2.0, 1.5, 1.0, 0.5])
COST = LeastSquares(np.diag(VALUES))


def means(depth: int, gamma: float, widths: tuple[int, ...], seeds: int) -> np.ndarray:
    """Return d_m and d_s, averaged over seeds, for every width."""
    table = []
    for width in widths:
        results = [distances(COST, gaussian_start((4, 4), depth, width, gamma, seed=seed)) for seed in range(seeds)]
        assert all(each.converged for each in results)
        table.append([np.mean([each.minimum for each in results]), np.mean([each.saddle for each in results])])
    return np.array(table).T


def slope(widths: tuple[int, ...], values: np.ndarray) -> float:
    return float(np.polyfit(np.log(widths), np.log(values), 1)[0])


@pytest.mark.parametrize(
    ("depth", "widths", "minimum", "saddle"),
    # theory: −(1 − γ)(L − 1)/2 and (1 − γ)/2; the tolerance covers four seeds and the finite widths
    [
        (2, (32, 128, 512), -0.25, 0.25),
        (3, (32, 64, 128, 256), -1 / 3, 1 / 6),
        (4, (32, 64, 128), -0.375, 0.125),
    ],
)
def test_exponents_of_the_lazy_regime(depth: int, widths: tuple[int, ...], minimum: float, saddle: float):
    near, far = means(depth, 1 - 1 / depth, widths, seeds=4)
    assert slope(widths, near) == pytest.approx(minimum, abs=0.06)
    assert slope(widths, far) == pytest.approx(saddle, abs=0.04)
    assert np.all(near < far)


@pytest.mark.parametrize(("depth", "widths"), [(2, (64, 256, 1024)), (3, (64, 128))])
def test_exponents_of_the_saddle_to_saddle_regime(depth: int, widths: tuple[int, ...]):
    near, far = means(depth, 1.5, widths, seeds=2)
    limit = np.sqrt(depth * np.sum(VALUES ** (2 / depth)))
    assert np.all(near < limit)
    assert slope(widths, limit - near) == pytest.approx(-0.25, abs=0.05)
    assert slope(widths, far) == pytest.approx(-0.25, abs=0.03)
    assert np.all(far < near)


def test_mean_field_distances_do_not_depend_on_the_width():
    near, far = means(2, 1.0, (64, 256), seeds=4)
    assert abs(slope((64, 256), near)) < 0.04
    assert abs(slope((64, 256), far)) < 0.04


@pytest.mark.parametrize("depth", [2, 3, 4])
def test_prefactor_of_the_lazy_regime(depth: int):
    width, gamma = 256, 1 - 1 / depth
    kappa = width ** (1 - gamma)
    for seed in range(3):
        weights = gaussian_start((4, 4), depth, width, gamma, seed=seed)
        linear = np.linalg.norm(np.diag(VALUES) - product(weights)) / np.sqrt(depth * kappa ** (depth - 1))
        assert nearest_minimum(np.diag(VALUES), weights).distance == pytest.approx(linear, rel=0.15)


@pytest.mark.parametrize(("depth", "gamma"), [(1, 1.0), (2, 0.5), (3, 1.0), (4, 1.5)])
def test_nearest_minimum_is_a_stationary_point_with_the_product(depth: int, gamma: float):
    target = np.array([[2.0, 0.3, 0.0], [0.1, 1.0, 0.5]])
    start = gaussian_start((2, 3), depth, 12, gamma, seed=4)
    result = nearest_minimum(target, start)
    assert result.converged
    assert np.allclose(product(result.weights), target, atol=1e-7)  # pyright: ignore[reportArgumentType]
    moves = [V - np.asarray(W) for V, W in zip(result.weights, start, strict=True)]
    assert result.distance == pytest.approx(np.sqrt(sum(np.sum(move**2) for move in moves)), rel=1e-7)
    # no direction that keeps the product, to first order, shortens the way: moves lie in the row space of
    # dA/dθ
    rows = []
    for index, W in enumerate(result.weights):
        for place in np.ndindex(*W.shape):
            bumped = [V.copy() for V in result.weights]
            bumped[index][:] = 0
            bumped[index][place] = 1
            rows.append(np.asarray(product(bumped)).ravel())  # pyright: ignore[reportArgumentType]
    flat = np.concatenate([move.ravel() for move in moves])
    left = np.linalg.lstsq(np.array(rows), flat, rcond=None)[0]
    assert np.linalg.norm(np.array(rows) @ left - flat) < 1e-6 * np.linalg.norm(flat)


@pytest.mark.parametrize(("seed", "width", "gamma"), [(0, 3, 0.5), (3, 3, 0.5), (4, 3, 0.5), (1, 6, 1.5), (2, 6, 1.0)])
def test_nearest_minimum_agrees_with_a_general_optimiser(seed: int, width: int, gamma: float):
    target = np.array([[1.2, 0.4], [-0.3, 0.8]])
    start = [np.asarray(W) for W in gaussian_start((2, 2), 3, width, gamma, seed=seed)]
    flat = np.concatenate([W.ravel() for W in start])
    cuts = [2 * width, 2 * width + width**2]

    def gap(x: np.ndarray) -> np.ndarray:
        first, second, third = np.split(x, cuts)
        return (third.reshape(2, width) @ second.reshape(width, width) @ first.reshape(width, 2) - target).ravel()

    best = min(
        minimize(
            lambda x: np.sum((x - flat) ** 2),
            flat + 0.3 * np.random.default_rng(trial).standard_normal(flat.size),
            jac=lambda x: 2 * (x - flat),
            constraints={"type": "eq", "fun": gap},
            method="SLSQP",
            options={"maxiter": 500, "ftol": 1e-14},
        ).fun
        for trial in range(4)
    )
    assert nearest_minimum(target, start).distance ** 2 == pytest.approx(best, rel=1e-6)


@pytest.mark.parametrize("seed", [0, 1])
def test_saddle_distance_of_two_layers_agrees_with_brute_force(seed: int):
    target = np.diag([1.5, 0.8])
    start = [np.asarray(W) for W in gaussian_start((2, 2), 2, 3, 0.6, seed=seed)]
    flat = np.concatenate([W.ravel() for W in start])

    def gradient(x: np.ndarray) -> np.ndarray:
        first, second = x[:6].reshape(3, 2), x[6:].reshape(2, 3)
        G = second @ first - target
        return np.concatenate([(second.T @ G).ravel(), (G @ first.T).ravel()])

    best = np.inf
    random = np.random.default_rng(seed)
    for _ in range(40):
        x = flat + random.standard_normal(12)
        for weight in (1e1, 1e3, 1e5, 1e7):
            x = least_squares(lambda z, q=weight**0.5: np.concatenate([z - flat, q * gradient(z)]), x).x
        saddle = np.linalg.norm(x[6:].reshape(2, 3) @ x[:6].reshape(3, 2) - target) > 0.1
        if saddle and np.linalg.norm(gradient(x)) < 1e-4:
            best = min(best, float(np.linalg.norm(x - flat)))
    assert distances(LeastSquares(target), start).saddle == pytest.approx(best, abs=2e-5)


def test_saddles_of_targets_that_are_not_square_or_not_of_full_rank():
    wide = LeastSquares(np.array([[2.0, 0.0, 0.0], [0.0, 1.0, 0.0]]))
    result = distances(wide, gaussian_start((2, 3), 3, 8, 3.0, seed=1))
    assert result.converged
    assert result.kept == ()
    flat = LeastSquares(np.diag([2.0, 0.0]))
    weights = gaussian_start((2, 2), 2, 30, 2.0, seed=1)
    assert distances(flat, weights).saddle < 0.5 < distances(flat, weights).minimum


def test_many_modes_use_the_cheapest_sets():
    cost = LeastSquares(np.diag(np.linspace(1, 2, 8)))
    result = distances(cost, gaussian_start((8, 8), 2, 64, 2.0, seed=0))
    assert result.kept == ()
    assert result.converged


def test_narrow_networks_fit_as_well_as_they_can():
    weights = gaussian_start((4, 4), 3, 2, 1.0, seed=0)
    result = distances(COST, weights)
    truncated = nearest_minimum(np.diag([2.0, 1.5, 0.0, 0.0]), weights)
    assert result.minimum == pytest.approx(truncated.distance)
    assert result.kept != (0, 1)


def test_anderson_solves_linear_problems_in_as_many_steps_as_unknowns():
    M = np.diag([0.9, -0.5, 0.3])
    wanted = np.linalg.solve(np.eye(3) - M, np.ones(3))
    x, acceleration = np.zeros(3), Anderson(np.ones(3), memory=5)
    for _ in range(5):
        x = acceleration.mix(x, M @ x + 1)
    assert np.allclose(x, wanted, atol=1e-10)
    plain = np.zeros(3)
    for _ in range(5):
        plain = M @ plain + 1
    assert np.linalg.norm(plain - wanted) > 1


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: distances(reference_completion(), []), "LeastSquares of a target"),  # type: ignore[arg-type]
        (lambda: distances(LeastSquares(inputs=[[1.0]], outputs=[[1.0]]), []), "LeastSquares of a target"),
        (lambda: distances(COST, [np.eye(4)]), "two layers"),
        (lambda: distances(COST, [np.eye(3), np.eye(3)]), "shape"),
        (lambda: distances(LeastSquares(np.zeros((2, 2))), [np.eye(2), np.eye(2)]), "not zero"),
        (lambda: nearest_minimum(np.eye(3), [np.ones((2, 3)), np.ones((3, 2))]), "width 2"),
        (lambda: nearest_minimum([[np.inf]], [[[1.0]], [[1.0]]]), "finite"),
    ],
)
def test_bad_input_is_refused(make, message: str):
    with pytest.raises(ArgumentError, match=message):
        make()
