"""The lazy (NTK) limit of infinite width: the product follows a linear equation with a constant kernel."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from saddlescope.arguments import ArgumentError, count, positive, vector
from saddlescope.deep_linear.problem.cost import Cost, checked_cost, matrix


def lazy_limit(cost: Cost, start: ArrayLike, depth: int, kappa: float, times: ArrayLike) -> np.ndarray:
    """Return the product A(t) of the infinitely wide network, dA/dt = −L κ^(L−1) ∇C(A).

    Arguments: `cost` a `LeastSquares` or `MatrixCompletion`, whose gradient is linear in A; `start` A(0)
    (d_out, d_in); `kappa` κ = w σ², the variance of a hidden layer's entries times its width; `times` (T,),
    not negative. Returns an array (T, d_out, d_in). The tangent kernel is L κ^(L−1) times the identity.

    Raises `ArgumentError` for other costs and shapes that do not fit.

    Source: Jacot, Gabriel, Hongler, arXiv 1806.07572, for linear layers.

    >>> from saddlescope.deep_linear import LeastSquares
    >>> lazy_limit(LeastSquares([[1.0]]), [[0.0]], depth=2, kappa=0.5, times=[1.0]).round(6).item()  # 1 − 1/e
    0.632121
    """
    A = matrix("start", start)
    if A.shape != checked_cost(cost).shape:
        raise ArgumentError("start", f"have the shape of the cost, {cost.shape}", A.shape)
    moments = vector("times", times)
    if np.any(moments < 0):
        raise ArgumentError("times", "not be negative", times)
    depth = count("depth", depth)
    return cost.relaxed(A, depth * positive("kappa", kappa) ** (depth - 1) * moments)
