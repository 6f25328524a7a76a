"""The stiff curvature of a deep linear network against dense matrices, and against the whole Hessian near a saddle."""

from itertools import pairwise

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import Array

import saddlescope as ss
from saddlescope.deep_linear.dynamics.curvature import StiffCurvature
from saddlescope.deep_linear.dynamics.system import flat, layers
from saddlescope.deep_linear.network.layers import Weights, gradients, products_from_input
from saddlescope.deep_linear.problem.cost import Cost
from saddlescope.deep_linear.problem.general_cost import GeneralCost
from saddlescope.deep_linear.problem.reference_problems import reference_completion

RNG = np.random.default_rng(0)


def cost_of(kind: str, shape: tuple[int, int]) -> Cost:
    rows, columns = shape
    if kind == "examples":
        return ss.LeastSquares(inputs=RNG.standard_normal((columns, 9)), outputs=RNG.standard_normal((rows, 9)))
    if kind == "completion":
        return ss.MatrixCompletion(RNG.standard_normal(shape), observed=RNG.uniform(size=shape) < 0.7)
    return GeneralCost(lambda A: jnp.sum(jnp.cosh(A) + 0.3 * A), shape)


def dense(cost: Cost, W: Weights) -> np.ndarray:
    """J^T H J plus the coupling of the outer layers, from their definitions."""
    shapes = tuple((M.shape[0], M.shape[1]) for M in W)

    def product(y: Array) -> Array:
        return products_from_input(layers(y, shapes))[-1]

    y = jnp.asarray(flat(W))
    A = product(y)
    J = jax.jacfwd(product)(y).reshape(A.size, -1)
    H = jax.hessian(lambda a: cost.value(a.reshape(A.shape)))(A.ravel())
    entry, way_out = np.linalg.qr(W[0])[0], np.linalg.qr(W[-1].T)[0]
    M = entry @ entry.T
    for layer in W[1:-1]:
        M = layer @ M
    M = way_out @ way_out.T @ M
    G = cost.gradient(A)

    def coupling(y: Array) -> Array:
        first, *_, last = layers(y, shapes)
        return jnp.sum(G * (last @ M @ first))

    return np.asarray(J.T @ H @ J + jax.hessian(coupling)(y))


@pytest.mark.parametrize(
    ("kind", "shape", "depth", "width"),
    [
        ("examples", (4, 3), 3, 5),
        ("examples", (3, 4), 2, 6),
        ("completion", (3, 3), 4, 7),
        ("completion", (2, 4), 3, 2),
        ("general", (4, 2), 5, 3),
    ],
)
def test_a_substep_is_the_dense_solve(kind: str, shape: tuple[int, int], depth: int, width: int):
    cost = cost_of(kind, shape)
    sizes = [shape[1], *[width] * (depth - 1), shape[0]]
    W = [jnp.asarray(0.6 * RNG.standard_normal((above, below))) for below, above in pairwise(sizes)]
    curvature, matrix = StiffCurvature.at(cost, W), dense(cost, W)
    later = [M + 0.1 * RNG.standard_normal(M.shape) for M in W]
    for shift in (0.01, 0.3, 2.0):
        move = np.linalg.solve(np.eye(len(matrix)) + shift * matrix, flat(gradients(cost, later)))
        result = flat(curvature.advance(curvature.factor(jnp.asarray(shift)), cost, later))
        assert result == pytest.approx(flat(later) - shift * move, abs=1e-9 * np.abs(result).max())


def test_near_saddles_nothing_stiff_is_left_out():
    flow = ss.DeepLinearFlow(reference_completion(), 4, 20, 2.0, 0.01, seed=100, compress=2)
    system, _ = flow.start()
    run = ss.solve(flow, 200 / 0.01**2)  # so narrow a network jumps late
    hessian = jax.jit(lambda y: -jax.jacfwd(system.vector_field)(y))
    for height in (6.1812766576, 1.2389269774):
        near = np.flatnonzero(np.abs(run["cost"] / height - 1) < 1e-3)
        on_plateau = ss.solve(flow, float(run.time[near[len(near) // 2]]))
        assert abs(on_plateau["cost"][-1] / height - 1) < 1e-3
        y = jnp.asarray(on_plateau["weights"][-1])
        W = layers(y, system.shapes)
        whole = np.asarray(hessian(y))
        left_out = np.linalg.norm(whole - dense(system.cost, W), 2)
        assert np.linalg.norm(whole, 2) > 50
        assert left_out < 0.1


def test_a_network_that_learns_nothing_has_no_curvature():
    cost = ss.LeastSquares(np.zeros((2, 2)))
    W = [jnp.zeros((3, 2)), jnp.zeros((3, 3)), jnp.zeros((2, 3))]
    curvature = StiffCurvature.at(cost, W)
    for M in curvature.advance(curvature.factor(jnp.asarray(1.0)), cost, W):
        assert not np.any(M)
