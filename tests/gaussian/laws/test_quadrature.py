"""Gaussian rules for smoothed kinks, and the feature expansion of kernels of products."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.special import ndtr

from saddlescope.arguments import ArgumentError
from saddlescope.gaussian import NAMES, features, gaussian_rule, hermite, kernel, smoothing

GAP = 10.0 ** np.linspace(-8, 0, 30)
OVERLAPS = np.unique(np.concatenate([1 - GAP, GAP - 1, np.linspace(-0.9, 0.9, 21)]))


def soft_ramp(x):
    return x * ndtr(x) + np.exp(-0.5 * x * x) / np.sqrt(2 * np.pi)


@pytest.mark.parametrize(("accuracy", "most"), [(1e-8, 72), (1e-10, 92), (1e-12, 114)])
def test_relu_features_at_every_overlap(accuracy, most):
    z, w = gaussian_rule((0.0,), accuracy=accuracy)
    assert z.size <= most
    np.testing.assert_allclose(z, -z[::-1], atol=1e-15)
    T, U = smoothing("relu"), kernel("relu")
    assert T is not None
    values, slopes = T(OVERLAPS[:, None], z), T.derivative(OVERLAPS[:, None], z)
    product = np.outer(OVERLAPS, OVERLAPS)
    assert np.abs((values * w) @ values.T - U(product)).max() < accuracy
    error = (slopes * w) @ values.T - OVERLAPS * U.derivative(product)
    assert np.abs((1 - OVERLAPS**2)[:, None] * error).max() < accuracy


@pytest.mark.parametrize("breakpoints", [(), (0.4,), (0.7,), (-3.0,), (0.0, 1.0), (-1.0, 0.5, 0.50001), (20.0,)])
def test_smoothed_kinks_anywhere(breakpoints):
    z, w = gaussian_rule(breakpoints)
    assert w.sum() == pytest.approx(1.0, abs=1e-14)
    assert np.all(np.diff(z) > 0)
    assert w @ z**2 == pytest.approx(1.0, abs=1e-9)
    near = [b for b in breakpoints if abs(b) < 8]
    for b in near or [0.0]:
        for width in (1e-4, 1e-3, 0.03, 0.5, 3.0) if near else (1.0, 3.0):
            # the average of a smoothed ramp is the ramp, smoothed once more
            spread = np.sqrt(1 + width**2)
            average = w @ (width * soft_ramp((z - b) / width))
            assert average == pytest.approx(spread * soft_ramp(-b / spread), abs=1e-10)
            assert w @ ndtr((z - b) / width) == pytest.approx(ndtr(-b / spread), abs=1e-9)


def test_bad_rules_are_refused():
    with pytest.raises(ArgumentError, match="`grading` must lie strictly between 0 and 1"):
        gaussian_rule((0.0,), grading=0.0)
    with pytest.raises(ArgumentError, match="`accuracy` must be at least 1e-14"):
        gaussian_rule((0.0,), accuracy=1e-15)
    with pytest.raises(ArgumentError, match="`breakpoints` must hold finite numbers only"):
        gaussian_rule((np.inf,))


@pytest.mark.parametrize("name", NAMES)
def test_features_reproduce_the_kernel(name):
    U = kernel(name)
    psi = features(U, 1e-12)
    s, t = OVERLAPS, np.append(np.linspace(-1, 1, 15), 1 - GAP)
    exact = U(np.outer(s, t))
    assert np.abs(psi(s) @ psi(t).T - exact).max() <= max(3 * psi.error, 1e-14)
    assert psi.error < 5e-12 * U(1.0)
    slope = (1 - s**2)[:, None] * (psi.derivative(s) @ psi(t).T - t * U.derivative(np.outer(s, t)))
    assert np.abs(slope).max() <= max(3 * psi.derivative_error, 1e-13)


def test_features_are_few():
    counts = {name: features(kernel(name), 1e-10).count for name in ("relu", "erf", "tanh", "gelu")}
    assert counts == {"relu": 18, "erf": 6, "tanh": 7, "gelu": 7}
    assert features(kernel(hermite([1, 1, 0.5, 0.3]))).count == 4


def test_features_in_jax():
    psi = features(kernel("relu"))
    s = np.linspace(-1, 1, 20).reshape(4, 5)

    @jax.jit
    def run(psi, s):
        values, slopes = jax.jvp(psi, (s,), (jnp.ones_like(s),))
        return values, slopes, psi.derivative(s)

    values, slopes, exact = run(psi, s)
    assert values.shape == (4, 5, psi.count)
    gram = np.einsum("abi,cdi->abcd", values, values)
    np.testing.assert_allclose(gram, kernel("relu")(s[:, :, None, None] * s), atol=1e-12)
    np.testing.assert_allclose(slopes, exact, atol=1e-8)
    force = np.einsum("abi,cdi->abcd", exact, values)
    np.testing.assert_allclose(force, s * kernel("relu").derivative(s[:, :, None, None] * s), atol=1e-6)


def test_features_refuse_what_is_no_kernel_of_one_function():
    with pytest.raises(ArgumentError, match="`kernel` must be positive semi-definite"):
        features(kernel(hermite([0, 1, 1]), hermite([0, 1, -1])))
    with pytest.raises(ArgumentError, match="`kernel` must be positive semi-definite"):
        features(kernel("sin", "cos"))
    with pytest.raises(ArgumentError, match="`tolerance`"):
        features(kernel("relu"), 2.0)
