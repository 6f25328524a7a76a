"""Kernels: closed forms against series, Monte Carlo and autodiff; error bounds that bound."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from saddlescope.arguments import ArgumentError
from saddlescope.gaussian import NAMES, gaussian_function, hermite, kernel

CLOSED = ["relu", "leaky_relu", "abs", "step", "sign", "erf", "sin", "cos", "identity", "square"]
terms = st.lists(st.floats(-2, 2), min_size=1, max_size=6)


@pytest.mark.parametrize("f", NAMES)
def test_every_pair_agrees_with_its_hermite_series(f):
    r = np.array([-0.95, -0.6, -0.1, 0.0, 0.3, 0.77, 0.93])
    k = np.arange(1001)
    powers = r[:, None] ** k
    for g in NAMES[NAMES.index(f) :]:
        K = kernel(f, g)
        product = gaussian_function(f).coefficients(1000) * gaussian_function(g).coefficients(1000)
        np.testing.assert_allclose(K(r), powers @ product, atol=2e-14, err_msg=g)
        np.testing.assert_allclose(K.derivative(r), powers[:, :-1] @ (k * product)[1:], atol=2e-13, err_msg=g)
        second = powers[:, :-2] @ (k * (k - 1) * product)[2:]
        np.testing.assert_allclose(K.second_derivative(r), second, atol=2e-11, err_msg=g)
        assert K.error < 1e-13
        assert kernel(g, f)(0.7) == pytest.approx(float(K(0.7)), abs=1e-15)


@pytest.mark.parametrize("name", CLOSED)
def test_own_kernel_is_closed_with_the_norm_at_one(name):
    K, f = kernel(name), gaussian_function(name)
    assert K.kind == "closed form"
    assert K(1.0) == pytest.approx(f.norm_squared, abs=1e-15)
    if np.isfinite(f.derivative_norm_squared):
        assert K.derivative(1.0) == pytest.approx(f.derivative_norm_squared, abs=1e-14)


def test_known_values():
    # Cho and Saul 2009, orders 1 and 0; Williams 1997
    r, angle = 0.4, np.arccos(0.4)
    arc_cosine = (np.sin(angle) + (np.pi - angle) * np.cos(angle)) / (2 * np.pi)
    assert kernel("relu")(r) == pytest.approx(arc_cosine, abs=1e-16)
    assert kernel("step")(r) == pytest.approx((np.pi - angle) / (2 * np.pi), abs=1e-16)
    assert kernel("erf")(r) == pytest.approx(2 / np.pi * np.arcsin(r / 2), abs=1e-16)


def test_monte_carlo_agrees_within_its_standard_error():
    stream = np.random.default_rng(0)
    g, xi = stream.normal(size=(2, 200_000))
    for f, h, r in [
        ("relu", "step", -0.4),
        ("erf", "sign", 0.6),
        ("gelu", "tanh", 0.8),
        ("abs", "cos", -0.9),
    ]:
        draws = gaussian_function(f)(g) * gaussian_function(h)(r * g + np.sqrt(1 - r * r) * xi)
        assert abs(draws.mean() - kernel(f, h)(r)) < 4 * draws.std() / np.sqrt(draws.size)


@settings(max_examples=20, derandomize=True, deadline=None)
@given(terms, terms, st.floats(-1, 1))
def test_series_kernel_is_the_polynomial_of_products(a, b, r):
    size = min(len(a), len(b))
    exact = sum(a[k] * b[k] * r**k for k in range(size))
    assert kernel(hermite(a), hermite(b))(r) == pytest.approx(exact, abs=1e-12)
    mixed = kernel(hermite(a), "tanh")
    tanh = gaussian_function("tanh").coefficients(len(a))
    assert mixed.kind == "closed form"
    assert mixed(r) == pytest.approx(sum(a[k] * tanh[k] * r**k for k in range(len(a))), abs=1e-13)


@pytest.mark.parametrize("name", ["relu", "step", "erf", "tanh", "cos"])
def test_autodiff_gives_the_derivatives_and_is_finite_at_the_ends(name):
    K = kernel(name)
    r = np.array([-1.0, -0.5, 0.0, 0.3, 1.0])

    @jax.jit
    def ladder(r):
        def slope(t):
            return jax.jvp(K, (t,), (jnp.ones_like(t),))[1]

        first, second = jax.jvp(slope, (r,), (jnp.ones_like(r),))
        return K(r), first, second, jax.grad(lambda t: K(t).sum())(r)

    value, first, second, reverse = ladder(r)
    for got, exact in [(value, K(r)), (first, K.derivative(r)), (reverse, K.derivative(r))]:
        np.testing.assert_allclose(got, exact, rtol=1e-13, atol=1e-14)
    np.testing.assert_allclose(second, K.second_derivative(r), rtol=1e-12, atol=1e-13)
    assert np.all(np.isfinite(second))


def test_rounding_beyond_one_is_harmless():
    for name in ("relu", "step", "abs"):
        for r in (np.nextafter(1.0, 2.0), np.nextafter(-1.0, -2.0)):
            K = kernel(name)
            assert K(r) == pytest.approx(float(K(np.clip(r, -1, 1))), abs=1e-15)
            assert np.isfinite([K.derivative(r), K.second_derivative(r)]).all()


@pytest.mark.parametrize("degree", [20, 100])
def test_error_bounds_the_truncation(degree):
    exact, cut = kernel("relu"), kernel(lambda x: np.maximum(x, 0), degree=degree)
    r = np.linspace(-1, 1, 201)
    assert cut.kind == f"hermite series, degree {degree}"
    assert 0.3 * cut.error < np.abs(cut(r) - exact(r)).max() <= cut.error
    assert 0.3 * cut.derivative_error < np.abs(cut.derivative(r) - exact.derivative(r)).max() <= cut.derivative_error
    jumping = kernel(lambda x: np.sign(x), degree=degree)
    assert np.abs(jumping(r) - kernel("sign")(r)).max() <= jumping.error
    assert jumping.derivative_error == np.inf


def test_default_degree_reaches_rounding_where_it_can():
    assert kernel("tanh").error < 1e-14
    assert kernel("tanh").derivative_error < 1e-12
    assert kernel(lambda x: np.maximum(x - 0.5, 0)).kind == "hermite series, degree 512"


def test_kernel_is_positive_semi_definite():
    units = np.random.default_rng(1).normal(size=(40, 3))
    units /= np.linalg.norm(units, axis=1, keepdims=True)
    for name in NAMES:
        values = kernel(name)(units @ units.T)
        assert np.linalg.eigvalsh(values).min() > -1e-13 * values.max()


def test_kernel_is_a_pytree_of_any_shape():
    traces = []

    @jax.jit
    def program(K, r):
        traces.append(K.kind)
        return K(r) + K.derivative(r)

    r = np.linspace(-1, 1, 12).reshape(3, 2, 2)
    for weights in itertools.product([1.0, 2.0], [0.5]):
        K = kernel(hermite(weights))
        np.testing.assert_allclose(program(K, r), K(r) + K.derivative(r), atol=1e-14)
    assert traces == ["closed form"]


def test_same_functions_give_the_same_object():
    assert kernel("relu") is kernel("relu", "relu")
    assert kernel(hermite([1, 2])) is kernel([1.0, 2.0])


def test_bad_input_is_refused():
    with pytest.raises(ArgumentError, match=r"`g` must be a known name \(did you mean 'tanh'"):
        kernel("relu", "tahn")
    with pytest.raises(ArgumentError, match="`degree` must be a whole number"):
        kernel("tanh", degree=1.5)  # pyright: ignore[reportArgumentType]
