"""Critical points of a deep linear network: found from a point nearby, and told apart."""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass

import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree
from numpy.typing import ArrayLike
from scipy.sparse.linalg import lsmr

from saddlescope.arguments import ArgumentError, count, positive
from saddlescope.deep_linear.landscape.hessian import LocalHessian, hessian_extremes
from saddlescope.deep_linear.network.layers import Weights, checked_weights, product
from saddlescope.deep_linear.problem.cost import Cost, checked_cost
from saddlescope.deep_linear.problem.numpy_cost import NumpyCost

# below this many weights a step by dense eigenvectors is faster than by iteration
_DENSE = 1200


class Kind(enum.Enum):
    """What a critical point is; the value is the message."""

    MINIMUM = "A minimum: the gradient of the cost in the product is zero, and no curvature is negative."
    RANK_MINIMUM = "A minimum of this narrow network; included in a wider one it is a saddle."
    STRICT_SADDLE = "A saddle with a direction of negative curvature."
    NON_STRICT_SADDLE = "A saddle that the cost leaves only at an order above the second."
    NOT_CRITICAL = "No critical point was reached: the gradient stayed above the tolerance."


@dataclass(frozen=True)
class CriticalPoint:
    """A critical point found by refinement.

    `weights` [W_1, …, W_L]; `cost`; `product` (d_out, d_in); `rank` of the product; `gradient_norm`,
    Frobenius over all layers; `lowest` and `highest` eigenvalue of the Hessian; `distance` from where the
    search began; `kind`.
    """

    weights: Weights
    cost: float
    product: np.ndarray
    rank: int
    gradient_norm: float
    lowest: float
    highest: float
    distance: float
    kind: Kind


def critical_point(
    cost: Cost, weights: Sequence[ArrayLike], *, tolerance: float = 1e-10, steps: int = 200
) -> CriticalPoint:
    """Return the critical point that a Levenberg–Marquardt search for ∇ = 0 reaches from the given weights.

    Arguments: `cost`; `weights` [W_1, …, W_L] close to the point sought; `tolerance` on the gradient,
    relative to s₁(∇C(0)) ℓ^((L−1)/L), with ℓ the step of a line search along −∇C(0); `steps`, the most to
    make. Steps solve (H² + μ) δ = −H∇ and have the least norm, so that the symmetries of the layers, along
    which H is singular, do not matter. Saddles, minima and points of any index are found alike. For L ≥ 3
    saddles are not isolated: next to a non-strict one there are strict ones of the same product (at the
    origin, any W_2 between W_1 = 0 and W_3 = 0), and the search ends at one that is near.

    Raises `ArgumentError` on weights that do not fit the cost.

    >>> from saddlescope.deep_linear.problem.least_squares import LeastSquares
    >>> result = critical_point(LeastSquares([[3.0, 0.0], [0.0, 1.0]]), [[[0.1, 1.0]], [[0.0], [1.1]]])
    >>> result.kind.name, round(result.cost, 12), result.rank  # the weaker mode: a saddle even at width 1
    ('STRICT_SADDLE', 4.5, 1)
    """
    layers = checked_weights(weights, checked_cost(cost).shape)
    limit = count("steps", steps)
    numpy_cost = NumpyCost(cost)
    depth = len(layers)
    slope = numpy_cost.value_and_gradient(np.zeros(cost.shape))[1]
    strength = float(np.linalg.norm(slope, 2))
    if strength == 0:
        raise ArgumentError("cost", "have a gradient at the origin", 0.0)
    length = numpy_cost.length
    scale = strength * length ** ((depth - 1) / depth)
    local = LocalHessian(cost, layers)
    start = np.asarray(ravel_pytree(layers)[0])
    flat, gradient = _search(local, start, positive("tolerance", tolerance) * scale, limit)
    result = local.layers(jnp.asarray(flat))
    size = float(np.linalg.norm(gradient))
    low, high = hessian_extremes(cost, result)
    A = np.asarray(product(result))
    value, G = numpy_cost.value_and_gradient(A)
    rank = int(np.sum(np.linalg.svd(A, compute_uv=False) > 1e-6 * length))
    # Where the Hessian itself vanishes, as at the origin for L ≥ 3, the search stops at a distance ρ with ∇
    # of order ρ^(L−1), and what is left of the curvature, of order ρ^(L−2), has no meaning.
    blur = 10 * (size / scale) ** ((depth - 2) / (depth - 1)) if depth > 2 else 0.0
    bent = float(low[0]) < -max(1e-6, blur) * strength * length ** (max(depth - 2, 0) / depth)
    if size > tolerance * scale:
        kind = Kind.NOT_CRITICAL
    elif bent:
        kind = Kind.STRICT_SADDLE
    elif np.linalg.norm(G, 2) <= 1e-6 * strength:
        kind = Kind.MINIMUM
    else:
        width = min([W.shape[0] for W in layers[:-1]], default=min(cost.shape))
        kind = Kind.RANK_MINIMUM if rank == width else Kind.NON_STRICT_SADDLE
    distance = float(np.linalg.norm(flat - start))
    return CriticalPoint(result, value, A, rank, size, float(low[0]), float(high[0]), distance, kind)


def _search(local: LocalHessian, start: np.ndarray, goal: float, limit: int) -> tuple[np.ndarray, np.ndarray]:
    flat, gradient = start, local.gradient(start)
    size, damping = float(np.linalg.norm(gradient)), 1e-3
    for _ in range(limit):
        if size <= goal:
            break
        solve = _dense_solver(local, flat) if local.size <= _DENSE else _iterative_solver(local, flat)
        for _ in range(12):
            moved = flat + solve(gradient, damping)
            after = local.gradient(moved)
            shrunk = float(np.linalg.norm(after))
            if shrunk < size:
                break
            damping = max(10 * damping, 1e-8)
        else:
            break
        # as the gradient vanishes so must the damping, for the convergence to be quadratic
        damping *= min(0.1, (shrunk / size) ** 2)
        flat, gradient, size = moved, after, shrunk
    return flat, gradient


def _dense_solver(local: LocalHessian, flat: np.ndarray):
    values, frame = np.linalg.eigh(local.dense(flat))
    top = float(np.max(np.abs(values)))

    def solve(gradient: np.ndarray, damping: float) -> np.ndarray:
        # eigenvalues at rounding are those of the symmetries
        kept = np.where(np.abs(values) > 1e-10 * top, values, 0.0)
        weights = np.divide(kept, kept**2 + damping * top**2, out=np.zeros_like(kept), where=kept != 0)
        return -frame @ (weights * (frame.T @ gradient))

    return solve


def _iterative_solver(local: LocalHessian, flat: np.ndarray):
    times = local.product(flat)
    top = float(np.linalg.norm(times(np.random.default_rng(0).standard_normal(local.size))) / np.sqrt(local.size))
    operator = local.operator(flat)

    def solve(gradient: np.ndarray, damping: float) -> np.ndarray:
        return lsmr(operator, -gradient, damp=np.sqrt(damping) * top, atol=1e-10, btol=1e-10, maxiter=1000)[0]

    return solve
