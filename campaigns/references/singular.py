"""Flow of a balanced deep linear network in the singular coordinates of its square product, singular values as logs.

    A' = -sum_{k=1..L} (A A^T)^((L-k)/L) G (A^T A)^((k-1)/L)        (Arora, Cohen, Hazan, arXiv 1802.06509)

With A = U diag(s) V^T, g = U^T G V and x_i = log s_i:

    x_i' = -L s_i^(1-2/L) g_ii,     U' = U Omega,     V' = V Lambda,   both antisymmetric,
    Omega_ij  = -(s_j g_ij + s_i g_ji) / (s_j^(2/L) - s_i^(2/L)),
    Lambda_ij = -(s_i g_ij + s_j g_ji) / (s_j^(2/L) - s_i^(2/L))

Singular values never reach zero and det U, det V never change: what a balanced flow can reach is kept by construction.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from campaigns.references.costs import MatrixCost
from campaigns.references.integration import Solution, solved


@dataclass(frozen=True)
class BalancedFlow:
    """The flow of the balanced network of `depth` layers with this square product of full rank."""

    cost: MatrixCost
    product: np.ndarray
    depth: int

    def _read(self, y: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        n = len(self.product)
        return y[:n], y[n : n + n * n].reshape(n, n), y[n + n * n :].reshape(n, n)

    def rate(self, _: float, y: np.ndarray) -> np.ndarray:
        """The right-hand side."""
        x, U, V = self._read(y)
        s, L = np.exp(x), self.depth
        g = U.T @ self.cost.gradient((U * s) @ V.T) @ V
        root = np.exp(2 * x / L)
        gap = root[None, :] - root[:, None]
        np.fill_diagonal(gap, 1.0)
        left, right = s[None, :] * g + s[:, None] * g.T, s[:, None] * g + s[None, :] * g.T
        off = 1 - np.eye(len(s))
        Omega, Lambda = -off * left / gap, -off * right / gap
        # what rounding takes from the orthogonality of the frames is given back
        dU = U @ Omega - 0.5 * U @ (U.T @ U - np.eye(len(s)))
        dV = V @ Lambda - 0.5 * V @ (V.T @ V - np.eye(len(s)))
        dx = -L * np.exp((1 - 2 / L) * x) * np.diag(g)
        return np.concatenate([dx, dU.ravel(), dV.ravel()])

    def solve(self, until: float, method: str = "LSODA", rtol: float = 1e-11) -> Solution:
        """The flow up to a time."""
        U, s, Vt = np.linalg.svd(self.product)
        start = np.concatenate([np.log(s), U.ravel(), Vt.T.ravel()])
        return solved(self.rate, start, until, atol=rtol, method=method, rtol=rtol)

    def products(self, states: np.ndarray) -> np.ndarray:
        """A at states (N, n), shape (N, d, d)."""
        results = []
        for y in states:
            x, U, V = self._read(y)
            results.append((U * np.exp(x)) @ V.T)
        return np.array(results)
