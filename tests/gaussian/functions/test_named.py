"""Named functions: coefficients against mpmath and quadrature, values and slopes against autodiff."""

import pickle

import jax
import jax.numpy as jnp
import mpmath as mp
import numpy as np
import pytest

from saddlescope.arguments import ArgumentError
from saddlescope.gaussian import NAMES, gaussian_function, hermite_table
from saddlescope.gaussian.piecewise.projection import Projection
from saddlescope.gaussian.piecewise.resolution import resolve

DEFINITIONS = {
    "relu": lambda x: max(x, mp.mpf(0)),
    "leaky_relu": lambda x: x if x > 0 else x / 100,
    "abs": abs,
    "step": lambda x: mp.mpf(int(x > 0)),
    "sign": mp.sign,
    "erf": lambda x: mp.erf(x / mp.sqrt(2)),
    "sin": mp.sin,
    "cos": mp.cos,
    "identity": lambda x: x,
    "square": lambda x: x * x,
    "tanh": mp.tanh,
    "sigmoid": lambda x: 1 / (1 + mp.exp(-x)),
    "softplus": lambda x: mp.log1p(mp.exp(x)),
    "gelu": lambda x: x * mp.ncdf(x),
    "silu": lambda x: x / (1 + mp.exp(-x)),
}


def test_every_name_has_a_definition_here():
    assert set(DEFINITIONS) == set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_coefficients_agree_with_mpmath(name):
    f = gaussian_function(name)
    coefficients = f.coefficients(256)
    polynomials = {
        0: lambda x: 1,
        1: lambda x: x,
        4: lambda x: x**4 - 6 * x**2 + 3,
        7: lambda x: x**7 - 21 * x**5 + 105 * x**3 - 105 * x,
    }
    with mp.workdps(20):
        for k, polynomial in polynomials.items():

            def integrand(x, polynomial=polynomial):
                return DEFINITIONS[name](x) * polynomial(x) * mp.exp(-x * x / 2)

            cuts = [-14, -7, -3, 0, 3, 7, 14]
            exact = mp.quad(integrand, cuts, method="gauss-legendre", maxdegree=5)
            exact /= mp.sqrt(2 * mp.pi * mp.factorial(k))
            assert abs(coefficients[k] - float(exact)) < 1e-14


@pytest.mark.parametrize("name", ["tanh", "sigmoid", "softplus", "silu", "gelu", "erf", "cos"])
def test_coefficients_of_smooth_functions_agree_with_the_trapezoidal_rule_to_degree_256(name):
    # exponentially convergent for functions analytic near the real line; shares no code but the recurrence
    f = gaussian_function(name)
    x = np.arange(-20.0, 20.0, 0.04)
    table = hermite_table(x, 256)
    exact = 0.04 * table @ (f(x) * np.exp(-0.5 * x * x)) / np.sqrt(2 * np.pi)
    assert np.abs(f.coefficients(256) - exact).max() < 1e-13


@pytest.mark.parametrize("name", ["relu", "leaky_relu", "abs", "step", "sign", "erf", "sin", "cos", "gelu"])
def test_closed_forms_agree_with_quadrature_on_panels_to_degree_512(name):
    f = gaussian_function(name)
    projection = Projection(f, resolve(f, name, f.breakpoints))
    values, error = projection.coefficients(512)
    difference = np.abs(values[:513] - f.coefficients(512)).max()
    assert difference < 1e-13
    assert difference <= error + f.coefficient_error(512) < 1e-12
    assert projection.norm_squared == pytest.approx(f.norm_squared, abs=1e-14)
    assert projection.derivative_norm_squared == pytest.approx(f.derivative_norm_squared, abs=1e-12)


@pytest.mark.parametrize("name", NAMES)
def test_tail_is_an_upper_estimate(name):
    f = gaussian_function(name)
    squares = np.square(f.coefficients(1024))
    for degree in (0, 3, 20, 100, 256):
        rest = np.sqrt(squares[degree + 1 :].sum())
        assert f.tail(degree) >= rest * (1 - 1e-12)
        # and no wild one: what is beyond degree 1024 is less than three times what lies before
        assert f.tail(degree) <= 3.0 * rest + 1e-12


@pytest.mark.parametrize("name", NAMES)
def test_numpy_jax_and_slopes_agree(name):
    f = gaussian_function(name)
    x = np.array([-3.1, -0.7, 0.2, 1.4])
    values, slopes = jax.jit(lambda t: jax.jvp(f, (t,), (jnp.ones_like(t),)))(x)
    assert isinstance(f(x), np.ndarray)
    np.testing.assert_allclose(f(x), [float(DEFINITIONS[name](mp.mpf(t))) for t in x], rtol=1e-14)
    np.testing.assert_allclose(values, f(x), rtol=1e-14)
    np.testing.assert_allclose(slopes, f.derivative(x), rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose(f.derivative(jnp.asarray(x)), f.derivative(x), rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize(("name", "value", "slope"), [("relu", 0, 0.5), ("step", 0.5, 0), ("abs", 0, 0)])
def test_kinks_and_jumps_take_the_mean_of_both_sides(name, value, slope):
    f = gaussian_function(name)
    assert (f(0.0), f.derivative(0.0)) == (value, slope)


def test_a_name_is_one_object_and_survives_pickling():
    f = gaussian_function("tanh")
    f.coefficients(10)
    assert pickle.loads(pickle.dumps(f)) is f is gaussian_function(" Tanh")


def test_unknown_name_is_refused_with_the_nearest():
    message = r"Argument `link` must be a known name \(did you mean 'softplus'\? .*, but got 'soft-plus2'\."
    with pytest.raises(ArgumentError, match=message):
        gaussian_function("soft-plus2", "link")
