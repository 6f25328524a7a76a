"""Shapes that a hook declares hold for whatever implements it: costs, systems, laws, functions, features and others."""

import inspect
import typing
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jaxtyping import TypeCheckError, jaxtyped

import saddlescope as ss
from saddlescope.deep_linear.problem.classification import MarginLoss
from saddlescope.deep_linear.problem.cost import Cost, QuadraticCost
from saddlescope.deep_linear.problem.linear_cost import LinearCost
from saddlescope.diagonal_linear.dynamics.parametrization import Difference, Parametrization, Product, TwoLayers
from saddlescope.gaussian import GaussianFunction, Law, gaussian_function
from saddlescope.single_index.mean_field.overlap_features import Features
from saddlescope.solve import System

_RANDOM = np.random.default_rng(0)
MATRIX = _RANDOM.standard_normal((3, 2))
PROBLEM = ss.SingleIndex(link=[1, -1, 1, 1], activation=[1, 1, 0.5, 0.3])
TANH = ss.SingleIndex(link=[1, -1, 1, 1], activation="tanh")


def held(hook: Any, value: Any) -> bool:
    """Whether a value is what a hook declares: an array of a shape, a union, or a table or tuple of them."""
    kinds = typing.get_args(hook)
    if typing.get_origin(hook) is tuple:
        return len(value) == len(kinds) and all(map(held, kinds, value))
    if typing.get_origin(hook) is dict:
        return all(held(kinds[1], item) for item in value.values())
    if kinds:
        return any(held(kind, value) for kind in kinds)
    return isinstance(value, hook)


def call(kind: type, one: Any, name: str, *values: Any) -> Any:
    """Call a method of `one` as its base class `kind` declares it; shapes of one name are equal in a call."""
    declared = typing.get_type_hints(getattr(kind, name))
    names = [key for key in inspect.signature(getattr(kind, name)).parameters if key != "self"]
    with jaxtyped("context"):
        for key, value in zip(names, values, strict=True):
            assert key not in declared or held(declared[key], value), f"{key} of {kind.__name__}.{name}"
        result = getattr(one, name)(*values)
        if not held(declared["return"], result):
            told = jax.tree.map(jnp.shape, result)
            raise TypeCheckError(f"{type(one).__name__}.{name} returns {told}, and not {declared['return']}")
    return result


def below(kind: type) -> set[type]:
    ours = {kind} | {one for child in kind.__subclasses__() for one in below(child)}
    public = {one for one in ours if one.__module__.startswith("saddlescope.") and not one.__name__.startswith("_")}
    return {one for one in public if not inspect.isabstract(one)}


SIGNS = [1, -1, 1, 1]
COSTS = [
    ss.LeastSquares(MATRIX),
    ss.LeastSquares(inputs=_RANDOM.standard_normal((2, 5)), outputs=_RANDOM.standard_normal((3, 5))),
    ss.MatrixCompletion([[1.0, np.nan], [2.0, 3.0], [np.nan, 1.0]]),
    ss.MatrixSensing(_RANDOM.standard_normal((7, 3, 2)), _RANDOM.standard_normal(7)),
    ss.LogisticLoss(_RANDOM.standard_normal((2, 4)), SIGNS),
    ss.ExponentialLoss(_RANDOM.standard_normal((2, 4)), SIGNS),
    ss.GeneralCost(lambda A: (A**4).sum(), (3, 2)),
    LinearCost(jnp.asarray(MATRIX)),
]


def test_no_cost_is_left_out():
    assert {type(cost) for cost in COSTS} == below(Cost) - {MarginLoss, QuadraticCost}


@pytest.mark.parametrize("cost", COSTS, ids=lambda cost: type(cost).__name__)
def test_a_cost_returns_the_shapes_that_are_declared(cost):
    A, dA = (jnp.asarray(_RANDOM.standard_normal(cost.shape)) for _ in range(2))
    call(Cost, cost, "value", A)
    G = call(Cost, cost, "gradient", A)
    call(Cost, cost, "hessian_product", A, dA)
    call(Cost, cost, "test_error", A)
    call(Cost, cost, "curvature_bound", A, G, jnp.asarray(1.0))
    if cost.examples:
        call(Cost, cost, "batch_gradient", A, jnp.asarray([0, 1, 1]))
    if isinstance(cost, ss.LeastSquares | ss.MatrixCompletion):
        call(Cost, cost, "relaxed", np.asarray(A), np.linspace(0.0, 1.0, 4))


FLOWS = [
    ss.MeanFieldFlow(PROBLEM, 1e-3, particles=8),
    ss.MeanFieldFlow(TANH, 1e-3, particles=8),
    ss.MeanFieldFlow(ss.JointIndex("z1 + z1*z2", activation=[0, 1, 1]), 1e-3, particles=8),
    ss.NetworkFlow(PROBLEM, 1e-3, neurons=4, dimension=10),
    ss.NetworkFlow(PROBLEM, 1e-3, neurons=4, dimension=10, sphere=False),
    ss.NetworkFlow(PROBLEM, 1e-3, neurons=4, dimension=10, sphere=False, inputs=ss.Mixture(1.0)),
    ss.NetworkFlow(ss.JointIndex("z1 + z1*z2", activation=[0, 1, 1]), 1e-3, neurons=4, dimension=10),
    ss.SGDLimit(ss.OnePassSGD(PROBLEM, 0.1, neurons=4, dimension=100, step_size=1e-3)),
    ss.SGDLimit(ss.OnePassSGD(PROBLEM, 0.1, neurons=4, dimension=100, step_size=1e-3, sphere=False)),
    ss.DeepLinearFlow(COSTS[0], 3, 4, gamma=1.5),
    ss.DeepLinearFlow(COSTS[0], 2, 4, gamma=1.5, scale=1e-3),
    ss.WideLinearFlow(COSTS[0], 0.1),
    ss.DiagonalFlow([[1.0, 2.0]], [1.0], scale=0.1),
    ss.DiagonalFlow([[1.0, 2.0]], [1.0], scale=0.1, depth=3),
]


def test_no_system_is_left_out():
    assert {type(flow.start()[0]) for flow in FLOWS} == below(System)


@pytest.mark.parametrize("flow", FLOWS, ids=lambda flow: type(flow).__name__)
def test_a_system_returns_the_shapes_that_are_declared(flow):
    system, y = flow.start()
    y, one = jnp.asarray(y), jnp.asarray(1.0)
    rate = call(System, system, "vector_field", y)
    told = call(System, system, "observables", y, rate)
    assert jnp.shape(told[system.stop_on]) == ()
    atol = jnp.broadcast_to(jnp.asarray(flow.scale()), y.shape)
    call(System, system, "error_norm", 1e-9 * jnp.ones_like(y), y, y, 1e-6 * one, 1e-9 * atol)
    call(System, system, "longest_step", y, rate, one)
    call(System, system, "change_ahead", y, rate, one)


@pytest.mark.parametrize(
    "law",
    [
        ss.Uniform(-1, 2),
        ss.Normal(),
        ss.Rademacher(),
        ss.PointMasses([1.0, 2.0]),
        ss.TruncatedNormal(0.0, 1.0, -1.0, 2.0),
    ],
    ids=lambda law: type(law).__name__,
)
def test_a_law_returns_the_shapes_that_are_declared(law):
    call(Law, law, "_rule", 5)
    call(Law, law, "quantile", np.full((2, 3), 0.25))


def test_functions_of_a_gaussian_return_as_many_coefficients_as_are_asked_for():
    for function in (gaussian_function("relu"), gaussian_function([1.0, 2.0]), gaussian_function(np.sin)):
        assert len(call(GaussianFunction, function, "coefficients", 6)) == 7


@pytest.mark.parametrize("problem", [PROBLEM, TANH, ss.SingleIndex(link=[0, 1], activation=[0.0] * 20 + [1.0])])
def test_features_are_one_a_row(problem):
    system: Any = ss.MeanFieldFlow(problem, 1e-3, particles=8).start()[0]
    features = system.features
    assert type(features) in below(Features)
    s = jnp.linspace(-0.5, 0.5, 8)
    rows = call(Features, features, "__call__", s)
    call(Features, features, "with_slopes", s)
    call(Features, features, "with_curvatures", s)
    call(Features, features, "combined", s, jnp.ones(len(rows)))


def test_a_parametrization_goes_by_coordinates():
    log_scale, z = jnp.asarray(3.0), jnp.linspace(-0.5, 0.5, 5)
    every = [TwoLayers(log_scale, jnp.asarray(0.5)), Product(log_scale, 3), Difference(log_scale, 3)]
    assert {type(one) for one in every} == below(Parametrization)
    for one in every:
        for name in ("regressor", "slope", "speed", "speed_slope", "dual"):
            call(Parametrization, one, name, z)


def test_a_wrong_shape_is_seen():
    class Transposed(LinearCost):
        def gradient(self, A):
            return super().gradient(A).T

    with pytest.raises(TypeCheckError, match=r"Transposed.gradient returns \(2, 3\)"):
        call(Cost, Transposed(jnp.asarray(MATRIX)), "gradient", jnp.ones((3, 2)))
