"""The problem most of these experiments look at, and the paper's equations written down once more, in SciPy alone."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.integrate import solve_ivp

from saddlescope.single_index import SingleIndex

ACTIVATION = (1.0, 1.0, 0.5, 0.3)
EDGE = 3**0.5  # of the uniform law of a(0), so that its variance is one


def problem(link: Sequence[float]) -> SingleIndex:
    """Return the problem with this link."""
    return SingleIndex(link=list(link), activation=list(ACTIVATION))


def uniform_nodes(panels: int, nodes: int) -> tuple[np.ndarray, np.ndarray]:
    """Return points and weights for the uniform law on +-EDGE, in panels that halve towards both edges.

    The nearer to an edge, the longer a neuron has a part in what is learnt.
    """
    x, w = np.polynomial.legendre.leggauss(nodes)
    ends = 1 - 0.5 ** np.arange(panels)
    ends = np.concatenate([-np.append(ends, 1.0)[:0:-1], np.append(ends, 1.0)])
    half, middle = np.diff(ends)[:, None] / 2, (ends[1:] + ends[:-1])[:, None] / 2
    return EDGE * (middle + half * x).ravel(), (half * w).ravel() / 2


def plain_flow(
    link: Sequence[float], epsilon: float, a: np.ndarray, w: np.ndarray, until: float
) -> tuple[np.ndarray, np.ndarray]:
    """Return times and phi_k - sigma_k M_k, shape (times, degrees), of the mean-field flow, by LSODA.

    Args:
        link: phi_k, as many as ACTIVATION has.
        epsilon: learning-rate ratio.
        a: output weights at the start, where all overlaps are 0, shape (m,).
        w: their weights in the law.
        until: last time.
    """
    phi, sigma, m = np.array(link), np.array(ACTIVATION), len(a)
    k = np.arange(len(phi))

    def residual(y: np.ndarray) -> np.ndarray:
        return phi - sigma * (y[m:] ** k[:, None] @ (w * y[:m]))

    def velocity(_: float, y: np.ndarray) -> np.ndarray:
        c, s = sigma * residual(y), y[m:]
        rows = s ** k[:, None]
        return np.concatenate([c @ rows / epsilon, y[:m] * (1 - s**2) * ((k[1:] * c[1:]) @ rows[:-1])])

    start = np.concatenate([a, np.zeros(m)])
    run = solve_ivp(velocity, (0.0, until), start, method="LSODA", rtol=1e-8, atol=1e-11)
    return run.t, np.array([residual(y) for y in run.y.T])


def first_time(time: np.ndarray, residual: np.ndarray, target: float, fraction: float = 0.5) -> float:
    """Return when a residual has first fallen to a fraction of its target, read between steps; nan for never."""
    size = np.abs(residual) - fraction * abs(target)
    at = int(np.argmax(size <= 0))
    if size[at] > 0:
        return float("nan")
    if at == 0:
        return float(time[0])
    return float(np.interp(0.0, [-size[at - 1], -size[at]], time[at - 1 : at + 1]))
