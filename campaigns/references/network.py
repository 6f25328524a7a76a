"""Gradient flow of a finite two-layer network in its order parameters: a_i, s_ir = <u_i, v_r>, r_ij = <u_i, u_j>.

    epsilon a_i' = V_i - sum_j w_j a_j U(r_ij),                         V_i = sum_r b_r V(s_ir) / p
    s_ir' = a_i [sum_q b_q V'(s_iq) (g_qr - s_iq s_ir) / p - sum_j w_j a_j U'(r_ij) (s_jr - r_ij s_ir)]
    r_ij' = X_ij + X_ji,
    X_ij = a_i [sum_q b_q V'(s_iq) (s_jq - s_iq r_ij) / p - sum_l w_l a_l U'(r_il) (r_jl - r_il r_ij)]
    R = sum_rq b_r b_q Phi(g_rq) / (2 p^2) - sum_i w_i a_i V_i + sum_ij w_i w_j a_i a_j U(r_ij) / 2

Exact at every width and dimension (arXiv 2303.00055, and Saad & Solla 1995 for several teachers); neurons that start
alike are one neuron of their summed weight w, so that rounding cannot part them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from campaigns.references.integration import Solution, solved

Function = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Kernels:
    """E sigma sigma', E phi sigma', E phi phi' as functions of the correlation, and derivatives of the first two."""

    U: Function
    slope_u: Function
    V: Function
    slope_v: Function
    Phi: Function


def polynomial_kernels(link: np.ndarray, activation: np.ndarray) -> Kernels:
    """sum_k f_k g_k r^k for Hermite coefficients f, g."""
    size = max(len(link), len(activation))
    phi, sigma = (np.pad(np.asarray(c, float), (0, size - len(c))) for c in (link, activation))
    P = np.polynomial.polynomial

    def pair(c: np.ndarray) -> tuple[Function, Function]:
        return (lambda r: P.polyval(r, c)), (lambda r: P.polyval(r, P.polyder(c)))

    return Kernels(*pair(sigma**2), *pair(phi * sigma), pair(phi**2)[0])


def erf_kernels() -> Kernels:
    """E erf(x / sqrt 2) erf(y / sqrt 2) = (2 / pi) arcsin(r / 2) (Williams 1997)."""

    def value(r: np.ndarray) -> np.ndarray:
        return 2 / np.pi * np.arcsin(r / 2)

    def slope(r: np.ndarray) -> np.ndarray:
        return 2 / np.pi / np.sqrt(4 - r**2)

    return Kernels(value, slope, value, slope, value)


def relu_kernels() -> Kernels:
    """E max(x, 0) max(y, 0) = (sqrt(1 - r^2) + r (pi - arccos r)) / (2 pi) (Cho & Saul 2009)."""

    def value(r: np.ndarray) -> np.ndarray:
        r = np.clip(r, -1, 1)
        return (np.sqrt(1 - r**2) + r * (np.pi - np.arccos(r))) / (2 * np.pi)

    def slope(r: np.ndarray) -> np.ndarray:
        return (np.pi - np.arccos(np.clip(r, -1, 1))) / (2 * np.pi)

    return Kernels(value, slope, value, slope, value)


@dataclass(frozen=True)
class Network:
    """A network: a (m,), s (m, p), r (m, m), weights w (m,) that sum to one; teachers g (p, p) and b (p,)."""

    kernels: Kernels
    epsilon: float
    a: np.ndarray
    s: np.ndarray
    r: np.ndarray
    weights: np.ndarray
    gram: np.ndarray
    b: np.ndarray

    @classmethod
    def of(cls, kernels: Kernels, epsilon: float, a: np.ndarray, u: np.ndarray, gram: np.ndarray, b: np.ndarray):
        """The network of neurons u (m, d) of norm one, whose teachers span the first axes (Cholesky rows of gram)."""
        rows, weights = np.unique(np.column_stack([a, u]), axis=0, return_counts=True)
        a, u = rows[:, 0], rows[:, 1:]
        frame = np.linalg.cholesky(gram)
        r = np.clip(u @ u.T, -1, 1)
        np.fill_diagonal(r, 1.0)
        return cls(kernels, epsilon, a, u[:, : len(gram)] @ frame.T, r, weights / weights.sum(), gram, b)

    @property
    def _pairs(self) -> tuple[np.ndarray, np.ndarray]:
        return np.triu_indices(len(self.a), 1)

    def _read(self, y: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        m, p = self.s.shape
        a, s = y[:m], y[m : m + m * p].reshape(m, p)
        r = np.eye(m)
        i, j = self._pairs
        r[i, j] = r[j, i] = y[m + m * p :]
        return a, s, r

    def rate(self, _: float, y: np.ndarray) -> np.ndarray:
        """The right-hand side."""
        a, s, r = self._read(y)
        k, b = self.kernels, self.b / len(self.b)
        charge = self.weights * a
        da = (k.V(s) @ b - k.U(r) @ charge) / self.epsilon
        push, pull = k.slope_v(s) * b, k.slope_u(r) * charge
        along = np.sum(push * s, axis=1) - np.sum(pull * r, axis=1)
        ds = a[:, None] * (push @ self.gram - pull @ s - along[:, None] * s)
        X = a[:, None] * (push @ s.T - pull @ r - along[:, None] * r)
        dr = X + X.T
        i, j = self._pairs
        return np.concatenate([da, ds.ravel(), dr[i, j]])

    def risk(self, states: np.ndarray) -> np.ndarray:
        """R at states (N, n), shape (N,)."""
        k, b = self.kernels, self.b / len(self.b)
        target = 0.5 * b @ k.Phi(self.gram) @ b
        result = np.empty(len(states))
        for n, y in enumerate(states):
            a, s, r = self._read(y)
            charge = self.weights * a
            result[n] = target - charge @ (k.V(s) @ b) + 0.5 * charge @ k.U(r) @ charge
        return result

    def solve(self, until: float, method: str = "LSODA", rtol: float = 1e-11) -> Solution:
        """The flow up to a time."""
        m, p = self.s.shape
        i, j = self._pairs
        start = np.concatenate([self.a, self.s.ravel(), self.r[i, j]])
        size = max(1.0, float(np.abs(self.a).max()))
        atol = np.concatenate([np.full(m, 1e-3 * rtol * size), np.full(m * p, 1e-30), np.full(len(i), 1e-4 * rtol)])
        return solved(self.rate, start, until, atol=atol, method=method, rtol=rtol)
