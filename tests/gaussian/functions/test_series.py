"""Finite Hermite series and the normalised Hermite polynomials."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from saddlescope.arguments import ArgumentError
from saddlescope.gaussian import gaussian_function, hermite, hermite_sum, hermite_table
from saddlescope.gaussian.laws.gauss_rules import hermite_rule

terms = st.lists(st.floats(-3, 3), min_size=1, max_size=9)


def test_first_polynomials():
    x = np.linspace(-3, 3, 7)
    exact = [np.ones(7), x, (x**2 - 1) / 2**0.5, (x**3 - 3 * x) / 6**0.5]
    np.testing.assert_allclose(hermite_table(x, 3), exact, atol=1e-14)


def test_polynomials_are_orthonormal():
    x, w = hermite_rule(64)
    table = hermite_table(x, 60)
    np.testing.assert_allclose((table * w) @ table.T, np.eye(61), atol=1e-11)


def test_high_degree_stays_on_the_bound():
    # Cramer's inequality |h_k(x)| exp(-x^2/4) <= 1.0865, which an unstable recurrence would break
    x = np.linspace(-36, 36, 501)
    table = hermite_table(x, 512) * np.exp(-0.25 * x * x)
    assert 0.1 < np.abs(table[-1]).max() < 1.0865


@settings(max_examples=25, derandomize=True, deadline=None)
@given(terms)
def test_series_is_what_its_coefficients_say(coefficients):
    f = hermite(coefficients)
    x, w = hermite_rule(12)
    values = f(x)
    np.testing.assert_allclose(values, np.asarray(coefficients) @ hermite_table(x, len(coefficients) - 1), atol=1e-9)
    np.testing.assert_allclose(w @ values**2, f.norm_squared, rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(w @ f.derivative(x) ** 2, f.derivative_norm_squared, rtol=1e-10, atol=1e-12)
    # Stein: E f'(G) = E G f(G)
    np.testing.assert_allclose(w @ f.derivative(x), w @ (x * values), atol=1e-9)
    for k in range(len(coefficients)):
        assert f.tail(k) == pytest.approx(np.linalg.norm(coefficients[k + 1 :]))
    assert f.tail(len(coefficients) - 1) == 0.0


@pytest.mark.parametrize("degree", [5, 60])
def test_jax_agrees_below_and_above_the_scan(degree):
    coefficients = np.random.default_rng(0).normal(size=degree + 1)
    f = hermite(coefficients)
    x = np.linspace(-2, 2, 5)
    value, slope = jax.jit(lambda t: jax.jvp(f, (t,), (jnp.ones_like(t),)))(x)
    np.testing.assert_allclose(value, f(x), rtol=1e-12)
    np.testing.assert_allclose(slope, f.derivative(x), rtol=1e-11)
    np.testing.assert_allclose(jax.jit(lambda t: hermite_table(t, degree))(x), hermite_table(x, degree), rtol=1e-12)
    np.testing.assert_allclose(hermite_sum(coefficients, jnp.asarray(x)), f(x), rtol=1e-12)


def test_names_degrees_and_equality():
    f = hermite([1, -1, 0.5, 0])
    assert (f.name, repr(f), f.degree, f.breakpoints) == (
        "hermite(1, -1, 0.5, 0)",
        "hermite(1, -1, 0.5, 0)",
        2,
        (),
    )
    assert f == gaussian_function([1, -1, 0.5, 0])
    assert hash(f) == hash(hermite([1, -1, 0.5, 0]))
    assert f != hermite([1, -1, 0.5, 1e-300])
    assert gaussian_function(f) is f
    assert hermite(np.ones(50)).name == "hermite(1, 1, 1, 1, 1, 1, 1, 1, ..., degree 49)"
    assert (hermite([0.0]).degree, hermite([0.0])(3.0)) == (0, 0.0)


@pytest.mark.parametrize("bad", [[], [[1.0, 2.0]], [1.0, np.nan], None, 3.0, object()])
def test_bad_coefficients_are_refused(bad):
    with pytest.raises(ArgumentError, match="`link`"):
        gaussian_function(bad, "link")


def test_bad_degree_is_refused():
    with pytest.raises(ArgumentError, match="`degree` must be a whole number of at least 0"):
        hermite([1.0]).coefficients(-1)
