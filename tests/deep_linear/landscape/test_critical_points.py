from itertools import chain, combinations

import jax
import numpy as np
import pytest
from jax.flatten_util import ravel_pytree

from saddlescope.arguments import ArgumentError
from saddlescope.deep_linear import LeastSquares
from saddlescope.deep_linear.landscape.critical_points import Kind, critical_point
from saddlescope.deep_linear.landscape.hessian import balanced_hessian_spectrum, hessian_extremes, hessian_product
from saddlescope.deep_linear.network.layers import Weights, gradients, include, product
from saddlescope.deep_linear.network.starts import balanced_start, gaussian_start
from saddlescope.deep_linear.problem.reference_problems import reference_completion, reference_target
from saddlescope.deep_linear.theory.greedy import greedy_low_rank

COST = LeastSquares(reference_target())
LEFT, VALUES, RIGHT = np.linalg.svd(reference_target(), full_matrices=False)
SUBSETS = list(chain.from_iterable(combinations(range(3), size) for size in range(4)))


def embedding(kept: tuple[int, ...], depth: int, width: int, seed: int | None = None) -> Weights:
    order = list(kept)
    return balanced_start((LEFT[:, order] * VALUES[order]) @ RIGHT[order], depth, width, seed)


def nudged(weights: Weights, size: float, seed: int = 0) -> Weights:
    random = np.random.default_rng(seed)
    return [W + size * random.standard_normal(W.shape) for W in weights]


def full_hessian(weights: Weights) -> jax.Array:
    flat, layers = ravel_pytree(weights)
    return jax.hessian(lambda x: COST.value(product(layers(x))))(flat)


def test_hessian_product_is_the_derivative_of_the_gradient():
    weights, direction = (gaussian_start((3, 4), 3, 5, 0.5, seed=seed) for seed in (1, 2))
    h = 1e-5
    ahead, behind = (
        gradients(COST, [W + sign * h * V for W, V in zip(weights, direction, strict=True)]) for sign in (1, -1)
    )
    for result, a, b in zip(hessian_product(COST, weights, direction), ahead, behind, strict=True):
        assert np.allclose(result, (a - b) / (2 * h), atol=1e-7)


@pytest.mark.parametrize("depth", [2, 3, 4])
def test_spectrum_by_structure_is_the_spectrum_of_the_full_hessian(depth: int):
    hessian = jax.jit(full_hessian)
    for kept in SUBSETS:
        structured = balanced_hessian_spectrum(VALUES, kept, depth, 4, (3, 4))
        result = np.linalg.eigvalsh(hessian(embedding(kept, depth, 4, seed=3)))
        assert np.allclose(result, structured, atol=1e-10)
        negative = structured[structured < -1e-12]
        pairs = [(i, j) for i in kept for j in set(range(3)) - set(kept) if VALUES[j] > VALUES[i]]
        wanted = [-(VALUES[i] ** ((depth - 2) / depth)) * (VALUES[j] - VALUES[i]) for i, j in pairs]
        if depth == 2:
            wanted += [-VALUES[j] for j in set(range(3)) - set(kept)] * (4 - len(kept))
        assert np.allclose(negative, np.sort(wanted))


def test_losses_along_the_strongest_modes():
    for rank, wanted in enumerate([7, 2.5, 0.5, 0]):
        assert float(COST.value(product(embedding(tuple(range(rank)), 3, 4)))) == pytest.approx(wanted, abs=1e-12)


def test_extremes_by_lanczos_agree_with_the_structure():
    for depth, kept in ((2, (1,)), (3, (1, 2)), (3, (0,))):
        width = 30 if depth == 3 else 60
        spectrum = balanced_hessian_spectrum(VALUES, kept, depth, width, (3, 4))
        low, high = hessian_extremes(COST, embedding(kept, depth, width), number=2)
        assert np.allclose(low, spectrum[:2], atol=1e-8)
        assert np.allclose(high, spectrum[::-1][:2], atol=1e-8)
    assert hessian_extremes(COST, embedding((), 3, 30), number=2)[0].tolist() == [0, 0]


@pytest.mark.parametrize("depth", [2, 3])
@pytest.mark.parametrize("kept", SUBSETS)
def test_every_balanced_embedding_is_found_and_told_apart(depth: int, kept: tuple[int, ...]):
    weights = embedding(kept, depth, 4, seed=2)
    exact, result = critical_point(COST, weights), critical_point(COST, nudged(weights, 3e-3))
    wanted = 0.5 * sum(VALUES[j] ** 2 for j in range(3) if j not in kept)
    assert exact.cost == pytest.approx(wanted, abs=1e-12)
    assert result.cost == pytest.approx(wanted, abs=1e-9)
    assert result.rank == exact.rank == len(kept)
    assert exact.distance == 0
    assert 0 < result.distance < 0.1
    if len(kept) == 3:
        assert exact.kind is result.kind is Kind.MINIMUM
    elif depth == 3 and kept == tuple(range(len(kept))):
        # next to it are strict saddles of the same product, and the search ends at one of those
        assert exact.kind is Kind.NON_STRICT_SADDLE
        assert -0.2 < result.lowest < 0
    else:
        assert exact.kind is result.kind is Kind.STRICT_SADDLE


def test_saddles_near_the_origin_of_three_layers_are_strict():
    weights = [np.zeros((4, 4)), 0.1 * np.eye(4), np.zeros((3, 4))]
    result = critical_point(COST, weights)
    assert result.kind is Kind.STRICT_SADDLE
    assert result.lowest == pytest.approx(-0.1 * VALUES[0])
    assert critical_point(COST, [np.zeros((4, 4)), np.zeros((4, 4)), np.zeros((3, 4))]).kind is Kind.NON_STRICT_SADDLE


def test_minimum_of_a_narrow_network_is_a_saddle_of_a_wider_one():
    narrow = critical_point(COST, nudged(embedding((0, 1), 3, 2), 3e-3))
    assert narrow.kind is Kind.RANK_MINIMUM
    assert narrow.cost == pytest.approx(0.5)
    wide = critical_point(COST, include(narrow.weights, 4))
    assert wide.kind is Kind.NON_STRICT_SADDLE
    assert wide.distance == 0
    shallow = critical_point(COST, include(critical_point(COST, embedding((0, 1), 2, 2)).weights, 4))
    assert shallow.kind is Kind.STRICT_SADDLE


def test_saddles_of_a_wide_network_on_completion():
    cost = reference_completion()
    weights = greedy_low_rank(cost, 3, max_rank=2).weights(1, width=8)
    assert critical_point(cost, weights).kind is Kind.NON_STRICT_SADDLE
    result = critical_point(cost, nudged(weights, 3e-4, seed=1))
    assert result.cost == pytest.approx(6.1812766576, abs=1e-8)
    assert result.rank == 1
    assert result.gradient_norm < 1e-8


def test_iterative_and_dense_searches_agree():
    weights = nudged(embedding((0, 2), 2, 5), 1e-3)
    dense = critical_point(COST, weights)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("saddlescope.deep_linear.landscape.critical_points._DENSE", 0)
        iterative = critical_point(COST, weights)
    assert iterative.cost == pytest.approx(dense.cost, abs=1e-12)
    assert iterative.kind is dense.kind is Kind.STRICT_SADDLE
    assert np.allclose(iterative.product, dense.product, atol=1e-8)


def test_far_from_any_critical_point_the_search_says_so():
    result = critical_point(COST, gaussian_start((3, 4), 3, 4, 0.0, seed=0), steps=1)
    assert result.kind is Kind.NOT_CRITICAL


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: critical_point(COST, [np.eye(3)]), "shape"),
        (lambda: critical_point(COST, embedding((0,), 2, 2), tolerance=0.0), "tolerance"),
        (lambda: critical_point(COST, embedding((0,), 2, 2), steps=0), "steps"),
        (lambda: critical_point(LeastSquares(np.zeros((1, 1))), [np.eye(1)]), "gradient at the origin"),
        (lambda: hessian_extremes(COST, embedding((0,), 2, 2), number=0), "number"),
        (lambda: balanced_hessian_spectrum([1.0], [0], 2, 1, (2, 2)), "singular_values"),
        (lambda: balanced_hessian_spectrum([2.0, 1.0], [2], 2, 1, (2, 2)), "kept"),
        (lambda: balanced_hessian_spectrum([2.0, 1.0], [0, 1], 2, 1, (2, 2)), "kept"),
        (lambda: balanced_hessian_spectrum([2.0, 0.0], [1], 2, 1, (2, 2)), "positive"),
        (lambda: balanced_hessian_spectrum([2.0, 1.0], [0], 1, 1, (2, 2)), "depth"),
    ],
)
def test_bad_input_is_refused(make, message: str):
    with pytest.raises(ArgumentError, match=message):
        make()
