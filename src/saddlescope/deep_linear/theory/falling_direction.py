"""Second-order check of critical points among matrices of one rank."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.sparse.linalg import ArpackNoConvergence, LinearOperator, eigsh

from saddlescope.deep_linear.problem.numpy_cost import NumpyCost
from saddlescope.deep_linear.theory.balanced_descent import BalancedDescent

_NEGATIVE = 1e-6  # share of the largest curvature under which a negative one is rounding, or a continuum of minima
_eigenpairs: Any = eigsh  # stubs of SciPy take whole tolerances only
_DENSE = 120  # weights up to which the whole Hessian is decomposed


def falling_direction(numpy_cost: NumpyCost, weights: list[np.ndarray]) -> list[np.ndarray] | None:
    """Return the direction of most negative curvature of a narrow network at a critical point, or None at a minimum.

    Arguments: `numpy_cost`; `weights` [W_1, …, W_L], hidden layers as wide as the rank of the product. The layers of
    such a network parametrise the matrices of that rank without a fold, so that their Hessian has a negative
    eigenvalue exactly if the cost has among those matrices: with dA = dP Qᵀ + P dQᵀ and A = P Qᵀ, where
    ⟨dA, ∇²C[dA]⟩ + 2⟨∇C, dP dQᵀ⟩ < 0. The second term is the curvature of the set of matrices. The direction, of norm
    one, is that in which the network leaves the point fastest.

    >>> from saddlescope.deep_linear.problem.least_squares import LeastSquares
    >>> numpy_cost = NumpyCost(LeastSquares([[3.0, 0.0], [0.0, 1.0]]))
    >>> falling_direction(numpy_cost, [np.array([[3**0.5, 0.0]]), np.array([[3**0.5], [0.0]])]) is None
    True
    >>> falling_direction(numpy_cost, [np.array([[0.0, 1.0]]), np.array([[0.0], [1.0]])]) is None  # the weaker mode
    False
    """
    here = BalancedDescent(numpy_cost, weights)
    times = here.hessian()
    size = here.state.size
    if size <= _DENSE:
        dense = np.stack([times(unit) for unit in np.eye(size)])
        values, vectors = np.linalg.eigh(0.5 * (dense + dense.T))
        largest, lowest, direction = np.abs(values).max(), values[0], vectors[:, 0]
    else:
        begin = np.random.default_rng(0).standard_normal(size)
        largest = _largest(times, size, begin)
        # seen from above, where the many eigenvalues that symmetries leave at zero converge like any
        shifted = _operator(lambda x: largest * x - times(x), size)
        try:
            values, vectors = _eigenpairs(shifted, 1, which="LA", v0=begin, tol=1e-6, ncv=min(size, 40), maxiter=200)
        except ArpackNoConvergence:
            return None
        lowest, direction = largest - float(values[0]), vectors[:, 0]
    if not lowest < -_NEGATIVE * largest:
        return None
    return here.split(direction / np.linalg.norm(direction))


def _largest(times, size: int, begin: np.ndarray) -> float:
    return float(
        np.abs(_eigenpairs(_operator(times, size), 1, which="LM", v0=begin, tol=1e-2, return_eigenvectors=False)[0])
    )


def _operator(times, size: int) -> LinearOperator:
    return LinearOperator((size, size), matvec=times, dtype=np.float64)  # pyright: ignore[reportCallIssue]
