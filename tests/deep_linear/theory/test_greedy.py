import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.flatten_util import ravel_pytree
from scipy.integrate import solve_ivp

from saddlescope.arguments import ArgumentError
from saddlescope.deep_linear import GeneralCost, LeastSquares, MatrixCompletion
from saddlescope.deep_linear.landscape.escape import escape
from saddlescope.deep_linear.network.layers import conserved, gradients, product
from saddlescope.deep_linear.network.starts import balanced_start
from saddlescope.deep_linear.problem.reference_problems import random_completion, reference_completion, reference_target
from saddlescope.deep_linear.theory.greedy import GreedyOutcome, greedy_low_rank

WHITENED = LeastSquares(reference_target())


def least_nuclear_norm(cost: MatrixCompletion, steps: int = 1500) -> np.ndarray:
    """Minimise the nuclear norm among completions, by alternating directions (Boyd et al. 2011)."""
    mask, data = np.asarray(cost.observed), np.asarray(cost.values)
    Z, drift = data.copy(), np.zeros(data.shape)
    for _ in range(steps):
        U, s, Vt = np.linalg.svd(Z - drift)
        X = (U * np.maximum(s - 0.5, 0)) @ Vt
        Z = np.where(mask, data, X + drift)
        drift = drift + X - Z
    return Z


@pytest.mark.parametrize("depth", [2, 3, 4])
def test_reference_completion_has_its_published_path(depth: int):
    path = greedy_low_rank(reference_completion(), depth)
    assert path.ranks.tolist() == [0, 1, 2, 3]
    assert np.allclose(path.costs, [23.5349539035, 6.1812766576, 1.2389269774, 0], rtol=0, atol=1e-10)
    assert np.allclose(path.escape_speeds, [5.6260056, 2.6020704, 1.3568248], rtol=0, atol=5e-8)
    assert path.test_errors[-1] < 1e-10
    assert path.outcome is GreedyOutcome.RECOVERED
    assert "rank 2: 1.23893" in repr(path)
    exponents = [step.exponent for step in path.escapes]
    assert np.allclose(exponents, [0.488, 0.313, 0.585], atol=5e-4)


@pytest.mark.parametrize("depth", [2, 3, 6])
def test_whitened_path_learns_the_singular_values_in_order(depth: int):
    path = greedy_low_rank(WHITENED, depth)
    U, s, Vt = np.linalg.svd(reference_target(), full_matrices=False)
    assert np.allclose(path.costs, [7, 2.5, 0.5, 0], atol=1e-12)
    assert np.allclose(path.escape_speeds, s, atol=1e-12)
    for rank, A in enumerate(path.products):
        assert np.allclose(A, (U[:, :rank] * s[:rank]) @ Vt[:rank], atol=1e-7)


def test_saddles_are_balanced_critical_points_of_wider_networks():
    cost = reference_completion()
    path = greedy_low_rank(cost, 3)
    for index in range(4):
        weights = path.weights(index, width=5)
        assert max(float(jnp.max(jnp.abs(g))) for g in gradients(cost, weights)) < 1e-9
        assert max(float(jnp.max(jnp.abs(M))) for M in conserved(weights)) < 1e-12


def test_size_of_the_added_neuron_does_not_matter():
    cost = reference_completion()
    plain = greedy_low_rank(cost, 3)
    for epsilon in (0.3, 0.05):
        path = greedy_low_rank(cost, 3, epsilon=epsilon)
        assert np.allclose(path.costs, plain.costs, atol=1e-10)


def test_published_algorithm_with_plain_gradient_descent_visits_the_same_saddles():
    path = greedy_low_rank(WHITENED, 3, epsilon=0.1, steps=900, step_size=0.03, tolerance=1e-6)
    assert np.allclose(path.costs, [7, 2.5, 0.5, 0], atol=2e-4)
    assert path.outcome is GreedyOutcome.RECOVERED
    broken = greedy_low_rank(WHITENED, 3, epsilon=0.1, steps=900, step_size=3.0)
    assert broken.outcome is GreedyOutcome.NORM_GUARD
    assert broken.ranks.tolist() == [0]


def flow_from_saddle(cost: MatrixCompletion, A: np.ndarray, rank: int, depth: int, until: float) -> np.ndarray:
    """Follow gradient flow of all layers from a saddle with one more small neuron, by a stiff solver."""
    path = escape(cost, depth, at=A if rank else None)
    neuron = path.weights(0.2, 1)
    weights = [np.array(W) for W in balanced_start(A, depth, rank + 1)]
    weights[0][rank], weights[-1][:, rank] = neuron[0][0], neuron[-1][:, 0]
    for W in weights[1:-1]:
        W[rank, rank] = neuron[1][0, 0]
    flat, layers = ravel_pytree([jnp.asarray(W) for W in weights])
    speed = jax.jit(jax.grad(lambda x: -cost.value(product(layers(x)))))
    jacobian = jax.jit(jax.jacfwd(speed))
    run = solve_ivp(
        lambda _, x: np.asarray(speed(x)),
        (0, until),
        np.asarray(flat),
        method="Radau",
        jac=lambda _, x: np.asarray(jacobian(x)),
        rtol=1e-7,
        atol=1e-9,
    )
    return np.asarray(product(layers(jnp.asarray(run.y[:, -1]))))


def test_the_end_of_every_descent_is_the_end_of_the_flow():
    cost = random_completion(6, (3.0, 2.0), 22, seed=3)
    path = greedy_low_rank(cost, 3)
    for rank, tolerance in ((0, 1e-6), (1, 5e-3)):  # at rank 2 the minimisers are not isolated
        end = flow_from_saddle(cost, path.products[rank], rank, 3, 1e5)
        assert np.linalg.norm(end - path.products[rank + 1]) < tolerance * np.linalg.norm(end)


def test_depth_can_decide_between_no_minimiser_and_a_perfect_fit():
    # a stiff solver, run to t = 1e7, finds the same: norm 3514 and cost 0.1124 at depth 2, cost 4e-31 at
    # depth 3
    cost = random_completion(8, (3.0, 2.0), 32, seed=11)
    shallow, deep = (greedy_low_rank(cost, depth) for depth in (2, 3))
    assert shallow.outcome is GreedyOutcome.NO_MINIMISER
    assert np.allclose(shallow.costs, [4.137121, 0.876389], atol=1e-6)
    assert deep.outcome is GreedyOutcome.TOLERANCE_REACHED
    assert deep.costs[-1] < 1e-20
    assert deep.test_errors[-1] > 1


def test_costs_of_other_kinds():
    random = np.random.default_rng(0)
    X, Y = random.standard_normal((4, 12)), random.standard_normal((3, 12))
    examples = LeastSquares(inputs=X, outputs=Y)
    path = greedy_low_rank(examples, 3)
    assert np.allclose(path.products[-1], examples.minimiser, atol=1e-8)
    assert path.outcome is GreedyOutcome.TOLERANCE_REACHED
    assert np.all(np.isnan(path.test_errors))
    assert path.costs[-1] == pytest.approx(float(examples.floor), rel=1e-12)
    target = jnp.asarray(reference_target())
    curved = GeneralCost(lambda A: jnp.sum(jnp.log(jnp.cosh(A - target))) - 10, (3, 4))
    path = greedy_low_rank(curved, 3)
    assert np.allclose(path.products[-1], reference_target(), atol=1e-7)
    assert path.costs[-1] == pytest.approx(-10, abs=1e-10)
    unbounded = GeneralCost(lambda A: -jnp.sum(A * target), (3, 4))
    assert greedy_low_rank(unbounded, 3).outcome is GreedyOutcome.NORM_GUARD


def test_rank_limit():
    path = greedy_low_rank(reference_completion(), 3, max_rank=2)
    assert path.ranks.tolist() == [0, 1, 2]
    assert path.outcome is GreedyOutcome.RANK_LIMIT
    assert path.escape_speeds.size == 2


@pytest.mark.parametrize(("rank", "entries", "least", "most"), [(1, 40, 0.8, 0.2), (2, 60, 0.8, 0.2)])
def test_recovery_beats_the_least_nuclear_norm(rank: int, entries: int, least: float, most: float):
    greedy = nuclear = 0.0
    trials = 5
    for seed in range(trials):
        cost = random_completion(10, (3.0, 2.0)[:rank], entries, seed)
        greedy += (greedy_low_rank(cost, 3).test_errors[-1] < 1e-3) / trials
        nuclear += (float(cost.test_error(jnp.asarray(least_nuclear_norm(cost)))) < 1e-3) / trials
    assert greedy >= least
    assert nuclear <= most


def test_least_nuclear_norm_recovers_when_most_is_seen():
    cost = random_completion(10, (3.0,), 85, seed=0)
    assert float(cost.test_error(jnp.asarray(least_nuclear_norm(cost)))) < 1e-3


def test_large_completion_is_recovered():
    cost = random_completion(100, (10.0, 8.0, 6.0, 4.0, 2.0), 4_000, seed=1)
    path = greedy_low_rank(cost, 3)
    assert path.outcome is GreedyOutcome.RECOVERED
    assert path.ranks[-1] == 5
    assert path.test_errors[-1] < 1e-10


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: greedy_low_rank(WHITENED, 1), "depth"),
        (lambda: greedy_low_rank(WHITENED, 3, tolerance=0.0), "tolerance"),
        (lambda: greedy_low_rank(WHITENED, 3, epsilon=-1.0), "epsilon"),
        (lambda: greedy_low_rank(WHITENED, 3, max_rank=0), "max_rank"),
        (lambda: greedy_low_rank(WHITENED, 3, norm_guard=-1.0), "norm_guard"),
        (lambda: greedy_low_rank(WHITENED, 3, steps=10), "step_size"),
        (lambda: greedy_low_rank(WHITENED, 3, steps=10, step_size=0.1), "epsilon"),
        (lambda: greedy_low_rank(LeastSquares(np.zeros((2, 2))), 3), "gradient at the origin"),
    ],
)
def test_bad_input_is_refused(make, message: str):
    with pytest.raises(ArgumentError, match=message):
        make()
