"""Kernels at any norm: against quadrature in the plane, at norm one, their slopes, and what they say of errors."""

from itertools import combinations_with_replacement

import jax.numpy as jnp
import numpy as np
import pytest

import saddlescope as ss
from saddlescope.gaussian import gaussian_function, kernel, norm_kernel

CUBIC = [0.3, 1.0, -1.0, 0.5]
SMOOTH = ["erf", "sin", "cos", "tanh", "gelu", CUBIC]
KINKED = ["relu", "abs", "step"]
X, W = np.polynomial.legendre.leggauss(240)
X, W = 11 * X, 11 * W * np.exp(-0.5 * (11 * X) ** 2) / np.sqrt(2 * np.pi)


def by_quadrature(f, g, r, l1, l2):
    """E f(l1 x) g(l2 y) on a grid of nodes of x and of what y has beside it."""
    f, g = gaussian_function(f), gaussian_function(g)
    y = r * X[:, None] + np.sqrt(1 - r * r) * X
    return float(W @ (np.asarray(f(l1 * X))[:, None] * np.asarray(g(l2 * y))) @ W)


@pytest.mark.parametrize(("f", "g"), list(combinations_with_replacement(SMOOTH, 2)))
def test_kernels_of_smooth_functions_are_their_integrals(f, g):
    K = norm_kernel(f, g)
    for r, l1, l2 in [(0.45, 0.7, 1.6), (-0.8, 1.3, 0.2), (0.1, 0.01, 2.0)]:
        right = by_quadrature(f, g, r, l1, l2)
        assert abs(K(r, l1, l2).value - right) < 1e-9 + K.error([l1], [l2])


@pytest.mark.parametrize(("f", "power"), [("relu", 1), ("abs", 1), ("leaky_relu", 1), ("step", 0), ("sign", 0)])
def test_homogeneous_functions_scale(f, power):
    K, unit = norm_kernel(f), kernel(f)
    r = np.linspace(-0.99, 0.99, 7)
    np.testing.assert_allclose(K(r, 0.4, 3.0).value, (0.4 * 3.0) ** power * unit(r), rtol=1e-13)
    # with a cubic: the mean of f(x) times a polynomial, on each side of zero
    x, w = np.polynomial.legendre.leggauss(100)
    x, w = 5.5 * (1 + x), 5.5 * w * np.exp(-0.5 * (5.5 * (1 + x)) ** 2) / np.sqrt(2 * np.pi)
    x, w = np.concatenate([-x, x]), np.concatenate([w, w])
    value = np.asarray(gaussian_function(f)(0.4 * x))
    h = np.array([1 + 0 * x, x, (x**2 - 1) / 2**0.5, (x**3 - 3 * x) / 6**0.5])
    of_cubic = norm_kernel(CUBIC).coefficients(np.array(3.0), 3)
    right = np.sum((h * value) @ w * of_cubic * 0.3 ** np.arange(4))
    assert norm_kernel(f, CUBIC)(0.3, 0.4, 3.0).value == pytest.approx(right, abs=1e-12)


@pytest.mark.parametrize(("f", "g"), list(combinations_with_replacement([*SMOOTH, *KINKED], 2)))
def test_slopes_are_slopes_and_jax_and_norm_one_agree(f, g):
    K, r, l1, l2, h = norm_kernel(f, g), 0.35, 0.8, 1.7, 1e-5
    value, slope, stretch, other = K(r, l1, l2)[:4]
    assert slope == pytest.approx((K(r + h, l1, l2).value - K(r - h, l1, l2).value) / (2 * h * l1 * l2), abs=1e-7)
    assert stretch == pytest.approx((K(r, l1 + h, l2).value - K(r, l1 - h, l2).value) / (2 * h), abs=1e-7)
    assert other == pytest.approx((K(r, l1, l2 + h).value - K(r, l1, l2 - h).value) / (2 * h), abs=1e-7)
    traced = K(jnp.asarray(r), jnp.asarray(l1), jnp.asarray(l2))
    np.testing.assert_allclose(traced[:4], [value, slope, stretch, other], atol=1e-13)
    np.testing.assert_allclose(norm_kernel(g, f)(r, l2, l1)[:4], [value, slope, other, stretch], atol=1e-10)
    assert float(K(r, 1.0, 1.0).value) == pytest.approx(float(kernel(f, g)(r)), abs=1e-9)


@pytest.mark.parametrize("f", ["tanh", "silu", lambda x: np.cos(x) * np.exp(-x * x / 9), lambda x: abs(x - 0.5)])
@pytest.mark.parametrize("length", [0.3, 1.0, 4.0])
def test_the_error_of_a_series_is_no_less_than_it_is(f, length):
    """At correlation one the kernel is E f^2, a sum over one variable, to be had by halving panels."""
    K, function = norm_kernel(f), gaussian_function(f)
    x, w = np.polynomial.legendre.leggauss(20)
    edges = np.linspace(-12, 12, 241) + 0.5 / length  # the kink of the last one is an edge
    x = (0.5 * (edges[:-1] + edges[1:]))[:, None] + 0.05 * x
    right = np.sum(0.05 * w * np.exp(-0.5 * x**2) / np.sqrt(2 * np.pi) * np.asarray(function(length * x)) ** 2)
    assert abs(K(1.0, length, length).value - right) <= 1.5 * K.error([length], [length]) + 1e-13
    assert K.error([length], [length]) < 0.05 * right


@pytest.mark.parametrize("f", ["erf", "relu", "step", "sin", "tanh", CUBIC])
@pytest.mark.parametrize("g", ["erf", "relu", "step", "cos", "gelu", [0.0, 1.0, 0.5]])
def test_kernels_with_biases_are_their_integrals_and_their_slopes(f, g):
    """One integral by quadrature between the kinks; the inner one, of y given x, from what g has of a constant."""
    K, at, h = norm_kernel(f, g, biased=True), [0.55, 0.7, 1.6, 0.4, -0.9], 1e-5
    r, l1, l2, b1, b2 = at
    x, w = np.polynomial.legendre.leggauss(80)
    edges = np.array([-11.0, -4.0, -b1 / l1, 4.0, 11.0])
    half, middle = np.diff(edges)[:, None] / 2, (edges[1:] + edges[:-1])[:, None] / 2
    x, w = (middle + half * x).ravel(), (half * w).ravel()
    w = w * np.exp(-0.5 * x**2) / np.sqrt(2 * np.pi)
    inner = norm_kernel(g).coefficients  # E g(l G + b), with biases one by one
    rest = np.full(len(x), l2 * np.sqrt(1 - r * r))
    given_x = norm_kernel(g, biased=True).coefficients(rest, 0, l2 * r * x + b2)[0]
    assert inner(rest[:1], 0)[0] == pytest.approx(norm_kernel(g, biased=True).coefficients(rest[:1], 0, np.zeros(1))[0])
    right = w @ (np.asarray(gaussian_function(f)(l1 * x + b1)) * given_x)
    pair = K(*at)
    assert pair.value == pytest.approx(right, abs=1e-9)
    slopes = []
    for i in range(5):
        up, down = ([v + h * s * (i == j) for j, v in enumerate(at)] for s in (1, -1))
        slopes.append((K(*up).value - K(*down).value) / (2 * h))
    slopes[0] /= l1 * l2
    np.testing.assert_allclose(pair[1:], slopes, atol=1e-7)
    np.testing.assert_allclose(K(*map(jnp.asarray, at)), pair, atol=1e-13)
    np.testing.assert_allclose(K(r, l1, l2, 0.0, 0.0)[:4], norm_kernel(f, g)(r, l1, l2)[:4], atol=1e-8)


@pytest.mark.parametrize("f", ["relu", "erf", "sin", "tanh"])
def test_a_neuron_beside_itself_has_its_square(f):
    lengths, biases = np.array([0.4, 1.0, 2.5]), np.array([-1.1, 0.3, 2.0])
    K = norm_kernel(f, biased=True)
    right = (np.asarray(gaussian_function(f)(lengths[:, None] * X + biases[:, None])) ** 2) @ W
    error = K.error(lengths, lengths, biases, biases)
    assert np.abs(K(np.ones(3), lengths, lengths, biases, biases).value - right).max() < error + (
        2e-3 if f == "relu" else 1e-12
    )
    assert error < 1e-6


def test_what_vanishes_by_symmetry_is_zero_to_the_bit():
    lengths = np.array([0.1, 1.0, 3.7])
    for f, other in (("tanh", 0), ("sin", 0), ([0, 1, 0, 2.0], 0), ([1, 0, 1.0], 1), ("cos", 1)):
        assert not np.any(norm_kernel(f).coefficients(lengths, 5)[other::2]), f


def test_a_function_that_jumps_is_refused_where_its_jump_would_be_lost():
    jump = ss.gaussian_function(lambda x: np.where(x > 0.3, 1.0, 0.0))
    with pytest.raises(ss.ArgumentError, match="Argument `f` must be without jumps at any norm but one"):
        norm_kernel(jump)
