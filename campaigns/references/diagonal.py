"""Jumps of a diagonal linear network, by trying every support, and its flow at a finite scale.

Pesme, Flammarion, arXiv 2304.00488: ds/dt = -grad L(beta) between jumps; where |s_i| reaches 1, beta jumps to the
minimiser of L = |X beta - y|^2 / (2 n) over beta_i of the sign of s_i on |s_i| = 1, and zero elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations

import numpy as np

from campaigns.references.integration import Solution, solved


def minimiser(X: np.ndarray, y: np.ndarray, signs: np.ndarray) -> np.ndarray:
    """The least-squares solution with beta_i of the sign `signs_i` or zero, over all subsets of the support."""
    allowed, best, result = np.flatnonzero(signs), np.inf, np.zeros(len(signs))
    for count in range(len(allowed) + 1):
        for support in combinations(allowed, count):
            beta = np.zeros(len(signs))
            chosen = list(support)
            if chosen:
                beta[chosen] = np.linalg.lstsq(X[:, chosen], y, rcond=None)[0]
            if np.any(beta * signs < 0):
                continue
            loss = float(np.sum((X @ beta - y) ** 2))
            if loss < best - 1e-12 * float(y @ y):
                best, result = loss, beta
    return result


def jumps(X: np.ndarray, y: np.ndarray, most: int = 60) -> tuple[np.ndarray, np.ndarray]:
    """Jump times (J,) in units of ln(1 / alpha) and losses (J + 1,)."""
    n, d = X.shape
    s, beta, now = np.zeros(d), np.zeros(d), 0.0
    times, losses = [], [float(y @ y) / (2 * n)]
    size = float(np.abs(X.T @ y).max()) / n
    for _ in range(most):
        force = -X.T @ (X @ beta - y) / n
        # on the border only what points inwards moves
        moving = (np.abs(force) > 1e-10 * size) & ~((np.abs(s) >= 1) & (force * s > 0)) & (beta == 0)
        if not moving.any():
            break
        arrivals = np.where(moving, (1 - np.sign(force) * s) / np.where(moving, np.abs(force), 1.0), np.inf)
        time_at_saddle = float(arrivals.min())
        s = np.where(moving, s + time_at_saddle * force, s)
        s = np.where(arrivals <= time_at_saddle * (1 + 1e-10), np.sign(force), np.clip(s, -1, 1))
        now += time_at_saddle
        beta = minimiser(X, y, np.where(np.abs(s) == 1, s, 0.0))
        times.append(now)
        losses.append(float(np.sum((X @ beta - y) ** 2)) / (2 * n))
    return np.array(times), np.array(losses)


def flow(X: np.ndarray, y: np.ndarray, log_scale: float, until: float) -> tuple[Solution, np.ndarray]:
    """The flow in q = 2 l s (l = ln(1 / alpha)) over time in units of l, and its losses at the steps."""

    def beta(q: np.ndarray) -> np.ndarray:
        return 0.5 * (np.exp(np.minimum(q - 2 * log_scale, 50)) - np.exp(np.minimum(-q - 2 * log_scale, 50)))

    def rate(_: float, q: np.ndarray) -> np.ndarray:
        return -2 * log_scale * X.T @ (X @ beta(q) - y) / len(y)

    solution = solved(rate, np.zeros(X.shape[1]), until, atol=1e-8, method="LSODA", rtol=1e-8)
    return solution, np.array([np.sum((X @ beta(q) - y) ** 2) / (2 * len(y)) for q in solution.states])


def weights_flow(
    X: np.ndarray, y: np.ndarray, alpha: float, depth: int, product: bool, until: float, method: str, rtol: float
) -> tuple[Solution, Callable[[np.ndarray], np.ndarray]]:
    """The flow of the weights themselves over their own time, and the coefficients (N, d) of its states.

    Products u_1 .. u_L begin at sqrt(2) alpha but for u_L = 0, and the first L - 1 stay equal; of differences u^L - v^L
    both begin at alpha and never change sign, so that their logs are followed.
    """
    d = X.shape[1]

    def coefficients(states: np.ndarray) -> np.ndarray:
        first, second = states[..., :d], states[..., d:]
        if product:
            return first ** (depth - 1) * second
        return np.exp(depth * np.minimum(first, 50)) - np.exp(depth * np.minimum(second, 50))

    def rate(_: float, state: np.ndarray) -> np.ndarray:
        g = X.T @ (X @ coefficients(state) - y) / len(y)
        first, second = state[:d], state[d:]
        if product:
            return -np.concatenate([g * first ** (depth - 2) * second, g * first ** (depth - 1)])
        grown = [depth * np.exp((depth - 2) * np.minimum(part, 50)) for part in (first, second)]
        return np.concatenate([-g * grown[0], g * grown[1]])

    if product:
        start, small = np.concatenate([np.full(d, 2**0.5 * alpha), np.zeros(d)]), 1e-4 * rtol * alpha
    else:
        start, small = np.full(2 * d, np.log(alpha)), rtol
    return solved(rate, start, until, atol=small, method=method, rtol=rtol), coefficients
