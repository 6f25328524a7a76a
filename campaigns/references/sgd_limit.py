"""One-pass SGD of one or two neurons: its limit as an ODE by quadrature, and itself in plain NumPy, many runs at once.

The limit (Saad & Solla 1995; Veiga et al., arXiv 2202.00293; here with neurons normalised after every step), delta =
step size x dimension / batch size:

    ds_i = population flow - delta N_ii s_i / 2,     dr_ij = population flow + delta (N_ij - (N_ii + N_jj) r_ij / 2),
    N_ij = a_i a_j E (e^2 + tau^2) sigma'(z_i) sigma'(z_j),   e = phi(<v, x>) - mean_i a_i sigma(z_i)

The average is over the joint Gaussian of <v, x> and all z_i, here by a product Gauss-Hermite rule, which is exact for
polynomials of its degree.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from campaigns.references.integration import Solution, solved
from campaigns.references.network import Network

H = np.polynomial.hermite_e


def hermite_sum(coefficients: np.ndarray, x: np.ndarray) -> np.ndarray:
    """sum_k c_k He_k(x) / sqrt(k!)."""
    scale = np.sqrt(np.cumprod(np.maximum(np.arange(len(coefficients), dtype=float), 1)))
    return H.hermeval(x, np.asarray(coefficients) / scale)


def hermite_slope(coefficients: np.ndarray, x: np.ndarray) -> np.ndarray:
    """The derivative of the same."""
    scale = np.sqrt(np.cumprod(np.maximum(np.arange(len(coefficients), dtype=float), 1)))
    return H.hermeval(x, H.hermeder(np.asarray(coefficients) / scale))


@dataclass(frozen=True)
class SGDLimitFlow:
    """The limit at `delta` and label noise `tau`; `network`, of one teacher, is the population flow and the start."""

    network: Network
    link: np.ndarray
    activation: np.ndarray
    delta: float
    tau: float
    nodes: int = 8

    def noise(self, a: np.ndarray, s: np.ndarray, r: np.ndarray) -> np.ndarray:
        """N_ij, shape (m, m)."""
        m = len(a)
        covariance = np.block([[np.ones((1, 1)), s[None, :]], [s[:, None], r]])
        values, vectors = np.linalg.eigh(covariance)
        root = vectors * np.sqrt(np.maximum(values, 0))
        x, w = H.hermegauss(self.nodes)
        grid = np.stack(np.meshgrid(*[x] * (m + 1), indexing="ij")).reshape(m + 1, -1)
        weight = np.prod(np.stack(np.meshgrid(*[w] * (m + 1), indexing="ij")).reshape(m + 1, -1), axis=0)
        points = root @ grid
        slope = hermite_slope(self.activation, points[1:])
        e = hermite_sum(self.link, points[0]) - (self.network.weights * a) @ hermite_sum(self.activation, points[1:])
        average = (weight / weight.sum() * (e**2 + self.tau**2) * slope) @ slope.T
        return a[:, None] * a[None, :] * average

    def rate(self, t: float, y: np.ndarray) -> np.ndarray:
        """The right-hand side, in the state of `network`."""
        m = len(self.network.a)
        a, s, r = self.network._read(y)
        N = self.noise(a, s[:, 0], r)
        own = np.diag(N)
        i, j = self.network._pairs
        moved = np.concatenate(
            [
                np.zeros(m),
                -0.5 * own * s[:, 0],
                (N - 0.5 * (own[:, None] + own[None, :]) * r)[i, j],
            ]
        )
        return self.network.rate(t, y) + self.delta * moved

    def solve(self, until: float, method: str = "DOP853", rtol: float = 1e-10) -> Solution:
        """The flow up to a time."""
        network = self.network
        i, j = network._pairs
        start = np.concatenate([network.a, network.s.ravel(), network.r[i, j]])
        atol = np.concatenate(
            [np.full(len(network.a), 1e-3 * rtol), np.full(network.s.size, 1e-30), np.full(len(i), 1e-3 * rtol)]
        )
        return solved(self.rate, start, until, atol=atol, method=method, rtol=rtol)


def sgd_runs(
    link: np.ndarray,
    activation: np.ndarray,
    epsilon: float,
    a: np.ndarray,
    u: np.ndarray,
    step: float,
    batch: int,
    steps: int,
    tau: float,
    rng: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray]:
    """Projected SGD on fresh samples from starts a (runs, m), u (runs, m, d), the teacher the first axis.

    Returns:
        Last a (runs, m) and u (runs, m, d).
    """
    runs, m, d = u.shape
    for _ in range(steps):
        x = rng.standard_normal((runs, batch, d))
        z = np.einsum("rbd,rmd->rbm", x, u)
        y = hermite_sum(link, x[..., 0]) + tau * rng.standard_normal((runs, batch))
        e = y - np.einsum("rbm,rm->rb", hermite_sum(activation, z), a) / m
        pull = e[..., None] * hermite_slope(activation, z)
        force = np.einsum("rbm,rbd->rmd", pull, x) - np.einsum("rbm,rbm->rm", pull, z)[..., None] * u
        moved = u + step * a[..., None] * force / batch
        a = a + step / epsilon * np.einsum("rb,rbm->rm", e, hermite_sum(activation, z)) / batch
        u = moved / np.linalg.norm(moved, axis=2, keepdims=True)
    return a, u


def full_batch(
    link: np.ndarray,
    activation: np.ndarray,
    epsilon: float,
    a: np.ndarray,
    u: np.ndarray,
    step: float,
    steps: int,
    x: np.ndarray,
    y: np.ndarray,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Gradient descent on the samples x (n, d), y (n,); the train risks (steps + 1,) and the last a (m,), u (m, d)."""
    risks = []
    for number in range(steps + 1):
        z = x @ u.T
        e = y - hermite_sum(activation, z) @ a / len(a)
        risks.append(0.5 * float(np.mean(e**2)))
        if number == steps:
            break
        pull = e[:, None] * hermite_slope(activation, z)
        force = (pull.T @ x - np.sum(pull * z, axis=0)[:, None] * u) / len(y)
        moved = u + step * a[:, None] * force
        a = a + step / epsilon * (e @ hermite_sum(activation, z)) / len(y)
        u = moved / np.linalg.norm(moved, axis=1, keepdims=True)
    return np.array(risks), a, u
