"""Features against the kernels they split, and their derivatives against autodiff."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import saddlescope as ss
from saddlescope.gaussian import kernel
from saddlescope.gaussian.functions.named import NAMES
from saddlescope.single_index.mean_field.overlap_features import split

OVERLAPS = np.concatenate([np.linspace(-0.999999, 0.999999, 41), [1e-6, -1e-3]])


@pytest.mark.parametrize("activation", ["relu", "step", "erf", "tanh", [1, 1, 0.5, 0.3], "sin"])
def test_features_reproduce_both_kernels(activation):
    problem = ss.SingleIndex(link="erf", activation=activation)
    parts = split(problem)
    psi = np.asarray(parts.features(jnp.asarray(OVERLAPS)))
    u = np.asarray(kernel(problem.activation)(np.outer(OVERLAPS, OVERLAPS)))
    v = np.asarray(kernel(problem.link, problem.activation)(OVERLAPS))
    assert np.abs(psi.T @ psi - u).max() < 2e-12
    assert np.abs(parts.target @ psi - v).max() < 1e-10
    assert parts.kernel_error < 2e-12
    assert parts.floor >= 0


@pytest.mark.parametrize("activation", ["relu", "tanh", [1, 1, 0.5, 0.3]])
def test_slopes_and_curvatures_are_derivatives(activation):
    features = split(ss.SingleIndex("erf", activation)).features
    s = jnp.array([-0.95, -0.3, 1e-3, 0.24, 0.26, 0.8])
    value, slope, curvature = eqx.filter_jit(features.with_curvatures)(s)

    def one(x):
        return features(x[None])[:, 0]

    assert np.allclose(eqx.filter_jit(features.with_slopes)(s)[1], slope, rtol=1e-13, atol=1e-13)
    assert np.allclose(value, eqx.filter_jit(features)(s), rtol=1e-13, atol=1e-13)
    assert np.allclose(slope, jax.jit(jax.vmap(jax.jacfwd(one)))(s).T, rtol=1e-9, atol=1e-8)
    assert np.allclose(curvature, jax.jit(jax.vmap(jax.jacfwd(jax.jacfwd(one))))(s).T, rtol=1e-7, atol=1e-6)


@pytest.mark.parametrize("activation", ["tanh", "gelu"])
def test_features_and_slopes_are_those_of_a_sum_over_degrees(activation):
    # the twin: powers one by one in NumPy, down to overlaps where only the lowest degree is left
    features = split(ss.SingleIndex("erf", activation)).features
    s = np.array([-0.999, -0.2, 1e-9, 3e-3, 0.24, 0.7, 1.0])
    table = np.asarray(features.table)  # pyright: ignore[reportAttributeAccessIssue]
    k = np.arange(table.shape[1])
    fall = [np.ones(len(k)), 1.0 * k, 1.0 * k * (k - 1)]
    for n, got in enumerate(features.with_curvatures(jnp.asarray(s))):
        terms = table[:, :, None] * fall[n][:, None] * s ** np.maximum(k - n, 0)[:, None]
        size = np.abs(terms).sum(axis=1)
        assert np.all(np.abs(np.asarray(got) - terms.sum(axis=1)) <= 1e-13 * size + 1e-300)


@pytest.mark.parametrize("activation", NAMES)
def test_no_activation_is_unrolled_into_a_program_of_its_degree(activation):
    # a row of code for each power took minutes to compile
    features = split(ss.SingleIndex([0, 1], activation)).features
    program = jax.make_jaxpr(features.with_curvatures)(jnp.zeros(64))
    assert len(str(program).splitlines()) < 600
