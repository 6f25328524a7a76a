"""Mean-field flow of a joint target, by quadrature over the hidden coordinates z in R^k; no products of overlaps.

In infinite dimension a neuron of overlaps s is the function of z that is left when all else is averaged over,

    F_s(z) = E_xi sigma(s . z + (1 - |s|^2)^(1/2) xi) = sum_n sigma_n H_n(s . z; |s|^2),

H_n(x; q) = q^(n/2) h_n(x / q^(1/2)), with d/dx H_n = n^(1/2) H_(n-1) and d/dq H_n = -(n (n-1))^(1/2) H_(n-2) / 2. With
r = g - sum_j w_j a_j F_(s_j) on the points of a tensor Gauss-Hermite rule,

    epsilon a' = p(s) = E F_s r,   s' = a (I - s s^T) grad p(s),   R = E r^2 / 2,

in coordinates of the tangent plane of the half sphere of (s, (1 - |s|^2)^(1/2)): v = s / (1 - |s|^2)^(1/2), of which
v' = a (1 + |v|^2)^(1/2) grad p.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from math import sqrt

import numpy as np
from numpy.polynomial import hermite_e

from campaigns.references.integration import Solution, solved
from campaigns.references.quadrature import monic

_NOISE = 1e-13  # of a sum: what rounding may leave of a drive that is zero


@dataclass(frozen=True)
class JointLimit:
    """Particles a (m,), s (m, k), |s| < 1, and weights (m,); target {exponents: c_alpha} and activation in h_n."""

    terms: dict[tuple[int, ...], float]
    activation: np.ndarray
    epsilon: float
    a: np.ndarray
    s: np.ndarray
    weights: np.ndarray

    @cached_property
    def _rule(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Points (N, k), weights (N,) and the values of all terms there, (terms, N)."""
        k = self.s.shape[1]
        degree = max(len(self.activation) - 1, *(sum(alpha) for alpha in self.terms))
        x, w = hermite_e.hermegauss(degree + 1)
        points = np.stack([axis.ravel() for axis in np.meshgrid(*[x] * k, indexing="ij")], axis=1)
        weights = np.ones(1)
        for _ in range(k):
            weights = np.multiply.outer(weights, w / w.sum()).ravel()
        values = np.ones((len(self.terms), len(points)))
        for row, alpha in zip(values, self.terms, strict=True):
            for j, n in enumerate(alpha):
                row *= hermite_e.hermeval(points[:, j], monic(np.eye(n + 1)[n]))
        return points, weights, values

    def _read(self, states: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """a (..., m) and v (..., m, k)."""
        m, k = self.s.shape
        return states[..., :m], states[..., m:].reshape(*states.shape[:-1], m, k)

    def _functions(self, s: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """F_s and its derivatives by s . z and by |s|^2 at all points, (..., m, N) each."""
        points, _, _ = self._rule
        x, q = s @ points.T, np.sum(s**2, axis=-1)[..., None]
        below, here, two_below = np.zeros_like(x), np.ones_like(x), np.zeros_like(x)
        value, by_x, by_q = np.zeros_like(x), np.zeros_like(x), np.zeros_like(x)
        for n, sigma in enumerate(self.activation):
            value += sigma * here
            by_x += sigma * sqrt(n) * below
            by_q -= 0.5 * sigma * sqrt(n * max(n - 1, 0)) * two_below
            above = (x * here - q * sqrt(n) * below) / sqrt(n + 1)
            two_below, below, here = below, here, above
        return value, by_x, by_q

    def _rest(self, value: np.ndarray, a: np.ndarray) -> np.ndarray:
        """r at all points, (..., N)."""
        target = np.array(list(self.terms.values())) @ self._rule[2]
        return target - np.einsum("m,...m,...mn->...n", self.weights, a, value)

    def rate(self, _: float, y: np.ndarray) -> np.ndarray:
        """The right-hand side."""
        points, weights = self._rule[:2]
        a, v = self._read(y)
        stretch = np.sqrt(1 + np.sum(v**2, axis=1, keepdims=True))
        s = v / stretch
        value, by_x, by_q = self._functions(s)
        mass = weights * self._rest(value, a)
        slope = (by_x * mass) @ points + 2 * s * (by_q @ mass)[:, None]
        # what has no drive stays at zero, where it may be unstable; rounding must not move it
        untouched = ~np.any(v, axis=0)
        noise = _NOISE * (np.abs(by_x * mass) @ np.abs(points))
        slope[(np.abs(slope) < noise) & untouched] = 0.0
        return np.concatenate([value @ mass / self.epsilon, (a[:, None] * stretch * slope).ravel()])

    def residual(self, states: np.ndarray) -> np.ndarray:
        """What is left of each term, E r h_alpha, shape (N, terms)."""
        _, weights, values = self._rule
        return (self._rest_at(states) * weights) @ values.T

    def risk(self, states: np.ndarray) -> np.ndarray:
        """R at states (N, n), shape (N,)."""
        return 0.5 * self._rest_at(states) ** 2 @ self._rule[1]

    def overlaps(self, states: np.ndarray) -> np.ndarray:
        """s, shape (N, m, k)."""
        _, v = self._read(states)
        return v / np.sqrt(1 + np.sum(v**2, axis=-1, keepdims=True))

    def _rest_at(self, states: np.ndarray) -> np.ndarray:
        """r at states (N, n) and all points."""
        return self._rest(self._functions(self.overlaps(states))[0], self._read(states)[0])

    def solve(self, until: float, method: str = "LSODA", rtol: float = 1e-10) -> Solution:
        """The flow up to a time."""
        v = self.s / np.sqrt(1 - np.sum(self.s**2, axis=1, keepdims=True))
        size = max(1.0, float(np.abs(self.a).max()))
        atol = np.concatenate([np.full(len(self.a), 1e-3 * rtol * size), np.full(v.size, 1e-6 * rtol)])
        start = np.concatenate([self.a, v.ravel()])
        return solved(self.rate, start, until, atol=atol, method=method, rtol=rtol, most=20_000)
