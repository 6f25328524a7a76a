"""Gradient flow of a finite network by plain quadrature of its risk: any polynomial target, norms and biases.

The mean over x ~ N(0, I_d) is a sum over a tensor Gauss-Hermite rule, exact for polynomials, and the gradients of
R = E (y(x) - mean_i a_i sigma(<u_i, x> + b_i))^2 / 2 are taken at its points,

    epsilon a_i' = -m dR/da_i,   u_i' = -m dR/du_i (on the sphere less its part along u_i),   b_i' = -m dR/db_i.

There are no kernels and no overlaps here, only weights and points.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from math import factorial

import numpy as np
from numpy.polynomial import hermite_e

from campaigns.references.integration import Solution, solved


def monic(coefficients: np.ndarray) -> np.ndarray:
    """Coefficients in the monic Hermite polynomials of numpy, from those in normalised ones."""
    return np.array([c / factorial(k) ** 0.5 for k, c in enumerate(coefficients)])


@dataclass(frozen=True)
class PlainNetwork:
    """Neurons a (m,), u (m, d) and b (m,) or None; `activation` by normalised Hermite coefficients.

    `target` maps points (N, d) to (N,) and is a polynomial of degree `degree` at most, as the activation is. Inputs are
    x = c mu + xi, c = 1 or -1 with the probabilities `shares`, where there is a `centre` mu (d,).
    """

    activation: np.ndarray
    target: Callable[[np.ndarray], np.ndarray]
    degree: int
    epsilon: float
    a: np.ndarray
    u: np.ndarray
    b: np.ndarray | None
    sphere: bool
    centre: np.ndarray | None = None
    shares: tuple[float, float] = (0.5, 0.5)

    @cached_property
    def _rule(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Points (N, d), weights and targets there."""
        d = self.u.shape[1]
        x, w = hermite_e.hermegauss(self.degree + 2)
        grid = np.meshgrid(*[x] * d, indexing="ij")
        weights = np.ones(1)
        for _ in range(d):
            weights = np.multiply.outer(weights, w / w.sum()).ravel()
        points = np.stack([axis.ravel() for axis in grid], axis=1)
        if self.centre is not None:
            points = np.concatenate([points + self.centre, points - self.centre])
            weights = np.concatenate([share * weights for share in self.shares])
        return points, weights, self.target(points)

    def _read(self, y: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        m, d = self.u.shape
        b = y[m + m * d :] if self.b is not None else np.zeros(m)
        return y[:m], y[m : m + m * d].reshape(m, d), b

    def rate(self, _: float, y: np.ndarray) -> np.ndarray:
        """The right-hand side."""
        a, u, b = self._read(y)
        x, w, target = self._rule
        sigma = monic(self.activation)
        z = x @ u.T + b
        values = hermite_e.hermeval(z, sigma)
        error = w * (target - values @ a / len(a))
        push = error[:, None] * hermite_e.hermeval(z, hermite_e.hermeder(sigma)) * a
        du = push.T @ x
        if self.sphere:
            du -= np.sum(du * u, axis=1, keepdims=True) * u / np.sum(u * u, axis=1, keepdims=True)
        db = [] if self.b is None else [push.sum(axis=0)]
        return np.concatenate([error @ values / self.epsilon, du.ravel(), *db])

    def risk(self, states: np.ndarray) -> np.ndarray:
        """R at states (N, n), shape (N,)."""
        x, w, target = self._rule
        results = np.empty(len(states))
        for n, y in enumerate(states):
            a, u, b = self._read(y)
            f = hermite_e.hermeval(x @ u.T + b, monic(self.activation)) @ a / len(a)
            results[n] = 0.5 * w @ (target - f) ** 2
        return results

    def solve(self, until: float, method: str = "LSODA", rtol: float = 1e-11) -> Solution:
        """The flow up to a time."""
        start = np.concatenate([self.a, self.u.ravel(), *([] if self.b is None else [self.b])])
        smallest = float(np.abs(self.u[self.u != 0]).min())
        small = 1e-2 * rtol * min(1.0, smallest)
        return solved(self.rate, start, until, atol=small, method=method, rtol=rtol)
