"""A cost as NumPy functions of the product, and the linear solve that Newton-like steps on it share."""

from __future__ import annotations

from collections.abc import Callable

import jax
import numpy as np

from saddlescope.deep_linear.problem.cost import Cost


@jax.jit
def _value_and_gradient(cost: Cost, A: jax.Array) -> tuple[jax.Array, jax.Array]:
    return cost.value(A), cost.gradient(A)


@jax.jit
def _curvature(cost: Cost, A: jax.Array, dA: jax.Array) -> jax.Array:
    return cost.hessian_product(A, dA)


class NumpyCost:
    """A cost as NumPy functions of the product, compiled once per shape and not once per rank."""

    def __init__(self, cost: Cost):
        self.cost = cost
        self.shape = cost.shape

    def value_and_gradient(self, A: np.ndarray) -> tuple[float, np.ndarray]:
        """Return C(A) and ∇C(A)."""
        value, slope = _value_and_gradient(self.cost, A)  # pyright: ignore[reportArgumentType]
        return float(value), np.asarray(slope)

    def curvature(self, A: np.ndarray, dA: np.ndarray) -> np.ndarray:
        """Return ∇²C(A)[dA]."""
        return np.asarray(_curvature(self.cost, A, dA))  # pyright: ignore[reportArgumentType]

    @property
    def length(self) -> float:
        """The step of a line search along −∇C from the origin, a natural size of the product."""
        origin = np.zeros(self.shape)
        G = self.value_and_gradient(origin)[1]
        curvature = float(np.sum(G * self.curvature(origin, G)))
        square = float(np.sum(G * G))
        # a cost that does not bend along its gradient has no length of its own: take the gradient as one
        return square**0.5 * (square / curvature if curvature > 1e-6 * square else 1.0)


def conjugate_gradients(
    operator: Callable[[np.ndarray], np.ndarray],
    right: np.ndarray,
    weight: np.ndarray,
    accuracy: float,
    limit: int = 500,
) -> np.ndarray | None:
    """Solve operator(x) = right for a symmetric positive operator; None once it shows itself not positive.

    Arguments: `weight`, a diagonal preconditioner that broadcasts against `right`; `accuracy` of the
    residual, relative to `right`. The operator may be singular along directions to which `right` is
    orthogonal.

    >>> conjugate_gradients(lambda x: 2 * x, np.ones(2), np.ones(2), 1e-8).tolist()
    [0.5, 0.5]
    """
    solution, residual = np.zeros_like(right), right
    scaled = residual / weight
    direction, inner = scaled, float(np.sum(residual * scaled))
    goal = accuracy**2 * inner
    for _ in range(min(right.size, limit)):
        bent = operator(direction)
        curvature = float(np.sum(direction * bent))
        if curvature <= 1e-14 * float(np.sum(direction**2 * weight)):
            return None
        solution = solution + inner / curvature * direction
        residual = residual - inner / curvature * bent
        scaled = residual / weight
        previous, inner = inner, float(np.sum(residual * scaled))
        if inner <= goal:
            break
        direction = scaled + inner / previous * direction
    return solution
