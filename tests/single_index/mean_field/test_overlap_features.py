"""Features against the kernels they split, and their derivatives against autodiff."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import saddlescope as ss
from saddlescope.gaussian import kernel
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
    value, slope, curvature = features.with_curvatures(s)

    def one(x):
        return features(x[None])[:, 0]

    assert np.allclose(features.with_slopes(s)[1], slope, rtol=1e-13, atol=1e-13)
    assert np.allclose(value, features(s), rtol=1e-13, atol=1e-13)
    assert np.allclose(slope, jax.vmap(jax.jacfwd(one))(s).T, rtol=1e-9, atol=1e-8)
    assert np.allclose(curvature, jax.vmap(jax.jacfwd(jax.jacfwd(one)))(s).T, rtol=1e-7, atol=1e-6)
