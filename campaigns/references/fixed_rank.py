"""Where the flow of a product of given rank comes to rest, by descent on its factors and by least squares.

A network of L balanced layers whose product has rank k rests where the gradient vanishes on the tangent space of the
matrices of rank k; rest is stable only if the cost grows to second order along that manifold. Here the factors A = X Y
are followed by the gradient flow of two balanced layers from a start near by, with a random kick that no symmetry
survives, and the end is polished by Gauss-Newton steps.
"""

from __future__ import annotations

import numpy as np
from scipy.optimize import least_squares, minimize

from campaigns.references.costs import Masked


def rested(cost: Masked, A: np.ndarray, rank: int, kick: float, rng: np.random.Generator) -> tuple[float, np.ndarray]:
    """The cost and the product at which descent from a kicked A of this rank ends."""
    U, s, Vt = np.linalg.svd(A)
    root = np.sqrt(np.maximum(s[:rank], 0))
    X, Y = U[:, :rank] * root, root[:, None] * Vt[:rank]
    X, Y = X + kick * rng.standard_normal(X.shape), Y + kick * rng.standard_normal(Y.shape)
    shape, cut = X.shape, X.size

    def parts(z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return z[:cut].reshape(shape), z[cut:].reshape(rank, -1)

    def value(z: np.ndarray) -> tuple[float, np.ndarray]:
        X, Y = parts(z)
        G = cost.gradient(X @ Y)
        return cost.value(X @ Y), np.concatenate([(G @ Y.T).ravel(), (X.T @ G).ravel()])

    result = minimize(
        value,
        np.concatenate([X.ravel(), Y.ravel()]),
        jac=True,
        method="L-BFGS-B",
        options={"maxiter": 4000, "ftol": 1e-16, "gtol": 1e-11, "maxls": 50},
    )

    def residual(z: np.ndarray) -> np.ndarray:
        X, Y = parts(z)
        return (X @ Y - cost.target)[cost.mask]

    polished = least_squares(residual, result.x, xtol=1e-15, ftol=1e-15, gtol=1e-15, max_nfev=400)
    X, Y = parts(polished.x)
    return cost.value(X @ Y), X @ Y


def curvature(cost: Masked, A: np.ndarray, rank: int) -> float:
    """The least eigenvalue of the Hessian of the cost over the matrices of this rank, at a critical point A.

    With A = U S V^T the second derivative along X = U B V^T + U_o C V^T + U D V_o^T is |P X|^2 on the observed entries
    plus 2 <G, U_o C S^-1 D V_o^T> (Absil, Mahony, Sepulchre, Optimization on Matrix Manifolds).
    """
    U, s, Vt = np.linalg.svd(A)
    G = cost.gradient(A)
    rows, columns = A.shape
    basis = []
    for i in range(rows):
        for j in range(columns):
            if i < rank or j < rank:
                M = np.zeros((rows, columns))
                M[i, j] = 1.0
                basis.append(M)
    W = U.T @ G @ Vt.T
    H = np.empty((len(basis),) * 2)
    seen = [np.where(cost.mask, U @ M @ Vt, 0.0) for M in basis]
    for p, M in enumerate(basis):
        for q, N in enumerate(basis):
            inner = M[rank:, :rank] / s[:rank] @ N[:rank, rank:] + N[rank:, :rank] / s[:rank] @ M[:rank, rank:]
            H[p, q] = np.sum(seen[p] * seen[q]) + np.sum(W[rank:, rank:] * inner)
    return float(np.linalg.eigvalsh(H)[0])
