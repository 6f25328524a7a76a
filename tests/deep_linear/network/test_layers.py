import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from saddlescope.arguments import ArgumentError
from saddlescope.deep_linear import LeastSquares
from saddlescope.deep_linear.network.layers import (
    checked_weights,
    conserved,
    gradients,
    include,
    layer_shapes,
    product,
    rotate,
    width_remarks,
)
from saddlescope.deep_linear.network.starts import (
    balanced_start,
    gaussian_start,
    lambda_balanced_start,
    orthogonal_start,
)
from saddlescope.deep_linear.problem.reference_problems import reference_target

COST = LeastSquares(reference_target())
TALL = LeastSquares(reference_target().T)


@pytest.mark.parametrize("depth", [1, 2, 3, 5])
@pytest.mark.parametrize("cost", [COST, TALL], ids=["wide", "tall"])
def test_gradients_agree_with_automatic_differentiation(depth: int, cost: LeastSquares):
    weights = gaussian_start(cost.shape, depth, 5, gamma=0.5, seed=depth)
    expected = jax.grad(lambda W: cost.value(product(W)))(weights)
    for result, wanted in zip(gradients(cost, weights), expected, strict=True):
        assert np.allclose(result, wanted, rtol=0, atol=1e-11)


@pytest.mark.parametrize("depth", [2, 4])
def test_conserved_quantities_do_not_move_along_the_gradient(depth: int):
    weights = gaussian_start(COST.shape, depth, 5, gamma=0.5, seed=1)
    speed = [-g for g in gradients(COST, weights)]
    _, drift = jax.jvp(conserved, (weights,), (speed,))
    assert max(float(jnp.max(jnp.abs(M))) for M in drift) < 1e-12
    assert max(float(jnp.max(jnp.abs(M))) for M in conserved(weights)) > 0.1


def test_gradient_descent_drifts_linearly_in_the_learning_rate():
    start = gaussian_start(COST.shape, 3, 5, gamma=0.5, seed=1)

    def drift(step: float) -> float:
        weights = start
        for _ in range(round(0.02 / step)):
            weights = [W - step * g for W, g in zip(weights, gradients(COST, weights), strict=True)]
        moved = zip(conserved(weights), conserved(start), strict=True)
        return max(float(jnp.max(jnp.abs(after - before))) for after, before in moved)

    assert drift(4e-4) / drift(2e-4) == pytest.approx(2.0, rel=0.05)


@settings(max_examples=8, derandomize=True, deadline=None)
@given(seed=st.integers(0, 100))
def test_gradients_commute_with_rotations_and_inclusion(seed: int):
    weights = gaussian_start(COST.shape, 3, 4, gamma=1.0, seed=seed)
    random = np.random.default_rng(seed)
    turns = [np.linalg.qr(random.standard_normal((4, 4)))[0] for _ in range(2)]
    turned = rotate(weights, turns)
    assert np.allclose(product(turned), product(weights), atol=1e-13)
    pairs = [(gradients(COST, turned), rotate(gradients(COST, weights), turns))]
    wider = include(weights, 6)
    assert np.allclose(product(wider), product(weights), atol=1e-14)
    pairs.append((gradients(COST, wider), include(gradients(COST, weights), 6)))
    for result, wanted in pairs:
        assert all(np.allclose(a, b, atol=1e-12) for a, b in zip(result, wanted, strict=True))


def test_gaussian_start_has_the_stated_variance_and_is_repeatable():
    weights = gaussian_start((30, 40), 3, 200, gamma=1.5, scale=0.3, seed=7)
    for W in weights:
        assert float(jnp.std(W)) == pytest.approx(0.3 * 200**-0.75, rel=0.05)
    again = gaussian_start((30, 40), 3, 200, gamma=1.5, scale=0.3, seed=7)
    assert all(bool(jnp.all(a == b)) for a, b in zip(weights, again, strict=True))
    other = gaussian_start((30, 40), 3, 200, gamma=1.5, scale=0.3, seed=8)
    assert float(jnp.max(jnp.abs(weights[0] - other[0]))) > 0


@pytest.mark.parametrize("depth", [1, 2, 3, 4])
@pytest.mark.parametrize("seed", [None, 3])
def test_balanced_start_is_balanced_and_has_its_product(depth: int, seed: int | None):
    weights = balanced_start(reference_target(), depth, 5, seed)
    assert [W.shape for W in weights] == layer_shapes((3, 4), depth, 5)
    assert np.allclose(product(weights), reference_target(), atol=1e-13)
    assert all(float(jnp.max(jnp.abs(M))) < 1e-13 for M in conserved(weights))


@pytest.mark.parametrize(("imbalance", "width"), [(2.0, 3), (-2.0, 3), (-0.5, 4), (0.0, 6), (1e-9, 3)])
@pytest.mark.parametrize("seed", [None, 3])
def test_lambda_balanced_start(imbalance: float, width: int, seed: int | None):
    weights = lambda_balanced_start(reference_target(), width, imbalance, seed)
    assert np.allclose(product(weights), reference_target(), atol=1e-13)
    assert np.allclose(conserved(weights)[0], imbalance * np.eye(width), atol=1e-13)


def test_orthogonal_start():
    weights = orthogonal_start((3, 4), 3, 6, scale=0.5, seed=2)
    for W in weights:
        assert np.allclose(np.linalg.svd(np.asarray(W), compute_uv=False), 0.5)


def test_narrow_networks_are_allowed_and_remarked():
    assert "cannot hold the rank 3" in width_remarks(COST, 3, 2)[0]
    assert width_remarks(COST, 3, 3) == width_remarks(COST, 1, 1) == ()
    assert [W.shape for W in gaussian_start(COST.shape, 3, 2, gamma=2)] == [(2, 4), (2, 2), (3, 2)]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: gaussian_start((3, 4), 0, 5, 1.0), "depth"),
        (lambda: gaussian_start((3, 4), 2, 0, 1.0), "width"),
        (lambda: gaussian_start((3, 4), 2, 5, np.inf), "gamma"),
        (lambda: gaussian_start((3, 4), 2, 5, 1.0, scale=0.0), "scale"),
        (lambda: gaussian_start((3, 4), 2, 5, 1.0, seed=-1), "seed"),
        (lambda: balanced_start(reference_target(), 3, 2), "rank 3"),
        (lambda: lambda_balanced_start(reference_target(), 4, 1.0), "d_out = 3"),
        (lambda: lambda_balanced_start(reference_target(), 2, 1.0), "rank 3"),
        (lambda: include(balanced_start(reference_target(), 2, 3), 2), "at least 3"),
        (lambda: rotate(balanced_start(reference_target(), 2, 3), []), "one matrix per hidden layer"),
        (lambda: rotate(balanced_start(reference_target(), 2, 3), [2 * np.eye(3)]), "orthogonal"),
        (lambda: checked_weights([]), "at least one layer"),
        (lambda: checked_weights([np.ones((2, 3)), np.ones((4, 3))]), "product"),
        (lambda: checked_weights([np.ones((2, 3))], (3, 2)), "shape"),
        (lambda: checked_weights([np.full((2, 3), np.nan)]), "finite"),
    ],
)
def test_bad_input_is_refused(make, message: str):
    with pytest.raises(ArgumentError, match=message):
        make()
