"""Mean-field flow of a wide two-layer network, in output weights a and z = atanh of the overlaps.

    epsilon a_i' = p(s_i),   z_i' = a_i p'(s_i),   s_i = tanh z_i,
    p(s) = sum_k sigma_k (phi_k - sigma_k M_k) s^k,   M_k = sum_j w_j a_j s_j^k,   R = sum_k (phi_k - sigma_k M_k)^2 / 2

Berthier, Montanari, Zhou, arXiv 2303.00055; s' = a (1 - s^2) p'(s) is z' = a p'(s). In z an overlap can come near 1 and
go back, which s cannot once it has rounded to 1. Overlaps of exactly 1 or -1 stay.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from campaigns.references.integration import Solution, solved


@dataclass(frozen=True)
class MeanField:
    """The flow of m particles: `link` phi and `activation` sigma of one length, `a`, `s`, `weights` of shape (m,)."""

    link: np.ndarray
    activation: np.ndarray
    epsilon: float
    a: np.ndarray
    s: np.ndarray
    weights: np.ndarray

    @property
    def _free(self) -> np.ndarray:
        return np.abs(self.s) < 1

    def _read(self, states: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """a, s, 1 - s^2 from states (..., 2 m)."""
        m = len(self.a)
        a, z = states[..., :m], states[..., m:]
        fixed = ~self._free
        s = np.where(fixed, self.s, np.tanh(z))
        return a, s, np.where(fixed, 0.0, 1 / np.cosh(np.clip(z, -350, 350)) ** 2)

    def residual(self, states: np.ndarray) -> np.ndarray:
        """phi_k - sigma_k M_k, shape (..., K)."""
        a, s, _ = self._read(states)
        k = np.arange(len(self.link))
        moments = np.einsum("j,...j,...jk->...k", self.weights, a, s[..., None] ** k)
        return self.link - self.activation * moments

    def risk(self, states: np.ndarray) -> np.ndarray:
        """R, shape (...)."""
        return 0.5 * np.sum(self.residual(states) ** 2, axis=-1)

    def _rows(self, s: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """s^k, k s^(k-1), k (k-1) s^(k-2), shape (K, m) each."""
        K = len(self.link)
        power = s[None, :] ** np.arange(K)[:, None]
        k = np.arange(K)[:, None]
        first, second = np.zeros_like(power), np.zeros_like(power)
        first[1:] = k[1:] * power[:-1]
        second[2:] = (k * (k - 1))[2:] * power[:-2]
        return power, first, second

    def rate(self, _: float, y: np.ndarray) -> np.ndarray:
        """The right-hand side."""
        a, s, _free = self._read(y)
        power, first, _second = self._rows(s)
        c = self.activation * (self.link - self.activation * (power @ (self.weights * a)))
        return np.concatenate([c @ power / self.epsilon, np.where(self._free, a * (c @ first), 0.0)])

    def jacobian(self, _: float, y: np.ndarray) -> np.ndarray:
        """Its derivative."""
        m = len(self.a)
        a, s, beside = self._read(y)
        power, first, second = self._rows(s)
        square = self.activation**2
        c = self.activation * (self.link - self.activation * (power @ (self.weights * a)))
        to_a, to_s = power * self.weights, first * (self.weights * a)
        J = np.empty((2 * m, 2 * m))
        J[:m, :m] = -(power.T * square) @ to_a / self.epsilon
        J[:m, m:] = (np.diag(c @ first) - (power.T * square) @ to_s) * beside / self.epsilon
        J[m:, :m] = np.diag(c @ first) - a[:, None] * ((first.T * square) @ to_a)
        J[m:, m:] = (np.diag(a * (c @ second)) - a[:, None] * ((first.T * square) @ to_s)) * beside
        J[m:][~self._free] = 0.0
        return J

    def solve(self, until: float, method: str = "LSODA", rtol: float = 1e-10) -> Solution:
        """The flow up to a time."""
        m = len(self.a)
        with np.errstate(divide="ignore"):
            z = np.where(self._free, np.arctanh(np.where(self._free, self.s, 0.0)), 0.0)
        size = max(1.0, float(np.abs(self.a).max()))
        atol = np.concatenate([np.full(m, 1e-4 * rtol * size), np.full(m, 1e-30)])
        start = np.concatenate([self.a, z])
        return solved(self.rate, start, until, atol=atol, method=method, rtol=rtol, jacobian=self.jacobian)


def merged(a: np.ndarray, s: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """One particle for all that start alike: they stay alike, and rounding cannot part them."""
    alike: dict[tuple[float, float], float] = {}
    for key, weight in zip(zip(a.tolist(), s.tolist(), strict=True), weights.tolist(), strict=True):
        alike[key] = alike.get(key, 0.0) + weight
    pairs = np.array(list(alike))
    return pairs[:, 0], pairs[:, 1], np.array(list(alike.values()))


def constant_overlaps(
    link: np.ndarray, activation: np.ndarray, epsilon: float, mean: float, times: np.ndarray
) -> np.ndarray:
    """Risk (T,) of a flow whose overlaps are zero and stay so (phi_1 sigma_1 = 0): only degree 0 is learnt.

    M_0' = sigma_0 (phi_0 - sigma_0 M_0) / epsilon, so that its residual decays like exp(-sigma_0^2 t / epsilon).
    """
    residual = (link[0] - activation[0] * mean) * np.exp(-(activation[0] ** 2) * times / epsilon)
    return 0.5 * residual**2 + 0.5 * float(np.sum(link[1:] ** 2))
