"""Ornstein-Uhlenbeck smoothing: against its definition, the kernel, and autodiff."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from saddlescope.gaussian import gaussian_function, gaussian_rule, hermite, kernel, smoothing

# each block once, on its own or in a sum
BLOCKS = ["leaky_relu", "sign", "erf", "sin", "cos", [1, 0.3, -0.4, 2]]
KNOWN = [
    "relu",
    "leaky_relu",
    "abs",
    "step",
    "sign",
    "erf",
    "sin",
    "cos",
    "identity",
    "square",
    [1, 0.3, -0.4, 2],
]


def known(f):
    T = smoothing(f)
    assert T is not None
    return T


def by_definition(f, s, z):
    """E f(s z + tau xi) on Gauss-Legendre panels cut at the kink."""
    tau = np.sqrt(1 - s * s)
    x, w = np.polynomial.legendre.leggauss(30)
    cuts = np.unique(np.append(np.linspace(-12, 12, 49), -s * z / tau))
    half = 0.5 * np.diff(cuts)[:, None]
    xi = 0.5 * (cuts[:-1] + cuts[1:])[:, None] + half * x
    return np.sum(half * w * f(s * z + tau * xi) * np.exp(-0.5 * xi * xi)) / np.sqrt(2 * np.pi)


@pytest.mark.parametrize("name", KNOWN)
def test_value_is_the_average_it_stands_for(name):
    f, T = gaussian_function(name), known(name)
    for s in (-0.97, -0.5, 0.0, 0.2, 0.96):
        for z in (-2.3, -0.4, 0.0, 1.9):
            assert T(s, z) == pytest.approx(by_definition(f, s, z), abs=5e-15)


@pytest.mark.parametrize("name", BLOCKS)
def test_derivatives_agree_with_autodiff_and_differences(name):
    T = known(name)
    s, z = (v.ravel() for v in np.meshgrid([-0.9, -0.3, 0.0, 0.6, 0.95], [-1.7, -0.2, 0.0, 0.8]))

    @jax.jit
    def slopes(s, z):
        def along(direction, function):
            return lambda s, z: jax.jvp(function, (s, z), direction)[1]

        one, zero = jnp.ones_like(s), jnp.zeros_like(s)
        first = along((one, zero), T)
        return (
            first(s, z),
            along((one, zero), first)(s, z),
            along((zero, one), T)(s, z),
            along((zero, one), first)(s, z),
        )

    first, second, in_z, mixed = slopes(s, z)
    np.testing.assert_allclose(first, T.derivative(s, z), rtol=1e-12, atol=1e-13)
    np.testing.assert_allclose(second, T.second_derivative(s, z), rtol=1e-11, atol=1e-12)
    h = 1e-5
    np.testing.assert_allclose(first, (T(s + h, z) - T(s - h, z)) / (2 * h), rtol=1e-6, atol=1e-7)
    np.testing.assert_allclose(in_z, (T(s, z + h) - T(s, z - h)) / (2 * h), rtol=1e-6, atol=1e-7)
    slope = T.derivative
    np.testing.assert_allclose(second, (slope(s + h, z) - slope(s - h, z)) / (2 * h), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(mixed, (slope(s, z + h) - slope(s, z - h)) / (2 * h), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("name", BLOCKS)
def test_ends_and_middle(name):
    f, T = gaussian_function(name), known(name)
    z = np.array([-1.2, 0.0, 0.5])
    s = np.array([[-1.0], [1.0]])
    np.testing.assert_allclose(T(s, z), f(s * z), atol=1e-15)
    np.testing.assert_allclose(T(0.0, z), f.coefficients(0)[0] * np.ones(3), atol=1e-15)
    np.testing.assert_allclose(T.derivative(0.0, z), f.coefficients(1)[1] * z, atol=1e-15)
    with jax.debug_nans(True):
        value, first, second = jax.jit(lambda s: (T(s, z), T.derivative(s, z), T.second_derivative(s, z)))(s)
        gradient = jax.jit(jax.grad(lambda s: T(s, z).sum()))(s)
    np.testing.assert_allclose(value, f(s * z), atol=1e-15)
    assert all(np.isfinite(slope).all() for slope in (first, second, gradient))


def test_kernel_is_the_average_of_a_product_of_smoothings():
    z, w = gaussian_rule((0.0,), accuracy=1e-12)
    for f, g in [("relu", "relu"), ("step", "erf"), ("abs", "cos"), ("sin", [0, 1, 0, 2])]:
        for s, t in [(0.3, -0.8), (0.99, 0.9), (-0.5, -0.5)]:
            product = w @ (known(f)(s, z) * known(g)(t, z))
            assert product == pytest.approx(float(kernel(f, g)(s * t)), abs=1e-11)


def test_unknown_closed_forms_are_none():
    assert smoothing("tanh") is None
    assert smoothing(lambda x: x) is None
    assert known(hermite([1, 2]))(0.5, 1.0) == 2.0
