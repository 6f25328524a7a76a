"""Callables: every calling convention, breakpoints found, nonsense refused."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from saddlescope.arguments import ArgumentError
from saddlescope.gaussian import gaussian_function
from saddlescope.gaussian.functions.elementary import Elementary


def shifted_relu_coefficients(b, degree):
    """relu(x - b): f_k = E f''... = phi(b) h_{k-2}(b) / sqrt(k (k-1)), from relu'' = Dirac mass at b."""
    from saddlescope.gaussian import hermite_table

    phi, upper = math.exp(-b * b / 2) / math.sqrt(2 * math.pi), 0.5 * math.erfc(b / math.sqrt(2))
    k = np.arange(2, degree + 1)
    rest = phi * hermite_table(b, degree)[: degree - 1] / np.sqrt(k * (k - 1.0))
    return np.concatenate([[phi - b * upper, upper], rest])


def plain_relu(x):
    return x if x > 0 else 0.0


@pytest.mark.parametrize(
    "function",
    [lambda x: np.maximum(x, 0), lambda x: jnp.maximum(x, 0), plain_relu, lambda x: jax.nn.relu(x)],
    ids=["numpy", "jax", "one float", "jax.nn"],
)
def test_every_calling_convention_gives_relu(function):
    f, relu = gaussian_function(function), gaussian_function("relu")
    assert f.breakpoints == (0.0,)
    np.testing.assert_allclose(f.coefficients(256), relu.coefficients(256), atol=1e-13)
    assert np.abs(f.coefficients(256) - relu.coefficients(256)).max() <= f.coefficient_error(256) < 1e-13
    assert f.norm_squared == pytest.approx(0.5, abs=1e-14)
    assert f.derivative_norm_squared == pytest.approx(0.5, abs=1e-13)
    assert f.tail(100) == pytest.approx(relu.tail(100), rel=1e-6)
    x = np.array([[-2.5, -0.3], [0.4, 1.7]])
    np.testing.assert_array_equal(f(x), relu(x))
    np.testing.assert_allclose(f.derivative(x), relu.derivative(x), atol=1e-11)


@pytest.mark.parametrize("function", [math.tanh, np.tanh, jnp.tanh], ids=["one float", "numpy", "jax"])
def test_callables_can_be_traced_and_differentiated(function):
    f, tanh = gaussian_function(function), gaussian_function("tanh")
    x = np.linspace(-6, 6, 9)
    value, slope = jax.jit(lambda t: (f(t), f.derivative(t)))(x)
    np.testing.assert_allclose(value, np.tanh(x), atol=1e-13)
    np.testing.assert_allclose(slope, tanh.derivative(x), atol=1e-11)
    np.testing.assert_allclose(f.derivative(x), tanh.derivative(x), atol=1e-11)
    np.testing.assert_allclose(jax.grad(f)(0.5), tanh.derivative(0.5), atol=1e-11)


@pytest.mark.parametrize(
    ("function", "points"),
    [
        (lambda x: np.abs(x - 0.3), (0.3,)),
        (lambda x: np.abs(x - math.sqrt(2)), (math.sqrt(2),)),
        (lambda x: np.where(x > math.pi / 3, 1.0, -2.0), (math.pi / 3,)),
        (lambda x: np.clip(x, -1, 1), (-1.0, 1.0)),
        (lambda x: np.maximum(x, 0) ** 2, (0.0,)),
        (lambda x: np.sqrt(np.abs(x - 0.5)), (0.5,)),
        (lambda x: np.tanh(1e5 * (x - 0.2)), ()),
        (lambda x: np.sin(20 * x), ()),
        (lambda x: np.exp(x * x / 5), ()),
        (lambda x: 3.0, ()),
        (lambda x: 0.0 * x, ()),
    ],
)
def test_breakpoints_are_found_and_only_those(function, points):
    assert gaussian_function(function).breakpoints == pytest.approx(points, abs=1e-9)


def test_many_jumps_are_found():
    result = gaussian_function(np.floor).breakpoints
    assert set(range(-8, 9)) <= set(result)
    assert all(point == round(point) for point in result)


def test_given_breakpoints_are_kept_and_others_still_found():
    f = gaussian_function(lambda x: np.clip(x, -1, 1), breakpoints=[1])
    assert f.breakpoints == (-1.0, 1.0)


def test_shifted_kink_has_its_closed_form():
    f = gaussian_function(lambda x: np.maximum(x - 0.7, 0))
    np.testing.assert_allclose(f.coefficients(300), shifted_relu_coefficients(0.7, 300), atol=1e-13)


def test_growth_up_to_the_limit_is_integrated():
    # E exp(G^2/5) h_k: the generating function gives f_0 = 1/sqrt(1 - 2/5), E f^2 = 1/sqrt(1 - 4/5)
    f = gaussian_function(lambda x: np.exp(x * x / 5))
    assert f.coefficients(0)[0] == pytest.approx(0.6**-0.5, rel=1e-13)
    assert f.norm_squared == pytest.approx(5**0.5, rel=1e-12)


def test_jump_has_no_finite_derivative_norm():
    assert gaussian_function(lambda x: np.sign(x - 0.5)).derivative_norm_squared == np.inf
    assert gaussian_function(lambda x: np.sqrt(np.abs(x))).derivative_norm_squared == np.inf


def test_single_precision_is_accepted_and_shows_in_the_error():
    f = gaussian_function(lambda x: np.tanh(np.asarray(x, dtype=np.float32)))
    difference = np.abs(f.coefficients(64) - gaussian_function("tanh").coefficients(64)).max()
    assert 1e-12 < difference < 1e-8
    assert f.coefficient_error(64) > 0.1 * difference


def test_same_callable_makes_equal_functions():
    assert gaussian_function(np.tanh) == gaussian_function(np.tanh)
    assert len({gaussian_function(np.tanh), gaussian_function(np.tanh)}) == 1
    assert gaussian_function(np.tanh).name == "tanh"


@pytest.mark.parametrize(
    ("function", "must"),
    [
        (lambda x: np.exp(x**2), "be square-integrable"),
        (lambda x: math.exp(x**2), "be square-integrable"),
        (lambda x: np.exp(x * x / 3), "be square-integrable"),
        (lambda x: 1 / x, r"be finite at every real number, but got f\(0\) = inf"),
        (lambda x: 1 / (x - 0.3), "be (finite|square-integrable)"),
        (lambda x: np.abs(x - math.pi / 3) ** -0.75, "be (finite|square-integrable)"),
        (lambda x: np.log(x), "be finite at every real number"),
        (lambda x: np.where(x > 5, np.nan, x), "be finite at every real number"),
        (lambda x: 1j * x, "be a function of one real variable"),
        (lambda x, y: x, "be a function of one real variable"),
        (lambda x: "a", "be a function of one real variable"),
    ],
)
def test_nonsense_is_refused(function, must):
    with pytest.raises(ArgumentError, match=f"^Argument `link` must {must}"):
        gaussian_function(function, "link")


def test_noise_is_refused():
    stream = np.random.default_rng(0)
    with pytest.raises(ArgumentError, match="give the same value for the same number"):
        gaussian_function(lambda x: stream.random(np.shape(x)))
    with pytest.raises(ArgumentError, match="be smooth between finitely many breakpoints"):
        gaussian_function(lambda x: np.modf(1e7 * np.sin(1e9 * x))[0])


def test_building_blocks_add_up():
    x = np.linspace(-3, 3, 50)
    made = gaussian_function(lambda t: 2 * np.maximum(t, 0) - 3 * np.sin(t) + t)
    known = Elementary((0.0, 1.0), {"relu": 2.0, "sin": -3.0})
    np.testing.assert_allclose(made.coefficients(100), known.coefficients(100), atol=1e-13)
    np.testing.assert_allclose(made(jnp.asarray(x)), made(x), atol=1e-12)
